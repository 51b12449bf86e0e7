//! Text that a spreadsheet would run instead of showing: a file may carry an attack from one person's computer to another's.

/// Whether a spreadsheet would take the field for a formula. A plus or minus in front is harmless before a plain number
/// (`+49 30 1234`, `-5`, `+++123/4567/89012+++`) or alone (`-`), and suspicious before anything with letters.
pub(super) fn is_formula(cell: &str) -> bool {
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
    fn plain_text() {
        for cell in
            ["", " ", "a=b", "-", "+49 30 123-45", "-5.00", "+++123/4567/89012+++", "x@y.example", "Müller & Co", "'=1"]
        {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }
}
