//! The link in each mail by which its reader wants no more of them: his account, sealed. It opens nothing else, needs no
//! sign-in, and is good for as long as the key is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;
use crate::platform::vault::Vault;

/// What the seal is good for.
const PLACE: &str = "no mails of notices";
/// The longest token that is looked at.
const LONGEST: usize = 200;

/// The address at which that person's mails are ended.
pub(super) fn link(vault: &Vault, public_url: &str, account: Uuid) -> Result<String> {
    let token = URL_SAFE_NO_PAD.encode(vault.seal(PLACE, account.as_bytes())?);
    Ok(format!("{}/notices/unsubscribe/{token}", public_url.trim_end_matches('/')))
}

fn account(vault: &Vault, token: &str) -> Option<Uuid> {
    if token.len() > LONGEST {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    Uuid::from_slice(&vault.unseal(PLACE, &sealed).ok()?).ok()
}

/// Whether that is a token of ours.
#[must_use]
pub fn is_known(vault: &Vault, token: &str) -> bool {
    account(vault, token).is_some()
}

/// Ends the mails of whoever was given that token, however often it is said. False: nobody was.
pub async fn end(pools: &Pools, vault: &Vault, token: &str) -> Result<bool> {
    let Some(account) = account(vault, token) else { return Ok(false) };
    let tx = Tx::open_anonymous(pools).await?;
    tx.exec(
        sql("SELECT practice.notice_prefer(p.account_id, 'off', p.hour, p.time_zone)
               FROM practice.notice_preference p WHERE p.account_id = $1")
        .bind::<SqlUuid, _>(account),
    )
    .await?;
    if tx.finish(true).await? { Ok(true) } else { Err(Error::fault("that somebody wants no mails was not kept")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_one_account_and_is_nobody_elses_to_make() {
        let (ours, other) = (Vault::passing().unwrap(), Vault::passing().unwrap());
        let person = Uuid::now_v7();
        let address = link(&ours, "https://office.example/", person).unwrap();
        let token = address.strip_prefix("https://office.example/notices/unsubscribe/").unwrap();
        assert_eq!(account(&ours, token), Some(person));
        assert!(token.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-' || one == b'_'));
        assert_eq!(account(&other, token), None);
        let mut bent = token.to_owned();
        bent.pop();
        for token in ["", "x", &bent, &token.to_uppercase(), &"A".repeat(500)] {
            assert_eq!(account(&ours, token), None, "{token}");
        }
    }
}
