//! The walls, tested from the schema itself: a new field or type is covered or the test fails.

pub mod furnished;
mod places;
pub mod schema;

mod every_field_asks_for_a_right;
mod no_client_reaches_into_anothers_rows;
mod no_client_sees_another;
mod the_schema_explains_itself;
