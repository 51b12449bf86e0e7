//! What somebody may give away: nobody gives others, or himself by a detour, more than he holds.
//!
//! One rule for roles, grants, invitations and service accounts: each right that is given must be the giver's own in
//! this client. The exception is whoever holds the right to give by a provider role, which reaches into every client:
//! the provider's administrator sets up a client's first people without keeping its books. Denying and ending need no
//! such thing.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

/// Rights that are held for the provider; in a client they would mean nothing.
const PROVIDER_ONLY: &[Can] = &[Can::PortfolioRead, Can::ClientOnboard, Can::StaffManage];

/// Those of the rights given that the giver does not hold.
fn beyond(given: &[Can], held: &[Can], everywhere: bool) -> Vec<Can> {
    given.iter().copied().filter(|can| !everywhere && !held.contains(can)).collect()
}

#[derive(QueryableByName)]
struct Everywhere {
    #[diesel(sql_type = Bool)]
    everywhere: bool,
}

/// Whether the actor holds this right by a provider role, and so in every client.
pub(crate) async fn holds_everywhere(tx: &Tx, can: Can) -> Result<bool> {
    let row: Everywhere =
        tx.row(sql("SELECT identity.holds_everywhere($1) AS everywhere").bind::<Text, _>(can.name())).await?;
    Ok(row.everywhere)
}

/// Refuses at `field` if the actor may not give these rights. `by` is the right that he gives them by.
pub(super) async fn check(tx: &Tx, by: Can, given: &[Can], field: &str) -> Result<()> {
    if let Some(can) = given.iter().find(|can| PROVIDER_ONLY.contains(can)) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            field,
            format!("The right `{}` is held for the provider, not in a client.", can.name()),
        ));
    }
    if beyond(given, tx.permissions(), false).is_empty() {
        return Ok(());
    }
    match beyond(given, tx.permissions(), holds_everywhere(tx, by).await?).as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::refuse(
            UserErrorCode::Invalid,
            field,
            format!("You cannot give the right `{}`, because you do not hold it yourself.", first.name()),
        )),
    }
}

/// The rights behind stored names; names that this version does not know mean nothing.
pub(super) fn parse(names: &[String]) -> Vec<Can> {
    names.iter().filter_map(|name| Can::parse(name)).collect()
}

/// The names of rights, in one order and each once, as they are stored.
pub(super) fn names(rights: &[Can]) -> Vec<String> {
    let sorted: std::collections::BTreeSet<Can> = rights.iter().copied().collect();
    sorted.into_iter().map(|can| can.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rights() -> impl Strategy<Value = Vec<Can>> {
        proptest::sample::subsequence(Can::ALL.to_vec(), 0..=Can::ALL.len())
    }

    proptest! {
        #[test]
        fn what_is_given_and_allowed_was_held(given in rights(), held in rights()) {
            if beyond(&given, &held, false).is_empty() {
                prop_assert!(given.iter().all(|can| held.contains(can)));
            }
            prop_assert!(beyond(&given, &held, true).is_empty());
        }

        #[test]
        fn stored_names_say_the_same_rights(mut given in rights()) {
            let doubled: Vec<Can> = given.iter().rev().chain(&given).copied().collect();
            given.sort_unstable();
            prop_assert_eq!(parse(&names(&doubled)), given);
        }
    }

    #[test]
    fn a_name_that_is_no_right_means_nothing() {
        assert_eq!(parse(&["finance.everything".to_owned()]), []);
    }
}
