//! The database from outside any request: a connection that blocks, for the command line and before the server's threads start.

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

/// A blocking connection, for the command line and before the server's threads start.
pub type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;

/// What is wrong with the database, as a sentence for the one who starts the server.
#[derive(Debug)]
pub struct DatabaseError(pub String);

impl std::fmt::Display for DatabaseError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for DatabaseError {}

/// Puts what was tried before a failure.
pub fn failed(what: &str) -> impl Fn(diesel::result::Error) -> DatabaseError + '_ {
    move |error| DatabaseError(format!("{what}: {error}"))
}

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// What a query answers that names it `flag`.
pub fn flag(connection: &mut Blocking, query: &str) -> Result<bool, DatabaseError> {
    let row: Flag = sql_query(query).get_result(connection).map_err(failed("a check of the database"))?;
    Ok(row.flag)
}

/// One text from a query that names it `line`.
pub fn text(connection: &mut Blocking, query: &str) -> Result<String, DatabaseError> {
    let row: Line = sql_query(query).get_result(connection).map_err(failed("a check of the database"))?;
    Ok(row.line)
}

/// All texts from a query that names them `line`.
pub fn texts(connection: &mut Blocking, query: &str) -> Result<Vec<String>, DatabaseError> {
    let rows: Vec<Line> = sql_query(query).load(connection).map_err(failed("a check of the database"))?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}
