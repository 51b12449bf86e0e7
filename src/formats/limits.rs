//! How large a file may be. A limit is a refusal with a reason, never a silent cut.

/// Bytes of one file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Data lines of a CSV file, or entries of a bank statement file.
pub const MAX_ROWS: usize = 200_000;
/// Columns of a CSV file.
pub const MAX_COLUMNS: usize = 200;
/// Characters of one field.
pub const MAX_FIELD_CHARS: usize = 10_000;
/// Problems that are reported one by one; the rest is counted.
pub const MAX_PROBLEMS: usize = 1_000;
/// How deep XML elements may nest. ISO 20022 needs about fifteen levels.
pub const MAX_XML_DEPTH: usize = 64;
/// Bytes of one XML start tag with its attributes.
pub const MAX_XML_TAG_BYTES: usize = 4 * 1024;
/// Elements of an XML document that is read as a whole. An invoice line needs about forty.
pub const MAX_XML_ELEMENTS: usize = 400_000;
