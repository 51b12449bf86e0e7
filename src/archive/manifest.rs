//! What an archive says of itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What `format` says.
pub const FORMAT: &str = "backoffice-client-archive";
/// What `formatVersion` says.
pub const FORMAT_VERSION: u32 = 1;

/// What an archive is of, its parts and what has to come out when it is loaded.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// The version of this description.
    pub format_version: u32,
    /// The program that wrote it.
    pub program: String,
    /// When the snapshot was taken, in RFC 3339.
    pub taken_at: String,
    /// The last step of the schema.
    pub schema_version: String,
    /// All steps of the schema that had been run.
    pub schema_steps: Vec<String>,
    /// Whose archive it is.
    pub client: Client,
    /// The newest link of the client's audit chain.
    pub audit_head: Option<Head>,
    /// The parts, in their order.
    pub parts: Vec<Part>,
    /// Tables that are not in it, and why.
    pub left_out: Vec<LeftOut>,
    /// Files whose bytes the store did not have.
    pub missing_files: Vec<MissingFile>,
    /// Figures that have to be the same again once it is loaded.
    pub totals: Value,
}

/// A client, as somebody who looks at the archive has to know it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its country.
    pub country: String,
    /// The currency of its books.
    pub currency: String,
    /// Its time zone.
    pub time_zone: String,
}

/// A link of an audit chain.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// Its place.
    pub seq: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

/// A part of the archive.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Its name in the archive.
    pub name: String,
    /// How many lines it has; none of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Columns that hold secrets, which stayed where they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

/// A table that is not in the archive.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftOut {
    /// Its name.
    pub table: String,
    /// Why.
    pub reason: String,
}

/// A file that the client has by its row, but not in the store.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MissingFile {
    /// Its id.
    pub id: String,
    /// The SHA-256 that its bytes had.
    pub sha256: String,
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

impl Manifest {
    /// The bytes of `manifest.json`.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// How many rows of the client are in it.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.parts.iter().filter(|part| part.name.starts_with("tables/")).filter_map(|part| part.rows).sum()
    }

    /// How many files.
    #[must_use]
    pub fn files(&self) -> usize {
        self.parts.iter().filter(|part| part.name.starts_with("files/")).count()
    }
}
