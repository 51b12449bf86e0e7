use super::*;
use crate::bank_statement::AccountId;

fn facts() -> StatementFacts {
    StatementFacts {
        account: AccountId::default(),
        currency: "USD".into(),
        opening: 1_000.into(),
        closing: "1020.50".parse().unwrap(),
    }
}

fn american() -> Written {
    Written { date_format: DateFormat::MonthDayYearSlashes, ..Written::default() }
}

const FILE: &str = "!Option:AutoSwitch\r\n!Account\r\nNChecking\r\nTBank\r\n^\r\n!Type:Bank\r\n\
D1/ 5'26\r\nU-80.00\r\nT-80.00\r\nCX\r\nPRent & Co\r\nMJanuary\r\nN101\r\nLHousing\r\n^\r\n\
D1/31/2026\r\nT1,100.50\r\nPA customer\r\nSOffice\r\n$1,100.50\r\n^\r\nD12/31/99\r\nT-1,000.00\r\n^\r\n";

#[test]
fn movements_between_the_balances_that_are_given() {
    let statement = parse(FILE.as_bytes(), &american(), facts()).unwrap();
    assert_eq!((statement.lines.len(), statement.tie()), (3, Ok(())));
    let rent = &statement.lines[0];
    assert_eq!((rent.booked_on.to_string(), rent.amount.to_string()), ("2026-01-05".into(), "-80".into()));
    assert_eq!((rent.counterparty.as_deref(), rent.reference.as_deref()), (Some("Rent & Co"), Some("January")));
    assert_eq!((rent.end_to_end_id.as_deref(), rent.kind.as_deref()), (Some("101"), Some("Housing")));
    assert_eq!(statement.lines[2].booked_on.to_string(), "1999-12-31");
    // The file's own numbers show which mark it uses.
    assert_eq!(statement.lines[1].amount.to_string(), "1100.5");
}

#[test]
fn what_is_none_says_why() {
    let first = |file: &str| {
        let problem = parse(file.as_bytes(), &american(), facts()).unwrap_err().into_iter().next().unwrap();
        (problem.line, problem.code)
    };
    assert_eq!(first(""), (1, ProblemCode::Format));
    assert_eq!(first("!Type:Invst\nD1/1/2026\n^\n"), (1, ProblemCode::Format));
    assert_eq!(first("!Type:Bank\nD31/1/2026\nT1\n^\n"), (2, ProblemCode::Date));
    assert_eq!(first("!Type:Bank\nD1/31/2026\nTx\n^\n"), (3, ProblemCode::Number));
    assert_eq!(first("!Type:Bank\nD1/31/2026\nT1,234\n^\n"), (3, ProblemCode::AmbiguousNumber));
    assert_eq!(first("!Type:Bank\nD1/31/2026\n^\n"), (2, ProblemCode::Required));
    assert_eq!(first("!Type:Bank\nT1\n^\n"), (2, ProblemCode::Required));
    assert_eq!(first("!Type:Bank\nD1/31/2026\nZ\nT1\n^\n"), (3, ProblemCode::Format));
    assert_eq!(first("!Type:Bank\n!Type:Cash\n"), (2, ProblemCode::Format));
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(file in "[!DTPMN^0-9/'., a-z:\n]{0,300}") {
        let _ = parse(file.as_bytes(), &american(), facts());
        let _ = parse(format!("!Type:Bank\n{file}").as_bytes(), &american(), facts());
    }
}
