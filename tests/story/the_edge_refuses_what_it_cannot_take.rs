//! Whatever is thrown at the edge gets a clear refusal: a fitting status, a code, the request's id, and no word about
//! what lies behind.

use std::time::{Duration, Instant};

use backoffice_credentials::{AccessClaims, KeyRing, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::harness::{Office, wire};

/// Words that tell of the inside.
const INSIDE: [&str; 14] = [
    "select ",
    "insert ",
    "update ",
    "finance.",
    "core.",
    "identity.",
    "constraint",
    "_pkey",
    "violates",
    "relation",
    "postgres",
    "diesel",
    "panicked",
    "src/",
];

/// The media type whose status tells whether the request was understood.
const MODERN: &str = "application/graphql-response+json";

/// What came back, checked for what every refusal has.
fn check_refusal(what: &str, status: StatusCode, header: Option<&str>, text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{what}: {status} {text}"));
    assert!(body.get("data").is_none(), "{what}: a refused request has no data: {text}");
    let error = &body["errors"][0];
    let id = error["extensions"]["requestId"].as_str().unwrap_or_else(|| panic!("{what}: no request id: {text}"));
    assert_eq!(header, Some(id), "{what}: the id differs between header and body");
    let lower = text.to_lowercase();
    for word in INSIDE {
        assert!(!lower.contains(word), "{what}: {word:?} in {text}");
    }
    assert!(text.len() < 4096, "{what}: a long answer: {text}");
    error["extensions"]["code"].as_str().unwrap().to_owned()
}

struct Thrower<'a> {
    office: &'a Office,
    token: String,
    http: reqwest::Client,
}

impl Thrower<'_> {
    fn request(&self, method: Method) -> reqwest::RequestBuilder {
        self.http.request(method, self.office.app.url("/graphql")).bearer_auth(&self.token)
    }

    fn json(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.request(Method::POST).header("content-type", "application/json").body(body)
    }

    fn document(&self, query: &str) -> reqwest::RequestBuilder {
        self.json(json!({ "query": query }).to_string())
    }

    async fn throw(
        &self,
        what: &str,
        request: reqwest::RequestBuilder,
        status: u16,
        code: &str,
    ) -> reqwest::header::HeaderMap {
        let started = Instant::now();
        let mut request = request.build().unwrap();
        request.headers_mut().entry("accept").or_insert(MODERN.parse().unwrap());
        let response = self.http.execute(request).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let (found, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let id = headers.get("x-request-id").map(|id| id.to_str().unwrap());
        let found_code = check_refusal(what, found, id, &text);
        assert_eq!((found.as_u16(), found_code.as_str()), (status, code), "{what}: {text}");
        assert!(started.elapsed() < Duration::from_secs(2), "{what}: took {:?}", started.elapsed());
        headers
    }
}

#[tokio::test]
async fn bodies_and_headers() {
    let office = Office::open();
    let person = office.person("Ada");
    let token = office.token(person, Some(office.firm("Firm", person)));
    let thrower = Thrower { office: &office, token, http: crate::harness::http() };
    let good = json!({ "query": "{ __typename }" }).to_string();

    for (what, body) in [
        ("broken JSON", &b"{\"query\":"[..]),
        ("no JSON", b"{ __typename }"),
        ("nothing", b""),
        ("a number", b"7"),
        ("a batch", b"[{\"query\":\"{ __typename }\"}]"),
        ("not UTF-8", b"{\"query\":\"{ __typename } # \xff\xfe\"}"),
        ("UTF-16", b"\xff\xfe{\0\"\0"),
        ("no query", b"{}"),
        ("an empty query", b"{\"query\":\" \"}"),
        ("a query that is a number", b"{\"query\":1}"),
        ("variables that are a list", b"{\"query\":\"{ __typename }\",\"variables\":[1]}"),
        ("two queries", b"{\"query\":\"{ __typename }\",\"query\":\"{ a }\"}"),
    ] {
        thrower.throw(what, thrower.json(body.to_vec()), 400, "BAD_USER_INPUT").await;
    }
    let deep =
        format!("{{\"query\":\"{{ __typename }}\",\"variables\":{}{}}}", "{\"a\":".repeat(5000), "}".repeat(5000));
    thrower.throw("JSON without end", thrower.json(deep), 400, "BAD_USER_INPUT").await;

    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "text/json",
        "application/json; charset=latin1",
        "application/jsonp",
        "",
    ] {
        let request = thrower.request(Method::POST).header("content-type", kind).body(good.clone());
        thrower.throw(&format!("content type {kind:?}"), request, 415, "BAD_USER_INPUT").await;
    }
    thrower.throw("no content type", thrower.request(Method::POST).body(good.clone()), 415, "BAD_USER_INPUT").await;
    for accept in ["text/html", "image/png", "application/json;q=0", "application/json; charset=latin1"] {
        let request = thrower.json(good.clone()).header("accept", accept);
        thrower.throw(&format!("accepts {accept:?}"), request, 406, "BAD_USER_INPUT").await;
    }
    for method in [Method::PATCH] {
        let headers = thrower.throw(method.as_str(), thrower.request(method.clone()), 405, "BAD_USER_INPUT").await;
        assert_eq!(headers["allow"], "GET, POST, PUT, DELETE, OPTIONS");
    }
    for (name, values) in [
        ("dry-run", vec![&b"yes"[..]]),
        ("dry-run", vec![b"1"]),
        ("dry-run", vec![b""]),
        ("dry-run", vec![b"tr\xfce"]),
        ("dry-run", vec![b"true", b"false"]),
        ("dry-run", vec![b"false", b"true"]),
        ("idempotency-key", vec![b""]),
        ("idempotency-key", vec![&[b'x'; 256]]),
        ("idempotency-key", vec![b"\xff"]),
        ("idempotency-key", vec![b"a", b"b"]),
        ("authorization", vec![b"Bearer x"]), // beside the good one
    ] {
        let mut request = thrower.json(good.clone());
        for value in &values {
            request = request.header(name, *value);
        }
        thrower.throw(&format!("{name}: {values:?}"), request, 400, "BAD_USER_INPUT").await;
    }
}

#[tokio::test]
async fn documents() {
    let office = Office::open();
    let person = office.person("Ada");
    let token = office.token(person, Some(office.firm("Firm", person)));
    let thrower = Thrower { office: &office, token, http: crate::harness::http() };

    let aliases = (0..10_000).map(|n| format!("a{n}: __typename ")).collect::<String>();
    let deep = format!("{}x{}", "{ a ".repeat(500), "}".repeat(500));
    let mut bomb = "query { ...F0 } ".to_owned();
    for n in 0..30 {
        bomb += &format!("fragment F{n} on Query {{ ...F{m} ...F{m} ...F{m} }} ", m = n + 1);
    }
    bomb += "fragment F30 on Query { __typename }";
    let circle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
    let directives = format!("{{ __typename {} }}", "@include(if: true) ".repeat(1000));
    for (what, document) in [
        ("10,000 aliases", format!("{{ {aliases} }}")),
        ("a deep query", deep),
        ("a fragment bomb", bomb),
        ("a circle of fragments", circle.to_owned()),
        ("1,000 directives", directives),
        ("an unknown field", "{ secretTable { id } }".to_owned()),
        ("an unknown directive", "{ __typename @evil }".to_owned()),
        (
            "a directive of the edge's own",
            "mutation { customerCreate(input: {}) @ownError { userErrors { message } } }".to_owned(),
        ),
        ("a missing argument", "mutation { customerCreate { userErrors { message } } }".to_owned()),
    ] {
        thrower.throw(what, thrower.document(&document), 400, "GRAPHQL_VALIDATION_FAILED").await;
    }
    for (what, document) in
        [("an open brace", "{ __typename"), ("no GraphQL", "SELECT 1"), ("an open text", "{ a(b: \"x) }")]
    {
        thrower.throw(what, thrower.document(document), 400, "GRAPHQL_PARSE_FAILED").await;
    }
    for (what, document) in [
        ("a page of 101", "{ customers(first: 101) { nodes { id } } }"),
        (
            "a text with a zero",
            "mutation { customerCreate(input: { number: \"a\\u0000\", name: \"x\", country: \"DE\" }) { userErrors { message } } }",
        ),
    ] {
        thrower.throw(what, thrower.document(document), 400, "BAD_USER_INPUT").await;
    }
    let values: Vec<u32> = (0..20_000).collect();
    let body = json!({ "query": "query($v: [Int!]) { __typename }", "variables": { "v": values } });
    let request = thrower.json(body.to_string()).header("accept", MODERN);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400, "20,000 values in variables");
    let body = json!({ "query": "query A { __typename } query B { __typename }", "operationName": "C" });
    let response = thrower.json(body.to_string()).header("accept", MODERN).send().await.unwrap();
    assert_eq!(response.status(), 400, "an operation that is not there");

    // Reading by GET is allowed, changing is not: a link must not do anything.
    let change = "mutation { customerCreate(input: { number: \"GET\", name: \"G\", country: \"DE\" }) { userErrors { message } } }";
    let by_get = |query: &str| {
        thrower
            .http
            .get(reqwest::Url::parse_with_params(&office.app.url("/graphql"), [("query", query)]).unwrap())
            .bearer_auth(&thrower.token)
    };
    let headers = thrower.throw("a mutation by GET", by_get(change), 405, "BAD_USER_INPUT").await;
    assert_eq!(headers["allow"], "POST");
    assert_eq!(by_get("{ customers { nodes { id } } }").send().await.unwrap().status(), 200);
    thrower.throw("GET without a query", thrower.request(Method::GET), 400, "BAD_USER_INPUT").await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 0);

    // The old media type keeps 200 for what GraphQL itself refuses.
    let response = thrower.document("{ secretTable }").header("accept", "application/json").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
}

#[tokio::test]
async fn uploads_without_end() {
    let office = Office::open();
    let person = office.person("Ada");
    let token = office.token(person, Some(office.firm("Firm", person)));
    let address = office.app.address;
    for (who, code, most) in [
        (format!("authorization: Bearer {token}\r\n"), "BAD_USER_INPUT", 80 << 20),
        (String::new(), "UNAUTHENTICATED", 16 << 20),
    ] {
        let head = format!("POST /graphql HTTP/1.1\r\nhost: test\r\n{who}content-type: application/json\r\n");
        // Announced: refused at once, with nothing read.
        let (status, heard) =
            wire::ask(address, format!("{head}content-length: 2147483648\r\n\r\n{{").as_bytes()).await;
        assert_eq!(status, 413, "{heard}");
        assert!(heard.contains(code) && heard.contains("x-request-id: "), "{heard}");

        // Not announced: refused as soon as it is too much, whatever is still to come.
        let mut stream = wire::send(address, format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await;
        let piece = format!("{:x}\r\n{}\r\n", 65536, " ".repeat(65536));
        let mut sent = 0;
        let (mut reader, mut writer) = stream.split();
        let heard = async {
            let mut heard = vec![0; 4096];
            let read = tokio::io::AsyncReadExt::read(&mut reader, &mut heard).await.unwrap_or_default();
            String::from_utf8_lossy(&heard[..read]).into_owned()
        };
        let send = async {
            while sent < 1 << 30 && writer.write_all(piece.as_bytes()).await.is_ok() {
                sent += 65536;
            }
            std::future::pending::<()>().await;
        };
        let heard = tokio::select! { heard = heard => heard, () = send => String::new() };
        assert!(heard.starts_with("HTTP/1.1 413"), "{heard}");
        assert!(heard.contains(code), "{heard}");
        assert!(sent < most, "{sent} bytes were taken");
    }
    // A head that never ends is cut off as well, and the server goes on.
    let mut stream = wire::send(address, b"POST /graphql HTTP/1.1\r\n").await;
    for _ in 0..64 {
        if stream.write_all(format!("x-{}: {}\r\n", "a".repeat(60), "b".repeat(4096)).as_bytes()).await.is_err() {
            break;
        }
    }
    let heard = wire::hear(&mut stream).await;
    assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    assert_eq!(reqwest::get(office.app.url("/health/ready")).await.unwrap().status(), 200);
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn tokens() {
    let office = Office::open();
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ben));
    let good = office.claims(ada, Some(firm));
    let token = office.ring.issue(&good).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let payload = serde_json::to_value(&good).unwrap();
    let mut swapped = payload.clone();
    swapped["tid"] = json!(other.simple().to_string());
    let kid = office.ring.current().public().kid().to_owned();
    let foreign = KeyRing::new(SigningKey::generate().unwrap(), Vec::new()).unwrap();
    let issue = |change: &dyn Fn(&mut AccessClaims)| {
        let mut claims = good.clone();
        change(&mut claims);
        office.ring.issue(&claims).unwrap_or_else(|error| format!("unissued.{}.x", error.reason()))
    };
    let dead = [
        ("alg none", format!("{}.{}.", encoded(&json!({ "alg": "none", "typ": "at+jwt" })), parts[1])),
        (
            "alg none, signed",
            format!("{}.{}.{}", encoded(&json!({ "alg": "none", "typ": "at+jwt", "kid": kid })), parts[1], parts[2]),
        ),
        (
            "HMAC",
            format!("{}.{}.{}", encoded(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid })), parts[1], parts[2]),
        ),
        ("another client in a signed token", format!("{}.{}.{}", parts[0], encoded(&swapped), parts[2])),
        ("the signature of another", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86))),
        ("a foreign key", foreign.issue(&good).unwrap()),
        (
            "expired",
            issue(&|claims| {
                (claims.iat, claims.nbf, claims.exp) = (claims.iat - 700, claims.nbf - 700, claims.iat - 100)
            }),
        ),
        ("not yet good", issue(&|claims| claims.nbf += 300)),
        ("for somebody else", issue(&|claims| claims.aud = "another/service".to_owned())),
        ("from somebody else", issue(&|claims| claims.iss = "another".to_owned())),
        ("a session of another person", issue(&|claims| claims.sid = Some(ben.session.simple().to_string()))),
        ("a session that never was", issue(&|claims| claims.sid = Some(firm.simple().to_string()))),
        ("a person without a session", issue(&|claims| claims.sid = None)),
        ("nonsense", "x".to_owned()),
        ("a long nonsense", "x".repeat(20_000)),
        ("a refresh token", "bor_0123456789abcdef0123456789abcdef".to_owned()),
    ];
    let query = "{ customers { nodes { id } } }";
    for (what, token) in &dead {
        for (query, variables) in [
            (query, json!({})),
            (
                "mutation { customerUpdate(input: { id: \"cus_00000000000070008000000000000001\" }) { userErrors { message } } }",
                json!({}),
            ),
        ] {
            let reply = office.app.client().with_token(token.as_str()).send(query, variables).await;
            let id = reply.headers.get("x-request-id").map(|id| id.to_str().unwrap());
            let code = check_refusal(what, reply.status, id, &reply.text);
            assert_eq!((reply.status.as_u16(), code.as_str()), (401, "UNAUTHENTICATED"), "{what}: {}", reply.text);
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    let nobody = office.app.client().send(query, json!({})).await;
    assert_eq!((nobody.status.as_u16(), nobody.code()), (401, "UNAUTHENTICATED"));
    // A good token for a client that is none of his: said like that of a client that never was.
    let foreign = office.client(ada, other).send(query, json!({})).await;
    let never = office.client(ada, uuid::Uuid::now_v7()).send(query, json!({})).await;
    assert_eq!((foreign.code(), never.code()), ("FORBIDDEN", "FORBIDDEN"));
    assert_eq!(foreign.body["errors"][0]["message"], never.body["errors"][0]["message"]);
    // A dead token does not keep anybody from signing in anew.
    let expired = &dead[6].1;
    let sign_in = "mutation { signIn(input: { email: \"nobody@firm.example\", password: \"wrong\" }) { accessToken userErrors { code } } }";
    let reply = office.app.client().with_token(expired.as_str()).send(sign_in, json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    // Revocation is seen by the next request.
    let client = office.client(ada, firm);
    client.ask(query, json!({})).await;
    office.app.database.lay(&format!(
        "UPDATE identity.session SET revoked_at = now(), revoked_for = 'revoked' WHERE id = '{}'",
        ada.session
    ));
    assert_eq!(client.send(query, json!({})).await.status, 401);
}

#[tokio::test]
async fn other_origins() {
    let office = Office::open();
    let (http, url) = (crate::harness::http(), office.app.url("/graphql"));
    let preflight = |origin: &'static str| {
        http.request(Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, content-type, idempotency-key, dry-run")
    };
    let allowed = preflight("https://portal.example").send().await.unwrap();
    assert_eq!(allowed.status(), 204);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://portal.example");
    for name in ["authorization", "content-type", "idempotency-key", "dry-run"] {
        assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains(name));
    }
    assert!(!allowed.headers().contains_key("access-control-allow-credentials"));
    let ask = |origin: &'static str| {
        http.post(&url).header("origin", origin).json(&json!({ "query": "{ __typename }" })).send()
    };
    let answer = ask("https://portal.example").await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://portal.example");
    assert!(answer.headers()["access-control-expose-headers"].to_str().unwrap().contains("x-request-id"));
    for origin in ["https://evil.example", "https://portal.example.evil.example", "http://portal.example", "null", "*"]
    {
        for answer in [preflight(origin).send().await.unwrap(), ask(origin).await.unwrap()] {
            assert!(!answer.headers().contains_key("access-control-allow-origin"), "{origin}");
            assert!(answer.headers()["vary"].to_str().unwrap().contains("origin"));
        }
    }
}
