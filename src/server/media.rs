//! Media types, as GraphQL over HTTP asks for them.

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

/// What the answer is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status tells whether the request was understood.
    GraphqlResponse,
    /// `application/json`: for old clients; a well-formed request is always answered 200.
    Json,
}

impl Media {
    /// The header's value.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// What the caller accepts; nothing if neither. Who does not say, or takes anything, is an old client: whoever knows
    /// the new type names it.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        if !headers.contains_key(ACCEPT) {
            return Some(Self::Json);
        }
        // The header may come in several lines; together they are one list.
        for part in headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let part = part.to_ascii_lowercase();
            let mut pieces = part.split(';').map(str::trim);
            let media = match pieces.next().unwrap_or_default() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            let (mut quality, mut charset_fits) = (1.0, true);
            for piece in pieces {
                match piece.split_once('=') {
                    Some(("q", value)) => quality = value.parse::<f32>().unwrap_or(0.0),
                    Some(("charset", value)) => charset_fits = value.trim_matches('"') == "utf-8",
                    _ => {}
                }
            }
            if charset_fits && quality > 0.0 && best.is_none_or(|(other, _)| quality > other) {
                best = Some((quality, media));
            }
        }
        best.map(|(_, media)| media)
    }
}

/// Whether the body is JSON in UTF-8. Only this type: it makes a browser ask first (CORS), so a foreign page cannot
/// post with the user's network position.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut pieces = value.split(';').map(|piece| piece.trim().to_ascii_lowercase());
    pieces.next().as_deref() == Some("application/json")
        && pieces
            .all(|piece| !piece.starts_with("charset=") || piece == "charset=utf-8" || piece == "charset=\"utf-8\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn accepted(value: &'static str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(value));
        Media::accepted(&headers)
    }

    #[test]
    fn the_better_accepted_type_wins() {
        assert_eq!(accepted("application/json"), Some(Media::Json));
        assert_eq!(accepted("application/json;q=0.5, application/graphql-response+json"), Some(Media::GraphqlResponse));
        assert_eq!(accepted("*/*"), Some(Media::Json));
        assert_eq!(accepted("application/graphql-response+json, */*;q=0.1"), Some(Media::GraphqlResponse));
        assert_eq!(accepted("text/html"), None);
        assert_eq!(accepted("application/json; charset=latin1"), None);
        assert_eq!(accepted("application/json; charset=\"UTF-8\""), Some(Media::Json));
        assert_eq!(accepted("application/graphql-response+json;q=0"), None);
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
        let mut lines = HeaderMap::new();
        lines.append(ACCEPT, HeaderValue::from_static("text/html"));
        lines.append(ACCEPT, HeaderValue::from_static("application/json"));
        assert_eq!(Media::accepted(&lines), Some(Media::Json));
    }
}
