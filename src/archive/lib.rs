//! The archive of one client: a tar of plain files, the manifest last. No database, no compression: what is read is never
//! more than what lies there, so no archive can swell while it is read.
//!
//! Parts are `tables/SCHEMA.TABLE.jsonl`, `references/SCHEMA.TABLE.jsonl` and `files/ID`, then `manifest.json` and
//! `manifest.sha256`. Every other name is refused, so there is no path that could lead out of an archive.

mod manifest;
mod name;
mod tar;
mod verify;

pub use manifest::{Client, FORMAT, FORMAT_VERSION, Head, LeftOut, Manifest, MissingFile, Part, hex, sha256};
pub use name::{Kind, file_part, reference_part, table_part};
pub use tar::{BLOCK, END, Entries, header, padding};
pub use verify::{MANIFEST, MANIFEST_SUM, MAX_MANIFEST, verify};

/// Why an archive is refused; a sentence for whoever wants to load it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Self(format!("The archive cannot be read: {error}."))
    }
}

/// Refuses with that sentence.
pub(crate) fn refuse<T>(sentence: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(sentence.into()))
}
