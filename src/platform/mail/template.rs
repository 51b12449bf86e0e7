//! What mails say. A template is a file: a subject, then paragraphs with `{{fields}}`; the mail's text and its HTML are made
//! of the same paragraphs. A struct with the fields of a template is declared by [`crate::letter!`]: a template that names
//! another field, or leaves one of them out, does not compile.
//!
//! Whatever somebody else has written (a name, a device) is kept to one line and escaped.

/// Characters of one field.
const MOST: usize = 2000;

/// A mail as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// Declares a kind of letter: the fields of a template file.
///
/// ```ignore
/// letter! {
///     /// A person is greeted.
///     Greeting("greeting.txt") {
///         /// Who.
///         name,
///     }
/// }
/// let letter = Greeting { name }.write("The Firm");
/// ```
#[macro_export]
macro_rules! letter {
    ($(#[$doc:meta])* $name:ident($file:literal) { $($(#[$field_doc:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        pub struct $name {
            $($(#[$field_doc])* pub $field: String,)+
        }

        impl $name {
            const TEMPLATE: &'static str = include_str!($file);
            const FITS: () = assert!(
                $crate::platform::mail::template::fits(Self::TEMPLATE, &["provider", $(stringify!($field)),+]),
                concat!($file, " names other fields than its letter has"),
            );

            /// Writes it. The provider's name is a field of every template.
            #[must_use]
            pub fn write(&self, provider: &str) -> $crate::platform::mail::Letter {
                let () = Self::FITS;
                $crate::platform::mail::template::write(
                    Self::TEMPLATE,
                    &[("provider", provider), $((stringify!($field), self.$field.as_str())),+],
                )
            }
        }
    };
}

/// Whether a template names these fields, each of them and no other.
#[must_use]
pub const fn fits(template: &str, fields: &[&str]) -> bool {
    let mut rest = template.as_bytes();
    while let [_, tail @ ..] = rest {
        if let [b'{', b'{', inside @ ..] = rest
            && !names_one(inside, fields)
        {
            return false;
        }
        rest = tail;
    }
    let mut left = fields;
    while let [field, others @ ..] = left {
        if !is_named(template.as_bytes(), field.as_bytes()) {
            return false;
        }
        left = others;
    }
    true
}

const fn names_one(inside: &[u8], mut fields: &[&str]) -> bool {
    while let [field, others @ ..] = fields {
        if names(inside, field.as_bytes()) {
            return true;
        }
        fields = others;
    }
    false
}

const fn is_named(mut rest: &[u8], field: &[u8]) -> bool {
    while let [_, tail @ ..] = rest {
        if let [b'{', b'{', inside @ ..] = rest
            && names(inside, field)
        {
            return true;
        }
        rest = tail;
    }
    false
}

/// Whether a text begins with the field and the end of its braces.
const fn names(mut inside: &[u8], mut field: &[u8]) -> bool {
    while let [wanted, field_tail @ ..] = field {
        let [found, inside_tail @ ..] = inside else { return false };
        if *found != *wanted {
            return false;
        }
        inside = inside_tail;
        field = field_tail;
    }
    matches!(inside, [b'}', b'}', ..])
}

/// Writes a letter of a template.
#[must_use]
pub fn write(template: &str, fields: &[(&str, &str)]) -> Letter {
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (*name, line(value))).collect();
    let (subject, body) = template.split_once('\n').unwrap_or((template, ""));
    let subject = fill(subject.strip_prefix("Subject: ").unwrap_or(subject), &fields, |value| value.to_owned());
    let (mut text, mut html) = (String::new(), String::from("<!doctype html>\n<html lang=\"en\"><body>\n"));
    for paragraph in body.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let plain = fill(paragraph, &fields, |value| value.to_owned());
        let marked = fill(&escaped(paragraph), &fields, escaped);
        // A field that stands alone is to be copied, or followed if it is an address.
        let alone = paragraph.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        if !text.is_empty() {
            text.push('\n');
        }
        match alone {
            Some(name) if !name.contains('{') => {
                text.push_str(&format!("    {plain}\n"));
                html.push_str(&if plain.starts_with("https://") || plain.starts_with("http://") {
                    format!("<p><a href=\"{marked}\">{marked}</a></p>\n")
                } else {
                    format!("<p><code>{marked}</code></p>\n")
                });
            }
            _ => {
                text.push_str(&format!("{plain}\n"));
                html.push_str(&format!("<p>{marked}</p>\n"));
            }
        }
    }
    html.push_str("</body></html>\n");
    Letter { subject, text, html }
}

/// A text with its fields put in, once: what a field says is not looked at again.
fn fill(text: &str, fields: &[(&str, String)], put: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once("{{") {
        let (name, after) = from.split_once("}}").unwrap_or((from, ""));
        out.push_str(before);
        if let Some((_, value)) = fields.iter().find(|(field, _)| *field == name) {
            out.push_str(&put(value));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// One line of somebody else's text: no line breaks, no other control characters, nothing that turns the direction of
/// reading.
#[must_use]
pub fn line(text: &str) -> String {
    let plain = |one: char| {
        let turns = matches!(one, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if one.is_control() || turns { ' ' } else { one }
    };
    text.chars().map(plain).take(MOST).collect::<String>().trim().to_owned()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            one => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEMPLATE: &str =
        "Subject: For {{name}}\n\nHello {{name}} & all,\nuse this:\n\n{{way}}\n\n{{name}}, {{way}}\n";

    #[test]
    fn a_template_names_its_fields_and_no_other() {
        assert!(fits(TEMPLATE, &["name", "way"]));
        for fields in [&["name"][..], &["name", "way", "more"], &["nam", "way"], &["name", "ways"], &[]] {
            assert!(!fits(TEMPLATE, fields), "{fields:?}");
        }
        assert!(!fits("{{name", &["name"]) && !fits("{{name}", &["name"]) && fits("none", &[]));
    }

    #[test]
    fn a_link_is_a_link_and_anything_else_is_to_be_copied() {
        let letter = write(TEMPLATE, &[("name", "Rosa"), ("way", "https://a.example/x?y=1&z")]);
        assert_eq!(
            letter.text,
            "Hello Rosa & all,\nuse this:\n\n    https://a.example/x?y=1&z\n\nRosa, https://a.example/x?y=1&z\n"
        );
        let link = "<p><a href=\"https://a.example/x?y=1&amp;z\">https://a.example/x?y=1&amp;z</a></p>";
        assert!(letter.html.contains(link) && letter.html.contains("<p>Hello Rosa &amp; all,"), "{}", letter.html);
        assert!(
            write(TEMPLATE, &[("name", "Rosa"), ("way", "javascript:x")]).html.contains("<code>javascript:x</code>")
        );
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let letter = write(TEMPLATE, &[("name", "<script>\r\nBcc: x@evil.example {{way}}"), ("way", "x")]);
        assert!(letter.html.contains("&lt;script&gt;") && !letter.html.contains("<script"));
        assert_eq!(letter.subject, "For <script>  Bcc: x@evil.example {{way}}");
    }

    proptest! {
        #[test]
        fn no_field_opens_a_tag_or_a_line(name in "\\PC{0,50}|[<>\"'&{}\r\n]{0,20}") {
            let letter = write(TEMPLATE, &[("name", &name), ("way", &name)]);
            prop_assert_eq!(letter.html.matches("<p>").count(), 3);
            prop_assert_eq!(letter.html.matches('<').count(), letter.html.matches('>').count());
            prop_assert_eq!(letter.text.lines().count(), 6);
            prop_assert!(!letter.subject.contains(['\r', '\n']));
        }
    }
}
