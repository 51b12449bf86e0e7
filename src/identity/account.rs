//! A person: of the provider's staff or of a client. Accounts belong to no client; a client sees the people who have,
//! had or were refused rights in it.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::sql::sql;

/// A person who can sign in.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct User {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: UserId,
    /// E-mail address, lower case: what one signs in with.
    #[diesel(sql_type = Text)]
    pub email: String,
    /// Name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether the person works for the provider.
    #[diesel(sql_type = Bool)]
    pub staff: bool,
}

impl Fetch for User {
    type Key = UserId;
    type Value = Self;
    const CAN: Can = Can::GrantRead;

    async fn fetch(tx: &Tx, keys: Vec<UserId>) -> Result<HashMap<UserId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT m.id, m.email, m.name, m.staff FROM identity.members() m WHERE m.id = ANY($1)")
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// An account with its secrets, for sign-in only.
#[derive(QueryableByName, Clone)]
pub(super) struct Account {
    #[diesel(embed)]
    pub user: User,
    #[diesel(sql_type = Nullable<Text>)]
    pub password_hash: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    pub totp_secret: Option<Vec<u8>>,
    #[diesel(sql_type = Bool)]
    pub totp_confirmed: bool,
    #[diesel(sql_type = BigInt)]
    pub totp_last_step: i64,
    #[diesel(sql_type = Bool)]
    pub disabled: bool,
}

impl Account {
    /// The account of that address, or nothing.
    pub(super) async fn by_email(tx: &Tx, email: String) -> Result<Option<Self>> {
        tx.maybe(
            sql("SELECT a.id, a.email, a.name, a.staff, a.password_hash, a.totp_secret, a.totp_confirmed, a.totp_last_step,
                        a.disabled_at IS NOT NULL AS disabled
                   FROM identity.account a WHERE a.email = $1")
                .bind::<Text, _>(email),
        )
        .await
    }

    /// The account behind a session, or nothing if the session is over.
    pub(super) async fn by_session(tx: &Tx, account: Uuid, session: Uuid) -> Result<Option<Self>> {
        tx.maybe(
            sql("SELECT a.id, a.email, a.name, a.staff, a.password_hash, a.totp_secret, a.totp_confirmed, a.totp_last_step,
                        a.disabled_at IS NOT NULL AS disabled
                   FROM identity.session s JOIN identity.account a ON a.id = s.account_id
                  WHERE s.id = $1 AND a.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL")
                .bind::<SqlUuid, _>(session)
                .bind::<SqlUuid, _>(account),
        )
        .await
    }
}

/// An e-mail address as accounts keep it: trimmed, lower case; nothing if it cannot be one.
#[must_use]
pub fn address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.rsplit_once('@')?;
    let well_formed = !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && text.len() <= 254
        && !text.chars().any(|character| character.is_whitespace() || character.is_control());
    well_formed.then_some(text)
}

/// The account of an address, for those who make accounts.
pub(super) async fn exists(tx: &Tx, email: &str) -> Result<bool> {
    use crate::schema::account;
    Ok(tx.row::<i64, _>(account::table.filter(account::email.eq(email.to_owned())).count()).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_trimmed_and_lower_case() {
        assert_eq!(address(" Rosa.Kern@Example.ORG ").as_deref(), Some("rosa.kern@example.org"));
        for wrong in ["", "@", "a@", "@b.c", "a@b", "a b@c.de", "a@.de", "a@de."] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
