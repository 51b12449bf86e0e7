//! What somebody may give away: nobody gives others, or himself by a detour, more than he holds.
//!
//! One rule for roles, grants, invitations and service accounts: each right that is given must be the giver's own in
//! this client. The exception is whoever holds the right to give by a provider role, which reaches into every client:
//! the provider's administrator sets up a client's first people without keeping its books. Denying and ending need no
//! such thing.
//!
//! For provider roles the rule has no exception: each right of the role has to be the giver's own, those for the provider as
//! those in every client.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::ProviderRoleId;
use crate::platform::sql::sql;
use crate::platform::withheld;

/// Rights that are held for the provider; in a client they would mean nothing.
const PROVIDER_ONLY: &[Can] = &[
    Can::PortfolioRead,
    Can::ClientOnboard,
    Can::StaffManage,
    Can::TeamManage,
    Can::ServiceManage,
    Can::ClientOffboard,
    Can::ClientPurge,
    Can::EngagementRequire,
    Can::ProviderCalendarManage,
    Can::OnboardingTemplateManage,
];

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
pub async fn holds_everywhere(tx: &Tx, can: Can) -> Result<bool> {
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
    // What no engagement covers today is withheld from whoever gives it, and is his to give.
    let held = [tx.permissions(), &withheld::rights(tx).await?].concat();
    match beyond(given, &held, holds_everywhere(tx, by).await?).as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::refuse(
            UserErrorCode::Invalid,
            field,
            format!("You cannot give the right `{}`, because you do not hold it yourself.", first.name()),
        )),
    }
}

/// A provider role, as far as it concerns who gives it.
#[derive(QueryableByName)]
pub(super) struct Reach {
    #[diesel(sql_type = SqlUuid)]
    id: ProviderRoleId,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Whether somebody holds it who can come in, or gets it as soon as he does.
    #[diesel(sql_type = Bool)]
    #[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "asked for identity providers only"))]
    pub held: bool,
    /// Whether each of its rights is the actor's own.
    #[diesel(sql_type = Bool)]
    pub own: bool,
}

/// All provider roles, and what the actor holds of them. In the provider's transaction.
pub(super) async fn reach(tx: &Tx) -> Result<Vec<Reach>> {
    tx.rows(
        sql("WITH own AS (SELECT r.permissions, r.client_permissions
                            FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                           WHERE g.account_id = $1
                             AND (g.valid_until IS NULL OR g.valid_until >= (now() AT TIME ZONE 'UTC')::date)),
                  rights AS (SELECT ARRAY (SELECT unnest(o.permissions) FROM own o) AS here,
                                    ARRAY (SELECT unnest(o.client_permissions) FROM own o) AS everywhere)
             SELECT r.id, r.name,
                    EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.account a ON a.id = g.account_id
                             WHERE g.role_id = r.id AND a.disabled_at IS NULL)
                      OR EXISTS (SELECT 1 FROM identity.staff_identity_provider_role m WHERE m.role_id = r.id) AS held,
                    r.permissions <@ t.here AND r.client_permissions <@ t.everywhere AS own
               FROM identity.provider_role r, rights t ORDER BY r.name")
        .bind::<SqlUuid, _>(tx.actor()),
    )
    .await
}

/// Refuses if the actor may not give one of these provider roles, at the field that names it.
pub(super) fn check_given(reach: &[Reach], roles: &[(String, ProviderRoleId)]) -> Result<()> {
    for (field, role) in roles {
        let Some(role) = reach.iter().find(|one| one.id == *role) else {
            return Err(Error::not_found(field, "provider role"));
        };
        if !role.own {
            return Err(Error::refuse(
                UserErrorCode::Invalid,
                field,
                format!("You cannot give the role \"{}\", because you do not hold all of its rights.", role.name),
            ));
        }
    }
    Ok(())
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
