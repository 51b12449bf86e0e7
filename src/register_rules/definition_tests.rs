use super::*;

pub(crate) fn field(key: &str, kind: Kind) -> Field {
    let choices = match kind {
        Kind::Choice => ["a", "b"].map(|one| Choice { value: one.to_owned(), label: one.to_uppercase() }).into(),
        _ => Vec::new(),
    };
    Field {
        key: key.to_owned(),
        label: key.to_uppercase(),
        help: String::new(),
        kind,
        decimals: (kind == Kind::Number).then_some(2),
        required: false,
        wanted: false,
        critical: false,
        pattern: None,
        min: None,
        max: None,
        min_length: None,
        max_length: None,
        choices,
    }
}

fn wrong(field: Field) -> Option<String> {
    let definition = Definition { fields: vec![field], ..Definition::default() };
    definition.check().err().map(|all| all[0].at.clone())
}

#[test]
fn a_definition_says_where_it_is_wrong() {
    for kind in [Kind::Text, Kind::Number, Kind::Date, Kind::Boolean, Kind::Choice] {
        assert_eq!(wrong(field("a", kind)), None);
    }
    let text = || field("a", Kind::Text);
    let number = || field("a", Kind::Number);
    let choice = |values: &[&str]| Field {
        choices: values.iter().map(|one| Choice { value: (*one).to_owned(), label: (*one).to_owned() }).collect(),
        ..field("a", Kind::Choice)
    };
    for (field, at) in [
        (field("A", Kind::Text), "fields.0.key"),
        (field("", Kind::Text), "fields.0.key"),
        (field(&"a".repeat(41), Kind::Text), "fields.0.key"),
        (Field { label: " ".to_owned(), ..text() }, "fields.0.label"),
        (Field { label: "a\0".to_owned(), ..text() }, "fields.0.label"),
        (Field { help: "x".repeat(1001), ..text() }, "fields.0.help"),
        (Field { pattern: Some("(".to_owned()), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some("(?=a)".to_owned()), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some("((((a{100}){100}){100}){100}){100}".to_owned()), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some("a)|(?:b".to_owned()), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some("a".repeat(201)), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some(format!("{}a{}", "(".repeat(90), ")".repeat(90))), ..text() }, "fields.0.pattern"),
        (Field { pattern: Some("a".to_owned()), ..number() }, "fields.0.pattern"),
        (Field { decimals: Some(9), ..number() }, "fields.0.decimals"),
        (Field { decimals: Some(1), ..text() }, "fields.0.decimals"),
        (Field { min: Some("1e5".to_owned()), ..number() }, "fields.0.min"),
        (Field { min: Some("2".to_owned()), max: Some("1".to_owned()), ..number() }, "fields.0.max"),
        (Field { min: Some("1".to_owned()), ..text() }, "fields.0.min"),
        (Field { max_length: Some(2001), ..text() }, "fields.0.maxLength"),
        (Field { max_length: Some(0), ..text() }, "fields.0.maxLength"),
        (Field { min_length: Some(9), max_length: Some(8), ..text() }, "fields.0.maxLength"),
        (choice(&[]), "fields.0.choices"),
        (choice(&["a", "a"]), "fields.0.choices"),
        (choice(&[" a"]), "fields.0.choices"),
        (Field { choices: choice(&["a"]).choices, ..text() }, "fields.0.choices"),
    ] {
        assert_eq!(wrong(field.clone()).as_deref(), Some(at), "{field:?}");
    }
}

#[test]
fn ten_thousand_fields_are_refused_before_they_are_looked_at() {
    let fields = (0..10_000).map(|number| field(&format!("f{number}"), Kind::Text)).collect();
    let refused = Definition { fields, ..Definition::default() }.check().unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].at, "fields");
    assert_eq!(Definition::default().check().unwrap_err()[0].at, "fields");
}

#[test]
fn keys_likeness_and_forms_name_fields_that_are_there() {
    let names = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let fields = vec![field("a", Kind::Text), Field { required: true, ..field("b", Kind::Date) }];
    let good = Definition {
        fields,
        keys: vec![names(&["a"]), names(&["a", "b"])],
        duplicates: vec![names(&["a"])],
        forms: vec![Form {
            code: "entry".to_owned(),
            name: "Entry".to_owned(),
            sections: vec![Section { title: "All".to_owned(), help: String::new(), fields: names(&["b", "a"]) }],
        }],
    };
    assert_eq!(good.check(), Ok(()));
    assert!(good.is_unique("a") && !good.is_unique("b"));
    let mut cases = Vec::new();
    for keys in
        [vec![names(&["c"])], vec![names(&[])], vec![names(&["a", "a"])], vec![names(&["a", "b"]), names(&["b", "a"])]]
    {
        cases.push((Definition { keys, ..good.clone() }, "keys"));
    }
    let mut form = |change: fn(&mut Form), at: &'static str| {
        let mut other = good.clone();
        change(&mut other.forms[0]);
        cases.push((other, at));
    };
    form(|form| form.code = "X".to_owned(), "forms.0.code");
    form(|form| form.name = String::new(), "forms.0.name");
    form(|form| form.sections.clear(), "forms.0.sections");
    form(|form| form.sections[0].fields.push("c".to_owned()), "forms.0.sections.0.fields");
    form(|form| form.sections[0].fields.push("a".to_owned()), "forms.0.sections.0.fields");
    form(|form| form.sections[0].fields.truncate(0), "forms.0.sections.0.fields");
    form(|form| drop(form.sections[0].fields.remove(0)), "forms.0.sections");
    for (definition, at) in cases {
        let refused = definition.check().unwrap_err();
        assert!(refused[0].at.starts_with(at), "{at}: {refused:?}");
    }
}

#[test]
fn what_is_kept_is_read_again() {
    let definition = Definition { fields: vec![field("a", Kind::Choice)], ..Definition::default() };
    let kept = serde_json::to_string(&definition).unwrap();
    assert_eq!(serde_json::from_str::<Definition>(&kept).unwrap(), definition);
    let least = r#"{"fields": [{"key": "a", "label": "A", "kind": "date"}]}"#;
    assert_eq!(serde_json::from_str::<Definition>(least).unwrap().check(), Ok(()));
}
