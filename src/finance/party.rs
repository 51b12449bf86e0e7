//! What customers and vendors share: everything but the direction in which the money flows.
//!
//! The two are tables, types and rights of their own, so that neither can stand where the other is meant; this macro
//! declares one of them.

use std::fmt::Display;

use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{sized, sized_if_given};

/// The texts of a party as they came in.
#[derive(Default)]
pub struct Texts<'a> {
    /// The client's own number.
    pub number: Option<&'a str>,
    /// The name.
    pub name: Option<&'a str>,
    /// The address for letters by mail.
    pub email: Option<&'a str>,
    /// The VAT identification number.
    pub vat_number: Option<&'a str>,
    /// Street and house number.
    pub street: Option<&'a str>,
    /// Postal code.
    pub postal_code: Option<&'a str>,
    /// City.
    pub city: Option<&'a str>,
    /// Where it takes electronic documents.
    pub electronic_address: Option<&'a str>,
}

impl Texts<'_> {
    /// Refuses texts that the record cannot keep whole, with `field` put before each name.
    pub fn check(&self, field: impl Display) -> Result<()> {
        if let Some(number) = self.number {
            sized(&format!("{field}number"), number, 1..=30)?;
        }
        if let Some(name) = self.name {
            sized(&format!("{field}name"), name, 1..=200)?;
        }
        sized_if_given(&format!("{field}email"), self.email, 254)?;
        sized_if_given(&format!("{field}vatNumber"), self.vat_number, 32)?;
        sized_if_given(&format!("{field}street"), self.street, 200)?;
        sized_if_given(&format!("{field}postalCode"), self.postal_code, 20)?;
        sized_if_given(&format!("{field}city"), self.city, 100)?;
        check_electronic(&format!("{field}electronicAddress"), self.electronic_address)
    }
}

/// Refuses an electronic address that is not written as list and address within it.
pub fn check_electronic(field: &str, address: Option<&str>) -> Result<()> {
    let sound = address.is_none_or(|address| {
        address.split_once(':').is_some_and(|(list, rest)| {
            (2..=4).contains(&list.len())
                && list.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
                && (1..=100).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_graphic())
        })
    });
    if sound {
        return Ok(());
    }
    let message = "An electronic address is the code of its list (EAS), a colon and the address: 0088:1234567890128.";
    Err(Error::refuse(UserErrorCode::Invalid, field, message))
}

/// Refuses payment terms out of range.
pub fn check_terms(days: Option<i32>) -> Result<()> {
    match days {
        Some(days) if !(0..=365).contains(&days) => {
            Err(Error::refuse(UserErrorCode::Invalid, "paymentTermsDays", "Payment terms are 0 to 365 days."))
        }
        _ => Ok(()),
    }
}

/// Declares a party: its row and GraphQL object, filter, inputs, commands and resolvers.
#[macro_export]
macro_rules! party {
    (
        $(#[doc = $doc:literal])+
        $Party:ident: $table:ident, $Id:ident, read $Read:ident, manage $Manage:ident, called $one:literal, tells $Created:ident, $Updated:ident;
        $(#[doc = $page_doc:literal])+
        $Connection:ident, $Edge:ident;
        $(#[doc = $filter_doc:literal])+
        $Filter:ident;
        $(#[doc = $create_doc:literal])+
        $Create:ident;
        $(#[doc = $update_doc:literal])+
        $Update:ident;
        $(#[doc = $payload_doc:literal])+
        $Payload:ident;
        $Query:ident {
            $(#[doc = $find_doc:literal])+
            $find_field:ident
            $(#[doc = $list_doc:literal])+
            $list_field:ident
        }
        $Mutation:ident {
            $(#[doc = $create_field_doc:literal])+
            $create_field:ident
            $(#[doc = $update_field_doc:literal])+
            $update_field:ident
        }
    ) => {
        use std::collections::HashMap;

        use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
        use diesel::prelude::*;

        use $crate::platform::input::expect_version;
        use $crate::finance::party::{Texts, check_terms};
        use $crate::platform::can::Can;
        use $crate::platform::db::Tx;
        use $crate::platform::entity::Fetch;
        use $crate::platform::error::{Error, Result};
        use $crate::platform::filter::{FlagFilter, TextFilter};
        use $crate::platform::ids::new_uuid;
        use $crate::platform::outbox::{EventKind, emit};
        use $crate::platform::paging::{Slice, encode};
        use $crate::platform::scalars::{CountryCode, CurrencyCode, DateTime, Iban};
        use $crate::platform::scope::Ask;

        $(#[doc = $doc])+
        #[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
        #[diesel(table_name = $table)]
        pub struct $Party {
            /// Global id.
            pub id: $Id,
            #[doc = concat!("The client's own number for the ", $one, ", unique.")]
            pub number: String,
            /// Name as it stands on documents.
            pub name: String,
            /// E-mail address for documents and reminders.
            pub email: Option<String>,
            /// VAT identification number.
            pub vat_number: Option<String>,
            /// Street and house number.
            pub street: Option<String>,
            /// Postal code.
            pub postal_code: Option<String>,
            /// City.
            pub city: Option<String>,
            /// Country.
            pub country: CountryCode,
            /// Currency of new documents.
            pub currency: CurrencyCode,
            /// Days from the date of a document to its due date.
            pub payment_terms_days: i32,
            #[doc = concat!("The ", $one, "'s own bank account: finds the ", $one, " when bank lines are matched.")]
            pub iban: Option<Iban>,
            /// Where it takes electronic documents: the code of the list (EAS), a colon, and the address in it.
            pub electronic_address: Option<String>,
            /// Whether new documents may be written.
            pub active: bool,
            /// When the record was made.
            pub created_at: DateTime,
            /// Counts changes; give it as `expectedVersion`.
            pub version: i32,
        }

        $crate::platform::connection!($(#[doc = $page_doc])+ $Connection, $Edge, $Party);

        impl Fetch for $Party {
            type Key = $Id;
            type Value = Self;
            const CAN: Can = Can::$Read;

            async fn fetch(tx: &Tx, keys: Vec<$Id>) -> Result<HashMap<$Id, Self>> {
                let rows: Vec<Self> = tx
                    .rows(
                        $table::table
                            .filter($table::tenant_id.eq(tx.tenant()?))
                            .filter($table::id.eq_any(keys))
                            .select(Self::as_select()),
                    )
                    .await?;
                Ok(rows.into_iter().map(|row| (row.id, row)).collect())
            }
        }

        $crate::platform::filter! {
            $(#[doc = $filter_doc])+
            $Filter over $table {
                /// By number.
                number: TextFilter => text($table::number),
                /// By name.
                name: TextFilter => text($table::name),
                /// Active or not.
                active: FlagFilter => flag($table::active),
            }
        }

        $(#[doc = $create_doc])+
        #[derive(InputObject, Clone, Debug)]
        pub struct $Create {
            /// The client's own number, 1 to 30 characters, unique.
            pub number: String,
            /// Name as it stands on documents, 1 to 200 characters.
            pub name: String,
            /// E-mail address for documents and reminders.
            pub email: Option<String>,
            /// VAT identification number.
            pub vat_number: Option<String>,
            /// Street and house number.
            pub street: Option<String>,
            /// Postal code.
            pub postal_code: Option<String>,
            /// City.
            pub city: Option<String>,
            /// Country.
            pub country: CountryCode,
            /// Currency of new documents; the client's book currency if not said.
            pub currency: Option<CurrencyCode>,
            /// Days from the date of a document to its due date, 0 to 365; 30 if not said.
            pub payment_terms_days: Option<i32>,
            /// The party's own bank account.
            pub iban: Option<Iban>,
            /// Where it takes electronic documents: the code of the list (EAS), a colon, and the address in it, such as
            /// `0088:1234567890128` or `EM:bills@example.com`.
            pub electronic_address: Option<String>,
        }

        $(#[doc = $update_doc])+
        #[derive(InputObject, Clone, Debug)]
        pub struct $Update {
            /// Which record.
            pub id: $Id,
            /// The version that was read; refused with `CONFLICT` if the record was changed since.
            pub expected_version: Option<i32>,
            /// New name.
            pub name: Option<String>,
            /// New e-mail address for documents and reminders.
            pub email: MaybeUndefined<String>,
            /// New VAT identification number.
            pub vat_number: MaybeUndefined<String>,
            /// New street and house number.
            pub street: MaybeUndefined<String>,
            /// New postal code.
            pub postal_code: MaybeUndefined<String>,
            /// New city.
            pub city: MaybeUndefined<String>,
            /// New payment terms in days, 0 to 365.
            pub payment_terms_days: Option<i32>,
            /// New bank account of the party.
            pub iban: MaybeUndefined<Iban>,
            /// New electronic address, written as when it was created.
            pub electronic_address: MaybeUndefined<String>,
            /// Whether new documents may be written.
            pub active: Option<bool>,
        }

        #[derive(AsChangeset)]
        #[diesel(table_name = $table)]
        struct Changes {
            name: Option<String>,
            email: Option<Option<String>>,
            vat_number: Option<Option<String>>,
            street: Option<Option<String>>,
            postal_code: Option<Option<String>>,
            city: Option<Option<String>>,
            payment_terms_days: Option<i32>,
            iban: Option<Option<Iban>>,
            electronic_address: Option<Option<String>>,
            active: Option<bool>,
        }

        $crate::platform::payload! {
            $(#[doc = $payload_doc])+
            $Payload {
                /// The record as it is now.
                $find_field: $Party
            }
        }

        /// The record of that id, or nothing.
        pub async fn find(tx: &Tx, id: $Id) -> Result<Option<$Party>> {
            tx.maybe(
                $table::table
                    .filter($table::tenant_id.eq(tx.tenant()?))
                    .filter($table::id.eq(id))
                    .select($Party::as_select()),
            )
            .await
        }

        async fn create(tx: &Tx, input: $Create) -> Result<$Party> {
            Texts {
                number: Some(&input.number),
                name: Some(&input.name),
                email: input.email.as_deref(),
                vat_number: input.vat_number.as_deref(),
                street: input.street.as_deref(),
                postal_code: input.postal_code.as_deref(),
                city: input.city.as_deref(),
                electronic_address: input.electronic_address.as_deref(),
            }
            .check("")?;
            check_terms(input.payment_terms_days)?;
            let currency = input.currency.unwrap_or_else(|| CurrencyCode(tx.book_currency().to_owned()));
            tx.row(
                diesel::insert_into($table::table)
                    .values((
                        $table::tenant_id.eq(tx.tenant()?),
                        $table::id.eq(new_uuid()),
                        $table::number.eq(input.number),
                        $table::name.eq(input.name),
                        $table::email.eq(input.email),
                        $table::vat_number.eq(input.vat_number),
                        $table::street.eq(input.street),
                        $table::postal_code.eq(input.postal_code),
                        $table::city.eq(input.city),
                        $table::country.eq(input.country),
                        $table::currency.eq(currency),
                        $table::payment_terms_days.eq(input.payment_terms_days.unwrap_or(30)),
                        $table::iban.eq(input.iban),
                        $table::electronic_address.eq(input.electronic_address),
                    ))
                    .returning($Party::as_returning()),
            )
            .await
            .inspect(|created: &$Party| emit(tx, EventKind::$Created, created.id.0))
        }

        /// Changes the record.
        pub async fn update(tx: &Tx, input: $Update) -> Result<$Party> {
            let found: Option<$Party> = tx
                .maybe(
                    $table::table
                        .filter($table::tenant_id.eq(tx.tenant()?))
                        .filter($table::id.eq(input.id))
                        .select($Party::as_select())
                        .for_update(),
                )
                .await?;
            let found = found.ok_or_else(|| Error::not_found("id", $one))?;
            expect_version(input.expected_version, found.version, $one)?;
            Texts {
                number: None,
                name: input.name.as_deref(),
                email: input.email.as_opt_deref().flatten(),
                vat_number: input.vat_number.as_opt_deref().flatten(),
                street: input.street.as_opt_deref().flatten(),
                postal_code: input.postal_code.as_opt_deref().flatten(),
                city: input.city.as_opt_deref().flatten(),
                electronic_address: input.electronic_address.as_opt_deref().flatten(),
            }
            .check("")?;
            check_terms(input.payment_terms_days)?;
            let changes = Changes {
                name: input.name,
                email: input.email.into(),
                vat_number: input.vat_number.into(),
                street: input.street.into(),
                postal_code: input.postal_code.into(),
                city: input.city.into(),
                payment_terms_days: input.payment_terms_days,
                iban: input.iban.into(),
                electronic_address: input.electronic_address.into(),
                active: input.active,
            };
            tx.row(
                diesel::update($table::table)
                    .filter($table::tenant_id.eq(tx.tenant()?))
                    .filter($table::id.eq(input.id))
                    // Setting a column to itself keeps an empty change a statement, which counts a version and says so.
                    .set((changes, $table::number.eq($table::number)))
                    .returning($Party::as_returning()),
            )
            .await
            .inspect(|updated: &$Party| emit(tx, EventKind::$Updated, updated.id.0))
        }

        /// Queries about this kind of party.
        #[derive(Default)]
        pub struct $Query;

        #[Object]
        impl $Query {
            $(#[doc = $find_doc])+
            async fn $find_field(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "The record's id.")] id: $Id,
            ) -> async_graphql::Result<Option<$Party>> {
                Ok(find(ctx.tx(Can::$Read).await?, id).await?)
            }

            $(#[doc = $list_doc])+
            async fn $list_field(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
                #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
                #[graphql(desc = "Only records that match.")] filter: Option<$Filter>,
            ) -> async_graphql::Result<$Connection> {
                let tx = ctx.tx(Can::$Read).await?;
                let slice = Slice::new(first, after.as_deref())?;
                let narrowed = |filter: Option<$Filter>| -> Result<_> {
                    let mut query = $table::table.filter($table::tenant_id.eq(tx.tenant()?)).into_boxed();
                    if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                        query = query.filter(condition);
                    }
                    Ok(query)
                };
                let total = if ctx.look_ahead().field("totalCount").exists() {
                    Some(tx.row(narrowed(filter.clone())?.count()).await?)
                } else {
                    None
                };
                let mut page = narrowed(filter)?;
                if let Some((_, id)) = &slice.after {
                    page = page.filter($table::id.lt(*id));
                }
                let rows =
                    tx.rows(page.order($table::id.desc()).limit(slice.limit()).select($Party::as_select())).await?;
                Ok($Connection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
            }
        }

        /// Changes of this kind of party.
        #[derive(Default)]
        pub struct $Mutation;

        #[Object]
        impl $Mutation {
            $(#[doc = $create_field_doc])+
            async fn $create_field(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "The new record.")] input: $Create,
            ) -> async_graphql::Result<Option<$Payload>> {
                let tx = ctx.tx(Can::$Manage).await?;
                $Payload::settle(ctx, create(tx, input).await)
            }

            $(#[doc = $update_field_doc])+
            async fn $update_field(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "What changes.")] input: $Update,
            ) -> async_graphql::Result<Option<$Payload>> {
                let tx = ctx.tx(Can::$Manage).await?;
                $Payload::settle(ctx, update(tx, input).await)
            }
        }
    };
}
