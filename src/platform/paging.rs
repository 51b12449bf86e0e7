//! Lists: Relay connections with `nodes`, keyset cursors, at most 100 at a time.
//!
//! A cursor holds the ordering value of a row and its id, so a page costs the same at any depth and rows that come or
//! go in between neither repeat nor hide others.

use async_graphql::{InputObject, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::error::{Error, Result};

/// Page size when none is asked for.
pub const DEFAULT_FIRST: i32 = 25;
/// The largest page.
pub const MAX_FIRST: i32 = 100;

/// Which part of a list: `first` rows `after` a cursor.
#[derive(InputObject, Clone, Debug, Default)]
pub struct Page {
    /// How many rows, 1 to 100; 25 if not said.
    pub first: Option<i32>,
    /// Only rows behind this cursor.
    pub after: Option<String>,
}

/// What surrounds a page.
#[derive(SimpleObject, Clone, Debug)]
pub struct PageInfo {
    /// Whether more rows follow.
    pub has_next_page: bool,
    /// Whether a cursor was given, so that rows lie before this page.
    pub has_previous_page: bool,
    /// Cursor of the first row.
    pub start_cursor: Option<String>,
    /// Cursor of the last row: give it as `after` for the next page.
    pub end_cursor: Option<String>,
}

/// A page as a query uses it.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Rows to show.
    pub first: usize,
    /// The last row of the page before: ordering value and id.
    pub after: Option<(String, Uuid)>,
}

impl Slice {
    /// Checks what the caller asked for.
    pub fn new(first: Option<i32>, after: Option<&str>) -> Result<Self> {
        let first = first.unwrap_or(DEFAULT_FIRST);
        if !(1..=MAX_FIRST).contains(&first) {
            return Err(Error::BadInput(format!("`first` has to be between 1 and {MAX_FIRST}.")));
        }
        let after = after.map(|cursor| {
            decode(cursor).ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
        });
        Ok(Self { first: usize::try_from(first).unwrap_or_default(), after: after.transpose()? })
    }

    /// How many rows to fetch: one more than shown, to know whether more follow.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::try_from(self.first).unwrap_or_default().saturating_add(1)
    }

    /// Cuts the extra row off and says what surrounds the page.
    pub fn cut<T>(&self, rows: &mut Vec<T>, cursor: impl Fn(&T) -> String) -> PageInfo {
        let has_next_page = rows.len() > self.first;
        rows.truncate(self.first);
        PageInfo {
            has_next_page,
            has_previous_page: self.after.is_some(),
            start_cursor: rows.first().map(&cursor),
            end_cursor: rows.last().map(&cursor),
        }
    }
}

/// The cursor of a row.
#[must_use]
pub fn encode(value: &str, id: Uuid) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{value}", id.simple()))
}

fn decode(cursor: &str) -> Option<(String, Uuid)> {
    if cursor.len() > 1024 {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (id, value) = text.split_once(':')?;
    Some((value.to_owned(), Uuid::try_parse(id).ok()?))
}

/// Declares a connection over a row type: `connection!(InvoiceConnection, InvoiceEdge, Invoice);`.
#[macro_export]
macro_rules! connection {
    ($(#[doc = $doc:literal])+ $connection:ident, $edge:ident, $node:ty) => {
        $(#[doc = $doc])+
        #[derive(async_graphql::SimpleObject)]
        pub struct $connection {
            /// The rows of this page, in order.
            pub nodes: Vec<$node>,
            /// The same rows with a cursor each.
            pub edges: Vec<$edge>,
            /// What surrounds this page.
            pub page_info: $crate::platform::paging::PageInfo,
            /// How many rows the whole list has under this filter. Counted only when asked for.
            pub total_count: Option<i64>,
        }

        /// A row and its place in the list.
        #[derive(async_graphql::SimpleObject)]
        pub struct $edge {
            /// The row.
            pub node: $node,
            /// Its place: give it as `after` to continue behind it.
            pub cursor: String,
        }

        impl $connection {
            /// A page from rows fetched with one row more than asked for. `edges` are built only if they are selected.
            pub fn new(
                ctx: &async_graphql::Context<'_>,
                slice: &$crate::platform::paging::Slice,
                mut rows: Vec<$node>,
                cursor: impl Fn(&$node) -> String,
                total_count: Option<i64>,
            ) -> Self {
                let page_info = slice.cut(&mut rows, &cursor);
                let look = ctx.look_ahead();
                let edges = if look.field("edges").exists() {
                    rows.iter().map(|node| $edge { node: node.clone(), cursor: cursor(node) }).collect()
                } else {
                    Vec::new()
                };
                let nodes = if look.field("nodes").exists() { rows } else { Vec::new() };
                Self { nodes, edges, page_info, total_count }
            }
        }
    };
}
