//! Mails that come in: each client's addresses, the folder into which a mail server lays mails, the
//! mailbox at a mail server from which they are taken, and how each of them becomes
//! an entry of the register. Nothing is lost and nothing comes twice: a mail stays in `new` until it stands in the register,
//! and the database knows it again.

pub mod address;
pub mod intake;
pub mod keeper;
pub mod mailbox;
pub mod maildir;
mod outcome;
pub mod received;
