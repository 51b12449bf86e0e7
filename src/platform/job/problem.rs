//! What was wrong with the file that a job was given: by line, in pages.

use std::collections::HashMap;

use async_graphql::{Context, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::jobs::JobId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A wrong place in the file that a job was given.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct JobProblem {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    job_id: JobId,
    #[diesel(sql_type = Int4)]
    #[graphql(skip)]
    number: i32,
    #[diesel(sql_type = BigInt)]
    #[graphql(skip)]
    listed: i64,
    /// Line of the file, from 1; of a spreadsheet the row; of an XML element the line where it begins.
    #[diesel(sql_type = Int4)]
    pub line: i32,
    /// Name of the column in the header, or path of the XML element; null if the whole line is wrong.
    #[diesel(sql_type = Nullable<Text>)]
    pub column: Option<String>,
    /// What kind of problem, for programs: one of `FileErrorCode`.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// What is wrong and how to mend it, for people.
    #[diesel(sql_type = Text)]
    pub message: String,
}

crate::connection!(
    /// A page of what was wrong with a file, by line.
    JobProblemConnection, JobProblemEdge, JobProblem
);

/// A page of the problems of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ProblemPage {
    job: JobId,
    behind: i32,
    limit: i64,
}

/// The problems of pages.
struct ProblemsOf;

impl Fetch for ProblemsOf {
    type Key = ProblemPage;
    type Value = Vec<JobProblem>;
    const CAN: Can = Can::JobRead;

    async fn fetch(tx: &Tx, keys: Vec<ProblemPage>) -> Result<HashMap<ProblemPage, Vec<JobProblem>>> {
        // Of one job there may be several pages in one request: each row is given to all that it belongs to.
        let rows: Vec<JobProblem> = tx
            .rows(
                sql("SELECT p.job_id, p.number, n.listed, p.line, p.column_name AS \"column\", p.code, p.message
                       FROM (SELECT DISTINCT u.job_id, u.behind, u.row_limit
                               FROM unnest($2::uuid[], $3::int[], $4::bigint[]) AS u (job_id, behind, row_limit)) k
                      CROSS JOIN LATERAL (
                        SELECT count(*) AS listed FROM core.job_problem c WHERE c.tenant_id = $1 AND c.job_id = k.job_id) n
                      CROSS JOIN LATERAL (
                        SELECT c.* FROM core.job_problem c
                         WHERE c.tenant_id = $1 AND c.job_id = k.job_id AND c.number > k.behind
                         ORDER BY c.number LIMIT k.row_limit) p
                      ORDER BY p.job_id, p.number")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys.iter().map(|key| key.job).collect::<Vec<_>>())
                .bind::<Array<Int4>, _>(keys.iter().map(|key| key.behind).collect::<Vec<_>>())
                .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.limit).collect::<Vec<_>>()),
            )
            .await?;
        let pages = keys.into_iter().map(|key| {
            let limit = usize::try_from(key.limit).unwrap_or(usize::MAX);
            let mut page: Vec<JobProblem> =
                rows.iter().filter(|row| row.job_id == key.job && row.number > key.behind).cloned().collect();
            page.dedup_by_key(|row| row.number);
            page.truncate(limit);
            (key, page)
        });
        Ok(pages.collect())
    }
}

/// A page of the problems of a job, if they are for the caller.
pub(super) async fn page(
    ctx: &Context<'_>,
    job: JobId,
    is_for: bool,
    first: Option<i32>,
    after: Option<String>,
) -> async_graphql::Result<Option<JobProblemConnection>> {
    let slice = Slice::new(first, after.as_deref())?;
    if !is_for {
        return Ok(None);
    }
    let behind = match &slice.after {
        None => 0,
        Some((number, id)) if *id == job.0 => number.parse().map_err(|_| not_a_cursor())?,
        Some(_) => return Err(not_a_cursor().into()),
    };
    let key = ProblemPage { job, behind, limit: slice.limit() };
    let rows = ctx.load::<ProblemsOf>(key).await?.unwrap_or_default();
    let total = rows.first().map_or(i64::from(behind), |row| row.listed);
    let cursor = |row: &JobProblem| encode(&row.number.to_string(), row.job_id.0);
    Ok(Some(JobProblemConnection::new(ctx, &slice, rows, cursor, Some(total))))
}

fn not_a_cursor() -> Error {
    Error::BadInput("`after` is not a cursor of this list.".to_owned())
}
