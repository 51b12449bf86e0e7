//! What happened to an account without a session of its owner: written down, never changed.

use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A way to the first password went out by mail.
    WelcomeMailed,
    /// A way to a new password went out by mail.
    ResetMailed,
    /// A password was chosen by such a way.
    PasswordReset,
    /// A session was opened from where the person was not seen before.
    NewDevice,
}

impl What {
    fn text(self) -> &'static str {
        match self {
            Self::WelcomeMailed => "welcome_mailed",
            Self::ResetMailed => "reset_mailed",
            Self::PasswordReset => "password_reset",
            Self::NewDevice => "new_device",
        }
    }
}

/// Writes it down in the transaction in which it happens. The cause is the request, or the job of a mail.
pub(super) async fn note(tx: &Tx, account: UserId, what: What, cause: Uuid, address: &str, agent: &str) -> Result<()> {
    tx.exec(
        sql("INSERT INTO identity.account_trail (id, account_id, what, cause_id, address, user_agent) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(account)
            .bind::<Text, _>(what.text())
            .bind::<SqlUuid, _>(cause)
            .bind::<Text, _>(address.chars().take(64).collect::<String>())
            .bind::<Text, _>(agent.chars().take(200).collect::<String>()),
    )
    .await?;
    Ok(())
}
