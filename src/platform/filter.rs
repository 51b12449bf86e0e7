//! Typed filters: what a list can be narrowed by, on indexed columns only, combined by `and` and `or` at most three deep.

use std::marker::PhantomData;

use async_graphql::InputObject;
use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Bool, Nullable};

use super::error::{Error, Result};
use super::scalars::Date;

/// How deep `and` and `or` may nest.
pub const MAX_DEPTH: usize = 3;
/// How many conditions one filter may hold.
pub const MAX_CONDITIONS: usize = 50;

/// Conditions on a text.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TextFilter {
    /// Equal to this.
    pub eq: Option<String>,
    /// One of these, at most 100.
    #[graphql(name = "in")]
    pub any_of: Option<Vec<String>>,
    /// Contains this, whatever the case.
    pub contains: Option<String>,
    /// True: only rows without a value; false: only rows with one.
    pub is_null: Option<bool>,
}

/// Conditions on a date.
#[derive(InputObject, Clone, Debug, Default)]
pub struct DateFilter {
    /// On this day.
    pub eq: Option<Date>,
    /// On this day or later.
    pub gte: Option<Date>,
    /// Before this day.
    pub lt: Option<Date>,
    /// True: only rows without a value; false: only rows with one.
    pub is_null: Option<bool>,
}

/// Conditions on a yes or no.
#[derive(InputObject, Clone, Debug, Default)]
pub struct FlagFilter {
    /// Equal to this.
    pub eq: Option<bool>,
}

enum Tree {
    Leaf(Box<dyn QueryFragment<Pg> + Send>),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

impl Tree {
    fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::leaves).sum(),
        }
    }

    fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let (parts, word) = match self {
            Self::Leaf(leaf) => return leaf.walk_ast(out.reborrow()),
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
        };
        out.push_sql("(");
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push_sql(word);
            }
            part.walk(out)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

/// A condition on rows of `Table`: diesel's own boxed expressions cannot cross threads, this one can.
pub struct Condition<Table> {
    tree: Tree,
    table: PhantomData<fn() -> Table>,
}

impl<Table> Condition<Table> {
    /// From a typed expression over that table.
    pub fn new<E>(expression: E) -> Self
    where
        E: AppearsOnTable<Table> + QueryFragment<Pg> + Send + 'static,
    {
        Self { tree: Tree::Leaf(Box::new(expression)), table: PhantomData }
    }

    /// Refuses filters nested too deep.
    pub fn check_depth(depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::BadInput("A filter nests `and` and `or` at most three deep.".to_owned()));
        }
        Ok(())
    }

    /// All of these hold; nothing if there are none. Refused beyond 50 conditions.
    pub fn all(parts: Vec<Self>) -> Result<Option<Self>> {
        if parts.is_empty() {
            return Ok(None);
        }
        let tree = Tree::All(parts.into_iter().map(|part| part.tree).collect());
        if tree.leaves() > MAX_CONDITIONS {
            return Err(Error::BadInput("A filter holds at most 50 conditions.".to_owned()));
        }
        Ok(Some(Self { tree, table: PhantomData }))
    }

    /// At least one of these holds; nothing if there are none.
    #[must_use]
    pub fn any(parts: Vec<Self>) -> Option<Self> {
        (!parts.is_empty())
            .then(|| Self { tree: Tree::Any(parts.into_iter().map(|part| part.tree).collect()), table: PhantomData })
    }
}

impl<Table> QueryFragment<Pg> for Condition<Table> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.tree.walk(&mut out)
    }
}

impl<Table> QueryId for Condition<Table> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Table> Expression for Condition<Table> {
    type SqlType = Nullable<Bool>;
}

impl<Table> AppearsOnTable<Table> for Condition<Table> {}
impl<Table> SelectableExpression<Table> for Condition<Table> {}

impl<Table> ValidGrouping<()> for Condition<Table> {
    type IsAggregate = is_aggregate::No;
}

/// Declares a filter on ids or words: `eq` and `in`.
#[macro_export]
macro_rules! equality_filter {
    ($(#[doc = $doc:literal])+ $name:ident, $value:ty) => {
        $(#[doc = $doc])+
        #[derive(async_graphql::InputObject, Clone, Debug, Default)]
        pub struct $name {
            /// Equal to this.
            pub eq: Option<$value>,
            /// One of these, at most 100.
            #[graphql(name = "in")]
            pub any_of: Option<Vec<$value>>,
        }
    };
}

/// The text for a `LIKE` that finds `part` anywhere, its own wildcards taken literally.
#[must_use]
pub fn like(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len().saturating_add(2));
    pattern.push('%');
    for character in part.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// Turns filter conditions into one boxed diesel expression. Each arm names column and kind of condition:
/// `conditions!(filter, found: invoice => { status: equality, issue_date: date, number: text })`.
#[macro_export]
macro_rules! narrow {
    ($list:expr, equality($column:expr, $filter:expr)) => {
        if let Some(filter) = $filter {
            $list.extend(filter.eq.map(|value| Condition::new($column.eq(value))));
            $list.extend(filter.any_of.map(|values| Condition::new($column.eq_any(values))));
        }
    };
    ($list:expr, flag($column:expr, $filter:expr)) => {
        $list.extend($filter.and_then(|filter| filter.eq).map(|value| Condition::new($column.eq(value))));
    };
    ($list:expr, text($column:expr, $filter:expr)) => {
        if let Some(filter) = $filter {
            $list.extend(filter.eq.map(|value| Condition::new($column.eq(value))));
            $list.extend(filter.any_of.map(|values| Condition::new($column.eq_any(values))));
            $list.extend(
                filter.contains.map(|part| Condition::new($column.ilike($crate::platform::filter::like(&part)))),
            );
            $crate::narrow!($list, null($column, filter.is_null));
        }
    };
    ($list:expr, date($column:expr, $filter:expr)) => {
        if let Some(filter) = $filter {
            $list.extend(filter.eq.map(|day| Condition::new($column.eq(day))));
            $list.extend(filter.gte.map(|day| Condition::new($column.ge(day))));
            $list.extend(filter.lt.map(|day| Condition::new($column.lt(day))));
            $crate::narrow!($list, null($column, filter.is_null));
        }
    };
    ($list:expr, null($column:expr, $is_null:expr)) => {
        match $is_null {
            Some(true) => $list.push(Condition::new($column.is_null())),
            Some(false) => $list.push(Condition::new($column.is_not_null())),
            None => {}
        }
    };
}

/// Declares a filter input over a table, with `and` and `or`, and its translation to SQL.
#[macro_export]
macro_rules! filter {
    ($(#[doc = $doc:literal])+ $name:ident over $table:ident {
        $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty => $kind:ident($column:expr),)+
    }) => {
        $(#[doc = $doc])+
        #[derive(async_graphql::InputObject, Clone, Debug, Default)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: Option<$type>,)+
            /// All of these hold as well.
            pub and: Option<Vec<$name>>,
            /// At least one of these holds as well.
            pub or: Option<Vec<$name>>,
        }

        impl $name {
            /// The filter as one condition; nothing if it asks for nothing. Refused beyond three levels or 50 conditions.
            pub fn condition(
                self,
                depth: usize,
            ) -> $crate::platform::error::Result<Option<$crate::platform::filter::Condition<$table::table>>> {
                use diesel::prelude::*;
                use $crate::platform::filter::Condition;
                Condition::<$table::table>::check_depth(depth)?;
                let mut conditions: Vec<Condition<$table::table>> = Vec::new();
                $($crate::narrow!(conditions, $kind($column, self.$field));)+
                for part in self.and.into_iter().flatten() {
                    conditions.extend(part.condition(depth.saturating_add(1))?);
                }
                let mut either: Vec<Condition<$table::table>> = Vec::new();
                for part in self.or.into_iter().flatten() {
                    either.extend(part.condition(depth.saturating_add(1))?);
                }
                conditions.extend(Condition::any(either));
                Condition::all(conditions)
            }
        }
    };
}
