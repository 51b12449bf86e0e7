//! Likeness: what two texts have in common that a person takes for one and the same.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::definition::Definition;
use super::value::Values;

/// The most characters of a likeness.
const MOST: usize = 200;

/// A text without what people spell differently: small letters, no accents, `ae` like `ä` and `a`, no punctuation, words in
/// the order of the alphabet. Two texts that give the same are alike.
#[must_use]
pub fn normal(text: &str) -> String {
    let plain: String = text.nfkd().filter(|one| !is_combining_mark(*one)).flat_map(char::to_lowercase).collect();
    let plain = plain.replace('ß', "ss");
    let spelled: String = plain.chars().map(|one| if one.is_alphanumeric() { one } else { ' ' }).collect();
    let mut words: Vec<String> =
        spelled.split_whitespace().map(|word| word.replace("ae", "a").replace("oe", "o").replace("ue", "u")).collect();
    words.sort_unstable();
    words.join(" ").chars().take(MOST).collect()
}

/// What a record is told by under each rule of likeness, by the rule's place from 1; nothing under a rule of which a field
/// is not said, or says nothing but punctuation.
#[must_use]
pub fn likenesses(definition: &Definition, values: &Values) -> Vec<(i32, String)> {
    let of = |parts: &Vec<String>| {
        let texts: Option<Vec<String>> = parts
            .iter()
            .map(|part| values.get(part).map(|text| normal(text)).filter(|text| !text.is_empty()))
            .collect();
        texts.map(|texts| texts.join("\u{1f}").replace('\u{1f}', "|"))
    };
    (1..).zip(&definition.duplicates).filter_map(|(number, parts)| Some((number, of(parts)?))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_spell_differently_is_alike() {
        for (one, other) in [
            ("Müller, Karl", "karl MUELLER"),
            ("Straße 5", "STRASSE 5"),
            ("Crédit Agricole S.A.", "credit agricole s a"),
            ("ﬁne", "Fine"),
            ("Göthe", "Goethe"),
        ] {
            assert_eq!(normal(one), normal(other), "{one} {other}");
        }
        for (one, other) in [("Nord 1", "Nord 2"), ("Anna", "Hanna"), ("Иванов", "Петров")] {
            assert_ne!(normal(one), normal(other));
        }
        assert_eq!(normal(" -- "), "");
    }

    proptest! {
        #[test]
        fn case_and_order_of_words_make_no_difference(words in proptest::collection::vec("[a-z]{1,8}", 1..6)) {
            let mut turned = words.clone();
            turned.reverse();
            prop_assert_eq!(normal(&words.join(" ")), normal(&turned.join(", ").to_uppercase()));
        }

        #[test]
        fn it_is_bounded_whatever_comes(text in "\\PC{0,300}") {
            prop_assert!(normal(&text).chars().count() <= MOST);
        }
    }
}
