//! What can go wrong, in two kinds: what the caller can mend (refusals), and what is ours (faults: logged, hidden).

use async_graphql::{Enum, ErrorExtensions, SimpleObject};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why an input was refused.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A value is missing that the operation needs.
    Required,
    /// A value cannot be what it is: out of range, malformed, unknown currency, too many decimals.
    Invalid,
    /// The id or code names nothing that the caller can see.
    NotFound,
    /// The same record exists already.
    Duplicate,
    /// The record is in a state in which this cannot be done.
    State,
    /// Debit and credit, or opening and closing, differ.
    Unbalanced,
    /// The date lies in a locked or missing period.
    PeriodLocked,
    /// More would be settled than is open.
    OverAllocated,
    /// A line of an imported file is wrong; see `fileErrors`.
    File,
    /// The record was changed by somebody else since it was read (`expectedVersion`).
    Conflict,
    /// Tried too often; the message says how long to wait.
    RateLimited,
    /// The time is taken by something else.
    Busy,
}

/// One reason why a mutation was refused, at the input field that caused it. Nothing was changed.
#[derive(SimpleObject, Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// Machine-readable reason.
    pub code: UserErrorCode,
    /// Path of the input field, e.g. `["input", "lines", "0", "quantity"]`.
    pub field: Vec<String>,
    /// A sentence for the person who made the input.
    pub message: String,
}

/// Everything that ends an operation early. `?` works for both kinds.
#[derive(Debug)]
pub enum Error {
    /// The caller can mend it; goes into the payload's `userErrors`.
    Refused(Vec<UserError>),
    /// No valid sign-in stands behind the request.
    Unauthenticated(&'static str),
    /// The right is missing, or the client is none of the caller's; says so in a sentence.
    Forbidden(String),
    /// The request is malformed beyond any field of an input.
    BadInput(String),
    /// Another transaction won; the whole operation may be tried again.
    Retry,
    /// An earlier field of the operation failed, so nothing more is done.
    RolledBack,
    /// The server has more to do than it can; nothing was begun.
    Unavailable,
    /// It costs more than is left to pay from; enough will be there after so many seconds.
    Exhausted(u64),
    /// The database took longer than it may, or waited too long for somebody else's change.
    TimedOut,
    /// Ours: logged with the request id, never shown.
    Fault(String),
}

/// The result of everything that touches the database or a rule.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One refusal at one input field. `field` is dotted below `input`: `"lines.0.quantity"`.
    #[must_use]
    pub fn refuse(code: UserErrorCode, field: &str, message: impl Into<String>) -> Self {
        Self::Refused(vec![UserError { code, field: path(field), message: message.into() }])
    }

    /// The id names nothing that the caller can see: unknown and foreign ids look alike.
    #[must_use]
    pub fn not_found(field: &str, what: &str) -> Self {
        Self::refuse(UserErrorCode::NotFound, field, format!("There is no such {what}."))
    }

    /// The same, where what was refused lies below another field: `calendar.hours` for `hours`.
    #[must_use]
    pub fn below(self, at: &str) -> Self {
        let Self::Refused(mut reasons) = self else { return self };
        for reason in &mut reasons {
            let rest = reason.field.split_off(reason.field.len().min(1));
            reason.field.extend(at.split('.').map(str::to_owned).chain(rest));
        }
        Self::Refused(reasons)
    }

    /// The error as a sentence, for the command line, where nothing has to be hidden.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Fault(text) => text,
            other => async_graphql::Error::from(other).message,
        }
    }

    /// The same once more, for everybody who waited for what failed.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Refused(refusals) => Self::Refused(refusals.clone()),
            Self::Unauthenticated(reason) => Self::Unauthenticated(reason),
            Self::Forbidden(reason) => Self::Forbidden(reason.clone()),
            Self::BadInput(reason) => Self::BadInput(reason.clone()),
            Self::Retry => Self::Retry,
            Self::RolledBack => Self::RolledBack,
            Self::Fault(text) => Self::Fault(text.clone()),
            Self::Unavailable => Self::Unavailable,
            Self::Exhausted(seconds) => Self::Exhausted(*seconds),
            Self::TimedOut => Self::TimedOut,
        }
    }

    /// An internal fault with a text for the log.
    #[must_use]
    pub fn fault(text: impl std::fmt::Display) -> Self {
        Self::Fault(text.to_string())
    }
}

/// The path of an input field from its dotted form.
#[must_use]
pub fn path(field: &str) -> Vec<String> {
    std::iter::once("input").chain(field.split('.').filter(|part| !part.is_empty())).map(str::to_owned).collect()
}

/// What the checks of the database say to a person, by the code that the check raises. A text here never names a
/// table, a constraint or a value.
fn database_refusal(code: &str) -> Option<(UserErrorCode, &'static str, &'static str)> {
    use UserErrorCode::{Busy, Duplicate, Invalid, OverAllocated, PeriodLocked, State, Unbalanced};
    Some(match code {
        "BO001" => (State, "", "A posted record is never changed; post a correction instead."),
        "BO010" => (State, "through", "The hard lock only moves forward."),
        "BO011" => (Duplicate, "startsOn", "This fiscal year overlaps another one."),
        "BO012" => (State, "kind", "An account with postings keeps its kind."),
        "BO013" => (Invalid, "parent", "An account cannot be below itself."),
        "BO014" => (Invalid, "parent", "The parent has to be a group account of the same kind."),
        "BO015" => (PeriodLocked, "date", "No fiscal year of this client covers the date."),
        "BO016" => (PeriodLocked, "date", "The books are locked for good up to a later date."),
        "BO017" => (PeriodLocked, "date", "The period of this date is locked."),
        "BO320" => (PeriodLocked, "date", "The fiscal year of this date is closed; reopen it first."),
        "BO321" => (Invalid, "lines", "A label of a line is no value of its dimension, or does not hold on that day."),
        "BO322" => (
            UserErrorCode::Required,
            "lines",
            "An account of these lines needs a value of a dimension on each of its lines.",
        ),
        "BO327" => (State, "id", "Nobody signs off what he has prepared himself."),
        "period_close_once" => (Duplicate, "month", "The close of this month is open already."),
        "BO323" => (Invalid, "parts", "The parts of a value are 100 percent together."),
        "received_invoice_once" => (Duplicate, "file", "This electronic invoice was taken in already."),
        "recurring_entry_came_once" => (State, "through", "This entry has come for that day already."),
        "revaluation_live" => (State, "date", "What is open is valued at the end of this day already."),
        "year_closing_live" => (State, "id", "This fiscal year is closed already."),
        "BO019" => (Unbalanced, "lines", "Debit and credit differ."),
        "BO020" => (Invalid, "lines", "A line's account is a group, inactive, or kept in another currency."),
        "BO061" => (Invalid, "until", "The client leaves before: nobody is granted anything beyond its last day."),
        "BO070" => (
            Invalid,
            "inReplyTo",
            "An answer stands beside the same record, and stays with the staff if what it answers does.",
        ),
        "BO071" => (State, "id", "Only who wrote it changes it, and what was deleted stays so."),
        "BO030" => (State, "needs", "These work items would need each other in a circle."),
        "BO151" => {
            (State, "id", "This needs an approval that it does not have: ask for it with approvalRequestCreate.")
        }
        "BO152" => (State, "id", "This is under review: it waits for its approval."),
        "BO153" => (State, "id", "This is under review, and stays as it is until that is over or withdrawn."),
        "BO154" => (State, "id", "An approval is decided with approvalRequestDecide, or its request withdrawn."),
        "BO155" => (State, "delegate", "These delegations would come back to their beginning."),
        "BO156" => (Invalid, "bands", "The bands of a currency overlap or leave a gap."),
        "BO157" => (
            State,
            "iban",
            "Bank details change by an approval here: write the change down with vendorBankChangeCreate.",
        ),
        "BO158" => {
            (State, "lines", "An entry of this amount is proposed with journalProposalCreate, and approved first.")
        }
        "BO340" => (State, "id", "Bills of this vendor are on hold: they are posted when the hold is released."),
        "payment_run_item_live" => (State, "id", "One of these bills is in another payment run."),
        "journal_entry_of_proposal" => (State, "id", "This proposal is posted already."),
        "BO040" => (Invalid, "parent", "A folder cannot lie in itself, not by way of others either."),
        "BO041" => (Invalid, "parent", "Folders lie at most twenty deep."),
        "BO042" => (State, "id", "Only the newest version is taken back."),
        "BO043" => (State, "id", "There is no version before this one. Put the document into the trash instead."),
        "BO050" => (
            State,
            "",
            "This is under legal hold, or belongs to what is: it is not deleted before the last hold is released.",
        ),
        "BO347" => (State, "id", "Nobody accepts a claim that he has submitted, by another account neither."),
        "BO345" => (OverAllocated, "lines", "The credits of a bill never give back more than it says."),
        "BO300" => (OverAllocated, "lines", "The credit notes of an invoice never take back more than it says."),
        "BO220" => (
            State,
            "assignee",
            "This person lacks a skill today that the service insists on (serviceSkills says which).",
        ),
        "BO215" => (
            State,
            "id",
            "This is out for signature, and stays as it is until that is over: take the request back with signatureRequestWithdraw.",
        ),
        "BO051" => (State, "id", "This is confirmed by a person other than who proposed it."),
        "BO200" => (State, "fields", "A field in which something stands keeps its kind, and does not go."),
        "BO201" => (State, "id", "Somebody else has to do this: you have keyed it before, yourself or by a program."),
        "BO202" => (State, "id", "The record does not wait for this, or was changed meanwhile."),
        "BO203" => (State, "id", "A record that is void is not changed any more."),
        "BO204" => (Invalid, "take", "Each value is the first or the second; another one is entered as a change."),
        "BO205" => (
            State,
            "fields",
            "Records wait to be confirmed; which fields are critical changes when none does, so confirm or void them first.",
        ),
        "journal_entry_reversed_once" => (State, "entry", "This entry is reversed already."),
        "bank_match_live" => (State, "bankLine", "This bank line is matched already."),
        "appointment_hold_once" => (Busy, "startsAt", "This time is taken by another appointment."),
        "open_item_check" | "open_item_check1" | "open_item_check2" | "open_item_check3" => {
            (OverAllocated, "allocations", "More would be settled than is open.")
        }
        _ => return None,
    })
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, details) = &error else {
            return Self::Fault(error.to_string());
        };
        if let Some((code, field, message)) = details.constraint_name().and_then(database_refusal) {
            return Self::refuse(code, field, message);
        }
        match kind {
            DatabaseErrorKind::SerializationFailure => Self::Retry,
            // Somebody else was quicker. Done again, the command sees his record and says which of its own it was.
            _ if matches!(details.constraint_name(), Some("register_key_once" | "register_record_imported_once")) => {
                Self::Retry
            }
            // Deadlocks have no kind of their own in diesel; the server's messages are set to English for this.
            _ if details.message() == "deadlock detected" => Self::Retry,
            // The wait was long already: whether it is worth another one is the caller's to say.
            _ if details.message().starts_with("canceling statement due to lock timeout")
                || details.message().starts_with("canceling statement due to statement timeout") =>
            {
                Self::TimedOut
            }
            DatabaseErrorKind::UniqueViolation => {
                Self::refuse(UserErrorCode::Duplicate, "", "A record with this number, code or name exists already.")
            }
            DatabaseErrorKind::ForeignKeyViolation => {
                Self::refuse(UserErrorCode::NotFound, "", "The input names a record that does not exist.")
            }
            DatabaseErrorKind::CheckViolation | DatabaseErrorKind::NotNullViolation => {
                tracing::info!(constraint = details.constraint_name(), "input refused by a database check");
                Self::refuse(UserErrorCode::Invalid, "", "A value of the input is out of its range.")
            }
            _ if details.message() == "numeric field overflow" || details.message().starts_with("value too long") => {
                Self::refuse(UserErrorCode::Invalid, "", "A value of the input is too large.")
            }
            _ if details.message().starts_with("invalid byte sequence for encoding") => Self::refuse(
                UserErrorCode::Invalid,
                "",
                "A text of the input holds a character that no text can hold (NUL).",
            ),
            _ => Self::Fault(format!("{error} ({:?})", details.hint())),
        }
    }
}

impl From<backoffice_money::MoneyError> for Error {
    fn from(error: backoffice_money::MoneyError) -> Self {
        Self::refuse(UserErrorCode::Invalid, "", error.to_string())
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let (code, message) = match error {
            // Outside a payload a refusal is a malformed argument of a query.
            Error::Refused(reasons) => {
                ("BAD_USER_INPUT", reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" "))
            }
            Error::Unauthenticated(reason) => ("UNAUTHENTICATED", reason.to_owned()),
            Error::Forbidden(reason) => ("FORBIDDEN", reason),
            Error::BadInput(reason) => ("BAD_USER_INPUT", reason),
            Error::Retry => ("CONFLICT", "Another change came first; try again.".to_owned()),
            Error::RolledBack => {
                ("ROLLED_BACK", "Not done, because another field of the operation was refused.".to_owned())
            }
            Error::Unavailable => {
                ("UNAVAILABLE", "The server is busy; nothing was done. Try again in a moment.".to_owned())
            }
            Error::Exhausted(seconds) => (
                "RATE_LIMITED",
                format!("Too much was asked for in a short time; nothing was done. Try again after {seconds} s."),
            ),
            Error::TimedOut => (
                "TIMEOUT",
                "This took too long and was stopped; nothing of it was kept. Try again later, or ask for less at once."
                    .to_owned(),
            ),
            Error::Fault(text) => {
                tracing::error!(fault = %text, "internal fault");
                (
                    "INTERNAL_SERVER_ERROR",
                    "Something went wrong on our side; the request id helps us find it.".to_owned(),
                )
            }
        };
        async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
    }
}
