//! The names that parts can have, and no others.

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The client's rows of that table, a JSON object a line.
    Table(String),
    /// Rows of the provider's own that the client's rows point at.
    Reference(String),
    /// The bytes of the file with that id.
    File(String),
}

/// The part of a table.
#[must_use]
pub fn table_part(table: &str) -> String {
    format!("tables/{table}.jsonl")
}

/// The part of rows that a client's rows point at.
#[must_use]
pub fn reference_part(table: &str) -> String {
    format!("references/{table}.jsonl")
}

/// The part of a file.
#[must_use]
pub fn file_part(id: &str) -> String {
    format!("files/{id}")
}

impl Kind {
    /// What a part of that name holds; none if no part is called so.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if name.len() > 100 {
            return None;
        }
        let (folder, rest) = name.split_once('/')?;
        match folder {
            "tables" => table(rest).map(Self::Table),
            "references" => table(rest).map(Self::Reference),
            "files" => is_id(rest).then(|| Self::File(rest.to_owned())),
            _ => None,
        }
    }
}

fn table(name: &str) -> Option<String> {
    let table = name.strip_suffix(".jsonl")?;
    let (schema, relation) = table.split_once('.')?;
    (is_word(schema) && is_word(relation)).then(|| table.to_owned())
}

fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_id(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_are_called_so_and_not_otherwise() {
        assert_eq!(Kind::of("tables/finance.account.jsonl"), Some(Kind::Table("finance.account".to_owned())));
        assert_eq!(Kind::of("references/practice.team.jsonl"), Some(Kind::Reference("practice.team".to_owned())));
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(Kind::of(&file_part(id)), Some(Kind::File(id.to_owned())));
        for wrong in [
            "",
            "manifest.json",
            "/etc/passwd",
            "tables/../../etc.passwd.jsonl",
            "files/../../../etc/passwd",
            "files/01890A5D-AC96-774B-BCCE-B302099A8057",
            "files/01890a5d-ac96-774b-bcce-b302099a8057/x",
            "tables/finance.account",
            "tables/Finance.account.jsonl",
            "tables/finance.account;drop.jsonl",
            "tables/.account.jsonl",
            "./tables/finance.account.jsonl",
            "tables\\finance.account.jsonl",
        ] {
            assert_eq!(Kind::of(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leads_out(name in "[a-z./\\\\0-9_-]{0,40}") {
            if Kind::of(&name).is_some() {
                prop_assert!(!name.contains("..") && !name.starts_with('/'));
            }
        }
    }
}
