//! Opening, signing and declining, whoever comes: by his account or by a link. The database decides under the request's lock;
//! here it is said in words, and what follows from it is asked for in the same transaction.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::evidence::SignatureEvidence;
use super::ids::SignatureRequestId;
use super::mails::{self, News};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::jobs;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Scope;
use crate::platform::sql::sql;

/// Who comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// Somebody with an account, to that request.
    Account(SignatureRequestId),
    /// Somebody with the link of that hash.
    Link([u8; 32]),
}

impl Who {
    fn request(self) -> Option<Uuid> {
        match self {
            Self::Account(request) => Some(request.0),
            Self::Link(_) => None,
        }
    }

    fn link(self) -> Option<Vec<u8>> {
        match self {
            Self::Account(_) => None,
            Self::Link(hash) => Some(hash.to_vec()),
        }
    }

    /// Which field of an input names what he comes to.
    fn field(self) -> &'static str {
        match self {
            Self::Account(_) => "id",
            Self::Link(_) => "token",
        }
    }

    /// What an outcome that is none is told as.
    fn refusal(self, outcome: &str) -> Error {
        let message = match outcome {
            "unknown" => return Error::not_found(self.field(), "request for your signature"),
            "unseen" => "Open the document first: nobody signs or declines what he has not seen.",
            "other" => {
                let message = "This is not the hash of the document that is to be signed: open it again.";
                return Error::refuse(UserErrorCode::Invalid, "documentSha256", message);
            }
            "gone" => "The document's file cannot be taken any more.",
            "signed_before" => "You have signed this already.",
            "signed" => "This is signed already.",
            "declined" => "A signer has declined: this is not asked for any more.",
            "expired" => "The time to sign this is over.",
            "withdrawn" => "This was taken back and is not asked for any more.",
            other => return Error::fault(format!("an unknown outcome of a signature: {other}")),
        };
        // Over and withdrawn look to strangers like what never was.
        match self {
            Self::Link(_) if ["declined", "expired", "withdrawn"].contains(&outcome) => {
                Error::not_found("token", "request for your signature")
            }
            _ => Error::refuse(UserErrorCode::State, self.field(), message),
        }
    }
}

#[derive(QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Text)]
    outcome: String,
}

/// Notes that he has the document before him.
pub(super) async fn open(tx: &Tx, scope: &Scope, who: Who) -> Result<()> {
    let opened: Outcome = tx
        .row(
            sql("SELECT o.outcome FROM practice.open_signature($1, $2, $3, $4) o")
                .bind::<Nullable<SqlUuid>, _>(who.request())
                .bind::<Nullable<Binary>, _>(who.link())
                .bind::<Text, _>(scope.address().to_owned())
                .bind::<Text, _>(scope.user_agent().to_owned()),
        )
        .await?;
    if opened.outcome == "ok" { Ok(()) } else { Err(who.refusal(&opened.outcome)) }
}

#[derive(QueryableByName)]
struct Acted {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    request_id: Option<Uuid>,
    #[diesel(sql_type = Array<Int4>)]
    asked: Vec<i32>,
    #[diesel(sql_type = Bool)]
    ended: bool,
}

/// What he does.
pub(super) enum Act {
    /// He signs these bytes, with his name as he typed it and what he declares.
    Sign {
        /// Whether he consents to sign electronically.
        consent: bool,
        /// SHA-256 of what he has seen.
        sha256: String,
        /// His name.
        name: String,
        /// What he declares.
        words: String,
    },
    /// He declines, and says why.
    Decline(String),
}

/// Does it, and asks for what follows.
pub(super) async fn act(tx: &Tx, scope: &Scope, who: Who, act: Act) -> Result<()> {
    let (signs, sha256, name, words) = match act {
        Act::Sign { consent, sha256, name, words } => {
            if !consent {
                let message = "Who signs here agrees to sign electronically; who does not, declines.";
                return Err(Error::refuse(UserErrorCode::Required, "consent", message));
            }
            sized("name", &name, 1..=200)?;
            sized("words", &words, 1..=1000)?;
            (true, sha256.to_ascii_lowercase(), name.trim().to_owned(), words)
        }
        Act::Decline(reason) => {
            sized("reason", &reason, 1..=1000)?;
            (false, String::new(), String::new(), reason)
        }
    };
    let acted: Acted = tx
        .row(
            sql("SELECT a.outcome, a.request_id, a.asked, a.ended
                   FROM practice.act_on_signature($1, $2, $3, $4, $5, $6, $7, $8) a")
            .bind::<Nullable<SqlUuid>, _>(who.request())
            .bind::<Nullable<Binary>, _>(who.link())
            .bind::<Bool, _>(signs)
            .bind::<Text, _>(sha256)
            .bind::<Text, _>(name)
            .bind::<Text, _>(words)
            .bind::<Text, _>(scope.address().to_owned())
            .bind::<Text, _>(scope.user_agent().to_owned()),
        )
        .await?;
    let (true, Some(request)) = (acted.outcome == "ok", acted.request_id) else {
        return Err(who.refusal(&acted.outcome));
    };
    if signs {
        emit(tx, EventKind::SignatureRequestSigned, request);
    }
    for signer in acted.asked {
        mails::ask(tx, request, News::Asked { signer }, None).await?;
    }
    if acted.ended {
        emit(tx, EventKind::SignatureRequestEnded, request);
        mails::ask(tx, request, News::Over, None).await?;
        if signs {
            jobs::enqueue_for_provider::<SignatureEvidence>(tx, &mails::Of { client: tx.tenant()?, request }, None)
                .await?;
        }
    }
    Ok(())
}
