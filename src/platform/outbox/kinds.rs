//! What a list of kinds of events becomes.

/// Makes the enumeration of all kinds from the list of them: by type of record, with what its outside ids begin with and the
/// right to read such records.
macro_rules! kinds {
    ($($node:literal ($prefix:literal) read $can:ident {
        $($(#[doc = $doc:literal])+ $kind:ident = $text:literal,)+
    })+) => {
        /// What an event tells of. Shown to those who hold the right to read records of its kind.
        #[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventKind { $($($(#[doc = $doc])+ $kind,)+)+ }

        impl EventKind {
            /// Every kind there is.
            pub const ALL: &'static [EventKind] = &[$($(EventKind::$kind),+),+];

            /// The kind's name in the database and in webhooks: a concept and a past participle.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $($(Self::$kind => $text,)+)+ }
            }

            /// The kind of that name; none if no such kind is known.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($($text => Some(Self::$kind),)+)+ _ => None }
            }

            /// The type of the record that it tells of.
            #[must_use]
            pub fn node_type(self) -> &'static str {
                match self { $($(Self::$kind)|+ => $node,)+ }
            }

            /// What the outside id of that record begins with.
            #[must_use]
            pub fn prefix(self) -> &'static str {
                match self { $($(Self::$kind)|+ => $prefix,)+ }
            }

            /// The right to read such records, and so such events.
            #[must_use]
            pub fn can(self) -> Can {
                match self { $($(Self::$kind)|+ => Can::$can,)+ }
            }
        }
    };
}

pub(super) use kinds;
