//! What a resolver asks for, and how it answers: a transaction by a right, a child by its key, a payload.

use std::sync::Arc;

use async_graphql::Context;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{Door, Mode, Scope};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError};

/// What a resolver may ask its context for. The futures are boxed: the engine moves the future of every field, also of
/// those that ask for nothing, and each is as large as the largest of its object.
pub trait Ask {
    /// The client's transaction, if the caller holds that right in it.
    fn tx(&self, can: Can) -> BoxFuture<'_, Result<&Tx>>;
    /// The read-only transaction across the clients in which the caller holds the right `reach` today; `can` is the right
    /// that he needs for the provider. Each reach is a door of its own: what one shows, another does not.
    fn portfolio(&self, can: Can, reach: Can) -> BoxFuture<'_, Result<&Tx>>;
    /// The provider's own transaction: staff and sessions, no client.
    fn provider(&self, can: Can) -> BoxFuture<'_, Result<&Tx>>;
    /// The transaction of the caller's own account and sessions; needs no right.
    fn myself(&self) -> BoxFuture<'_, Result<&Tx>>;
    /// The transaction that founds a client.
    fn onboarding(&self, can: Can, tenant: Uuid) -> BoxFuture<'_, Result<&Tx>>;
    /// The operation's scope.
    fn scope(&self) -> Result<&Scope>;
    /// One value by key, fetched together with its siblings' keys. Checks the right of what is fetched.
    fn load<F: Fetch>(&self, key: F::Key) -> BoxFuture<'_, Result<Option<F::Value>>>;
}

impl Ask for Context<'_> {
    fn tx(&self, can: Can) -> BoxFuture<'_, Result<&Tx>> {
        Box::pin(async move {
            let scope = self.scope()?;
            let tx = scope.tx(Door::Client, can).await?;
            if scope.mode == Mode::Mutation {
                scope.batches.forget();
            }
            Ok(tx)
        })
    }

    fn portfolio(&self, can: Can, reach: Can) -> BoxFuture<'_, Result<&Tx>> {
        Box::pin(async move { self.scope()?.tx(Door::Portfolio(reach), can).await })
    }

    fn provider(&self, can: Can) -> BoxFuture<'_, Result<&Tx>> {
        Box::pin(async move { self.scope()?.tx(Door::Provider, can).await })
    }

    fn myself(&self) -> BoxFuture<'_, Result<&Tx>> {
        Box::pin(async move { self.scope()?.through(Door::Myself).await })
    }

    fn onboarding(&self, can: Can, tenant: Uuid) -> BoxFuture<'_, Result<&Tx>> {
        Box::pin(async move { self.scope()?.tx(Door::Onboarding(tenant), can).await })
    }

    fn scope(&self) -> Result<&Scope> {
        match self.data_opt::<Arc<Scope>>() {
            Some(scope) => Ok(scope),
            None => Err(Error::fault("the request has no scope")),
        }
    }

    fn load<F: Fetch>(&self, key: F::Key) -> BoxFuture<'_, Result<Option<F::Value>>> {
        Box::pin(async move {
            let scope = self.scope()?;
            // Children of a founding transaction are read in it; all others in their client's.
            let door = match scope.opened.get() {
                Some((door, _)) => *door,
                None => Door::Client,
            };
            let tx = scope.tx(door, F::CAN).await?;
            scope.batches.load::<F>(tx, key).await
        })
    }
}

/// Turns a command's result into a payload: the value, or what was refused. Everything else is a top-level error.
/// Either way the operation remembers that it failed.
pub fn settle<T>(ctx: &Context<'_>, result: Result<T>) -> async_graphql::Result<(Option<T>, Vec<UserError>)> {
    match result {
        Ok(value) => Ok((Some(value), Vec::new())),
        Err(Error::Refused(reasons)) => {
            let key = ctx.path_node.as_ref().and_then(|node| match node.segment {
                async_graphql::QueryPathSegment::Name(name) => Some(name.to_owned()),
                async_graphql::QueryPathSegment::Index(_) => None,
            });
            let error = Error::Refused(Vec::new());
            ctx.scope()?.fail(key, &error);
            Ok((None, reasons))
        }
        Err(error) => {
            ctx.scope()?.fail(None, &error);
            Err(error.into())
        }
    }
}

/// Declares the payload of a mutation: what came of it, and what was refused.
#[macro_export]
macro_rules! payload {
    ($(#[doc = $doc:literal])+ $name:ident { $(#[doc = $field_doc:literal])+ $field:ident: $type:ty }) => {
        $(#[doc = $doc])+
        #[derive(async_graphql::SimpleObject)]
        pub struct $name {
            $(#[doc = $field_doc])+
            pub $field: Option<$type>,
            /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
            pub user_errors: Vec<$crate::platform::error::UserError>,
        }

        impl $name {
            /// From a command's result.
            pub fn settle(
                ctx: &async_graphql::Context<'_>,
                result: $crate::platform::error::Result<$type>,
            ) -> async_graphql::Result<Option<Self>> {
                let (value, user_errors) = $crate::platform::scope::settle(ctx, result)?;
                Ok(Some(Self { $field: value, user_errors }))
            }
        }
    };
}
