//! `/graphiql`: GraphiQL out of the binary, with a sign-in bar above it. The page asks this server and no other.

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::http::header::{EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, Route, guard, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What the sign-in bar sends. A test can hold it against the schema.
pub const OPERATIONS: &str = include_str!("explorer/operations.graphql");
/// What the first tabs show. A test can hold it against the schema.
pub const EXAMPLES: &str = include_str!("explorer/examples.graphql");

/// Scripts and styles are this server's own files, and nothing is loaded from or sent to anywhere else. The one inline
/// style let through, by its hash, is what GraphiQL adds while a dialog is open, to keep the page behind from scrolling.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the page.
struct File {
    /// Last part of the address.
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Computed when first asked for.
    etag: OnceLock<String>,
}

impl File {
    const fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, content_type, bytes, etag: OnceLock::new() }
    }

    fn etag(&self) -> EntityTag {
        let text = self.etag.get_or_init(|| {
            let mut text = URL_SAFE_NO_PAD.encode(Sha256::digest(self.bytes));
            text.truncate(22);
            text
        });
        EntityTag::new_strong(text.clone())
    }

    /// The file, or 304 to a browser that has it. Browsers ask each time, so that a new version is seen at once.
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let etag = self.etag();
        let had = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&etag)),
            Err(_) => false,
        };
        let mut response = if had { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header(header::ETag(etag))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if had {
            return response.finish();
        }
        response.content_type(self.content_type).body(self.bytes)
    }
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

static PAGE: File = File::new("", HTML, include_bytes!("explorer/page.html"));

static FILES: [File; 9] = [
    File::new("page.css", CSS, include_bytes!("explorer/page.css")),
    File::new("page.js", SCRIPT, include_bytes!("explorer/page.js")),
    File::new("operations.graphql", TEXT, OPERATIONS.as_bytes()),
    File::new("examples.graphql", TEXT, EXAMPLES.as_bytes()),
    File::new("graphiql.min.css", CSS, include_bytes!("explorer/vendor/graphiql.min.css")),
    File::new("graphiql.min.js", SCRIPT, include_bytes!("explorer/vendor/graphiql.min.js")),
    File::new("react.production.min.js", SCRIPT, include_bytes!("explorer/vendor/react.production.min.js")),
    File::new("react-dom.production.min.js", SCRIPT, include_bytes!("explorer/vendor/react-dom.production.min.js")),
    File::new("LICENSES.txt", TEXT, include_bytes!("explorer/vendor/LICENSES.txt")),
];

/// `/graphiql` and its files.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/graphiql").route(reading().to(page)).default_service(web::to(only_reading)))
        .service(web::resource("/graphiql/{file}").route(reading().to(file)).default_service(web::to(only_reading)));
}

fn reading() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn page(request: HttpRequest) -> HttpResponse {
    PAGE.answer(&request)
}

async fn file(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    match FILES.iter().find(|file| file.name == name.as_str()) {
        Some(file) => file.answer(&request),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn only_reading() -> HttpResponse {
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD")).finish()
}

#[cfg(test)]
mod tests {
    use actix_web::dev::ServiceResponse;
    use actix_web::http::{Method, StatusCode, header};
    use actix_web::{App, test as call};

    use super::*;

    const PAGE_HTML: &str = include_str!("explorer/page.html");
    const PAGE_JS: &str = include_str!("explorer/page.js");

    async fn ask(request: call::TestRequest) -> ServiceResponse {
        let app = call::init_service(App::new().configure(routes)).await;
        call::call_service(&app, request.to_request()).await
    }

    #[actix_web::test]
    async fn every_address_that_the_page_names_is_served_with_its_type_and_the_policy() {
        let named: Vec<&str> = PAGE_HTML.split('"').filter(|text| text.starts_with("/graphiql/")).collect();
        assert_eq!(named.len(), 6);
        for address in named.into_iter().chain(["/graphiql"]) {
            let answer = ask(call::TestRequest::get().uri(address)).await;
            assert_eq!(answer.status(), StatusCode::OK, "{address}");
            let header = |name| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
            let expected = match address.rsplit_once('.') {
                Some((_, "js")) => SCRIPT,
                Some((_, "css")) => CSS,
                _ => HTML,
            };
            assert_eq!(header(header::CONTENT_TYPE), expected, "{address}");
            assert_eq!(header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
            assert!(header(header::CONTENT_SECURITY_POLICY).contains("script-src 'self'; "));
        }
    }

    #[actix_web::test]
    async fn what_the_browser_has_is_not_sent_again() {
        for address in ["/graphiql", "/graphiql/page.js"] {
            let first = ask(call::TestRequest::get().uri(address)).await;
            let etag = first.headers().get(header::ETAG).unwrap().clone();
            let again = ask(call::TestRequest::get().uri(address).insert_header((header::IF_NONE_MATCH, etag))).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert!(call::read_body(again).await.is_empty());
            let other = call::TestRequest::get().uri(address).insert_header((header::IF_NONE_MATCH, "\"other\""));
            assert_eq!(ask(other).await.status(), StatusCode::OK);
        }
    }

    #[actix_web::test]
    async fn nothing_else_is_served() {
        for address in ["/graphiql/", "/graphiql/page.html", "/graphiql/VERSIONS", "/graphiql/..%2fexplorer.rs"] {
            assert_eq!(ask(call::TestRequest::get().uri(address)).await.status(), StatusCode::NOT_FOUND, "{address}");
        }
        let posted = ask(call::TestRequest::with_uri("/graphiql").method(Method::POST)).await;
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn the_vendored_files_are_the_ones_that_versions_names() {
        let versions = include_str!("explorer/vendor/VERSIONS");
        let mut found = 0;
        for line in versions.lines() {
            let Some((sum, name)) = line.split_once("  ").filter(|(sum, _)| sum.len() == 64) else { continue };
            let file = FILES.iter().find(|file| file.name == name).unwrap();
            let is: String = Sha256::digest(file.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(is, sum, "{name}");
            found += 1;
        }
        assert_eq!(found, 4);
    }

    #[test]
    fn no_file_of_ours_names_another_host_or_runs_inline() {
        for text in [PAGE_HTML, PAGE_JS, include_str!("explorer/page.css")] {
            assert!(!text.contains("://"));
            assert!(!text.contains("@import"));
        }
        for tag in PAGE_HTML.split("<script").skip(1) {
            assert!(tag.contains("src=\"/graphiql/"));
        }
        assert!(!PAGE_HTML.contains("style="));
    }

    #[test]
    fn the_page_finds_its_operations() {
        for name in PAGE_JS.split("run(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(OPERATIONS.contains(&format!(" {name}(")), "{name}");
        }
    }
}
