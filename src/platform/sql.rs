//! Hand-written SQL that stays prepared.
//!
//! diesel prepares `sql_query` anew each time, and every update. This fragment is cached by its text, so set-based statements (batches by
//! `unnest`, reports, calls of the doors) cost one parse a connection.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, SingleValue, Untyped};

/// A value that can stand behind a `$n`.
trait Bind: Send + Sync {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<S, V> {
    value: V,
    sql_type: PhantomData<fn() -> S>,
}

impl<S, V> Bind for Typed<S, V>
where
    Pg: HasSqlType<S>,
    S: SingleValue,
    V: ToSql<S, Pg> + Send + Sync,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param_dyn(&self.value)
    }
}

/// `AstPass::push_bind_param` with the SQL type named by the caller.
trait PushTyped<'b> {
    fn push_bind_param_dyn<S, V>(&mut self, value: &'b V) -> QueryResult<()>
    where
        Pg: HasSqlType<S>,
        V: ToSql<S, Pg>;
}

impl<'b> PushTyped<'b> for AstPass<'_, 'b, Pg> {
    fn push_bind_param_dyn<S, V>(&mut self, value: &'b V) -> QueryResult<()>
    where
        Pg: HasSqlType<S>,
        V: ToSql<S, Pg>,
    {
        self.push_bind_param::<S, V>(value)
    }
}

/// A statement with `$1`, `$2` … in its text and as many values bound in that order.
///
/// `Row` is what a row consists of: not said, columns are found by their names.
pub struct Sql<'a, Row = Untyped> {
    text: &'static str,
    binds: Vec<Box<dyn Bind + 'a>>,
    row: PhantomData<fn() -> Row>,
}

/// Starts a statement from its text.
#[must_use]
pub fn sql<'a>(text: &'static str) -> Sql<'a> {
    Sql { text, binds: Vec::new(), row: PhantomData }
}

/// Starts a statement whose columns are read in their order, which is quicker than by name: for lists.
#[must_use]
pub fn typed<'a, Row>(text: &'static str) -> Sql<'a, Row> {
    Sql { text, binds: Vec::new(), row: PhantomData }
}

impl<'a, Row> Sql<'a, Row> {
    /// Binds the next `$n`.
    #[must_use]
    pub fn bind<S, V>(mut self, value: V) -> Self
    where
        Pg: HasSqlType<S>,
        S: SingleValue + 'a,
        V: ToSql<S, Pg> + Send + Sync + 'a,
    {
        self.binds.push(Box::new(Typed { value, sql_type: PhantomData::<fn() -> S> }));
        self
    }
}

impl<Row> QueryFragment<Pg> for Sql<'_, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.text);
        // The text names its parameters itself. diesel can only write a placeholder and bind a value together, so the
        // placeholders that it writes go into a comment at the end.
        out.push_sql("\n--");
        for bind in &self.binds {
            bind.push(&mut out)?;
        }
        Ok(())
    }
}

impl<Row> QueryId for Sql<'_, Row> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Sql<'_, Row> {
    type SqlType = Row;
}

/// A statement whose shape depends on what is asked, put together from pieces of our own text and from values, which only
/// ever go along as parameters. It is not kept prepared: a caller could have shapes made without end.
#[derive(Default)]
pub struct Pieces<'a> {
    parts: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Text(&'static str),
    Bind(Box<dyn Bind + 'a>),
}

impl<'a> Pieces<'a> {
    /// Adds text of our own.
    pub fn text(&mut self, text: &'static str) -> &mut Self {
        self.parts.push(Piece::Text(text));
        self
    }

    /// Adds a value at this place.
    pub fn bind<S, V>(&mut self, value: V) -> &mut Self
    where
        Pg: HasSqlType<S>,
        S: SingleValue + 'a,
        V: ToSql<S, Pg> + Send + Sync + 'a,
    {
        self.parts.push(Piece::Bind(Box::new(Typed { value, sql_type: PhantomData::<fn() -> S> })));
        self
    }
}

impl QueryFragment<Pg> for Pieces<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        for part in &self.parts {
            match part {
                Piece::Text(text) => out.push_sql(text),
                Piece::Bind(bind) => bind.push(&mut out)?,
            }
        }
        Ok(())
    }
}

impl QueryId for Pieces<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Pieces<'_> {
    type SqlType = Untyped;
}

/// A statement of diesel's that stays prepared although diesel would prepare it anew each time, as it does with updates.
///
/// It is kept by its text. For statements whose text is always the same: a column that is sometimes set and sometimes not
/// makes another text, and each connection would keep them all.
pub struct Kept<Q>(Q);

/// Keeps a statement prepared: see [`Kept`].
#[must_use]
pub fn kept<Q: Query>(statement: Q) -> Kept<Q> {
    Kept(statement)
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Kept<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}
