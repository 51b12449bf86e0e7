//! Ids: UUIDs (version 7) inside, typed and opaque outside. `inv_0192…` can only ever be an invoice.

pub mod known;

use std::fmt;

use uuid::Uuid;

/// A new id: made by the server, ordered by time.
#[must_use]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// The outside form: the type's prefix and 32 hexadecimal digits.
pub fn write(prefix: &str, id: Uuid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(out, "{prefix}_{}", id.simple())
}

/// Splits an outside id into prefix and UUID. Nothing if it has another shape.
#[must_use]
pub fn split(text: &str) -> Option<(&str, Uuid)> {
    let (prefix, digits) = text.rsplit_once('_')?;
    (digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
        .then(|| Uuid::try_parse(digits).ok())
        .flatten()
        .map(|id| (prefix, id))
}

/// Declares typed ids: `ids! { /// Names an invoice. InvoiceId = "inv"; }`.
#[macro_export]
macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
        )]
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// What outside ids of this type begin with.
            pub const PREFIX: &'static str = $prefix;

            /// A new one.
            #[must_use]
            pub fn new() -> Self {
                Self($crate::platform::ids::new_uuid())
            }

            /// From the outside form; nothing if it is not an id of this type.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match $crate::platform::ids::split(text) {
                    Some(($prefix, id)) => Some(Self(id)),
                    _ => None,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::platform::ids::write($prefix, self.0, out)
            }
        }

        impl diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::to_sql(&self.0, out)
            }
        }

        impl diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                diesel::deserialize::FromSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::from_sql(bytes).map(Self)
            }
        }

        impl async_graphql::InputType for $name {
            type RawValueType = Self;

            fn type_name() -> std::borrow::Cow<'static, str> {
                <async_graphql::ID as async_graphql::InputType>::type_name()
            }

            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::InputType>::create_type_info(registry)
            }

            fn parse(value: Option<async_graphql::Value>) -> async_graphql::InputValueResult<Self> {
                match value {
                    // Any well-formed id is taken. One of another type finds nothing, exactly like one that never
                    // existed, so that ids say nothing about what they name.
                    Some(async_graphql::Value::String(text)) => match $crate::platform::ids::split(&text) {
                        Some(($prefix, id)) => Ok(Self(id)),
                        Some(_) => Ok(Self(uuid::Uuid::nil())),
                        None => Err(async_graphql::InputValueError::custom("This is not an id.")),
                    },
                    other => Err(async_graphql::InputValueError::expected_type(other.unwrap_or_default())),
                }
            }

            fn to_value(&self) -> async_graphql::Value {
                async_graphql::Value::String(self.to_string())
            }

            fn as_raw_value(&self) -> Option<&Self::RawValueType> {
                Some(self)
            }
        }

        impl async_graphql::OutputType for $name {
            fn type_name() -> std::borrow::Cow<'static, str> {
                <async_graphql::ID as async_graphql::OutputType>::type_name()
            }

            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <async_graphql::ID as async_graphql::OutputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                _ctx: &async_graphql::ContextSelectionSet<'_>,
                _field: &async_graphql::Positioned<async_graphql::parser::types::Field>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                Ok(async_graphql::Value::String(self.to_string()))
            }
        }
    )+};
}
