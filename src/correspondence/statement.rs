//! A customer's account goes out as a letter or mail of a template.

use async_graphql::{Context, InputObject, Object};

use super::entry::{CorrespondenceChannel, CorrespondenceEntry};
use super::ids::LetterTemplateId;
use super::merge::{self, LetterFieldInput, LetterMergeInput, LetterRecipientInput};
use super::send::{self, CorrespondenceEntrySendInput};
use crate::finance::ids::CustomerId;
use crate::finance::receivables::statement;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::{CurrencyCode, Date, Money};
use crate::platform::scope::Ask;

/// The most characters that a list of movements has in a letter.
const MOST_LISTED: usize = 1900;

/// A customer's account that is sent.
#[derive(InputObject, Clone, Debug)]
pub struct CustomerStatementSendInput {
    /// The customer.
    pub customer: CustomerId,
    /// The currency; the customer's if not said.
    pub currency: Option<CurrencyCode>,
    /// The first day.
    pub from: Date,
    /// The last day, not before the first nor after today.
    pub through: Date,
    /// The template. Its own fields are `opening`, `charged`, `credited`, `closing`, `from`, `through` and `movements`, which
    /// has a line for each.
    pub template: LetterTemplateId,
    /// The language of its wording: `de`, `en`, `de-AT`.
    pub language: String,
    /// How it goes: `LETTER` or `MAIL`, which is sent at once; `MAIL` if not said.
    pub channel: Option<CorrespondenceChannel>,
}

crate::platform::payload! {
    /// What became of a customer's account that was to be sent.
    CustomerStatementSendPayload {
        /// Its entry in the register.
        letter: CorrespondenceEntry
    }
}

fn amount(money: &Money) -> String {
    format!("{} {}", money.amount.0, money.currency.0)
}

async fn send_one(tx: &Tx, input: CustomerStatementSendInput) -> Result<CorrespondenceEntry> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if input.through.0 < input.from.0 {
        return refuse("through", "The last day does not lie before the first one.");
    }
    if input.through.0 > tx.today() {
        return refuse("through", "Nobody knows yet what will be owed then.");
    }
    let found = crate::finance::receivables::customer::find(tx, input.customer).await?;
    let found = found.ok_or_else(|| Error::not_found("customer", "customer"))?;
    let currency = input.currency.unwrap_or(found.currency);
    let all = statement::of(tx, found.id, input.from.0, input.through.0).await?;
    let Some(of) = all.into_iter().find(|one| one.currency.0 == currency.0) else {
        return refuse("currency", "Nothing has happened on this account in that currency.");
    };
    let days = (input.from.0, input.through.0);
    let movements = statement::movements_of(tx, (found.id, &currency), days, None, 1000).await?;
    let mut listed = String::new();
    for (at, one) in movements.iter().enumerate() {
        let line = format!("{} {}: {}\n", one.date.0, one.description, amount(&one.amount));
        if listed.chars().count().saturating_add(line.chars().count()) > MOST_LISTED {
            listed.push_str(&format!("+ {}\n", movements.len().saturating_sub(at)));
            break;
        }
        listed.push_str(&line);
    }
    let listed = if listed.is_empty() { "–".to_owned() } else { listed.trim_end().to_owned() };
    let fields = [
        ("opening", amount(&of.opening)),
        ("charged", amount(&of.charged)),
        ("credited", amount(&of.credited)),
        ("closing", amount(&of.closing)),
        ("from", input.from.0.to_string()),
        ("through", input.through.0.to_string()),
        ("movements", listed),
    ];
    let fields = fields.into_iter().map(|(name, value)| LetterFieldInput { name: name.to_owned(), value }).collect();
    let channel = input.channel.unwrap_or(CorrespondenceChannel::Mail);
    let letters = LetterMergeInput {
        template: input.template,
        language: input.language,
        channel: Some(channel),
        on_date: None,
        recipients: vec![LetterRecipientInput { customer: Some(found.id), vendor: None, fields: Some(fields) }],
        fields: None,
        record: None,
        visible_to_client: None,
    };
    let made = merge::merge(tx, letters, None).await?;
    if let Some(error) = made.errors.into_iter().next() {
        return Err(Error::refuse(UserErrorCode::State, "customer", error.message));
    }
    let letter = made.letters.into_iter().next().ok_or_else(|| Error::fault("a merge without its letter"))?;
    if channel == CorrespondenceChannel::Mail {
        return send::ask(tx, CorrespondenceEntrySendInput { id: letter.id, with_files: Some(false) }).await;
    }
    Ok(letter)
}

/// Sending customers' accounts.
#[derive(Default)]
pub struct CustomerStatementMutation;

#[Object]
impl CustomerStatementMutation {
    /// Writes a customer's account over some days from a template and sends it; it stands in the register. Right:
    /// `office.correspondence.manage`. Right: `finance.open_item.read`. Right: `finance.customer.read`.
    async fn customer_statement_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its template.")] input: CustomerStatementSendInput,
    ) -> async_graphql::Result<Option<CustomerStatementSendPayload>> {
        let tx = ctx.tx(Can::CorrespondenceManage).await?;
        let done = async {
            ctx.tx(Can::OpenItemRead).await?;
            ctx.tx(Can::CustomerRead).await?;
            send_one(tx, input).await
        };
        CustomerStatementSendPayload::settle(ctx, done.await)
    }
}
