//! Registers without a database.
//!
//! A client says itself which fields the records of a register have, so a definition is taken for hostile: it is bounded in
//! every direction, and its patterns run in linear time. Values have one spelling each, so that equal values are equal texts.
//!
//! | module | what |
//! |---|---|
//! | [`definition`] | fields, keys, likeness and forms as data, and what is wrong with them |
//! | [`value`] | what a record says in a field, in its one spelling, or why it cannot say that |
//! | [`change`] | what another definition changes for the records that are there |
//! | [`likeness`] | what two texts have in common that a person takes for one |
//! | [`quality`] | a score from shares, each with its weight |

pub mod change;
pub mod definition;
pub mod likeness;
pub mod quality;
pub mod value;

pub use change::Change;
pub use definition::{Choice, Definition, Field, Form, Kind, Section, Wrong};
pub use value::{Fault, FaultCode, Reader, Values};
