//! What names an expression may use.

use std::collections::BTreeMap;

/// The shape of a value that an expression may look into.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A single value.
    Single,
    /// Anything: what is inside is known only when it is run.
    Anything,
    /// These fields and no others.
    Fields(BTreeMap<String, Shape>),
}

impl Shape {
    /// Fields by name.
    pub fn fields<N: Into<String>>(fields: impl IntoIterator<Item = (N, Shape)>) -> Self {
        Self::Fields(fields.into_iter().map(|(name, shape)| (name.into(), shape)).collect())
    }

    /// What is behind a name in it; what is wrong with it, if nothing can be.
    pub(crate) fn under(&self, path: &str, name: &str) -> Result<&Shape, String> {
        match self {
            Self::Anything => Ok(&Self::Anything),
            Self::Single => Err(format!("`{path}` has no fields.")),
            Self::Fields(fields) => fields.get(name).ok_or_else(|| {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                let whole = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                format!("There is no `{whole}`; there is: {}.", known.join(", "))
            }),
        }
    }
}
