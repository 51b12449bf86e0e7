//! People made from the command line: the provider's first administrator has nobody who could invite him.

use uuid::{Uuid, uuid};

use super::hashing;
use super::keys::alone;
use super::staff;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::sql::sql;

/// The provider's roles as the migration writes them.
const PROVIDER_ADMINISTRATOR: Uuid = uuid!("00000000-0000-7000-8000-000000000001");
const STAFF: Uuid = uuid!("00000000-0000-7000-8000-000000000002");

/// Creates a member of the staff, as provider administrator or with the role Staff. Refused if the address has an
/// account (`Duplicate`) or the password is too easy. `url` is that of the sign-in role.
pub async fn create_user(
    url: &str,
    email: &str,
    name: &str,
    password: &str,
    provider_administrator: bool,
) -> Result<UserId> {
    let (email, name) = staff::check(email, name)?;
    hashing::refuse_weak(password, &email, "password")?;
    let (turn, hash) = hashing::turn().await?.hash(password.to_owned()).await?;
    drop(turn);
    let role = if provider_administrator { PROVIDER_ADMINISTRATOR } else { STAFF };
    let pools = alone(url)?;
    let tx = Tx::open_anonymous(&pools).await?;
    match staff::insert(&tx, &email, &name, Some(hash), &[role]).await {
        Ok(id) => {
            tx.finish(true).await?;
            Ok(id)
        }
        Err(refused) => {
            tx.finish(false).await?;
            Err(refused)
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Found {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    found: bool,
}

/// Whether anybody has an account yet. `url` is that of the sign-in role.
pub async fn any(url: &str) -> Result<bool> {
    let pools = alone(url)?;
    let tx = Tx::open_anonymous(&pools).await?;
    let row: Found = tx.row(sql("SELECT EXISTS (SELECT 1 FROM identity.account) AS found")).await?;
    tx.finish(false).await?;
    Ok(row.found)
}
