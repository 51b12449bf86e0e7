//! The kinds of caller.

use uuid::Uuid;

use super::can::Can;

crate::words! {
    /// Who made a change.
    ActorKind {
        /// A person.
        User = "user",
        /// A program with a service account.
        Service = "service",
        /// The server itself, without a request.
        System = "system",
        /// Somebody with direct access to the database.
        Database = "database",
    }
}

/// Who asks, as the access token says. The database has the last word in every transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody: no token came with the request.
    Nobody,
    /// A token came that is not valid; says why.
    Invalid(&'static str),
    /// A person in a session, for one client or (staff) without one.
    Person {
        /// The account.
        account: Uuid,
        /// The session that the token belongs to.
        session: Uuid,
        /// The client that the token was taken for.
        client: Option<Uuid>,
    },
    /// A service account of one client.
    Service {
        /// The service account.
        account: Uuid,
        /// Its client.
        client: Uuid,
        /// The rights this token was narrowed to.
        scopes: Vec<Can>,
    },
    /// A job that reads for the one who asked for it, with the rights that he has now. No token says this.
    Job {
        /// The job.
        job: Uuid,
        /// The lease that its worker holds.
        lease: Uuid,
        /// Who asked for it.
        requester: Uuid,
        /// Its client.
        client: Uuid,
    },
}
