//! Any record of a client by its global id alone: the prefix says what kind it is, and so which right is asked for.
//!
//! Each department declares the types of its records ([`nodes!`](crate::nodes)); the schema brings all of them together
//! ([`declare`]). So a department can point at any record without knowing the others.

use std::any::Any;
use std::borrow::Cow;
use std::sync::OnceLock;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ID, Object, OutputType, Positioned, ServerResult, Value,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use uuid::Uuid;

use super::can::Can;
use super::error::{Error, Result};
use super::ids::split;
use super::scope::Ask;

/// The most ids in one call of `nodes`.
const MOST: usize = 100;

/// What a record answers with, whatever its type is.
trait Record: Send + Sync {
    fn type_name(&self) -> Cow<'static, str>;

    fn answer<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
    ) -> BoxFuture<'a, ServerResult<Value>>;

    fn any(&self) -> &dyn Any;
}

impl<T: ContainerType + 'static> Record for T {
    fn type_name(&self) -> Cow<'static, str> {
        self.introspection_type_name()
    }

    fn answer<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
    ) -> BoxFuture<'a, ServerResult<Value>> {
        self.resolve(ctx, field).boxed()
    }

    fn any(&self) -> &dyn Any {
        self
    }
}

/// A record of a client that has an id of its own.
pub struct Node(Box<dyn Record>);

impl Node {
    /// That record.
    pub fn of<T: ContainerType + 'static>(record: T) -> Self {
        Self(Box::new(record))
    }

    /// The record, if it is one of that type.
    #[must_use]
    pub fn to<T: 'static>(&self) -> Option<&T> {
        self.0.any().downcast_ref()
    }
}

impl OutputType for Node {
    fn type_name() -> Cow<'static, str> {
        "Node".into()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Interface, |registry| {
            let mut id = MetaField::new("id".to_owned(), <ID as OutputType>::create_type_info(registry));
            id.description = Some("Global id.".to_owned());
            for one in all() {
                (one.describe)(registry);
                registry.add_implements(one.name, "Node");
            }
            MetaType::Interface {
                name: "Node".to_owned(),
                description: Some("A record of a client that has an id of its own.".to_owned()),
                fields: [("id".to_owned(), id)].into_iter().collect(),
                possible_types: all().map(|one| one.name.to_owned()).collect(),
                extends: false,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                keys: None,
                rust_typename: Some(std::any::type_name::<Self>()),
                directive_invocations: Vec::new(),
                requires_scopes: Vec::new(),
            }
        })
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        self.0.answer(ctx, field).await
    }
}

/// Finds a record of one type by the prefix and the rest of its id.
pub type Find = for<'a> fn(&'a Context<'a>, &'a str, Uuid) -> BoxFuture<'a, Result<Option<Node>>>;

/// A type of records that are found by their own id. Made by [`nodes!`](crate::nodes).
#[derive(Clone, Copy)]
pub struct NodeType {
    /// Its name.
    pub name: &'static str,
    /// What ids of such records begin with; several where one type shows records of several tables.
    pub prefixes: &'static [&'static str],
    /// The rights of which one is needed to read them, in the order of the prefixes.
    pub rights: &'static [Can],
    /// Finds one.
    pub find: Find,
    /// Makes the type known to a schema.
    pub describe: fn(&mut Registry),
}

/// Declares the types of a department's records that are found by their own id, as its `NODES`: type, id, and what fetches it
/// (by a key of its own, if that is not the id): `nodes! { Invoice: InvoiceId by Invoice; }`.
#[macro_export]
macro_rules! nodes {
    ($($kind:ident: $($id:ident by $fetch:ty $(=> $key:expr)?),+;)+) => {
        /// The types of this department's records that are found by their own id.
        pub const NODES: &[$crate::platform::node::NodeType] = &[$(
            $crate::platform::node::NodeType {
                name: stringify!($kind),
                prefixes: &[$($id::PREFIX),+],
                rights: &[$(<$fetch as $crate::platform::entity::Fetch>::CAN),+],
                find: |ctx, prefix, id| Box::pin(async move {
                    match prefix {
                        $($id::PREFIX => {
                            let found = $crate::nodes!(@load ctx, $id(id), $fetch $(, $key)?);
                            Ok(found.map($crate::platform::node::Node::of))
                        })+
                        _ => Ok(None),
                    }
                }),
                describe: |registry| {
                    <$kind as async_graphql::OutputType>::create_type_info(registry);
                },
            },
        )+];
    };
    (@load $ctx:ident, $id:expr, $fetch:ty) => {
        $crate::platform::scope::Ask::load::<$fetch>($ctx, $id).await?
    };
    (@load $ctx:ident, $id:expr, $fetch:ty, $key:expr) => {
        $crate::platform::scope::Ask::load::<$fetch>($ctx, $key).await?.filter(|found| found.id == $id)
    };
}

static TYPES: OnceLock<Vec<NodeType>> = OnceLock::new();

/// Says which types there are: once for a process, before it answers or works. What is said later is what was said first.
pub fn declare(departments: &[&[NodeType]]) {
    TYPES.get_or_init(|| departments.iter().flat_map(|types| types.iter().copied()).collect());
}

fn all() -> impl Iterator<Item = &'static NodeType> {
    if TYPES.get().is_none() {
        tracing::error!("the types of records were not declared: nothing is found by its id");
    }
    TYPES.get().into_iter().flatten()
}

fn by_name(kind: &str) -> Option<&'static NodeType> {
    all().find(|one| one.name == kind)
}

/// What the ids of records of that type begin with; none if that is no kind of record, or they begin differently.
fn prefix_of(kind: &str) -> Option<&'static str> {
    match by_name(kind)?.prefixes {
        [only] => Some(only),
        _ => None,
    }
}

/// The outside id of a record by its type and its own id; nothing if ids of that type begin differently.
#[must_use]
pub fn outside(kind: &str, id: Uuid) -> Option<String> {
    prefix_of(kind).map(|prefix| format!("{prefix}_{}", id.simple()))
}

/// The right to read records of that type; none if that is no kind of record, or its records have several.
#[must_use]
pub fn right_of(kind: &str) -> Option<Can> {
    match by_name(kind)?.rights {
        [only] => Some(*only),
        _ => None,
    }
}

/// Every type of record that is told by its ids alone, with the right to read such records.
pub fn types() -> impl Iterator<Item = (&'static str, Can)> {
    all().filter_map(|one| match one.rights {
        [only] => Some((one.name, *only)),
        _ => None,
    })
}

/// The type of the records whose ids begin so.
#[must_use]
pub fn type_of(prefix: &str) -> Option<&'static str> {
    all().find(|one| one.prefixes.contains(&prefix)).map(|one| one.name)
}

/// What an outside id says that it names: the type of the record and its own id, whether or not there is such a record.
/// Nothing if ids of no one type begin so.
#[must_use]
pub fn named(id: &ID) -> Option<(&'static str, Uuid)> {
    let (prefix, uuid) = split(id)?;
    all().find(|one| one.prefixes == [prefix]).map(|one| (one.name, uuid))
}

/// The record of that outside id; nothing if it is unknown. Right: that to read records of its kind.
pub async fn find(ctx: &Context<'_>, text: &str) -> Result<Option<Node>> {
    let found =
        split(text).and_then(|(prefix, id)| Some((prefix, id, all().find(|one| one.prefixes.contains(&prefix))?)));
    match found {
        Some((prefix, id, one)) => (one.find)(ctx, prefix, id).await,
        None => {
            // An id of no kind. The caller has to be known all the same.
            ctx.scope()?.whoever().await?;
            Ok(None)
        }
    }
}

/// A record as another one points at it, by prefix and own id: one that the caller may read. Refused as unknown at that field
/// otherwise.
pub async fn pointed_at(ctx: &Context<'_>, text: &str, field: &str) -> Result<(String, Uuid)> {
    let unknown = || Error::not_found(field, "record");
    let (prefix, id) = split(text).ok_or_else(unknown)?;
    find(ctx, text).await?.ok_or_else(unknown)?;
    Ok((prefix.to_owned(), id))
}

/// The record of that type with that own id, as tables point at any record.
pub async fn record_of(ctx: &Context<'_>, kind: &str, id: Uuid) -> Result<Option<Node>> {
    match outside(kind, id) {
        Some(id) => find(ctx, &id).await,
        None => Ok(None),
    }
}

/// Queries for any record.
#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// A record of the client by its id; null if the id is unknown. Right: that to read records of this kind.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id.")] id: ID,
    ) -> async_graphql::Result<Option<Node>> {
        Ok(find(ctx, &id).await?)
    }

    /// Records of the client by their ids, in the same order; null for each that is unknown. Right: that to read records
    /// of each kind that is named.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The records' ids, at most 100.")] ids: Vec<ID>,
    ) -> async_graphql::Result<Vec<Option<Node>>> {
        if ids.len() > MOST {
            return Err(Error::BadInput(format!("At most {MOST} ids at once.")).into());
        }
        Ok(try_join_all(ids.iter().map(|id| find(ctx, id))).await?)
    }
}
