//! The proof that what was loaded is what the archive holds: row by row, and by the figures of its manifest.

use std::collections::BTreeMap;

use backoffice_archive::Manifest;
use diesel::sql_types::{Array, Jsonb, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};

use super::still::Table;
use super::{LoadError, doing, refuse};
use crate::database::Blocking;

/// How many rows there are, and the sum of their hashes: the same for the same rows, in whatever order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    count: u64,
    sum: u128,
}

/// What is remembered of each table's rows.
pub(super) type Sums = BTreeMap<String, Rows>;

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

/// Reads every table as an archive is read, and compares. Where a newer schema has added columns, their number only.
pub(super) fn rows(
    connection: &mut Blocking,
    tables: &[Table],
    sums: &Sums,
    same_schema: bool,
) -> Result<(), LoadError> {
    for table in tables {
        let (mut found, mut after) = (Rows::default(), None::<Vec<String>>);
        loop {
            let page: Vec<Row> = sql_query("SELECT p.line, p.place FROM core.archive_page($1, $2, 1000, 4194304) p")
                .bind::<Text, _>(&table.name)
                .bind::<Nullable<Array<Text>>, _>(after.take())
                .load(connection)
                .map_err(doing(&table.name))?;
            for row in &page {
                found.add(&row.line);
            }
            match page.into_iter().last() {
                Some(last) => after = Some(last.place),
                None => break,
            }
        }
        let told = sums.get(&table.name).copied().unwrap_or_default();
        if found.count != told.count || (same_schema && found != told) {
            return refuse(format!(
                "Nothing was loaded: {} has {} rows here and {} in the archive, or they are not the same.",
                table.name, found.count, told.count
            ));
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Totals {
    #[diesel(sql_type = Jsonb)]
    totals: serde_json::Value,
}

/// Compares the figures with the manifest's.
pub(super) fn totals(connection: &mut Blocking, manifest: &Manifest) -> Result<(), LoadError> {
    let found: Totals = sql_query("SELECT core.archive_totals() AS totals")
        .get_result(connection)
        .map_err(doing("adding up what was loaded"))?;
    let Some(told) = manifest.totals.as_object() else { return refuse("The archive has no control totals.") };
    for (name, figure) in told {
        if found.totals.get(name) != Some(figure) {
            return refuse(format!("Nothing was loaded: the control total {name} is not what the archive says."));
        }
    }
    Ok(())
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
