//! The walls, tested from the schema itself: a new field or type is covered or the test fails.

mod schema;

mod every_field_asks_for_a_right;
mod the_schema_explains_itself;
