//! The proof that what was loaded is what the archive holds: row by row, and by the figures of its manifest.

use std::collections::BTreeMap;

use backoffice_archive::Manifest;
use diesel::sql_types::Jsonb;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::super::sums::{self, Rows};
use super::tables::Table;
use super::{LoadError, doing, refuse};
use crate::platform::blocking::Blocking;

/// What is remembered of each table's rows.
pub(super) type Sums = BTreeMap<String, Rows>;

/// Reads every table as an archive is read, and compares. Where a newer schema has added columns, their number only.
pub(super) fn rows(
    connection: &mut Blocking,
    tables: &[Table],
    sums: &Sums,
    same_schema: bool,
) -> Result<(), LoadError> {
    for table in tables {
        let found = sums::of(connection, &table.name)?;
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
