//! Mails that come in: each client's addresses, the folder into which a mail server lays mails, and how each of them becomes
//! an entry of the register. Nothing is lost and nothing comes twice: a mail stays in `new` until it stands in the register,
//! and the database knows it again.

pub mod address;
pub mod intake;
pub mod keeper;
pub mod maildir;
pub mod received;
