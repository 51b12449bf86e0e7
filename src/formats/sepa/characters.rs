//! The letters that every bank of the single euro payments area passes on, and what stands for others (EPC217-08).
//!
//! A letter with a mark becomes the letter, Greek and Cyrillic letters become the Latin ones that sound like them, and a sign
//! for which there is nothing becomes a point.

/// Whether a character is one of those that every bank passes on.
pub fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "/-?:().,'+ ".contains(character)
}

/// A text in the allowed letters alone, on one line.
pub fn allowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in crate::text::one_line(text).chars() {
        if is_allowed(character) {
            out.push(character);
        } else {
            out.push_str(stands_for(character));
        }
    }
    crate::text::one_line(&out)
}

/// A name in the allowed letters, as far as it fits.
pub fn name(text: &str, most: usize) -> String {
    let text = allowed(text);
    // allowed letters are one byte each
    text.get(..most).unwrap_or(&text).trim_end().to_owned()
}

/// What stands for one character, white space being a space.
pub(crate) fn allowed_or_space(character: char) -> String {
    if character.is_whitespace() {
        return " ".to_owned();
    }
    if is_allowed(character) { character.to_string() } else { stands_for(character).to_owned() }
}

/// What is written for a character that is not allowed.
fn stands_for(character: char) -> &'static str {
    match TABLE.iter().find(|(others, _)| others.contains(character)) {
        Some((_, letters)) => letters,
        None if is_mark(character) => "",
        None => ".",
    }
}

/// A mark that stands behind its letter as a character of its own, or one that nobody sees.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' | '\u{AD}' | '\u{FEFF}' | '\u{2060}')
}

const TABLE: &[(&str, &str)] = &[
    ("ÀÁÂÃÄÅĀĂĄǍÆΑΆАẠẢẤẦẨẪẬẮẰẲẴẶ", "A"),
    ("àáâãäåāăąǎæαάаªạảấầẩẫậắằẳẵặ", "a"),
    ("ΒБ", "B"),
    ("βб", "b"),
    ("ÇĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ÐĎĐΔД", "D"),
    ("ðďđδд", "d"),
    ("ÈÉÊËĒĔĖĘĚΕΈЕЭẸẺẼẾỀỂỄỆ", "E"),
    ("èéêëēĕėęěεέеэẹẻẽếềểễệ€", "e"),
    ("Ф", "F"),
    ("Φ", "F"),
    ("фφƒ", "f"),
    ("ĜĞĠĢΓГ", "G"),
    ("ĝğġģγг", "g"),
    ("ĤĦ", "H"),
    ("ĥħ", "h"),
    ("ÌÍÎÏĨĪĬĮİΗΉΙΊΪИЙỈỊ", "I"),
    ("ìíîïĩīĭįıηήιίϊΐийỉị", "i"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("ĶΚК", "K"),
    ("ķĸκк", "k"),
    ("ĹĻĽĿŁΛЛ", "L"),
    ("ĺļľŀłλл", "l"),
    ("ΜМ", "M"),
    ("μмµ", "m"),
    ("ÑŃŅŇŊΝН", "N"),
    ("ñńņňŉŋνн", "n"),
    ("ÒÓÔÕÖØŌŎŐŒΟΌΩΏОƠỌỎỐỒỔỖỘỚỜỞỠỢ", "O"),
    ("òóôõöøōŏőœοόωώоºơọỏốồổỗộớờởỡợ", "o"),
    ("ΠП", "P"),
    ("πп", "p"),
    ("ŔŖŘΡР", "R"),
    ("ŕŗřρр", "r"),
    ("ŚŜŞŠȘΣС", "S"),
    ("śŝşšșσςсß", "s"),
    ("ŢŤŦȚÞΤТ", "T"),
    ("ţťŧțþτт", "t"),
    ("ÙÚÛÜŨŪŬŮŰŲУƯỤỦỨỪỬỮỰ", "U"),
    ("ùúûüũūŭůűųуưụủứừửữự", "u"),
    ("В", "V"),
    ("в", "v"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("Ξ", "X"),
    ("ξ", "x"),
    ("ÝŶŸΥΎΫЫỲỴỶỸ", "Y"),
    ("ýÿŷυύϋΰыỳỵỷỹ", "y"),
    ("ŹŻŽΖЗ", "Z"),
    ("źżžζз", "z"),
    ("Θ", "TH"),
    ("θ", "th"),
    ("Χ", "CH"),
    ("χ", "ch"),
    ("Ψ", "PS"),
    ("ψ", "ps"),
    ("Ж", "ZH"),
    ("ж", "zh"),
    ("Х", "H"),
    ("х", "h"),
    ("Ц", "TS"),
    ("ц", "ts"),
    ("Ч", "CH"),
    ("ч", "ch"),
    ("Ш", "SH"),
    ("ш", "sh"),
    ("Щ", "SHT"),
    ("щ", "sht"),
    ("Ъ", "A"),
    ("ъ", "a"),
    ("Ь", "Y"),
    ("ь", "y"),
    ("Ю", "YU"),
    ("ю", "yu"),
    ("Я", "YA"),
    ("я", "ya"),
    ("Ё", "E"),
    ("ё", "e"),
    ("&", "+"),
    ("_~–—−‐‑", "-"),
    (";", ","),
    ("\"`´‘’‚‛“”„«»‹›", "'"),
    ("<[{", "("),
    (">]}", ")"),
    ("\\|", "/"),
    ("\u{A0}\u{202F}", " "),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_of_europe() {
        for (text, plain) in [
            ("Müller & Söhne GmbH", "Muller + Sohne GmbH"),
            ("Łódź, Čeština; “Größe” 100%", "Lodz, Cestina, 'Grose' 100."),
            ("Αθήνα ΨΥΧΗ", "Athina PSYCHI"),
            ("Живко Щърбанов", "ZHivko SHTarbanov"),
            ("  a\n b\t[c] {d}_e|f ", "a b (c) (d)-e/f"),
            ("u\u{308}ber", "uber"),
            ("日本 5€", ".. 5e"),
            ("Straße №7", "Strase .7"),
        ] {
            assert_eq!(allowed(text), plain, "{text}");
        }
        assert_eq!(name("Äbcd efgh", 5), "Abcd");
    }

    proptest! {
        #[test]
        fn nothing_else_is_left(text in "\\PC{0,60}", most in 0_usize..40) {
            let plain = allowed(&text);
            prop_assert!(plain.chars().all(is_allowed));
            prop_assert_eq!(&allowed(&plain), &plain);
            prop_assert!(name(&text, most).len() <= most);
        }
    }
}
