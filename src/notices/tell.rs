//! Telling people of a record: each once, those who see it, and never who acts.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::about;
use super::notice::NoticeCause;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;

/// Who may be told of a record.
#[derive(Clone, Debug)]
pub struct Audience {
    /// As which types it is seen.
    pub types: Vec<&'static str>,
    /// The right to each of them.
    pub rights: Vec<&'static str>,
    /// Rights that are needed beside one of these.
    pub needs: Vec<&'static str>,
    /// Only the provider's staff.
    pub staff: bool,
}

impl Audience {
    /// Whoever sees records of that type, as the provider knows it.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        let (types, rights) = about::sights(kind).into_iter().map(|(name, can)| (name, can.name())).unzip();
        Self { types, rights, needs: Vec::new(), staff: false }
    }

    /// Of these, whoever sees the record as the provider does.
    #[must_use]
    pub fn inside(mut self) -> Self {
        self.types.truncate(1);
        self.rights.truncate(1);
        self
    }

    /// Whoever sees the comments beside such records: those that the client sees, or those that stay with the staff.
    #[must_use]
    pub fn of_comments(kind: &str, visible: bool) -> Self {
        let all = Self::of(kind);
        let read = Can::CommentRead.name();
        if visible {
            Self { needs: vec![read], ..all }
        } else {
            Self { needs: vec![read, Can::InternalCommentRead.name()], staff: true, ..all.inside() }
        }
    }
}

/// What people are told.
#[derive(Clone, Debug)]
pub struct News {
    /// Of which record.
    pub record: Uuid,
    /// Why.
    pub cause: NoticeCause,
    /// The comment that it is about.
    pub comment: Option<Uuid>,
    /// In whose name, if not in the actor's; the actor himself is told as well then.
    pub says: Option<String>,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Int4)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    told: i32,
}

/// Tells people of a record.
pub async fn tell(tx: &Tx, to: &Audience, news: News, mut people: Vec<UserId>) -> Result<()> {
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = people.iter().map(|_| new_uuid()).collect();
    let himself = news.says.is_some();
    let _: Told = tx
        .row(
            sql("SELECT practice.tell($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS told")
                .bind::<Array<SqlUuid>, _>(people)
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<Array<Text>, _>(to.types.clone())
                .bind::<Array<Text>, _>(to.rights.clone())
                .bind::<SqlUuid, _>(news.record)
                .bind::<Array<Text>, _>(to.needs.clone())
                .bind::<Bool, _>(to.staff)
                .bind::<Text, _>(news.cause)
                .bind::<Nullable<SqlUuid>, _>(news.comment)
                .bind::<Nullable<Text>, _>(news.says)
                .bind::<Bool, _>(himself),
        )
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Concerned {
    #[diesel(sql_type = SqlUuid)]
    account_id: UserId,
}

/// Who watches a record, as whatever he sees it, and who does it.
pub async fn concerned(tx: &Tx, record: Uuid) -> Result<Vec<UserId>> {
    let rows: Vec<Concerned> = tx
        .rows(
            sql("SELECT w.account_id FROM practice.record_watch w WHERE w.tenant_id = $1 AND w.record_id = $2 AND NOT w.muted
                 UNION
                 SELECT i.assignee_id FROM practice.work_item i WHERE i.tenant_id = $1 AND i.id = $2 AND i.assignee_id IS NOT NULL")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(record),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.account_id).collect())
}
