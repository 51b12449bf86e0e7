//! Reminders of what is overdue go out as letters or mails of a template.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_letters::long_date;
use chrono::Datelike;

use super::entry::CorrespondenceChannel;
use super::ids::LetterTemplateId;
use super::merge::{self, LetterFieldInput, LetterMergeError, LetterMergeInput, LetterRecipientInput};
use super::send::{self, CorrespondenceEntrySendInput};
use crate::finance::dunning::DunningNotice;
use crate::finance::dunning::send::{Ready, ready, sent};
use crate::finance::ids::DunningNoticeId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::Money;
use crate::platform::scope::Ask;

/// The most reminders that are sent at once.
const MOST: usize = 100;
/// The most characters that a list of items has in a letter.
const MOST_LISTED: usize = 1900;

/// Reminders that are sent.
#[derive(InputObject, Clone, Debug)]
pub struct DunningNoticesSendInput {
    /// The reminders, which are proposed: 1 to 100, each once.
    pub notices: Vec<DunningNoticeId>,
    /// The template. Its own fields are `level`, `overdue`, `fee`, `interest`, `total`, `run_date` and `items`, which has a
    /// line for each document.
    pub template: LetterTemplateId,
    /// The language of its wording: `de`, `en`, `de-AT`.
    pub language: String,
    /// How they go: `LETTER` or `MAIL`, which is sent at once; `LETTER` if not said.
    pub channel: Option<CorrespondenceChannel>,
}

/// What became of reminders that were to be sent.
#[derive(SimpleObject, Clone, Debug)]
pub struct DunningSending {
    /// Those that were sent, by customer.
    pub notices: Vec<DunningNotice>,
    /// Those that could not be written, by their place in the input: they are still proposed. One that asks for nothing any
    /// more is dropped, and stands in neither list.
    pub errors: Vec<LetterMergeError>,
}

crate::platform::payload! {
    /// What became of reminders that were to be sent.
    DunningSendingPayload {
        /// What was sent.
        dunning_sending: DunningSending
    }
}

fn amount(money: &Money) -> String {
    format!("{} {}", money.amount.0, money.currency.0)
}

/// The fields that a reminder has beside those of every letter.
fn fields(one: &Ready, language: &str) -> Result<Vec<LetterFieldInput>> {
    let [overdue, fee, interest, total] = one.notice.figures()?;
    let mut items = String::new();
    for (at, item) in one.items.iter().enumerate() {
        let line = format!("{}: {}\n", item.document, amount(&item.asked_for()));
        if items.chars().count().saturating_add(line.chars().count()) > MOST_LISTED {
            items.push_str(&format!("+ {}\n", one.items.len().saturating_sub(at)));
            break;
        }
        items.push_str(&line);
    }
    let day = one.run_on;
    let fields = [
        ("level", one.notice.level.to_string()),
        ("overdue", amount(&overdue)),
        ("fee", amount(&fee)),
        ("interest", amount(&interest)),
        ("total", amount(&total)),
        ("run_date", long_date(language, day.year(), day.month(), day.day())),
        ("items", items.trim_end().to_owned()),
    ];
    Ok(fields.into_iter().map(|(name, value)| LetterFieldInput { name: name.to_owned(), value }).collect())
}

async fn send_all(tx: &Tx, input: DunningNoticesSendInput) -> Result<DunningSending> {
    let DunningNoticesSendInput { notices: ids, template, language, channel } = input;
    let mut seen = std::collections::HashSet::new();
    if ids.is_empty() || ids.len() > MOST {
        let message = format!("1 to {MOST} reminders are sent at once.");
        return Err(Error::refuse(UserErrorCode::Invalid, "notices", message));
    }
    if let Some(at) = ids.iter().position(|id| !seen.insert(*id)) {
        let message = "This reminder is named twice.";
        return Err(Error::refuse(UserErrorCode::Duplicate, &format!("notices.{at}"), message));
    }
    // a customer stands once in a merge: reminders in several currencies are several letters
    let mut rounds: BTreeMap<String, Vec<Ready>> = BTreeMap::new();
    for one in ready(tx, &ids).await? {
        let same = rounds.entry(one.notice.currency.0.clone()).or_default();
        same.push(one);
    }
    let mut done = DunningSending { notices: Vec::new(), errors: Vec::new() };
    for mut left in rounds.into_values() {
        while !left.is_empty() {
            // of two runs a customer may have two reminders in one currency
            let mut named = std::collections::HashSet::new();
            let (round, rest): (Vec<Ready>, Vec<Ready>) =
                left.into_iter().partition(|one| named.insert(one.notice.to()));
            left = rest;
            let recipients = round
                .iter()
                .map(|one| {
                    let fields = Some(fields(one, &language)?);
                    Ok(LetterRecipientInput { customer: Some(one.notice.to()), vendor: None, fields })
                })
                .collect::<Result<Vec<_>>>()?;
            let letters = LetterMergeInput {
                template,
                language: language.clone(),
                channel,
                on_date: None,
                recipients,
                fields: None,
                record: None,
                visible_to_client: None,
            };
            let made = merge::merge(tx, letters, None).await?;
            let mut failed = std::collections::HashMap::new();
            for error in made.errors {
                failed.insert(usize::try_from(error.index).unwrap_or_default(), error);
            }
            let mut letters = made.letters.into_iter();
            for (at, one) in round.into_iter().enumerate() {
                if let Some(mut error) = failed.remove(&at) {
                    let place = ids.iter().position(|id| *id == one.notice.id).unwrap_or_default();
                    error.index = i32::try_from(place).unwrap_or_default();
                    done.errors.push(error);
                    continue;
                }
                let letter = letters.next().ok_or_else(|| Error::fault("a reminder without its letter"))?;
                if channel == Some(CorrespondenceChannel::Mail) {
                    send::ask(tx, CorrespondenceEntrySendInput { id: letter.id, with_files: Some(false) }).await?;
                }
                done.notices.push(sent(tx, one, letter.id).await?);
            }
        }
    }
    Ok(done)
}

/// Sending reminders.
#[derive(Default)]
pub struct DunningSendMutation;

#[Object]
impl DunningSendMutation {
    /// Sends reminders that are proposed: each is looked at once more, so that nobody is asked for what was paid or is in
    /// dispute since, is written as a letter of the register, and its costs are booked if its level says so. Right:
    /// `finance.dunning.manage`. Right: `office.correspondence.manage`. Right: `finance.customer.read`.
    async fn dunning_notices_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reminders and their template.")] input: DunningNoticesSendInput,
    ) -> async_graphql::Result<Option<DunningSendingPayload>> {
        let tx = ctx.tx(Can::DunningManage).await?;
        let done = async {
            ctx.tx(Can::CorrespondenceManage).await?;
            ctx.tx(Can::CustomerRead).await?;
            send_all(tx, input).await
        };
        DunningSendingPayload::settle(ctx, done.await)
    }
}
