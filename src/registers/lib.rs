//! Registers: records whose fields their client says itself. What a value may be is the business of the crate
//! `backoffice_register_rules`; that keys are held once and critical values keyed by two people is the database's.

// Paths read alike inside and outside: `crate::registers::…` wherever it is.
pub extern crate self as registers;

use backoffice_platform as platform;

pub mod define;
pub mod duplicate_group;
pub mod duplicates;
pub mod enter;
pub mod filter;
pub mod ids;
pub mod intake;
pub mod keying;
pub mod list;
pub mod nodes;
pub mod quality;
pub mod record;
pub mod register;
pub mod schema;
pub mod update;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct RegistersQuery(
    register::RegisterDefinitionQuery,
    list::RegisterRecordQuery,
    duplicate_group::RegisterDuplicateQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct RegistersMutation(
    define::RegisterDefinitionMutation,
    enter::RegisterEntryMutation,
    update::RegisterRecordMutation,
    keying::RegisterKeyingMutation,
);
