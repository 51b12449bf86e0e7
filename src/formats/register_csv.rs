//! Records of a register as CSV: which columns there are, and what stands in them, the register says. Lines that cannot be read
//! are left out and listed; what values mean is for the caller.

use crate::problem::{Problem, ProblemCode, Problems};
use crate::table::{Column, Dialect, Layout, Reported, Row, Table};
use crate::text;

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// As text on one line.
    Text,
    /// As a number of at most so many decimals.
    Number(usize),
    /// As a day.
    Date,
}

/// A column that records have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// How it is written.
    pub writes: Writes,
    /// Whether the file has to have it.
    pub required: bool,
}

/// A line that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Line of the file.
    pub line: u64,
    /// What stands in the columns, in their order: numbers with a point, days as `YYYY-MM-DD`; nothing where nothing stands.
    pub cells: Vec<Option<String>>,
}

/// A file that could be read, at least in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The lines that could be.
    pub lines: Vec<Line>,
    /// How many lines there are, those that could not be read included.
    pub total: usize,
    /// What is wrong with those.
    pub problems: Problems,
}

/// The lines of a file. Refused as a whole: a file without these columns, or one that ends in the middle of a line.
pub fn parse(file: &[u8], dialect: &Dialect, wanted: &[Wanted]) -> Result<Read, Problems> {
    let text = text::decode(file, dialect.encoding)?;
    let columns: Vec<Column<'_>> = wanted
        .iter()
        .map(|one| Column { name: &one.name, required: one.required, amounts: matches!(one.writes, Writes::Number(_)) })
        .collect();
    let mut problems = Problems::new();
    let table = Table::sift(&text, Layout::exactly(&columns), dialect, &mut problems)?;
    if table.broken {
        return Err(problems);
    }
    let lines = table.each(&mut problems, |row| line(row, wanted));
    if table.lines() == 0 {
        return Err(Problem::new(1, ProblemCode::Empty, "the file has no record below its header").into());
    }
    Ok(Read { total: table.lines(), lines, problems })
}

fn line(row: &mut Row<'_, '_>, wanted: &[Wanted]) -> Result<Line, Reported> {
    // All that is wrong with a line is told at once.
    let cells: Vec<Result<Option<String>, Reported>> = wanted
        .iter()
        .map(|one| match one.writes {
            Writes::Text => row.text(&one.name),
            Writes::Number(decimals) => {
                row.number(&one.name, decimals).map(|number| number.map(|number| number.normalize().to_string()))
            }
            Writes::Date => row.date(&one.name).map(|day| day.map(|day| day.to_string())),
        })
        .collect();
    Ok(Line { line: row.line, cells: cells.into_iter().collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<Wanted> {
        [("name", Writes::Text, true), ("amount", Writes::Number(8), false), ("day", Writes::Date, false)]
            .map(|(name, writes, required)| Wanted { name: name.to_owned(), writes, required })
            .to_vec()
    }

    #[test]
    fn good_lines_are_read_and_bad_ones_told_by_line_and_column() {
        let file =
            b"name,amount,day\nAnna,1.23456789,2026-01-31\nx,y,31.1.2026\nBerta,,\ntoo,many,fields,here\n=1,2,\n";
        let read = parse(file, &Dialect::default(), &wanted()).unwrap();
        let texts = |cells: &[Option<&str>]| cells.iter().map(|one| one.map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(read.lines.len(), 2);
        assert_eq!(
            read.lines[0],
            Line { line: 2, cells: texts(&[Some("Anna"), Some("1.23456789"), Some("2026-01-31")]) }
        );
        assert_eq!(read.lines[1].cells, texts(&[Some("Berta"), None, None]));
        let mut told: Vec<(u64, Option<&str>, ProblemCode)> =
            read.problems.iter().map(|one| (one.line, one.column.as_deref(), one.code)).collect();
        told.sort_by_key(|one| one.0);
        assert_eq!(
            told,
            [
                (3, Some("amount"), ProblemCode::Number),
                (3, Some("day"), ProblemCode::Date),
                (5, None, ProblemCode::RaggedRow),
                (6, Some("name"), ProblemCode::Formula)
            ]
        );
        assert_eq!(read.total, 5);
    }

    #[test]
    fn what_is_no_such_file_is_refused_as_a_whole() {
        for file in [&b""[..], b"amount\n1\n", b"name,strange\na,b\n", b"name\n", b"name\n\"a\n"] {
            assert!(parse(file, &Dialect::default(), &wanted()).is_err(), "{file:?}");
        }
    }
}
