use super::*;

const COLUMNS: &[Column<'_>] = &[needed("name"), optional("note"), Column { required: false, ..amounts("amount") }];

fn read(text: &str, dialect: &Dialect) -> Result<Vec<(String, Option<Decimal>)>, Problems> {
    let table = Table::read(text, Layout::exactly(COLUMNS), dialect)?;
    let mut problems = Problems::new();
    let rows = table.each(&mut problems, |row| {
        let (name, note, amount) = (row.required("name"), row.text("note"), row.decimal("amount"));
        note?;
        Ok((name?, amount?))
    });
    problems.or(rows)
}

fn codes(text: &str) -> Vec<(u64, Option<String>, ProblemCode)> {
    let problems = read(text, &Dialect::default()).unwrap_err();
    problems.into_iter().map(|problem| (problem.line, problem.column, problem.code)).collect()
}

#[test]
fn each_separator_is_found() {
    for separator in [',', ';', '\t'] {
        let text = format!("Name{separator} NOTE {separator}amount\nA{separator}{separator}1\n");
        assert_eq!(read(&text, &Dialect::default()).unwrap(), [("A".into(), Some(Decimal::ONE))]);
    }
    assert_eq!(read("name\nA\n", &Dialect::default()).unwrap(), [("A".into(), None)]);
    let odd = Dialect { separator: Some('|'), ..Dialect::default() };
    assert!(read("name|note\n", &odd).is_err());
}

#[test]
fn the_file_tells_its_decimal_mark() {
    let amounts = |text: &str| -> Vec<String> {
        read(text, &Dialect::default())
            .unwrap()
            .into_iter()
            .filter_map(|(_, amount)| amount)
            .map(|amount| amount.to_string())
            .collect()
    };
    assert_eq!(amounts("name;amount\nA;1.234\nB;5,5\n"), ["1234", "5.5"]);
    assert_eq!(amounts("name;amount\nA;1,234\nB;5.5\n"), ["1234", "5.5"]);
    assert_eq!(codes("name;amount\nA;1,234\n"), [(2, Some("amount".into()), ProblemCode::AmbiguousNumber)]);
    assert_eq!(codes("name;amount\nA;5,5\nB;5.5\n"), [(3, Some("amount".into()), ProblemCode::Number)]);
}

#[test]
fn lines_above_the_header() {
    let dialect = Dialect { skip_lines: 2, ..Dialect::default() };
    assert_eq!(read("My bank;;\r\n\r\nname;note\r\nA;b\r\n", &dialect).unwrap().len(), 1);
    let problems = read("My bank\n\nname;note\nA;b\n;x\n", &dialect).unwrap_err();
    assert_eq!(problems.iter().next().map(|problem| problem.line), Some(5));
}

#[test]
fn the_header_is_checked() {
    assert_eq!(
        codes("note,colour,Note,\n"),
        [
            (1, Some("colour".into()), ProblemCode::UnknownColumn),
            (1, Some("Note".into()), ProblemCode::DuplicateColumn),
            (1, Some(String::new()), ProblemCode::UnknownColumn),
            (1, Some("name".into()), ProblemCode::MissingColumn),
        ]
    );
    assert_eq!(codes(""), [(1, None, ProblemCode::Empty)]);
}

#[test]
fn each_bad_line_is_named() {
    assert_eq!(
        codes("name,note,amount\nA,,1\nB,x\nC,\"y\nz\",,\nD,,\"2\n"),
        [(3, None, ProblemCode::RaggedRow), (4, None, ProblemCode::RaggedRow), (6, None, ProblemCode::Quote)]
    );
    assert_eq!(
        codes("name,note,amount\n,=1+1,NaN\nB,,=2\n"),
        [
            (2, Some("name".into()), ProblemCode::Required),
            (2, Some("note".into()), ProblemCode::Formula),
            (2, Some("amount".into()), ProblemCode::Number),
            (3, Some("amount".into()), ProblemCode::Formula),
        ]
    );
}

#[test]
fn a_table_ends_somewhere() {
    let text = format!("name\n{}", "A\n".repeat(MAX_ROWS + 1));
    assert_eq!(codes(&text).iter().map(|(_, _, code)| *code).collect::<Vec<_>>(), [ProblemCode::TooLarge]);
}
