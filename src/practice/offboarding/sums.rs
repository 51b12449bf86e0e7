//! What is remembered of a table's rows, so that they can be compared with others, or a certificate can name them.

use diesel::sql_types::{Array, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};

use super::still::{Undone, doing};
use crate::platform::blocking::Blocking;

/// How many rows there are, and the sum of their hashes: the same for the same rows, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub count: u64,
    pub sum: u128,
}

impl Rows {
    /// Adds a row.
    pub fn add(&mut self, line: &str) {
        let hash = Sha256::digest(line.as_bytes());
        let half = hash.first_chunk::<16>().copied().unwrap_or_default();
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    line: String,
    #[diesel(sql_type = Array<Text>)]
    place: Vec<String>,
}

/// Reads the rows of this transaction's client in a table as an archive holds them.
pub(super) fn of(connection: &mut Blocking, table: &str) -> Result<Rows, Undone> {
    let (mut found, mut after) = (Rows::default(), None::<Vec<String>>);
    loop {
        let page: Vec<Row> = sql_query("SELECT p.line, p.place FROM core.archive_page($1, $2, 1000, 4194304) p")
            .bind::<Text, _>(table)
            .bind::<Nullable<Array<Text>>, _>(after.take())
            .load(connection)
            .map_err(doing(table))?;
        for row in &page {
            found.add(&row.line);
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last.place),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rows_in_another_order_are_the_same() {
        let of = |lines: &[&str]| {
            let mut rows = Rows::default();
            lines.iter().for_each(|line| rows.add(line));
            rows
        };
        assert_eq!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "c"]));
        assert_ne!(of(&["a", "b"]), of(&["a", "b", "b"]));
    }
}
