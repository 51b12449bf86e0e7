//! Enums whose values have one fixed word in files: declared once, written and read by that word.

/// Declares an enum with `as_str`, `from_word` and `ALL` from one list of values and words.
macro_rules! words {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $value),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The word in files and messages.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }

            /// The value of a word, whatever its case; spaces and hyphens count as underscores.
            pub fn from_word(word: &str) -> Option<Self> {
                let folded = word.trim().replace([' ', '-'], "_");
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(&folded))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
