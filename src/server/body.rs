//! Reading a request's body, bounded in size before it is in memory, and in time.

use std::time::Duration;

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, web};
use async_graphql::Variables;
use futures_util::StreamExt;
use serde::Deserialize;

use super::persisted::Asked;

/// The largest body of a GraphQL request: a file of 16 MiB in base64 and room for its query.
pub const MAX_BODY_BYTES: usize = 24 * 1024 * 1024;

/// The largest body of a caller without a valid token: nobody fills the memory who may not do anything.
pub const MAX_ANONYMOUS_BYTES: usize = 256 * 1024;
/// How long the next piece of a body may take.
const PIECE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the whole body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(300);

/// Why a body cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum BadBody {
    /// Larger than the limit.
    TooLarge,
    /// Its next piece, or its end, did not come in time.
    TooSlow,
    /// The connection broke off.
    Broken,
    /// Not what it should be; says what.
    Malformed(String),
}

/// A GraphQL request as it came.
#[derive(Debug)]
pub struct GraphqlBody {
    /// Which document.
    pub asked: Asked,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// The variables.
    pub variables: Variables,
    /// Under which id it is answered, where one connection carries many operations: `extensions.operationId`.
    pub operation_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Reads at most `limit` bytes. A longer body is refused by its announced length, or as soon as it goes beyond.
pub async fn read(request: &HttpRequest, mut payload: web::Payload, limit: usize) -> Result<Vec<u8>, BadBody> {
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(BadBody::TooLarge);
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(1024).min(64 * 1024));
    let until = tokio::time::Instant::now().checked_add(BODY_TIMEOUT);
    loop {
        let piece = tokio::time::timeout(PIECE_TIMEOUT, payload.next()).await;
        if until.is_some_and(|until| tokio::time::Instant::now() > until) {
            return Err(BadBody::TooSlow);
        }
        let Some(chunk) = piece.map_err(|_| BadBody::TooSlow)? else { break };
        let chunk = chunk.map_err(|_| BadBody::Broken)?;
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(BadBody::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// A GraphQL request from the query of an address.
///
/// # Errors
///
/// A sentence, if it is none.
pub fn from_query(query_string: &str) -> Result<GraphqlBody, String> {
    let parameters = web::Query::<Parameters>::from_query(query_string)
        .map_err(|_| "The query string is malformed.".to_owned())?
        .into_inner();
    let object = |text: Option<String>, name: &str| match text.filter(|text| !text.is_empty()) {
        None => Ok(serde_json::Map::new()),
        Some(text) => match serde_json::from_str::<Option<serde_json::Map<_, _>>>(&text) {
            Ok(object) => Ok(object.unwrap_or_default()),
            Err(_) => Err(format!("`{name}` has to be a JSON object.")),
        },
    };
    let (variables, extensions) =
        (object(parameters.variables, "variables")?, object(parameters.extensions, "extensions")?);
    let asked = Asked::new(parameters.query, parameters.document_id.as_deref(), Some(&extensions))?;
    let operation_name = parameters.operation_name.filter(|name| !name.is_empty());
    let operation_id = operation_id(Some(&extensions));
    let variables = Variables::from_json(serde_json::Value::Object(variables));
    Ok(GraphqlBody { asked, operation_name, variables, operation_id })
}

/// A GraphQL request from JSON. serde_json bounds the nesting at 128 by itself.
pub fn parse(body: &[u8]) -> Result<GraphqlBody, BadBody> {
    let malformed = |text: &str| BadBody::Malformed(text.to_owned());
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(malformed("Batches of operations are not taken; send one operation a request."));
    }
    let wire: Wire = serde_json::from_slice(body).map_err(|error| {
        BadBody::Malformed(format!(
            "The body is not a GraphQL request in JSON (line {}, column {}).",
            error.line(),
            error.column()
        ))
    })?;
    read_wire(wire)
}

/// A GraphQL request from JSON that was read before, as part of a message.
pub fn from_value(value: serde_json::Value) -> Result<GraphqlBody, BadBody> {
    let malformed = |_| BadBody::Malformed("This is not a GraphQL request.".to_owned());
    read_wire(serde_json::from_value(value).map_err(malformed)?)
}

fn operation_id(extensions: Option<&serde_json::Map<String, serde_json::Value>>) -> Option<String> {
    extensions?.get("operationId")?.as_str().map(str::to_owned)
}

fn read_wire(wire: Wire) -> Result<GraphqlBody, BadBody> {
    let malformed = |text: &str| BadBody::Malformed(text.to_owned());
    let asked = Asked::new(wire.query, wire.document_id.as_deref(), wire.extensions.as_ref()).map_err(malformed)?;
    let variables = Variables::from_json(serde_json::Value::Object(wire.variables.unwrap_or_default()));
    let operation_id = operation_id(wire.extensions.as_ref());
    Ok(GraphqlBody { asked, operation_name: wire.operation_name, variables, operation_id })
}
