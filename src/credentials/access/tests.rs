//! The attacks on JWTs that are known, each tried.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::*;
use crate::keys::SigningKey;
use crate::opaque::Opaque;

pub(super) const NOW: i64 = 1_790_000_000;
pub(super) const ISSUER: &str = "https://books.example.org";
pub(super) const AUDIENCE: &str = "backoffice";

pub(super) fn ring() -> KeyRing {
    KeyRing::new(SigningKey::generate().unwrap(), vec![]).unwrap()
}

pub(super) fn claims() -> AccessClaims {
    AccessClaims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        sid: Some("01890a5d-ac96-774b-bcce-b302099a8058".into()),
        tid: None,
        kind: ActorKind::User,
        scope: None,
        iat: NOW,
        nbf: NOW,
        exp: NOW + 600,
        jti: "01890a5d-ac96-774b-bcce-b302099a8059".into(),
    }
}

fn verify(ring: &KeyRing, token: &str) -> Result<AccessClaims, TokenError> {
    ring.verify(token, ISSUER, AUDIENCE, NOW)
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn good_header(ring: &KeyRing) -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": ring.current().public().kid() })
}

/// Signed with the ring's own key, whatever header and payload say.
fn sign(ring: &KeyRing, header: &Value, payload: &Value) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &ring.current().encoding, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

/// Correctly signed, with one claim changed or, for null, left out.
fn with_claim(ring: &KeyRing, name: &str, value: Value) -> String {
    let mut payload = serde_json::to_value(claims()).unwrap();
    match value {
        Value::Null => payload.as_object_mut().unwrap().remove(name),
        value => payload.as_object_mut().unwrap().insert(name.into(), value),
    };
    sign(ring, &good_header(ring), &payload)
}

/// Correctly signed, with a member added to the header.
fn with_header(ring: &KeyRing, name: &str, value: Value) -> String {
    let mut header = good_header(ring);
    header.as_object_mut().unwrap().insert(name.into(), value);
    sign(ring, &header, &serde_json::to_value(claims()).unwrap())
}

#[test]
fn what_is_issued_verifies() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    assert_eq!(verify(&ring, &token), Ok(claims()));
    let service = AccessClaims { kind: ActorKind::Service, scope: Some("invoice:issue".into()), ..claims() };
    assert_eq!(verify(&ring, &ring.issue(&service).unwrap()), Ok(service));
    // the helper that the attacks are built with makes good tokens where nothing is changed
    assert_eq!(verify(&ring, &with_claim(&ring, "aud", json!(AUDIENCE))), Ok(claims()));
}

#[test]
fn tokens_outlive_a_rotation_until_their_key_is_dropped() {
    let old = ring();
    let token = old.issue(&claims()).unwrap();
    let rotated = old.rotate(SigningKey::generate().unwrap()).unwrap();
    assert_eq!(verify(&rotated, &token), Ok(claims()));
    assert_eq!(verify(&rotated, &rotated.issue(&claims()).unwrap()), Ok(claims()));
    assert_eq!(verify(&old, &rotated.issue(&claims()).unwrap()), Err(TokenError::UnknownKey));
    assert_eq!(verify(&ring(), &token), Err(TokenError::UnknownKey));
}

#[test]
fn no_algorithm_is_none() {
    let ring = ring();
    let payload = encode(&serde_json::to_value(claims()).unwrap());
    let signature = ring.issue(&claims()).unwrap().rsplit('.').next().unwrap().to_string();
    for alg in ["none", "None", "NONE", "nOnE", "", "eddsa", "EDDSA", "Ed25519", "HS256", "RS256", "ES256"] {
        let mut header = good_header(&ring);
        header["alg"] = json!(alg);
        for signature in ["", &signature] {
            let token = format!("{}.{payload}.{signature}", encode(&header));
            assert_eq!(verify(&ring, &token), Err(TokenError::Algorithm), "{alg}");
        }
    }
    let unsigned = format!("{}.{payload}.", encode(&good_header(&ring)));
    assert_eq!(verify(&ring, &unsigned), Err(TokenError::Signature));
}

#[test]
fn the_public_key_is_not_a_shared_secret() {
    let ring = ring();
    let public = ring.current().public();
    let jwk = ring.jwks()["keys"][0].to_string();
    let x = URL_SAFE_NO_PAD.encode(public.as_bytes());
    for secret in [public.as_bytes(), jwk.as_bytes(), x.as_bytes()] {
        for alg in ["HS256", "EdDSA"] {
            let mut header = good_header(&ring);
            header["alg"] = json!(alg);
            let message = format!("{}.{}", encode(&header), encode(&serde_json::to_value(claims()).unwrap()));
            let secret = EncodingKey::from_secret(secret);
            let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
            let expected = if alg == "HS256" { TokenError::Algorithm } else { TokenError::Signature };
            assert_eq!(verify(&ring, &format!("{message}.{mac}")), Err(expected));
        }
    }
}

#[test]
fn a_key_is_known_or_refused() {
    let ring = ring();
    let kids = ["", "unknown", "../../../../dev/null", "/etc/passwd", "' OR 1=1 --", "https://evil.example/k", "\0"];
    for kid in kids {
        assert_eq!(verify(&ring, &with_header(&ring, "kid", json!(kid))), Err(TokenError::UnknownKey), "{kid:?}");
    }
    for kid in [json!(1), json!(["a"]), json!({ "a": 1 })] {
        assert_eq!(verify(&ring, &with_header(&ring, "kid", kid)), Err(TokenError::Header));
    }
    assert_eq!(verify(&ring, &with_header(&ring, "kid", Value::Null)), Err(TokenError::UnknownKey));
    // another ring's token under this ring's key name
    let mut header = good_header(&ring);
    let foreign = self::ring();
    let token = sign(&foreign, &header, &serde_json::to_value(claims()).unwrap());
    assert_eq!(verify(&ring, &token), Err(TokenError::Signature));
    header.as_object_mut().unwrap().remove("kid");
    let nameless = sign(&ring, &header, &serde_json::to_value(claims()).unwrap());
    assert_eq!(verify(&ring, &nameless), Err(TokenError::UnknownKey));
}

#[test]
fn no_key_comes_with_the_token() {
    let ring = ring();
    let jwk = ring.jwks()["keys"][0].clone();
    let members = [
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", jwk),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("cty", json!("JWT")),
        ("anything", Value::Null),
    ];
    for (name, value) in members {
        assert_eq!(verify(&ring, &with_header(&ring, name, value)), Err(TokenError::Header), "{name}");
    }
    // the same member twice: readers disagree which one counts
    let kid = ring.current().public().kid();
    let twice = format!(r#"{{"alg":"EdDSA","alg":"none","typ":"at+jwt","kid":"{kid}"}}"#);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(twice), encode(&serde_json::to_value(claims()).unwrap()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &ring.current().encoding, Algorithm::EdDSA).unwrap();
    assert_eq!(verify(&ring, &format!("{message}.{signature}")), Err(TokenError::Header));
}

#[test]
fn another_kind_of_token_is_no_access_token() {
    let ring = ring();
    for typ in [json!("JWT"), json!("logout+jwt"), json!("AT+JWT"), json!("")] {
        assert_eq!(verify(&ring, &with_header(&ring, "typ", typ)), Err(TokenError::Type));
    }
    assert_eq!(verify(&ring, &with_header(&ring, "typ", Value::Null)), Err(TokenError::Type));
    for kind in [Opaque::Refresh, Opaque::Service, Opaque::Invitation] {
        assert_eq!(verify(&ring, &kind.generate().unwrap().0), Err(TokenError::Malformed));
    }
}

#[test]
fn time_is_checked_without_leeway_at_the_end() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    let at = |now| ring.verify(&token, ISSUER, AUDIENCE, now).err();
    assert_eq!(at(NOW + 599), None);
    assert_eq!(at(NOW + 600), Some(TokenError::Expired));
    assert_eq!(at(i64::MAX), Some(TokenError::Expired));
    assert_eq!(at(NOW - LEEWAY_S), None);
    assert_eq!(at(NOW - LEEWAY_S - 1), Some(TokenError::NotYetValid));
    assert_eq!(at(i64::MIN), Some(TokenError::NotYetValid));
    assert_eq!(verify(&ring, &with_claim(&ring, "nbf", json!(NOW + 60))), Err(TokenError::NotYetValid));
    assert_eq!(verify(&ring, &with_claim(&ring, "iat", json!(NOW + 60))), Err(TokenError::NotYetValid));
}

#[test]
fn a_life_is_bounded() {
    let ring = ring();
    for exp in [NOW + MAX_LIFETIME_S + 1, NOW, NOW - 1, 0, i64::MAX] {
        assert_eq!(ring.issue(&AccessClaims { exp, ..claims() }), Err(TokenError::Lifetime));
        assert_eq!(verify(&ring, &with_claim(&ring, "exp", json!(exp))), Err(TokenError::Lifetime));
    }
    assert!(ring.issue(&AccessClaims { exp: NOW + MAX_LIFETIME_S, ..claims() }).is_ok());
}

#[test]
fn every_claim_is_required_and_compared() {
    let ring = ring();
    for name in ["iss", "aud", "sub", "kind", "iat", "nbf", "exp", "jti"] {
        assert_eq!(verify(&ring, &with_claim(&ring, name, Value::Null)), Err(TokenError::Malformed), "{name}");
    }
    for name in ["iss", "aud", "sub", "jti", "kind"] {
        for value in [json!(1), json!([]), json!({}), json!(true)] {
            assert_eq!(verify(&ring, &with_claim(&ring, name, value)), Err(TokenError::Malformed), "{name}");
        }
    }
    for name in ["iat", "nbf", "exp"] {
        for value in [json!("1790000000"), json!(1.5), json!(1e30), json!("soon")] {
            assert_eq!(verify(&ring, &with_claim(&ring, name, value)), Err(TokenError::Malformed), "{name}");
        }
    }
    assert_eq!(verify(&ring, &with_claim(&ring, "iss", json!("https://evil.example"))), Err(TokenError::Issuer));
    assert_eq!(verify(&ring, &with_claim(&ring, "iss", json!([ISSUER]))), Err(TokenError::Malformed));
    assert_eq!(verify(&ring, &with_claim(&ring, "aud", json!("other"))), Err(TokenError::Audience));
    assert_eq!(verify(&ring, &with_claim(&ring, "aud", json!(["other", AUDIENCE]))), Err(TokenError::Malformed));
    assert_eq!(verify(&ring, &with_claim(&ring, "sub", json!(""))), Err(TokenError::Subject));
    assert_eq!(verify(&ring, &with_claim(&ring, "kind", json!("root"))), Err(TokenError::Malformed));
}

#[test]
fn a_payload_cannot_be_swapped() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    let tenant = AccessClaims { tid: Some("01890a5d-ac96-774b-bcce-b302099a8060".into()), ..claims() };
    let other = ring.issue(&tenant).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let others: Vec<&str> = other.split('.').collect();
    assert_eq!(verify(&ring, &[parts[0], others[1], parts[2]].join(".")), Err(TokenError::Signature));
    assert_eq!(verify(&ring, &[parts[0], parts[1], others[2]].join(".")), Err(TokenError::Signature));
}

#[test]
fn a_damaged_token_is_refused() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    for end in 0..token.len() {
        assert!(verify(&ring, &token[..end]).is_err(), "cut at {end}");
    }
    for (index, byte) in token.bytes().enumerate().step_by(5) {
        let mut damaged = token.clone().into_bytes();
        damaged[index] = if byte == b'A' { b'B' } else { b'A' };
        assert!(verify(&ring, std::str::from_utf8(&damaged).unwrap()).is_err(), "changed at {index}");
    }
    let odd = ["", ".", "..", "...", "a.b.c", "é.é.é", "e30.e30.e30", "e30..", "bnVsbA.bnVsbA.bnVsbA"];
    for text in odd {
        assert!(verify(&ring, text).is_err(), "{text:?}");
    }
    for text in [format!("{token}."), format!("{token}.x"), format!("{token}="), format!(" {token}"), token + "\n"] {
        assert!(verify(&ring, &text).is_err(), "{text:?}");
    }
}

#[test]
fn a_huge_token_is_refused_unread() {
    let ring = ring();
    for huge in
        ["a".repeat(MAX_TOKEN_BYTES + 1), ".".repeat(10_000_000), with_claim(&ring, "pad", json!("x".repeat(5000)))]
    {
        assert_eq!(verify(&ring, &huge), Err(TokenError::TooLong));
    }
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(2900));
    assert!(verify(&ring, &format!("{deep}.e30.AAAA")).is_err());
    let wide = AccessClaims { scope: Some("x".repeat(5000)), ..claims() };
    assert_eq!(ring.issue(&wide), Err(TokenError::TooLong));
}
