//! What is looked at before an identity provider is set up or changed: what was typed, and who may.

use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use url::Url;

use super::super::{authority, role};
use super::relying::Relying;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::RoleId;
use crate::platform::input::{relabel, sized};
use crate::platform::sql::sql;
use crate::webhooks::guard::Destination;

/// The most groups that stand for roles.
const MOST_ROLES: usize = 500;

/// A refusal of what was typed.
pub(super) fn invalid(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

/// The issuer as it is kept: to the letter, because every token names it so.
pub(super) fn check_issuer(relying: &Relying, text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = "An issuer is an https:// address in a public network, without query and fragment.";
    let plain = Url::parse(text).is_ok_and(|url| url.query().is_none() && url.fragment().is_none());
    match Destination::parse(text, relying.policy()) {
        Ok(_) if plain && !text.contains('?') => Ok(text.to_owned()),
        _ => Err(invalid("issuer", wrong)),
    }
}

/// `openid` and what was named, each once.
pub(super) fn check_scopes(named: Vec<String>) -> Result<Vec<String>> {
    let mut scopes = vec!["openid".to_owned()];
    for scope in named {
        let good = (1..=100).contains(&scope.len())
            && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if !good {
            return Err(invalid("scopes", "A scope is one word of at most 100 ASCII characters."));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.len() > 20 {
        return Err(invalid("scopes", "At most 20 scopes are asked for."));
    }
    Ok(scopes)
}

pub(super) fn check_domains(named: Vec<String>) -> Result<Vec<String>> {
    let mut domains: Vec<String> = Vec::new();
    for (index, domain) in named.iter().enumerate() {
        let domain = domain.trim().to_lowercase();
        let labelled = domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
        if !labelled || !domain.contains('.') || domain.len() > 253 {
            return Err(invalid(&format!("emailDomains.{index}"), "A domain looks like example.com."));
        }
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.len() > 50 {
        return Err(invalid("emailDomains", "At most 50 domains can be named."));
    }
    Ok(domains)
}

pub(super) fn check_hours(hours: i32) -> Result<i32> {
    match hours {
        1..=720 => Ok(hours),
        _ => Err(invalid("sessionHours", "A sign-in lasts 1 to 720 hours.")),
    }
}

pub(super) fn check_age(minutes: Option<i32>) -> Result<Option<i32>> {
    match minutes {
        None | Some(1..=43_200) => Ok(minutes),
        _ => Err(invalid("maxAgeMinutes", "This is 1 to 43200 minutes.")),
    }
}

pub(super) fn check_claim(claim: Option<String>) -> Result<Option<String>> {
    if let Some(claim) = &claim {
        sized("groupsClaim", claim, 1..=255)?;
    }
    Ok(claim)
}

/// Groups and the roles that they stand for.
pub(super) fn check_groups<R: PartialEq>(roles: &[(&str, R)]) -> Result<()> {
    if roles.len() > MOST_ROLES {
        return Err(invalid("roles", "At most 500 groups can stand for roles."));
    }
    for (index, one) in roles.iter().enumerate() {
        sized(&format!("roles.{index}.group"), one.0, 1..=255)?;
        if roles.iter().take(index).any(|other| other == one) {
            return Err(invalid(&format!("roles.{index}"), "This group stands for this role already."));
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Right {
    #[diesel(sql_type = Text)]
    right: String,
}

/// Refuses if the identity provider could speak for somebody who may do more than the actor, or give roles that he may not
/// give. People of the staff are not spoken for.
pub(super) async fn check_authority(tx: &Tx, roles: &[(String, RoleId)]) -> Result<()> {
    let held: Vec<Right> = tx
        .rows(
            sql("SELECT DISTINCT p AS right
                   FROM (SELECT g.role_id FROM identity.access_grant g JOIN identity.members() m ON m.id = g.account_id
                          WHERE g.tenant_id = $1 AND g.effect = 'allow' AND g.ended_at IS NULL AND NOT m.staff
                            AND (g.valid_until IS NULL OR g.valid_until >= current_date - 1)
                         UNION
                         SELECT i.role_id FROM identity.invitation i
                          WHERE i.tenant_id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()) h
                   JOIN identity.role r ON r.tenant_id = $1 AND r.id = h.role_id, unnest(r.permissions) AS p")
                .bind::<SqlUuid, _>(tx.tenant()?),
        )
        .await?;
    let held: Vec<String> = held.into_iter().map(|row| row.right).collect();
    authority::check(tx, Can::IdentityProviderManage, &authority::parse(&held), "").await?;
    if !roles.is_empty() && !tx.permissions().contains(&Can::GrantManage) {
        return Err(invalid("roles", "To let groups stand for roles you need the right `identity.grant.manage`."));
    }
    for (field, role) in roles {
        let found = role::hold(tx, *role).await.map_err(|error| relabel(error, &[("role", field)]))?;
        authority::check(tx, Can::GrantManage, &found.rights(), field).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openid_is_asked_for_first_and_everything_once() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(check_scopes(words("email openid email")).unwrap(), words("openid email"));
        assert_eq!(check_scopes(Vec::new()).unwrap(), words("openid"));
        for wrong in ["", "a b", "a\"b", "ä", &"x".repeat(101)] {
            assert!(check_scopes(vec![wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn domains_are_in_small_letters() {
        let named = vec![" Example.COM ".to_owned(), "example.com".to_owned(), "büro.example".to_owned()];
        assert_eq!(check_domains(named).unwrap(), ["example.com", "büro.example"]);
        for wrong in ["", "example", "@example.com", "a@b.c", ".com", "a..b", "-a.b", "a b.c"] {
            assert!(check_domains(vec![wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
