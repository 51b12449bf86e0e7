//! Accounts that belong to one person, say one at the provider and one at a client: whoever has made something by the one
//! does not approve it by the other. Accounts at one mailbox (`a+b@c` is `a@c`) are one person's without being said to be.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// Whose an account is.
#[derive(InputObject, Clone, Debug)]
pub struct UserSamePersonSetInput {
    /// The account.
    pub user: UserId,
    /// Another account of the same person. Not said: as far as is known, the account is the only one of its person.
    pub other: Option<UserId>,
}

/// A person with all accounts that are known to be his.
#[derive(SimpleObject, Clone, Debug)]
pub struct SamePerson {
    /// The accounts' user ids.
    pub user_ids: Vec<UserId>,
}

crate::platform::payload! {
    /// What is known of a person's accounts.
    UserSamePersonPayload {
        /// The person.
        person: SamePerson
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: UserId,
}

async fn join(tx: &Tx, user: UserId, other: Option<UserId>) -> Result<SamePerson> {
    let rows: Vec<Row> = match other {
        Some(other) if other == user => {
            return Err(Error::refuse(UserErrorCode::Invalid, "other", "Name another account."));
        }
        // all that belong to the one belong to the other as well
        Some(other) => {
            tx.rows(
                sql("UPDATE identity.account a SET person_id = p.person, updated_at = now()
                       FROM (SELECT coalesce(x.person_id, y.person_id, x.id) AS person, x.person_id AS one, y.person_id AS other
                               FROM identity.account x, identity.account y WHERE x.id = $1 AND y.id = $2) p
                      WHERE a.id IN ($1, $2) OR a.person_id IN (p.one, p.other)
                      RETURNING a.id")
                .bind::<SqlUuid, _>(user)
                .bind::<SqlUuid, _>(other),
            )
            .await?
        }
        None => {
            tx.rows(
                sql("UPDATE identity.account a SET person_id = NULL, updated_at = now() WHERE a.id = $1 RETURNING a.id")
                    .bind::<SqlUuid, _>(user),
            )
            .await?
        }
    };
    if rows.is_empty() {
        return Err(Error::not_found("user", "person"));
    }
    let mut user_ids: Vec<UserId> = rows.into_iter().map(|row| row.id).collect();
    user_ids.sort_unstable();
    Ok(SamePerson { user_ids })
}

/// Changes of whose accounts are whose.
#[derive(Default)]
pub struct OnePersonMutation;

#[Object]
impl OnePersonMutation {
    /// Says that two accounts are one person's, or that an account stands for itself again: what is made by the one is not
    /// approved by the other. Needs a token without client. Right: `identity.staff.manage`.
    async fn user_same_person_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The accounts.")] input: UserSamePersonSetInput,
    ) -> async_graphql::Result<Option<UserSamePersonPayload>> {
        let tx = ctx.provider(Can::StaffManage).await?;
        UserSamePersonPayload::settle(ctx, join(tx, input.user, input.other).await)
    }
}
