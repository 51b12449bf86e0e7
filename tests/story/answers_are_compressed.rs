//! A long answer comes compressed to whoever accepts that; a short one and one that tells a secret come as they are.

use std::io::Read;

use serde_json::{Value, json};

use crate::harness::{App, Client, PASSWORD};

async fn raw(app: &App, client: &Client, query: &str, accepts: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let mut request = crate::harness::http().post(app.url("/graphql")).json(&json!({ "query": query }));
    if !accepts.is_empty() {
        request = request.header("accept-encoding", accepts);
    }
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

fn unpacked(coding: &str, bytes: &[u8]) -> Value {
    let mut out = Vec::new();
    match coding {
        "br" => brotli::BrotliDecompress(&mut &*bytes, &mut out).unwrap(),
        "gzip" => assert!(flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap() > 0),
        "zstd" => assert!(ruzstd::decoding::StreamingDecoder::new(bytes).unwrap().read_to_end(&mut out).unwrap() > 0),
        _ => out = bytes.to_vec(),
    }
    serde_json::from_slice::<Value>(&out).unwrap()["data"].clone()
}

#[tokio::test]
async fn by_what_the_caller_accepts() {
    let app = App::start();
    let books = app.with_books().await;
    let chart = "{ accounts(first: 100) { nodes { id code name kind } } }";
    let (headers, plain) = raw(&app, &books.accountant, chart, "").await;
    assert!(headers.get("content-encoding").is_none());
    let expected = unpacked("", &plain);
    // Longer than what one thread does on the way.
    let schema = "{ __schema { types { name description fields { name description } } } }";
    let (_, long) = raw(&app, &app.client(), schema, "").await;
    assert!(plain.len() > 1024 && long.len() > 64 * 1024, "{} {}", plain.len(), long.len());
    for (accepts, coding) in [
        ("br", "br"),
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("identity", ""),
        ("deflate", ""),
        ("gzip;q=0", ""),
    ] {
        let (headers, bytes) = raw(&app, &books.accountant, chart, accepts).await;
        assert_eq!(headers.get("content-encoding").map_or("", |coding| coding.to_str().unwrap()), coding, "{accepts}");
        assert_eq!(unpacked(coding, &bytes), expected, "{accepts}");
        if !coding.is_empty() {
            assert!(bytes.len() * 3 < plain.len(), "{accepts}: {} of {}", bytes.len(), plain.len());
            assert!(headers.get_all("vary").iter().any(|vary| vary == "accept-encoding"));
            let (_, bytes) = raw(&app, &app.client(), schema, accepts).await;
            assert_eq!(unpacked(coding, &bytes), unpacked("", &long), "{accepts}");
        }
    }
    let (headers, bytes) = raw(&app, &books.accountant, "{ viewer { name } }", "gzip").await;
    assert!(headers.get("content-encoding").is_none() && unpacked("", &bytes)["viewer"]["name"] == "Konrad Konto");
}

#[tokio::test]
async fn a_secret_is_not_weighed_against_what_stands_beside_it() {
    let app = App::start();
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    let later = (chrono::Utc::now() + chrono::TimeDelta::days(5)).to_rfc3339();
    let often = |field: &str| (0..30).map(|number| format!("again{number}: {field} ")).collect::<String>();
    let sign_in = format!(
        "mutation {{ signIn(input: {{ email: \"ada@firm.example\", password: \"{PASSWORD}\" }}) {{ {} userErrors {{ message }} }} }}",
        often("accessToken")
    );
    let key = format!(
        "mutation {{ serviceAccountCreate(input: {{ name: \"Key\", scopes: [CLIENT_READ], expiresAt: \"{later}\" }}) {{ {} userErrors {{ message }} }} }}",
        often("clientSecret")
    );
    for (client, query) in [(app.client(), sign_in), (inside, key)] {
        let (headers, bytes) = raw(&app, &client, &query, "gzip, br").await;
        let text = String::from_utf8_lossy(&bytes);
        assert!(bytes.len() > 1024 && text.contains("\"userErrors\":[]"), "{text}");
        assert!(headers.get("content-encoding").is_none());
    }
}
