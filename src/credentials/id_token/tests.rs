//! The attacks on ID tokens that are known, each tried.

use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;
use crate::keys::{KeyRing, SigningKey};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://id.example.org";

struct Op {
    ring: KeyRing,
    keys: IssuerKeys,
    kid: String,
}

impl Op {
    fn new() -> Self {
        let ring = KeyRing::new(SigningKey::generate().unwrap(), vec![]).unwrap();
        let kid = ring.current().public().kid().to_owned();
        let keys = IssuerKeys::parse(ring.jwks().to_string().as_bytes()).unwrap();
        Self { ring, keys, kid }
    }

    /// Signed with the issuer's own key, whatever head and claims say.
    fn sign(&self, head: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(head), encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &self.ring.current().encoding, Algorithm::EdDSA).unwrap();
        format!("{signed}.{signature}")
    }

    fn head(&self) -> Value {
        json!({ "alg": "EdDSA", "kid": self.kid })
    }

    /// A good token with some claims changed or, for null, left out.
    fn with(&self, changes: Value) -> String {
        let mut claims = claims();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        self.sign(&self.head(), &claims)
    }
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "24400320", "aud": "backoffice", "nonce": "n-0S6", "exp": NOW + 300, "iat": NOW,
            "auth_time": NOW - 50, "email": "ada@example.org", "groups": ["a"] })
}

fn terms() -> IdTokenTerms<'static> {
    IdTokenTerms { issuer: ISSUER, audience: "backoffice", nonce: "n-0S6", now_unix_s: NOW, max_age_s: None }
}

#[test]
fn a_good_token_says_who_has_signed_in() {
    let issuer = Op::new();
    let said = verify_id_token(&issuer.with(json!({})), &issuer.keys, &terms()).unwrap();
    assert_eq!((&said["sub"], &said["groups"]), (&json!("24400320"), &json!(["a"])));
    for good in [
        json!({ "aud": ["backoffice"] }),
        json!({ "aud": ["backoffice", "other"], "azp": "backoffice" }),
        json!({ "azp": "backoffice" }),
        json!({ "exp": NOW - 59 }),
        json!({ "iat": NOW + 60 }),
        json!({ "iat": NOW as f64 + 0.5 }),
        json!({ "iat": NOW - 660 }),
    ] {
        assert!(verify_id_token(&issuer.with(good.clone()), &issuer.keys, &terms()).is_ok(), "{good}");
    }
    // A token without the name of its key is tried with those that fit.
    let unnamed = issuer.sign(&json!({ "alg": "EdDSA" }), &claims());
    assert!(verify_id_token(&unnamed, &issuer.keys, &terms()).is_ok());
}

#[test]
fn a_claim_that_does_not_fit_refuses_the_token() {
    use IdTokenError::*;
    let issuer = Op::new();
    for (changes, reason) in [
        (json!({ "iss": "https://evil.example" }), Issuer),
        (json!({ "iss": "https://id.example.org/" }), Issuer),
        (json!({ "iss": null }), Malformed),
        (json!({ "aud": "other" }), Audience),
        (json!({ "aud": [] }), Audience),
        (json!({ "aud": null }), Malformed),
        (json!({ "aud": ["backoffice", "other"] }), Audience),
        (json!({ "aud": ["backoffice", "other"], "azp": "other" }), Audience),
        (json!({ "azp": "other" }), Audience),
        (json!({ "sub": null }), Malformed),
        (json!({ "sub": "" }), Subject),
        (json!({ "sub": "x".repeat(256) }), Subject),
        (json!({ "exp": null }), Malformed),
        (json!({ "exp": NOW - 60 }), Expired),
        (json!({ "exp": "tomorrow" }), Malformed),
        (json!({ "exp": -1 }), Malformed),
        (json!({ "iat": null }), Malformed),
        (json!({ "iat": NOW + 61 }), NotYetValid),
        (json!({ "nbf": NOW + 61 }), NotYetValid),
        (json!({ "iat": NOW - 661 }), Stale),
        (json!({ "nonce": null }), Nonce),
        (json!({ "nonce": "another" }), Nonce),
        (json!({ "nonce": "" }), Nonce),
    ] {
        assert_eq!(verify_id_token(&issuer.with(changes.clone()), &issuer.keys, &terms()), Err(reason), "{changes}");
    }
    let aged = IdTokenTerms { max_age_s: Some(60), ..terms() };
    assert!(verify_id_token(&issuer.with(json!({})), &issuer.keys, &aged).is_ok());
    for changes in [json!({ "auth_time": NOW - 121 }), json!({ "auth_time": null })] {
        assert_eq!(verify_id_token(&issuer.with(changes), &issuer.keys, &aged), Err(TooOld));
    }
}

#[test]
fn no_signature_but_the_issuers_own_is_taken() {
    use IdTokenError::*;
    let issuer = Op::new();
    let check = |token: &str| verify_id_token(token, &issuer.keys, &terms());
    let good = issuer.with(json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for alg in ["none", "None", "HS256", "HS384", "RS384", "ES384", "RS512", "EDDSA", ""] {
        assert_eq!(check(&issuer.sign(&json!({ "alg": alg, "kid": issuer.kid }), &claims())), Err(Algorithm), "{alg}");
    }
    let unsigned = format!("{}.{}.", encode(&json!({ "alg": "none" })), encode(&claims()));
    assert_eq!(check(&unsigned), Err(Algorithm));
    assert_eq!(check(&format!("{signed}.")), Err(Signature));
    // A key of the right name whose type is another's algorithm.
    assert_eq!(check(&issuer.sign(&json!({ "alg": "RS256", "kid": issuer.kid }), &claims())), Err(UnknownKey));
    assert_eq!(check(&issuer.sign(&json!({ "alg": "EdDSA", "kid": "other" }), &claims())), Err(UnknownKey));
    assert_eq!(
        check(&issuer.sign(&json!({ "alg": "EdDSA", "kid": issuer.kid, "crit": ["b64"] }), &claims())),
        Err(Critical)
    );
    // Another's key under this one's name, and one that comes with the token.
    let mut evil = Op::new();
    evil.kid.clone_from(&issuer.kid);
    assert_eq!(check(&evil.with(json!({}))), Err(Signature));
    let brought = json!({ "alg": "EdDSA", "kid": issuer.kid, "jwk": evil.ring.jwks()["keys"][0], "jku": "https://evil.example/jwks" });
    assert_eq!(check(&evil.sign(&brought, &claims())), Err(Signature));
    // The public key as a shared secret.
    let public = URL_SAFE_NO_PAD.decode(issuer.ring.jwks()["keys"][0]["x"].as_str().unwrap()).unwrap();
    let head = encode(&json!({ "alg": "HS256", "kid": issuer.kid }));
    let confused = format!("{head}.{}", encode(&claims()));
    let mac =
        jsonwebtoken::crypto::sign(confused.as_bytes(), &EncodingKey::from_secret(&public), super::Algorithm::HS256);
    assert_eq!(check(&format!("{confused}.{}", mac.unwrap())), Err(Algorithm));
    // Other claims under a good signature.
    let head = signed.split('.').next().unwrap();
    assert_eq!(check(&format!("{head}.{}.{signature}", encode(&json!({ "sub": "root" })))), Err(Signature));
    for text in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", &good[1..], &format!("{good}.x")] {
        assert!(check(text).is_err(), "{text}");
    }
    assert_eq!(check(&"x".repeat(MAX_ID_TOKEN_BYTES + 1)), Err(TooLong));
}

#[test]
fn a_claim_that_stands_there_twice_refuses_the_token() {
    let issuer = Op::new();
    let twice = claims().to_string().replacen('{', "{\"sub\":\"root\",", 1);
    let signed = format!("{}.{}", encode(&issuer.head()), URL_SAFE_NO_PAD.encode(twice));
    let signature =
        jsonwebtoken::crypto::sign(signed.as_bytes(), &issuer.ring.current().encoding, Algorithm::EdDSA).unwrap();
    assert_eq!(verify_id_token(&format!("{signed}.{signature}"), &issuer.keys, &terms()), Err(IdTokenError::Malformed));
}

#[test]
fn keys_of_no_use_do_not_hide_the_others() {
    let issuer = Op::new();
    let own = issuer.ring.jwks()["keys"][0].clone();
    let mut encrypting = own.clone();
    encrypting["use"] = json!("enc");
    let document = json!({ "keys": [{ "kty": "new" }, { "kty": "RSA" }, 7, encrypting, { "kty": "oct", "k": "c2VjcmV0", "kid": issuer.kid }, own] });
    let keys = IssuerKeys::parse(document.to_string().as_bytes()).unwrap();
    assert!(verify_id_token(&issuer.with(json!({})), &keys, &terms()).is_ok());
    for none in ["", "[]", "{}", "{\"keys\": 7}"] {
        assert!(IssuerKeys::parse(none.as_bytes()).is_none(), "{none}");
    }
    let only_encrypting = json!({ "keys": [encrypting] });
    let keys = IssuerKeys::parse(only_encrypting.to_string().as_bytes()).unwrap();
    assert_eq!(verify_id_token(&issuer.with(json!({})), &keys, &terms()), Err(IdTokenError::UnknownKey));
}
