//! How somebody wants to be told by mail: his own, across all clients.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::words! {
    /// How somebody is told by mail.
    NoticeMailing {
        /// As soon as there is something to tell.
        AtOnce = "at_once",
        /// Once a day, at an hour of his own, if there is something to tell.
        Daily = "daily",
        /// Not at all.
        Off = "off",
    }
}

/// How the caller wants to be told by mail.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct NoticePreference {
    /// When mails come. `OFF` for who has never said otherwise.
    #[diesel(sql_type = Text)]
    pub mail: NoticeMailing,
    /// The hour of the daily mail, 0 to 23, by the clock of that zone.
    #[diesel(sql_type = Int4)]
    pub hour: i32,
    /// The zone.
    #[diesel(sql_type = Text)]
    pub time_zone: TimeZone,
    /// When the next daily mail is due; null if none is.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub next_at: Option<DateTime>,
}

/// How the caller wants to be told by mail from now on.
#[derive(InputObject, Clone, Debug)]
pub struct NoticePreferenceSetInput {
    /// When mails come.
    pub mail: NoticeMailing,
    /// The hour of the daily mail, 0 to 23; if not said, what it was, 8 to begin with.
    pub hour: Option<i32>,
    /// The zone whose clock shows that hour; if not said, what it was, UTC to begin with.
    pub time_zone: Option<TimeZone>,
}

crate::platform::payload! {
    /// What became of how somebody is told by mail.
    NoticePreferencePayload {
        /// How he is told now.
        notice_preference: NoticePreference
    }
}

async fn of(tx: &Tx) -> Result<NoticePreference> {
    let known = tx
        .maybe(
            sql("SELECT p.mail, p.hour, p.time_zone, p.next_at FROM practice.notice_preference p WHERE p.account_id = $1")
                .bind::<SqlUuid, _>(tx.actor()),
        )
        .await?;
    Ok(known.unwrap_or(NoticePreference {
        mail: NoticeMailing::Off,
        hour: 8,
        time_zone: TimeZone("UTC".to_owned()),
        next_at: None,
    }))
}

/// Writes down how a person wants to be told.
async fn keep(tx: &Tx, account: Uuid, wanted: &NoticePreference) -> Result<()> {
    tx.exec(
        sql("SELECT practice.notice_prefer($1, $2, $3, $4)")
            .bind::<SqlUuid, _>(account)
            .bind::<Text, _>(wanted.mail)
            .bind::<Int4, _>(wanted.hour)
            .bind::<Text, _>(wanted.time_zone.0.clone()),
    )
    .await?;
    Ok(())
}

async fn set(tx: &Tx, input: NoticePreferenceSetInput) -> Result<NoticePreference> {
    let before = of(tx).await?;
    let hour = input.hour.unwrap_or(before.hour);
    if !(0..=23).contains(&hour) {
        return Err(Error::refuse(UserErrorCode::Invalid, "hour", "An hour is 0 to 23."));
    }
    let time_zone = input.time_zone.unwrap_or(before.time_zone);
    keep(tx, tx.actor(), &NoticePreference { mail: input.mail, hour, time_zone, next_at: None }).await?;
    of(tx).await
}

/// Queries about mails of notices.
#[derive(Default)]
pub struct PreferenceQuery;

#[Object]
impl PreferenceQuery {
    /// How the caller wants to be told by mail. Needs no right; works with and without a client's token, in an operation
    /// apart from a client's fields.
    async fn notice_preference(&self, ctx: &Context<'_>) -> async_graphql::Result<NoticePreference> {
        Ok(of(ctx.myself().await?).await?)
    }
}

/// Saying how one wants to be told.
#[derive(Default)]
pub struct PreferenceMutation;

#[Object]
impl PreferenceMutation {
    /// Says how the caller wants to be told by mail, across all clients; what he was told before is in no mail. Needs no
    /// right; works with and without a client's token, in an operation apart from a client's fields.
    async fn notice_preference_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How.")] input: NoticePreferenceSetInput,
    ) -> async_graphql::Result<Option<NoticePreferencePayload>> {
        let tx = ctx.myself().await?;
        NoticePreferencePayload::settle(ctx, set(tx, input).await)
    }
}
