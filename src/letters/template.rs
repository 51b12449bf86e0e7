//! What a template may be: texts with `{{ variables }}`, a few filters, and `{% if %}`.

use std::collections::BTreeSet;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

/// The most characters of a template.
pub const MOST: usize = 20_000;
/// Steps that one letter may take.
const FUEL: u64 = 50_000;
/// What a template may say between `{%` and `%}`: it decides, and neither repeats nor keeps anything.
const WORDS: &[&str] = &["if", "elif", "else", "endif"];
/// What makes texts longer than those that came in, by whatever factor.
const GROWING: &[char] = &['~', '*', '+', '[', ']'];
/// What a value can be passed through.
const FILTERS: &[&str] = &["upper", "lower", "trim", "default"];
/// The group whose names are the author's own.
pub const OWN: &str = "fields";

/// The variables that a template may name: groups, and what is in each.
pub type Known = [(&'static str, &'static [&'static str])];

/// A template that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The variables that it names, e.g. `recipient.name`.
    pub names: BTreeSet<String>,
}

/// The language itself: nothing of the host is in it.
pub(crate) fn language() -> Environment<'static> {
    let mut language = Environment::empty();
    language.set_undefined_behavior(UndefinedBehavior::Strict);
    language.set_fuel(Some(FUEL));
    language.set_recursion_limit(50);
    language.add_filter("upper", |text: String| text.to_uppercase());
    language.add_filter("lower", |text: String| text.to_lowercase());
    language.add_filter("trim", |text: String| text.trim().to_owned());
    language.add_filter("default", |value: Value, other: Value| if value.is_undefined() { other } else { value });
    language.add_test("defined", |value: Value| !value.is_undefined());
    language
}

/// Reads a template, and refuses one that names what is not there, or that could run or grow without end. The error is a
/// sentence for its author.
pub fn check(text: &str, known: &Known) -> Result<Template, String> {
    if text.chars().count() > MOST {
        return Err(format!("A template has at most {MOST} characters."));
    }
    look_through(text)?;
    let language = language();
    let read = language.template_from_named_str("template", text).map_err(|error| unreadable(&error))?;
    let names: BTreeSet<String> = read.undeclared_variables(true).into_iter().collect();
    let unknown: Vec<String> =
        names.iter().filter(|name| !is_known(name, known)).map(|name| format!("`{name}`")).collect();
    if unknown.is_empty() {
        return Ok(Template { names });
    }
    let is = if unknown.len() == 1 { "is no variable" } else { "are no variables" };
    Err(format!("{} {is} of letters. There are: {}.", unknown.join(", "), listed(known)))
}

fn is_known(name: &str, known: &Known) -> bool {
    let Some((group, one)) = name.split_once('.') else { return false };
    if group == OWN {
        return !one.contains('.');
    }
    known.iter().any(|(found, names)| *found == group && names.contains(&one))
}

fn listed(known: &Known) -> String {
    let named = known.iter().flat_map(|(group, names)| names.iter().map(move |name| format!("{group}.{name}")));
    let mut all: Vec<String> = named.collect();
    all.push(format!("{OWN}.… of your own"));
    all.join(", ")
}

/// What the library could not read, with its line.
pub(crate) fn unreadable(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
    let what = match error.kind() {
        ErrorKind::UnknownFilter => "names a filter that letters do not have; they have upper, lower, trim and default",
        ErrorKind::UnknownTest => "names a test that letters do not have; they have `is defined`",
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => "calls a function; letters have none",
        ErrorKind::OutOfFuel => "takes too many steps",
        _ => "cannot be read",
    };
    match error.detail() {
        Some(detail) if what == "cannot be read" => format!("The template {what}{line}: {detail}."),
        _ => format!("The template {what}{line}."),
    }
}

/// Looks at every tag before the library does.
fn look_through(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find("{") {
        let tail = rest.get(at..).unwrap_or_default();
        rest = if let Some(inside) = tail.strip_prefix("{#") {
            inside.split_once("#}").ok_or("A comment of the template does not end: `#}` is missing.")?.1
        } else if let Some(inside) = tail.strip_prefix("{{") {
            expression(inside, "}}")?
        } else if let Some(inside) = tail.strip_prefix("{%") {
            let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside).trim_start();
            let word: String = inside.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect();
            if !WORDS.contains(&word.as_str()) {
                return Err(format!(
                    "A template decides by `{{% if %}}` and does nothing else; `{word}` is not known."
                ));
            }
            expression(inside, "%}")?
        } else {
            tail.get(1..).unwrap_or_default()
        };
    }
    Ok(())
}

/// What follows an expression; refuses one that makes texts grow, and one that names what letters do not have: the library
/// would notice that only when a letter is written.
fn expression<'a>(inside: &'a str, end: &str) -> Result<&'a str, String> {
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let mut plain = String::new();
    let mut quote: Option<char> = None;
    let mut skip = false;
    for (at, one) in inside.char_indices() {
        if skip {
            skip = false;
            continue;
        }
        match quote {
            Some(_) if one == '\\' => skip = true,
            Some(open) if one == open => quote = None,
            Some(_) => {}
            None if matches!(one, '"' | '\'') => {
                plain.push('"');
                quote = Some(one);
            }
            None if inside.get(at..).is_some_and(|tail| tail.starts_with(end)) => {
                look_at(&plain)?;
                return Ok(inside.get(at..).and_then(|tail| tail.strip_prefix(end)).unwrap_or_default());
            }
            None if GROWING.contains(&one) => {
                return Err(format!(
                    "`{one}` is not part of letters: a template puts texts in, and does not make them."
                ));
            }
            None => plain.push(one),
        }
    }
    Err(format!("A tag of the template does not end: `{end}` is missing."))
}

/// Looks at the filters and tests of an expression without its texts.
fn look_at(plain: &str) -> Result<(), String> {
    let is_part = |one: char| one.is_alphanumeric() || one == '_';
    for passed in plain.split('|').skip(1) {
        let name: String = passed.trim_start().chars().take_while(|one| is_part(*one)).collect();
        if !FILTERS.contains(&name.as_str()) {
            return Err(format!("`{name}` is no filter of letters; they have {}.", FILTERS.join(", ")));
        }
    }
    let mut words = plain.split(|one: char| !is_part(one)).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word == "is" {
            let test = words.next().filter(|word| *word != "not").or_else(|| words.next()).unwrap_or_default();
            if test != "defined" {
                return Err(format!("`is {test}` is no test of letters; they have `is defined`."));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &Known = &[("recipient", &["name", "city"]), ("letter", &["date"])];

    #[test]
    fn a_template_tells_which_variables_it_names() {
        let read = check(
            "{# note #}Dear {{ recipient.name }}{% if fields.sum is defined %}, {{- fields.sum | default('0') }}{% endif %}",
            KNOWN,
        );
        assert_eq!(read.unwrap().names, ["fields.sum", "recipient.name"].map(str::to_owned).into());
    }

    #[test]
    fn an_unknown_variable_is_named() {
        for (text, name) in [
            ("{{ recipient.nmae }}", "`recipient.nmae`"),
            ("{{ customer.name }}", "`customer.name`"),
            ("{{ name }}", "`name`"),
            ("{{ recipient }}", "`recipient`"),
            ("{% if recipient.town %}x{% endif %}", "`recipient.town`"),
            ("{{ recipient.name.first }}", "`recipient.name.first`"),
            ("{{ fields.a.b }}", "`fields.a.b`"),
            ("{{ env.PATH | default('x') }}", "`env.PATH`"),
        ] {
            let refused = check(text, KNOWN).unwrap_err();
            assert!(
                refused.starts_with(name) && refused.contains("recipient.name, recipient.city"),
                "{text}: {refused}"
            );
        }
    }

    #[test]
    fn what_reaches_outside_or_never_ends_is_refused() {
        for text in [
            "{% include '/etc/passwd' %}",
            "{% extends 'base' %}",
            "{% import 'os' as os %}",
            "{% for a in range(1000000000) %}x{% endfor %}",
            "{% for a in recipient %}x{% endfor %}",
            "{%- set a = recipient.name ~ recipient.name %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{%+ call m() %}{% endcall %}",
            "{% with a = 'x' %}{% endwith %}",
            "{% filter upper %}{% endfilter %}",
            "{% raw %}{{ recipient.nobody }}{% endraw %}",
            "{{ 'a' * 1000000000 }}",
            "{{ 9 ** 9 ** 9 ** 9 }}",
            "{{ [[recipient.name]] }}",
            "{{ recipient['__class__'] }}",
            "{{ recipient.name.upper() }}",
            "{{ range(10) }}",
            "{{ lipsum() }}",
            "{{ recipient.name | format('%1000000000d') }}",
            "{{ recipient.name | replace('a', 'aaaaaaaaaaaaaa') }}",
            "{{ self }}",
            "{{ recipient.name",
            "{% if recipient.name %}",
            "{# no end",
            "{{ 'a }}",
        ] {
            let kept = check(text, KNOWN).is_ok_and(|_| crate::merge(text, &crate::Values::default()).is_ok());
            assert!(!kept, "{text}");
        }
        assert!(
            check(&format!("{}1{}", "{{ ".to_owned() + &"(".repeat(9000), ")".repeat(9000) + " }}"), KNOWN).is_err()
        );
        assert!(check(&"x".repeat(MOST + 1), KNOWN).is_err());
        assert!(check(&format!("{}{}", "{% if letter.date %}".repeat(900), "{% endif %}".repeat(900)), KNOWN).is_err());
    }

    #[test]
    fn filters_and_tests_are_known_before_a_letter_is_written() {
        for text in [
            "{{ recipient.name | attr('x') }}",
            "{{ recipient.name|safe }}",
            "{{ 'a|upper' | sort }}",
            "{% if recipient.name is string %}{% endif %}",
            "{% if recipient.name is not number %}{% endif %}",
            "{{ recipient.name | }}",
        ] {
            assert!(check(text, KNOWN).is_err(), "{text}");
        }
        for text in ["{{ 'a|sort' | upper|trim }}", "{% if fields.x is not defined %}{{ letter.date }}{% endif %}"] {
            assert!(check(text, KNOWN).is_ok(), "{text}: {:?}", check(text, KNOWN));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_answered(text in "[{}%#'\"a-z .|()~-]{0,80}") {
            let _ = check(&text, KNOWN);
        }
    }
}
