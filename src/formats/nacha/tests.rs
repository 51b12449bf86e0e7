use proptest::prelude::*;

use super::*;
use crate::problem::{Problem, ProblemCode};

fn entry(transaction: Transaction, routing: &str, amount: &str, trace: u32) -> AchEntry {
    AchEntry {
        line: 0,
        transaction,
        routing: routing.into(),
        account: "744-5678-99".into(),
        amount: amount.parse().unwrap(),
        id: format!("V-{trace}"),
        name: "Best Co. #1".into(),
        discretionary: "S".into(),
        addenda: None,
        trace,
    }
}

fn batch(class: ServiceClass, entries: Vec<AchEntry>) -> AchBatch {
    AchBatch {
        class,
        kind: Kind::Corporate,
        company_name: "Harbor Supply".into(),
        discretionary: String::new(),
        company_id: "1987654321".into(),
        description: "VENDOR PAY".into(),
        descriptive_date: "MAR 26".into(),
        effective_on: NaiveDate::from_ymd_opt(2026, 3, 6),
        bank: "12104288".into(),
        entries,
    }
}

fn file(batches: Vec<AchBatch>) -> AchFile {
    AchFile {
        destination: "231380104".into(),
        origin: "121042882".into(),
        created_on: NaiveDate::from_ymd_opt(2026, 3, 5).unwrap(),
        created_at: NaiveTime::from_hms_opt(9, 5, 0),
        modifier: 'A',
        destination_name: "Federal Reserve Bank".into(),
        origin_name: "Harbor Bank".into(),
        reference: String::new(),
        batches,
    }
}

fn two_batches() -> AchFile {
    let mut told = entry(Transaction::CheckingCredit, "231380104", "1250.75", 2);
    told.addenda = Some("RMR*IV*INV-77**1250.75\\".into());
    let mut second = batch(
        ServiceClass::Mixed,
        vec![
            entry(Transaction::SavingsDebit, "121042882", "0.01", 7),
            entry(Transaction::CheckingCreditTrial, "091400606", "0", 9),
        ],
    );
    second.kind = Kind::Personal;
    let first = vec![entry(Transaction::CheckingCredit, "076401251", "99999999.99", 1), told];
    file(vec![batch(ServiceClass::Credits, first), second])
}

/// The same without the lines where entries stood.
fn without_lines(mut file: AchFile) -> AchFile {
    for entry in file.batches.iter_mut().flat_map(|batch| &mut batch.entries) {
        entry.line = 0;
    }
    file
}

#[test]
fn hash_controls_and_blocks_to_the_digit() {
    let text = two_batches().write().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() % 10, 0);
    assert!(lines.iter().all(|line| line.len() == 94), "{text}");
    let expected = [
        "101 231380104 1210428822603050905A094101Federal Reserve Bank   Harbor Bank                    ",
        "5220Harbor Supply                       1987654321CCDVENDOR PAYMAR 26260306   1121042880000001",
        "622076401251744-5678-99      9999999999V-1            Best Co. #1           S 0121042880000001",
        "622231380104744-5678-99      0000125075V-2            Best Co. #1           S 1121042880000002",
        "705RMR*IV*INV-77**1250.75\\                                                         00010000002",
        // 07640125 + 23138010
        "822000000300307781350000000000000100001250741987654321                         121042880000001",
        "5200Harbor Supply                       1987654321PPDVENDOR PAYMAR 26260306   1121042880000002",
        "637121042882744-5678-99      0000000001V-7            Best Co. #1           S 0121042880000007",
        "623091400606744-5678-99      0000000000V-9            Best Co. #1           S 0121042880000009",
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(*line, expected);
    }
    // 12104288 + 09140060
    assert_eq!(&lines[9][..44], "82000000020021244348000000000001000000000000");
    // 30778135 + 21244348; ten lines with the controls, and one more
    assert_eq!(&lines[10][..55], "9000002000002000000050052022483000000000001010000125074");
    assert_eq!(lines.len(), 20);
    assert!(lines[11..].iter().all(|line| line.bytes().all(|byte| byte == b'9')));
}

#[test]
fn what_is_written_is_read_with_its_lines() {
    let file = two_batches();
    let text = file.write().unwrap();
    let read = parse(text.as_bytes()).unwrap();
    let lines: Vec<u64> = read.batches.iter().flat_map(|batch| &batch.entries).map(|entry| entry.line).collect();
    assert_eq!(lines, [3, 4, 8, 9]);
    assert_eq!(without_lines(read), file);
    // with the line ends of Windows, without any, and without the spaces at the ends
    for other in [
        text.replace('\n', "\r\n"),
        text.replace('\n', ""),
        text.lines().map(|line| line.trim_end().to_owned() + "\n").collect(),
    ] {
        assert_eq!(without_lines(parse(other.as_bytes()).unwrap()), file);
    }
}

#[test]
fn every_control_is_held_against_the_lines() {
    let text = two_batches().write().unwrap();
    // the line, the first place of the field, what is written there, and what it is refused for
    for (line, from, digits, field, code) in [
        (1, 2, "02", "priority code", ProblemCode::Format),
        (1, 4, " 231380105", "immediate destination", ProblemCode::Format),
        (1, 24, "260230", "creation date", ProblemCode::Date),
        (1, 30, "2560", "creation time", ProblemCode::Date),
        (1, 35, "095", "record size", ProblemCode::Format),
        (2, 2, "201", "service class", ProblemCode::UnknownWord),
        (2, 51, "WEB", "standard entry class", ProblemCode::UnknownWord),
        (2, 79, "2", "originator status", ProblemCode::Format),
        (3, 2, "27", "transaction code", ProblemCode::TypeMismatch),
        (3, 2, "21", "transaction code", ProblemCode::UnknownWord),
        (3, 12, "2", "receiving bank", ProblemCode::Format),
        (3, 30, "x", "amount", ProblemCode::Number),
        (3, 30, "0000000000", "amount", ProblemCode::OutOfRange),
        (3, 80, "13", "trace number", ProblemCode::TypeMismatch),
        (4, 88, "0000001", "trace number", ProblemCode::OutOfRange),
        (4, 79, "0", "record type", ProblemCode::Format),
        (3, 79, "1", "addenda indicator", ProblemCode::Format),
        (5, 2, "98", "addenda type", ProblemCode::UnknownWord),
        (5, 88, "0000001", "trace number", ProblemCode::TypeMismatch),
        (6, 2, "225", "service class", ProblemCode::Format),
        (6, 5, "000002", "entry and addenda count", ProblemCode::OutOfBalance),
        (6, 11, "0030778136", "entry hash", ProblemCode::OutOfBalance),
        (6, 21, "000000000001", "total debits", ProblemCode::OutOfBalance),
        (6, 33, "010000125075", "total credits", ProblemCode::OutOfBalance),
        (6, 45, "2", "company identification", ProblemCode::TypeMismatch),
        (6, 94, "2", "batch number", ProblemCode::TypeMismatch),
        (7, 94, "1", "batch number", ProblemCode::OutOfRange),
        (11, 2, "000003", "batch count", ProblemCode::OutOfBalance),
        (11, 8, "000001", "block count", ProblemCode::OutOfBalance),
        (11, 14, "00000006", "entry and addenda count", ProblemCode::OutOfBalance),
        (11, 22, "0052022484", "entry hash", ProblemCode::OutOfBalance),
        (11, 32, "000000000002", "total debits", ProblemCode::OutOfBalance),
        (11, 44, "010000125073", "total credits", ProblemCode::OutOfBalance),
        (12, 5, "8", "record type", ProblemCode::Format),
    ] {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[line - 1].replace_range(from - 1..from - 1 + digits.len(), digits);
        let problems: Vec<Problem> = parse(lines.join("\n").as_bytes()).unwrap_err().into_iter().collect();
        let found = problems.iter().any(|problem| {
            // what is missing behind a line is found at the next one
            let near = [line as u64, line as u64 + 1].contains(&problem.line);
            near && problem.column.as_deref() == Some(field) && problem.code == code
        });
        assert!(found, "line {line}, place {from}: {problems:#?}");
    }
}

#[test]
fn files_that_are_none() {
    let code = |text: &str| {
        let problem = parse(text.as_bytes()).unwrap_err().into_iter().next().unwrap();
        (problem.line, problem.code)
    };
    let text = two_batches().write().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(code(""), (1, ProblemCode::Empty));
    assert_eq!(code("hello"), (1, ProblemCode::Format));
    assert_eq!(code("müll"), (1, ProblemCode::Encoding));
    assert_eq!(code(&"1".repeat(95)), (1, ProblemCode::Format));
    assert_eq!(code(&lines[..4].join("\n")), (4, ProblemCode::Format));
    assert_eq!(code(&lines[..15].join("\n")), (15, ProblemCode::Format));
    assert_eq!(code(&lines[1..].join("\n")), (1, ProblemCode::Format));
    assert_eq!(code(&[lines[0], lines[2]].join("\n")), (2, ProblemCode::Format));
    assert_eq!(code(&format!("{text}{}", lines[10])), (21, ProblemCode::Format));
}

#[test]
fn what_a_bank_would_refuse() {
    let wrong = |change: fn(&mut AchFile)| -> Vec<(String, ProblemCode)> {
        let mut file = two_batches();
        change(&mut file);
        file.write().unwrap_err().into_iter().map(|mistake| (mistake.at, mistake.code)).collect()
    };
    let one = |at: &str, code: ProblemCode| vec![(at.to_owned(), code)];
    assert_eq!(wrong(|file| file.batches.clear()), one("batches", ProblemCode::Required));
    assert_eq!(wrong(|file| file.destination = "231380105".into()), one("destination", ProblemCode::Format));
    assert_eq!(wrong(|file| file.modifier = 'a'), one("modifier", ProblemCode::Format));
    assert_eq!(
        wrong(|file| file.batches[0].company_name.clear()),
        one("batches.0.company_name", ProblemCode::Required)
    );
    assert_eq!(
        wrong(|file| file.batches[0].class = ServiceClass::Debits),
        [
            ("batches.0.entries.0.transaction".to_owned(), ProblemCode::TypeMismatch),
            ("batches.0.entries.1.transaction".to_owned(), ProblemCode::TypeMismatch)
        ]
    );
    assert_eq!(wrong(|file| file.batches[1].entries.clear()), one("batches.1.entries", ProblemCode::Required));
    let change = |what: fn(&mut AchEntry), field: &str, code: ProblemCode| {
        let mut file = two_batches();
        what(&mut file.batches[0].entries[1]);
        let found: Vec<(String, ProblemCode)> =
            file.write().unwrap_err().into_iter().map(|mistake| (mistake.at, mistake.code)).collect();
        assert_eq!(found, one(&format!("batches.0.entries.1.{field}"), code));
    };
    change(|one| one.routing = "231380105".into(), "routing", ProblemCode::Format);
    change(|one| one.routing = "23138010".into(), "routing", ProblemCode::Format);
    change(|one| one.account.clear(), "account", ProblemCode::Required);
    change(|one| one.account = "1".repeat(18), "account", ProblemCode::FieldTooLong);
    change(|one| one.account = "ä1".into(), "account", ProblemCode::Format);
    change(|one| one.amount = Decimal::ZERO, "amount", ProblemCode::OutOfRange);
    change(|one| one.amount = Decimal::new(-1, 2), "amount", ProblemCode::OutOfRange);
    change(|one| one.amount = Decimal::new(1, 3), "amount", ProblemCode::TooManyDecimals);
    change(|one| one.amount = Decimal::from(100_000_000), "amount", ProblemCode::OutOfRange);
    change(|one| one.transaction = Transaction::SavingsCreditTrial, "amount", ProblemCode::OutOfRange);
    change(|one| one.addenda = Some(String::new()), "addenda", ProblemCode::Required);
    change(|one| one.addenda = Some("x".repeat(81)), "addenda", ProblemCode::FieldTooLong);
    change(|one| one.trace = 1, "trace", ProblemCode::OutOfRange);
    change(|one| one.trace = 10_000_000, "trace", ProblemCode::OutOfRange);
}

#[test]
fn names_are_put_into_plain_letters() {
    let mut file = two_batches();
    file.batches[0].entries[0].name = "Zoë  Müller-Lüdenscheidt & Söhne".into();
    let read = parse(file.write().unwrap().as_bytes()).unwrap();
    assert_eq!(read.batches[0].entries[0].name, "Zoe Muller-Ludenscheid");
}

#[test]
fn the_hash_keeps_its_last_ten_digits() {
    // 99999999 × 101 has eleven digits
    let sums = (0..101).try_fold(Sums::default(), |sums, _| sums.plus(99_999_999, 1, true, false)).unwrap();
    assert_eq!(sums.short_hash(), 10_099_999_899 % 10_000_000_000);
    assert_eq!(sums.plus(0, 999_999_999_999, true, false), None);
}

fn any_entry() -> impl Strategy<Value = (usize, i64, bool, Option<String>)> {
    (0_usize..Transaction::ALL.len(), 1_i64..10_000_000_000, any::<bool>(), prop::option::of("[!-~][ -~]{0,78}[!-~]"))
}

proptest! {
    #[test]
    fn what_is_written_is_read(entries in prop::collection::vec(any_entry(), 1..30), cut in 1_usize..30) {
        let entries: Vec<AchEntry> = entries
            .into_iter()
            .zip(1..)
            .map(|((transaction, cents, first, addenda), trace)| {
                let transaction = Transaction::ALL[transaction];
                let routing = if first { "231380104" } else { "121042882" };
                let mut one = entry(transaction, routing, "0", trace);
                one.amount = if transaction.is_trial() { Decimal::ZERO } else { Decimal::new(cents, 2).normalize() };
                one.addenda = addenda.map(|words| crate::text::one_line(&words));
                one
            })
            .collect();
        let (first, second) = entries.split_at(cut.min(entries.len()));
        let mut batches = vec![batch(ServiceClass::Mixed, first.to_vec())];
        if !second.is_empty() {
            batches.push(batch(ServiceClass::Mixed, second.to_vec()));
        }
        let file = file(batches);
        let text = file.write().unwrap();
        prop_assert_eq!(text.lines().count() % 10, 0);
        prop_assert!(text.lines().all(|line| line.len() == 94));
        prop_assert_eq!(without_lines(parse(text.as_bytes()).unwrap()), file);
    }

    #[test]
    fn a_changed_digit_is_noticed_or_not_money(line in 0_usize..11, place in 0_usize..94, digit in 0_u8..10) {
        let text = two_batches().write().unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[line].replace_range(place..=place, &digit.to_string());
        if let Ok(read) = parse(lines.join("\n").as_bytes()) {
            let money = |file: &AchFile| -> Vec<(Transaction, String, Decimal)> {
                let entries = file.batches.iter().flat_map(|batch| &batch.entries);
                entries.map(|entry| (entry.transaction, entry.routing.clone(), entry.amount)).collect()
            };
            let same: Vec<(String, Decimal)> = money(&read).into_iter().map(|(_, bank, amount)| (bank, amount)).collect();
            let expected: Vec<(String, Decimal)> =
                money(&two_batches()).into_iter().map(|(_, bank, amount)| (bank, amount)).collect();
            prop_assert_eq!(same, expected);
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(noise in "[ -~\n]{0,400}", at in 0_usize..900) {
        let mut text = two_batches().write().unwrap();
        text.insert_str(at, &noise);
        let _ = parse(text.as_bytes());
        let _ = parse(noise.as_bytes());
    }

    #[test]
    fn whatever_is_asked_is_written_or_refused(words in "\\PC{0,90}", size in any::<i64>(), scale in 0_u32..28) {
        let mut file = two_batches();
        file.origin_name.clone_from(&words);
        let one = &mut file.batches[0].entries[0];
        one.amount = Decimal::new(size, scale);
        one.name.clone_from(&words);
        one.addenda = Some(words.clone());
        if size % 2 == 0 {
            one.account = words;
        }
        if let Ok(text) = file.write() {
            prop_assert!(parse(text.as_bytes()).is_ok());
        }
    }
}
