//! Matching a bank line to what it settles, and taking that back.
//!
//! A match posts the line against the control accounts of the items and the accounts of the postings, which sum to the
//! line's amount exactly. Taking it back posts the reversal and undoes the allocations, so that everything is open again
//! as it was.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use chrono::NaiveDate;
use diesel::prelude::*;
use futures_util::future::try_join;

use super::account::BankAccount;
use super::line::{self, BankLine};
use crate::finance::chart;
use crate::finance::document::pricing::exchange_rate;
use crate::finance::ids::{AccountId, AllocationId, BankLineId, BankMatchId, JournalEntryId, OpenItemId, PaymentRunId};
use crate::finance::ledger::account::{self, Control};
use crate::finance::ledger::exchange_rate::given_or_on;
use crate::finance::ledger::journal::{self, EntrySource, JournalEntry, NewEntry};
use crate::finance::open_item::allocation::{self, Allocation, NewAllocation};
use crate::finance::open_item::early_payment::{self, Asked};
use crate::finance::open_item::lock_items;
use crate::finance::payables::payment_run;
use crate::finance::payment;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, relabel, sized_if_given};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::schema::bank_match;

mod rules;

use rules::{Exchange, Facts, Posting, Settled, plan};

/// The most open items and accounts in one match, each.
const MOST: usize = 500;

/// Roles of accounts that no posting of a match goes to: what stands on them has a record of its own beside the ledger.
const NOT_IN_A_MATCH: [Control; 5] =
    [Control::Receivable, Control::Payable, Control::Bank, Control::CustomerAdvance, Control::VendorAdvance];

/// What a bank line is matched to.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = bank_match)]
#[graphql(complex)]
pub struct BankMatch {
    /// Global id.
    pub id: BankMatchId,
    #[graphql(skip)]
    pub(crate) bank_line_id: BankLineId,
    #[graphql(skip)]
    pub(crate) entry_id: JournalEntryId,
    /// When it was matched.
    pub created_at: DateTime,
}

#[ComplexObject]
impl BankMatch {
    /// The journal entry that the match posted. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// The open items that it settled. Right: `finance.open_item.read`.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfEntry>(self.entry_id).await?.unwrap_or_default())
    }
}

impl Fetch for BankMatch {
    type Key = BankMatchId;
    type Value = Self;
    const CAN: Can = Can::BankRead;

    async fn fetch(tx: &Tx, keys: Vec<BankMatchId>) -> Result<HashMap<BankMatchId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                bank_match::table
                    .filter(bank_match::tenant_id.eq(tx.tenant()?))
                    .filter(bank_match::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the match of a line that was not taken back.
pub struct LiveMatch;

impl Fetch for LiveMatch {
    type Key = BankLineId;
    type Value = BankMatch;
    const CAN: Can = Can::BankRead;

    async fn fetch(tx: &Tx, keys: Vec<BankLineId>) -> Result<HashMap<BankLineId, BankMatch>> {
        let rows: Vec<BankMatch> = tx
            .rows(
                bank_match::table
                    .filter(bank_match::tenant_id.eq(tx.tenant()?))
                    .filter(bank_match::bank_line_id.eq_any(keys))
                    .filter(bank_match::undone_by_id.is_null())
                    .select(BankMatch::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.bank_line_id, row)).collect())
    }
}

/// A part of an open item that a bank line settles.
#[derive(InputObject, Clone, Debug)]
pub struct BankAllocationInput {
    /// The open item: in the line's currency, named once.
    pub open_item: OpenItemId,
    /// How much of it, in its currency and with its own sign: positive for an invoice or a bill, negative for a credit
    /// note. At most what is open. Money comes in for receivables and goes out for payables.
    pub amount: Dec,
    /// How much of the line settles it, in the line's currency and with the item's sign: where the line is in the books'
    /// currency and the item in another one. What that is more or less than the books say is an exchange difference.
    pub paid: Option<Dec>,
    /// Whether a discount for paying early settles the rest. If not said, it does where the line is in time and comes to
    /// what is due then; refused where it is said and cannot be taken.
    pub discount: Option<bool>,
}

/// A part of a bank line that settles no open item: fees, interest, taxes.
#[derive(InputObject, Clone, Debug)]
pub struct BankPostingInput {
    /// A leaf of the chart that is no receivable, payable or bank account.
    pub account: AccountId,
    /// In the line's currency, with the sign of the movement: positive for money in (the account is credited), negative
    /// for money out (debited).
    pub amount: Dec,
    /// What it is, up to 500 characters; the line's reference if not said.
    pub description: Option<String>,
}

/// What a bank line settles: allocations (receivables as they are, payables with the sign turned) and postings sum to the
/// line's amount exactly.
#[derive(InputObject, Clone, Debug)]
pub struct BankLineMatchInput {
    /// The line.
    pub bank_line: BankLineId,
    /// The open items that it settles, wholly or in part; none if not said.
    pub allocations: Option<Vec<BankAllocationInput>>,
    /// What it is otherwise; nothing if not said.
    pub postings: Option<Vec<BankPostingInput>>,
    /// The payment run that it is the debit of: all its bills that are on their way are allocations as well.
    pub payment_run: Option<PaymentRunId>,
    /// Book currency for one unit of the line's currency, if that is not the books' own; the exchange rate of the line's day
    /// if not said. What open items were posted with at another rate is realised as an exchange difference, for the settled
    /// part alone. Without any rate items are settled at their own; one is needed if there are postings.
    pub exchange_rate: Option<Dec>,
}

/// Which match is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct BankLineUnmatchInput {
    /// The line.
    pub bank_line: BankLineId,
    /// The day of the reversal in the books; the day of the line if not said.
    pub date: Option<Date>,
}

crate::platform::payload! {
    /// What became of a bank line.
    BankLinePayload {
        /// The line as it is now.
        bank_line: BankLine
    }
}

/// The account that a line stands on.
pub async fn bank_account(tx: &Tx, line: &BankLine) -> Result<BankAccount> {
    let mut found = BankAccount::fetch(tx, vec![line.bank_account_id]).await?;
    found.remove(&line.bank_account_id).ok_or_else(|| Error::fault("a bank line without its account"))
}

async fn postings(tx: &Tx, inputs: Vec<BankPostingInput>, line: &BankLine) -> Result<Vec<Posting>> {
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<AccountId> = inputs.iter().map(|input| input.account).collect();
    let accounts = account::by_id(tx, &ids).await?;
    let money = currency(&line.currency.0)?;
    inputs
        .into_iter()
        .enumerate()
        .map(|(at, input)| {
            sized_if_given(&format!("postings.{at}.description"), input.description.as_deref(), 500)?;
            let field = format!("postings.{at}.account");
            let account = accounts.get(&input.account).ok_or_else(|| Error::not_found(&field, "account"))?;
            chart::check_posting(account, &field, money)?;
            chart::check_no_control(account, &field, &NOT_IN_A_MATCH)?;
            let description = input.description.unwrap_or_else(|| line.reference.chars().take(500).collect());
            Ok(Posting { account: input.account, amount: input.amount.0, description })
        })
        .collect()
}

/// The accounts of exchange differences, as far as there are any.
async fn exchange(tx: &Tx) -> Result<Exchange> {
    if account::by_control(tx, Control::ExchangeDifference).await?.is_empty() {
        return Ok(Exchange::default());
    }
    Ok(Exchange {
        gain: Some(chart::exchange(tx, Control::ExchangeDifference, true).await?.id),
        loss: Some(chart::exchange(tx, Control::ExchangeDifference, false).await?.id),
    })
}

async fn match_line(tx: &Tx, input: BankLineMatchInput) -> Result<BankLine> {
    let (mut allocated, posted) = (input.allocations.unwrap_or_default(), input.postings.unwrap_or_default());
    if allocated.len() > MOST || posted.len() > MOST {
        let message = format!("A match has at most {MOST} allocations and {MOST} postings.");
        return Err(Error::refuse(UserErrorCode::Invalid, "allocations", message));
    }
    let line = line::lock(tx, input.bank_line).await?.ok_or_else(|| Error::not_found("bankLine", "bank line"))?;
    if line.matched {
        return Err(Error::refuse(UserErrorCode::State, "bankLine", "This bank line is matched already."));
    }
    if let Some(run) = input.payment_run {
        let paid = payment_run::on_their_way(tx, run).await?;
        allocated.extend(paid.into_iter().map(|(open_item, amount)| BankAllocationInput {
            open_item,
            amount,
            paid: None,
            discount: None,
        }));
    }
    let (money, book) = (currency(&line.currency.0)?, currency(tx.book_currency())?);
    let given = given_or_on(tx, input.exchange_rate.map(|rate| rate.0), money, line.booked_on.0).await?;
    let rate = if posted.is_empty() && given.is_none() { None } else { Some(exchange_rate(given, money, book)?) };
    let account = bank_account(tx, &line).await?;
    let items = lock_items(tx, allocated.iter().map(|one| one.open_item).collect()).await?;
    let wishes: Vec<Option<bool>> = allocated.iter().map(|one| one.discount).collect();
    let mut settled = allocated
        .into_iter()
        .enumerate()
        .map(|(at, one)| {
            let item = items.get(&one.open_item).cloned();
            let item = item.ok_or_else(|| Error::not_found(&format!("allocations.{at}.openItem"), "open item"))?;
            Ok(Settled { item, amount: one.amount.0, paid: one.paid.map(|paid| paid.0), discount: None })
        })
        .collect::<Result<Vec<_>>>()?;
    let asked: Vec<Asked<'_>> =
        settled.iter().zip(wishes).map(|(one, wish)| Asked { item: &one.item, amount: one.amount, wish }).collect();
    let discounts = early_payment::granted(tx, line.booked_on.0, &asked).await?;
    for (one, discount) in settled.iter_mut().zip(discounts) {
        one.discount = discount;
    }
    let postings = postings(tx, posted, &line).await?;
    let description = describe(&line);
    let foreign = settled.iter().any(|one| one.item.currency != book.code());
    let exchange = if foreign { exchange(tx).await? } else { Exchange::default() };
    let facts = Facts { account: account.account_id, amount: line.amount.0, currency: money, book, rate, exchange };
    let plan = plan(&facts, &settled, postings, &description)?;
    let entry = journal::post(
        tx,
        NewEntry {
            date: line.booked_on.0,
            description,
            currency: money,
            source: EntrySource::Bank,
            source_id: Some(line.id.0),
            reverses: None,
            lines: plan.lines,
        },
    )
    .await
    .map_err(|error| relabel(error, &[("date", "bankLine"), ("lines", "postings")]))?;
    let (allocations, parts): (Vec<NewAllocation>, Vec<_>) = plan.allocations.into_iter().unzip();
    let ids: Vec<AllocationId> = allocations.iter().map(|_| AllocationId::new()).collect();
    try_join(allocation::write_as(tx, &ids, entry.id, line.booked_on.0, &allocations), begin(tx, line.id, entry.id))
        .await?;
    let parts: Vec<_> = ids.into_iter().zip(parts.iter().map(Vec::as_slice)).collect();
    early_payment::write_parts(tx, &parts).await?;
    emit(tx, EventKind::BankLineMatched, line.id.0);
    read_again(tx, line.id).await
}

/// Says that an entry is what a bank line, which is locked, was matched to.
pub async fn begin(tx: &Tx, line: BankLineId, entry: JournalEntryId) -> Result<()> {
    let matched = diesel::insert_into(bank_match::table).values((
        bank_match::tenant_id.eq(tx.tenant()?),
        bank_match::id.eq(BankMatchId::new()),
        bank_match::bank_line_id.eq(line),
        bank_match::entry_id.eq(entry),
    ));
    tx.exec(matched).await?;
    Ok(())
}

/// Says that another entry took a match back.
pub async fn end(tx: &Tx, id: BankMatchId, reversal: JournalEntryId) -> Result<()> {
    let ended = diesel::update(bank_match::table)
        .filter(bank_match::tenant_id.eq(tx.tenant()?))
        .filter(bank_match::id.eq(id))
        .set(bank_match::undone_by_id.eq(reversal));
    tx.exec(ended).await?;
    Ok(())
}

async fn unmatch(tx: &Tx, input: BankLineUnmatchInput) -> Result<BankLine> {
    let line = line::lock(tx, input.bank_line).await?.ok_or_else(|| Error::not_found("bankLine", "bank line"))?;
    let live = LiveMatch::fetch(tx, vec![line.id]).await?.remove(&line.id);
    let live = live.ok_or_else(|| Error::refuse(UserErrorCode::State, "bankLine", "This bank line is not matched."))?;
    if let Some(payment) = payment::of_entry(tx, live.entry_id).await? {
        let message = format!("This bank line is payment {}: reverse the payment.", payment.number);
        return Err(Error::refuse(UserErrorCode::State, "bankLine", message));
    }
    let allocations = allocation::live(tx, live.entry_id).await?;
    lock_items(tx, allocations.iter().map(|one| one.open_item_id).collect()).await?;
    let day: NaiveDate = input.date.unwrap_or(line.booked_on).0;
    let description: String = format!("Match taken back: {}", describe(&line)).chars().take(500).collect();
    let reversal = journal::reverse(tx, live.entry_id, day, description).await?;
    let undone = allocations
        .iter()
        .map(|one| {
            Ok(NewAllocation {
                open_item: one.open_item_id,
                amount: backoffice_money::neg(one.amount.0)?,
                amount_book: backoffice_money::neg(one.amount_book.0)?,
                undoes: Some(one.id),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    try_join(allocation::write(tx, reversal.id, day, &undone), end(tx, live.id, reversal.id)).await?;
    emit(tx, EventKind::BankLineUnmatched, line.id.0);
    read_again(tx, line.id).await
}

async fn read_again(tx: &Tx, id: BankLineId) -> Result<BankLine> {
    BankLine::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::fault("the locked bank line is gone"))
}

/// What the entry says: who and what for.
fn describe(line: &BankLine) -> String {
    let parts = [line.counterparty.as_deref().unwrap_or_default(), line.reference.as_str()];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    if text.is_empty() { "Bank movement".to_owned() } else { text.chars().take(500).collect() }
}

/// Changes of what bank lines are matched to.
#[derive(Default)]
pub struct BankMatchMutation;

#[Object]
impl BankMatchMutation {
    /// Matches a bank line to what it settles and posts it on the day of the line. Right: `finance.bank.match`.
    async fn bank_line_match(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The line and what it settles.")] input: BankLineMatchInput,
    ) -> async_graphql::Result<Option<BankLinePayload>> {
        let tx = ctx.tx(Can::BankMatch).await?;
        BankLinePayload::settle(ctx, match_line(tx, input).await)
    }

    /// Takes a match back: reverses its entry and opens again what it settled. Right: `finance.bank.match`.
    async fn bank_line_unmatch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The line.")] input: BankLineUnmatchInput,
    ) -> async_graphql::Result<Option<BankLinePayload>> {
        let tx = ctx.tx(Can::BankMatch).await?;
        BankLinePayload::settle(ctx, unmatch(tx, input).await)
    }
}
