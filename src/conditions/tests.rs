//! The language against the specification's own examples, and against those who would have it never end.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn shape() -> Shape {
    let record = || {
        Shape::fields([
            ("title", Shape::Single),
            ("total", Shape::Single),
            ("dueOn", Shape::Single),
            ("tags", Shape::Anything),
        ])
    };
    Shape::fields([("record", record()), ("before", record()), ("today", Shape::Single), ("big", Shape::Anything)])
}

fn names() -> Names {
    let record = Value::map([
        ("title", Value::from("Rent of May")),
        ("total", Value::Exact("5000.01".parse().unwrap())),
        ("dueOn", Value::Null),
        ("tags", Value::List(vec!["a".into(), "b".into()])),
    ]);
    Names::from([
        ("record".to_owned(), record.clone()),
        ("before".to_owned(), record),
        ("today".to_owned(), Value::Day("2026-02-28".parse().unwrap())),
        ("big".to_owned(), Value::List((0..1000).map(Value::Whole).collect())),
    ])
}

fn value(text: &str) -> Result<Value, Failure> {
    let read = Expression::parse(text, &shape()).unwrap_or_else(|broken| panic!("{text}: {broken}"));
    read.value(&names(), &mut Budget::default())
}

fn holds(text: &str) -> bool {
    matches!(value(text), Ok(Value::Bool(true)))
}

fn broken(text: &str) -> String {
    Expression::parse(text, &shape()).err().unwrap_or_else(|| panic!("{text} was read")).to_string()
}

#[test]
fn what_the_specification_says_holds() {
    for text in [
        "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "-7 / 2 == -3",
        "-7 % 2 == -1",
        "1 == 1.0",
        "1 != '1'",
        "0.1 + 0.2 == 0.3",
        "1e3 == 1000",
        "0xff == 255",
        "'a' + \"b\" == 'ab'",
        "r'\\n' != '\\n'",
        "'\\u00e9' == 'é'",
        "'''it's''' == \"it's\"",
        "[1, 2] + [3] == [1, 2, 3]",
        "2 in [1, 2,]",
        "'a' in {'a': 1}",
        "{'a': {'b': 2}}.a.b == 2",
        "{'a': 1}['a'] == 1",
        "[1, 2][1] == 2",
        "true ? true : false ? false : false",
        "false || true && true",
        "!false && !!true",
        "[1, 2, 3].all(x, x > 0)",
        "[1, 2, 3].exists(x, x == 2)",
        "[1, 2, 3].exists_one(x, x > 2)",
        "[1, 2, 3].map(x, x * x) == [1, 4, 9]",
        "[1, 2, 3].filter(x, x % 2 == 1) == [1, 3]",
        "{'a': 1, 'b': 2}.all(k, size(k) == 1)",
        "size('héé') == 3 && 'abc'.size() == 3",
        "'hubba'.matches('u.b') && !'hubba'.matches('^u')",
        "'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')",
        "string(12) == '12' && int('12') == 12 && int(3.9) == 3 && decimal('1.50') == 1.5",
        "timestamp('2026-01-31T09:00:00+01:00') == timestamp('2026-01-31T08:00:00Z')",
        "timestamp('2026-01-31T09:00:00Z') + duration('1h30m') == timestamp('2026-01-31T10:30:00Z')",
        "timestamp('2026-01-31T09:00:00Z').getMonth() == 0",
        "date('2026-03-01') - today == 1 && today + 1 == date('2026-03-01')",
        // whichever side decides does, also beside one that fails
        "1 / 0 == 1 || true",
        "!(false && 1 / 0 == 1)",
        "[0, 1].exists(x, 1 / x == 1)",
        "has(record.title) && !has(record.dueOn)",
        "record.title.startsWith('Rent') && record.total > 5000 && 'a' in record.tags",
        "// why\n true",
    ] {
        assert!(holds(text), "{text}: {:?}", value(text));
    }
}

#[test]
fn what_cannot_be_said_fails_with_a_sentence() {
    for (text, says) in [
        ("record.dueOn < today", "`<` does not go between null and a day."),
        ("1 + 'a' == 1", "`+` does not go between a whole number and a text."),
        ("1 / 0 == 1", "Something is divided by zero."),
        ("9223372036854775807 + 1 > 0", "A number gets too large."),
        ("1e28 * 1e28 > 1", "A number gets too large."),
        ("[1][1] == 1", "The list has no place 1."),
        ("{'a': 1}.b == 1", "There is no field `b`."),
        ("date('31.1.2026') == today", "A day is written like `2026-01-31`."),
        ("duration('soon') > duration('1s')", "A length of time is written like `36h`, `1h30m` or `90s`."),
    ] {
        assert_eq!(value(text).unwrap_err().message, says, "{text}");
    }
    let read = Expression::parse("record.total", &shape()).unwrap();
    let told = read.holds(&names(), &mut Budget::default()).unwrap_err();
    assert_eq!(told.message, "The condition gives a decimal, not true or false.");
}

#[test]
fn what_is_not_known_is_refused_when_it_is_read() {
    assert_eq!(
        broken("record.titel == ''"),
        "There is no `record.titel`; there is: dueOn, tags, title, total. (At character 8.)"
    );
    assert_eq!(broken("env"), "There is no `env`; there is: before, big, record, today. (At character 1.)");
    assert_eq!(
        broken("record['secret']"),
        "There is no `record.secret`; there is: dueOn, tags, title, total. (At character 7.)"
    );
    assert_eq!(broken("record.title.length"), "`record.title` has no fields. (At character 14.)");
    for host in ["open('/etc/passwd')", "system('id')", "record.title.eval('1')", "import('os')", "getenv('HOME')"] {
        assert!(broken(host).starts_with("There is no function"), "{host}");
    }
    for text in ["", "1 +", "(1", "'a", "a b", "1 2", "[1, ", "{1: }", "x ? y", "'\\q'", "b'x'", "has(1)", "§", "in"] {
        assert!(Expression::parse(text, &Shape::Anything).is_err(), "{text}");
    }
    assert!(broken("'a'.matches('(')").contains("pattern"));
    assert!(broken("'a'.matches(record.title)").contains("pattern"));
}

#[test]
fn it_says_which_names_it_uses() {
    let read = |text: &str| Expression::parse(text, &shape()).unwrap();
    assert!(read("[1].all(x, x > 0 || record.total > x)").uses("record"));
    assert!(read("has(before.title) ? true : false").uses("before"));
    assert!(!read("today == date('2026-01-01') && 'record'.size() > 0").uses("record"));
}

#[test]
fn nothing_runs_for_long() {
    let list = "[1,2,3,4,5,6,7,8,9,10]";
    let mut nested = "1".to_owned();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        nested = format!("{list}.map({name}, {nested})");
    }
    let mut doubled = "'aaaaaaaaaaaaaaaa'".to_owned();
    for _ in 0..20 {
        doubled = format!("[{doubled}].map(x, x + x)[0]");
    }
    let bombs = [
        format!("{nested} == []"),
        format!("{doubled} == ''"),
        "big.all(a, big.all(b, big.all(c, a + b + c >= 0)))".to_owned(),
        "big.map(a, big) == []".to_owned(),
        "big.map(a, big.map(b, big)).size() > 0".to_owned(),
    ];
    for bomb in bombs {
        let Ok(read) = Expression::parse(&bomb, &shape()) else { continue };
        let started = Instant::now();
        let told = read.value(&names(), &mut Budget::default()).unwrap_err();
        assert!(told.spent, "{told:?}");
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    }
    // and what is too large or too deep is not even read
    for bomb in [
        "(".repeat(3_000),
        "!".repeat(3_999),
        "-".repeat(3_999),
        "[".repeat(3_999),
        format!("{}1{}", "(".repeat(60), ")".repeat(60)),
        format!("1{}", "+1".repeat(700)),
        format!("true{}", "?true:true".repeat(100)),
        format!("x{}", ".a".repeat(100)),
        "a".repeat(5_000),
        format!("[{}1]", "1,".repeat(1_900)),
        "'a'.matches('((a{1,500}){1,500}){1,500}')".to_owned(),
    ] {
        let started = Instant::now();
        assert!(Expression::parse(&bomb, &Shape::Anything).is_err(), "{}", bomb.chars().take(40).collect::<String>());
        assert!(started.elapsed() < Duration::from_millis(200));
    }
}

#[test]
fn a_pattern_takes_time_by_the_text_only() {
    let mut names = names();
    names.insert("big".to_owned(), Value::Text("a".repeat(100_000)));
    let read = Expression::parse("big.matches('^(a+)+$b') || big.matches('(a|aa)+c')", &shape()).unwrap();
    let started = Instant::now();
    let _ = read.value(&names, &mut Budget::default());
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_text_has_no_gaps() {
    let text = |template: &str| {
        Template::parse(template, &shape())
            .map_err(|broken| broken.to_string())
            .and_then(|read| read.text(&names(), &mut Budget::default()).map_err(|failure| failure.message))
    };
    assert_eq!(text("Look at {{ record.title }} ({{record.total}})").unwrap(), "Look at Rent of May (5000.01)");
    assert_eq!(text("{{ record.total > 5000 ? 'large' : 'small' }}").unwrap(), "large");
    assert_eq!(text("{ plain }").unwrap(), "{ plain }");
    assert_eq!(
        text("About {{ record.nothing }}").unwrap_err(),
        "There is no `record.nothing`; there is: dueOn, tags, title, total. (At character 17.)"
    );
    assert_eq!(text("Due {{ record.dueOn }}").unwrap_err(), "`record.dueOn` is null, which a text cannot show.");
    assert_eq!(text("Open {{ record.title").unwrap_err(), "`{{` has no `}}`. (At character 6.)");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = Expression::parse(&text, &Shape::Anything);
        let _ = Template::parse(&text, &Shape::Anything);
    }

    #[test]
    fn what_is_read_ends(pieces in proptest::collection::vec(
        proptest::sample::select(vec!["big", "1", "'a'", "+", "-", "*", "/", "==", "&&", "||", "(", ")", "[", "]", ",", ".map(x,", ".all(x,", "x", ".size()", "?", ":", "in"]), 1..30)) {
        if let Ok(read) = Expression::parse(&pieces.join(" "), &shape()) {
            let started = Instant::now();
            let _ = read.value(&names(), &mut Budget::default());
            prop_assert!(started.elapsed() < Duration::from_secs(1));
        }
    }

    #[test]
    fn whole_numbers_are_computed_or_refused(left in any::<i64>(), right in any::<i64>()) {
        for (sign, expected) in [
            ("+", left.checked_add(right)), ("-", left.checked_sub(right)), ("*", left.checked_mul(right)),
            ("/", left.checked_div(right)), ("%", left.checked_rem(right)),
        ] {
            let shape = Shape::fields([("a", Shape::Single), ("b", Shape::Single)]);
            let names = Names::from([("a".to_owned(), Value::Whole(left)), ("b".to_owned(), Value::Whole(right))]);
            let got = Expression::parse(&format!("a {sign} b"), &shape).unwrap().value(&names, &mut Budget::default());
            match expected {
                Some(expected) => prop_assert!(matches!(got, Ok(Value::Whole(found)) if found == expected)),
                None => prop_assert!(got.is_err()),
            }
        }
    }
}
