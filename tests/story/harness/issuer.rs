//! Somebody else's identity provider, on this machine: it signs with its own keys, and says what a story wants it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::App;
use super::receiver::{Answer, Received, Receiver, answer};

/// What this installation is called there, and its secret. Both have characters that a header cannot hold as they are.
pub const OAUTH_CLIENT: &str = "back office:1";
pub const OAUTH_SECRET: &str = "s3cret/+ %ä";

/// What a portal that needs no secret begins with.
pub const VERIFIER: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";

/// What it says of that.
pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

enum Key {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    fn ed() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn ec() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap())
    }

    fn alg(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
        }
    }

    fn public(&self) -> &[u8] {
        match self {
            Self::Ed(key) => key.public_key().as_ref(),
            Self::Ec(key) => key.public_key().as_ref(),
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        let (public, part) = (self.public(), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
        match self {
            Self::Ed(_) => json!({ "kty": "OKP", "crv": "Ed25519", "x": part(public), "kid": kid, "use": "sig" }),
            Self::Ec(_) => {
                json!({ "kty": "EC", "crv": "P-256", "x": part(&public[1..33]), "y": part(&public[33..]), "kid": kid, "alg": "ES256" })
            }
        }
    }

    fn sign(&self, signed: &str) -> String {
        let signature = match self {
            Self::Ed(key) => key.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::Ec(key) => key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        URL_SAFE_NO_PAD.encode(signature)
    }
}

/// How an ID token differs from a good one: head and claims before they are signed.
pub type Twist = Box<dyn Fn(&mut Value, &mut Value) + Send>;

/// Makes the signature of what is to be signed, knowing the public key.
type Forgery = Box<dyn Fn(&str, &[u8]) -> String + Send>;

struct World {
    issuer: String,
    key: Key,
    kid: String,
    twist: Option<Twist>,
    /// Another signature than the key's own.
    forge: Option<Forgery>,
    codes: HashMap<String, Value>,
    /// What is said of a person who is asked for by his access token.
    userinfo: Option<Value>,
    extra: Value,
    keys_asked: usize,
}

/// The identity provider.
pub struct Issuer {
    _receiver: Receiver,
    world: Arc<Mutex<World>>,
    pub url: String,
}

/// One that stands as long as the stories run, for those that need any.
pub fn standing() -> &'static Issuer {
    static STANDING: OnceLock<Issuer> = OnceLock::new();
    STANDING.get_or_init(|| {
        let (opened, issuer) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                opened.send(Issuer::open().await).unwrap();
                std::future::pending::<()>().await;
            });
        });
        issuer.recv().expect("no identity provider")
    })
}

impl Issuer {
    pub async fn open() -> Self {
        Self::announcing(json!({})).await
    }

    /// One that publishes that of itself besides, or instead.
    pub async fn announcing(extra: Value) -> Self {
        let world = Arc::new(Mutex::new(World {
            issuer: String::new(),
            key: Key::ed(),
            kid: "first".to_owned(),
            twist: None,
            forge: None,
            codes: HashMap::new(),
            userinfo: None,
            extra,
            keys_asked: 0,
        }));
        let answering = Arc::clone(&world);
        let receiver = Receiver::answering(move |received| answering.lock().unwrap().answer(received)).await;
        let url = format!("http://{}/tenant", receiver.address);
        world.lock().unwrap().issuer.clone_from(&url);
        Self { _receiver: receiver, world, url }
    }

    /// A person signs in: gives the address that his browser is sent back to.
    pub fn signs_in(&self, authorization_url: &str, person: &Value) -> String {
        let asked: HashMap<String, String> =
            Url::parse(authorization_url).unwrap().query_pairs().into_owned().collect();
        assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
        assert_eq!(asked["client_id"], OAUTH_CLIENT);
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid") && asked["nonce"].len() == 43);
        let code = format!("code {}", Uuid::now_v7());
        let kept = json!({ "asked": asked, "person": person });
        let mut world = self.world.lock().unwrap();
        world.codes.insert(code.clone(), kept);
        let names_itself = world.extra["authorization_response_iss_parameter_supported"] == true;
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        back.query_pairs_mut().append_pair("state", &asked["state"]).append_pair("code", &code);
        if names_itself {
            back.query_pairs_mut().append_pair("iss", &world.issuer);
        }
        back.into()
    }

    /// The same, and back to the portal: gives the code that he comes with.
    pub async fn sends_back(&self, authorization_url: &str, person: &Value) -> String {
        let address = self.signs_in(authorization_url, person);
        let http = crate::harness::http_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let back = http.get(address).send().await.unwrap();
        let to = Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
        to.query_pairs().find(|(name, _)| name == "signInCode").unwrap().1.into_owned()
    }

    /// A person signs in, the whole way through a portal; gives what `signInComplete` answers.
    pub async fn brings(&self, app: &App, handle: &Value, person: &Value) -> Value {
        let input =
            json!({ "identityProvider": handle, "returnTo": "https://portal.example/", "challenge": challenge() });
        let begin = "mutation($input: SignInBeginInput!) { signInBegin(input: $input) { authorizationUrl userErrors { message } } }";
        let begun = app.client().ask(begin, json!({ "input": input })).await;
        let code = self.sends_back(begun["signInBegin"]["authorizationUrl"].as_str().unwrap(), person).await;
        let complete = "mutation($input: SignInCompleteInput!) { signInComplete(input: $input) { accessToken user { id } userErrors { message } } }";
        let input = json!({ "input": { "code": code, "verifier": VERIFIER } });
        app.client().ask(complete, input).await["signInComplete"].clone()
    }

    /// Says something else from now on.
    pub fn twist(&self, twist: impl Fn(&mut Value, &mut Value) + Send + 'static) {
        self.world.lock().unwrap().twist = Some(Box::new(twist));
    }

    /// Signs otherwise from now on: with what is signed and the public key.
    pub fn forge(&self, forge: impl Fn(&str, &[u8]) -> String + Send + 'static) {
        self.world.lock().unwrap().forge = Some(Box::new(forge));
    }

    /// Is honest again.
    pub fn honest(&self) {
        let mut world = self.world.lock().unwrap();
        (world.twist, world.forge) = (None, None);
    }

    /// Signs with another key of another kind from now on, and publishes it.
    pub fn rotate(&self) {
        let mut world = self.world.lock().unwrap();
        (world.key, world.kid) = (Key::ec(), "second".to_owned());
    }

    /// What is said of the person at the userinfo endpoint.
    pub fn says_besides(&self, said: Value) {
        self.world.lock().unwrap().userinfo = Some(said);
    }

    /// How often its keys were asked for.
    pub fn keys_asked(&self) -> usize {
        self.world.lock().unwrap().keys_asked
    }
}

impl World {
    fn answer(&mut self, received: &Received) -> Answer {
        let line = received.headers[":line"].clone();
        let json = |status, body: Value| answer(status, "content-type: application/json\r\n", &body.to_string());
        match line.split(' ').nth(1).unwrap() {
            "/tenant/.well-known/openid-configuration" => {
                let base = self.issuer.clone();
                let mut document = json!({
                    "issuer": base, "authorization_endpoint": format!("{base}/authorize?tenant=1"), "token_endpoint": format!("{base}/token"),
                    "jwks_uri": format!("{base}/keys"), "userinfo_endpoint": format!("{base}/me"), "response_types_supported": ["code"],
                    "id_token_signing_alg_values_supported": ["EdDSA", "ES256", "HS256"],
                });
                for (name, value) in self.extra.as_object().unwrap() {
                    document[name] = value.clone();
                }
                json(200, document)
            }
            "/tenant/keys" => {
                self.keys_asked += 1;
                json(200, json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": self.kid }, self.key.jwk(&self.kid)] }))
            }
            "/tenant/token" => match self.exchange(received) {
                Some(tokens) => json(200, tokens),
                None => json(400, json!({ "error": "invalid_grant", "error_description": "<script>" })),
            },
            "/tenant/me" if received.headers.get("authorization").is_some_and(|token| token == "Bearer access") => {
                json(200, self.userinfo.clone().unwrap_or_else(|| json!({ "sub": "nobody" })))
            }
            _ => answer(404, "", ""),
        }
    }

    fn exchange(&mut self, received: &Received) -> Option<Value> {
        let form: HashMap<String, String> =
            url::form_urlencoded::parse(received.body.as_bytes()).into_owned().collect();
        let basic = received.headers.get("authorization")?.strip_prefix("Basic ")?;
        let basic = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
        let pair: Vec<String> = basic
            .split(':')
            .map(|part| url::form_urlencoded::parse(format!("x={part}").as_bytes()).next().unwrap().1.into_owned())
            .collect();
        if pair != [OAUTH_CLIENT, OAUTH_SECRET] || form["grant_type"] != "authorization_code" {
            return None;
        }
        // A code is good once.
        let kept = self.codes.remove(&form["code"])?;
        let asked = &kept["asked"];
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        if asked["redirect_uri"] != form["redirect_uri"] || asked["code_challenge"] != challenge.as_str() {
            return None;
        }
        let now = chrono::Utc::now().timestamp();
        let mut head = json!({ "alg": self.key.alg(), "kid": self.kid, "typ": "JWT" });
        let mut claims = kept["person"].clone();
        for (name, value) in [
            ("iss", json!(self.issuer)),
            ("aud", json!(OAUTH_CLIENT)),
            ("nonce", asked["nonce"].clone()),
            ("iat", json!(now)),
            ("exp", json!(now + 300)),
        ] {
            claims[name] = value;
        }
        if let Some(twist) = &self.twist {
            twist(&mut head, &mut claims);
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let signature = match &self.forge {
            Some(forge) => forge(&signed, self.key.public()),
            None => self.key.sign(&signed),
        };
        Some(json!({ "id_token": format!("{signed}.{signature}"), "access_token": "access", "token_type": "Bearer" }))
    }
}
