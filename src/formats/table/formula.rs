//! Text that a spreadsheet would run instead of showing: a file may carry an attack from one person's computer to another's.

/// Whether a spreadsheet would take the field for a formula. A plus or minus in front is harmless before a plain number
/// (`+49 30 1234`, `-5`, `+++123/4567/89012+++`) or alone (`-`), and suspicious before anything with letters.
pub(crate) fn is_formula(cell: &str) -> bool {
    let text = cell.trim();
    if text.is_empty() {
        return false;
    }
    // a leading tab or line end is dropped by some spreadsheets, which then run what follows
    if cell.trim_start_matches(' ').starts_with(['\t', '\r', '\n']) {
        return true;
    }
    if text.starts_with(['=', '@', '\u{FF1D}', '\u{FF20}']) {
        return true;
    }
    text.starts_with(['+', '-', '\u{FF0B}', '\u{FF0D}']) && !text.chars().all(is_plain)
}

/// Whether a text is written behind an apostrophe, so that a spreadsheet shows it: whatever begins as a formula may, unless
/// all of it is a number, and what begins with an apostrophe, so that the one put before it can be told from its own.
pub(crate) fn is_shielded(text: &str) -> bool {
    let begins = |characters: &[char]| text.trim_start().starts_with(characters);
    let risky = text.starts_with(['\t', '\r', '\n'])
        || begins(&['=', '@', '+', '-', '\u{FF1D}', '\u{FF20}', '\u{FF0B}', '\u{FF0D}']);
    text.starts_with('\'') || (risky && !is_number(text))
}

/// The text behind the apostrophe of a field that was written so.
pub(crate) fn unshielded(field: &str) -> Option<&str> {
    field.strip_prefix('\'').filter(|text| is_shielded(text))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_plain(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '+' | '-' | ' ' | '\u{A0}' | '.' | ',' | '/' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas() {
        for cell in [
            "=1+1",
            " =A1",
            "@SUM(A1)",
            "+cmd|' /C calc'!A0",
            "-2+3+cmd|' /C calc'!A0",
            "\t=1",
            "\rx",
            "-A1",
            "+HYPERLINK(\"x\")",
            "＝1",
        ] {
            assert!(is_formula(cell), "{cell:?}");
        }
    }

    #[test]
    fn what_could_run_is_shielded_and_told_from_what_was_there() {
        for text in [
            "=1+1", "+", "-", "@", "\t", "\r", "+49 30 1", "-2+3", "\t=1", "'", "'=1", "''", " =1", "＝1", "--1",
            "-1.", "+1e5",
        ] {
            assert!(is_shielded(text), "{text:?}");
            assert_eq!(unshielded(&format!("'{text}")), Some(text));
        }
        for text in ["", "-5", "-5.00", "+7", "5", "a=b", "s-Hertogenbosch"] {
            assert!(!is_shielded(text), "{text:?}");
            assert_eq!(unshielded(&format!("'{text}")), None);
        }
    }

    #[test]
    fn plain_text() {
        for cell in
            ["", " ", "a=b", "-", "+49 30 123-45", "-5.00", "+++123/4567/89012+++", "x@y.example", "Müller & Co", "'=1"]
        {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }
}
