//! Recording a payment: who, how much, where the money is, and what it settles at once.

use backoffice_money::{Currency, Decimal, check_scale, mul, neg, round};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use futures_util::future::{join5, try_join3};

use super::apply::{check_count, describe, own_item, wanted, write};
use super::rules::{Facts, recorded, settle};
use super::{Payment, PaymentRecordInput};
use crate::finance::bank::line::{self, BankLine};
use crate::finance::bank::matching;
use crate::finance::chart;
use crate::finance::document::pricing::exchange_rate;
use crate::finance::ids::{AccountId, JournalEntryId, PaymentId, VendorId};
use crate::finance::ledger::account::{self, Control};
use crate::finance::ledger::journal::{self, EntrySource, NewEntry};
use crate::finance::open_item::{self, NewItem, OpenItem, OpenItemSide, Party, Source, lock_items};
use crate::finance::payables::vendor;
use crate::finance::receivables::customer;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{at, currency, relabel, sized_if_given};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Date};
use crate::platform::sql::sql;
use crate::schema::payment;

/// Roles of accounts that no money comes to, and no difference of rates goes to.
const NO_MONEY: [Control; 6] = [
    Control::Receivable,
    Control::Payable,
    Control::InputTax,
    Control::OutputTax,
    Control::CustomerAdvance,
    Control::VendorAdvance,
];

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    number: String,
}

/// Who paid or was paid.
struct Counterparty {
    party: Party,
    side: OpenItemSide,
    name: String,
    currency: CurrencyCode,
}

async fn counterparty(tx: &Tx, input: &PaymentRecordInput) -> Result<Counterparty> {
    let customer = match input.customer {
        Some(id) => {
            let found = customer::find(tx, id).await?.ok_or_else(|| Error::not_found("customer", "customer"))?;
            let (party, side) = (Party::Customer(id), OpenItemSide::Receivable);
            Some(Counterparty { party, side, name: found.name, currency: found.currency })
        }
        None => None,
    };
    let vendor = match input.vendor {
        Some(id) => {
            let found = vendor::find(tx, id).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
            let (party, side) = (Party::Vendor(id), OpenItemSide::Payable);
            Some(Counterparty { party, side, name: found.name, currency: found.currency })
        }
        None => None,
    };
    match (customer, vendor) {
        (Some(one), None) | (None, Some(one)) => Ok(one),
        _ => {
            let message = "A payment is of a customer or to a vendor: say one of them.";
            Err(Error::refuse(UserErrorCode::Required, "customer", message))
        }
    }
}

/// The money: when, how much, in which currency and where.
struct Money {
    day: NaiveDate,
    amount: Decimal,
    currency: Currency,
    account: AccountId,
    reference: String,
    line: Option<BankLine>,
}

async fn money(tx: &Tx, input: &PaymentRecordInput, party: &Counterparty) -> Result<Money> {
    sized_if_given("reference", input.reference.as_deref(), 500)?;
    let Some(id) = input.bank_line else { return without_line(tx, input, party).await };
    let line = line::lock(tx, id).await?.ok_or_else(|| Error::not_found("bankLine", "bank line"))?;
    if input.paid_on.is_some() || input.amount.is_some() || input.currency.is_some() || input.account.is_some() {
        let message = "Day, amount, currency and account are those of the bank line.";
        return Err(Error::refuse(UserErrorCode::Invalid, "bankLine", message));
    }
    if line.matched {
        return Err(Error::refuse(UserErrorCode::State, "bankLine", "This bank line is matched already."));
    }
    let account = matching::bank_account(tx, &line).await?.account_id;
    Ok(Money {
        day: line.booked_on.0,
        amount: if party.side == OpenItemSide::Payable { neg(line.amount.0)? } else { line.amount.0 },
        currency: currency(&line.currency.0)?,
        account,
        reference: input.reference.clone().unwrap_or_else(|| line.reference.chars().take(500).collect()),
        line: Some(line),
    })
}

async fn without_line(tx: &Tx, input: &PaymentRecordInput, party: &Counterparty) -> Result<Money> {
    let needed = |field: &str| {
        Error::refuse(
            UserErrorCode::Required,
            field,
            "A payment that is no bank line says its day, amount and account.",
        )
    };
    let day = input.paid_on.ok_or_else(|| needed("paidOn"))?.0;
    let amount = input.amount.ok_or_else(|| needed("amount"))?.0;
    let id = input.account.ok_or_else(|| needed("account"))?;
    let currency = currency(&input.currency.as_ref().unwrap_or(&party.currency).0)?;
    check_scale(amount, currency.exponent()).map_err(|error| at("amount", error))?;
    if amount.is_zero() {
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", "A payment of nothing is none."));
    }
    check_account(tx, id, "account", currency).await?;
    let reference = input.reference.clone().unwrap_or_default();
    Ok(Money { day, amount, currency, account: id, reference, line: None })
}

async fn check_account(tx: &Tx, id: AccountId, field: &str, currency: Currency) -> Result<()> {
    let found = account::by_id(tx, &[id]).await?;
    let found = found.get(&id).ok_or_else(|| Error::not_found(field, "account"))?;
    chart::check_posting(found, field, currency)?;
    chart::check_no_control(found, field, &NO_MONEY)
}

/// Where differences of rates go, if it is said.
pub(super) async fn exchange(tx: &Tx, id: Option<AccountId>) -> Result<()> {
    match id {
        Some(id) => {
            let book = currency(tx.book_currency())?;
            check_account(tx, id, "exchangeAccount", book).await
        }
        None => Ok(()),
    }
}

/// The account that advances stand on: the control account itself where the chart has none for them.
async fn advance(tx: &Tx, side: OpenItemSide, currency: Currency) -> Result<AccountId> {
    let (own, control) = match side {
        OpenItemSide::Receivable => (Control::CustomerAdvance, Control::Receivable),
        OpenItemSide::Payable => (Control::VendorAdvance, Control::Payable),
    };
    match chart::control(tx, own, currency).await {
        Ok(account) => Ok(account.id),
        Err(Error::Refused(_)) => Ok(chart::control(tx, control, currency).await?.id),
        Err(error) => Err(error),
    }
}

/// Records a payment, and allocates it as far as that is said.
pub(super) async fn record(tx: &Tx, mut input: PaymentRecordInput) -> Result<Payment> {
    let given = input.allocations.take().unwrap_or_default();
    check_count(&given)?;
    let party = counterparty(tx, &input).await?;
    let money = money(tx, &input, &party).await?;
    let book = currency(tx.book_currency())?;
    let rate = exchange_rate(input.exchange_rate.map(|rate| rate.0), money.currency, book)?;
    exchange(tx, input.exchange_account).await?;
    let next_number = sql("SELECT core.next_number($1, 'payment', 'PAY-') AS number").bind::<SqlUuid, _>(tx.tenant()?);
    let (items, advance, taken) = try_join3(
        lock_items(tx, given.iter().map(|one| one.open_item).collect()),
        advance(tx, party.side, money.currency),
        tx.row::<Taken, _>(next_number),
    )
    .await?;
    let free_book = round(mul(money.amount, rate)?, book)?;
    if free_book.is_zero() {
        let message = format!("The amount is too small to be worth anything in {book}.");
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", message));
    }
    let description = describe(&taken.number, &party.name, &money.reference);
    let facts = Facts {
        side: party.side,
        currency: money.currency,
        book,
        free: money.amount,
        free_book,
        advance,
        exchange: input.exchange_account,
        description: description.clone(),
    };
    let wanted = wanted(tx, given, &items, party.party, money.day).await?;
    let settled = settle(&facts, &wanted)?;
    let lines = recorded(&facts, money.account, &wanted, &settled)?;
    let (id, entry) = (PaymentId::new(), JournalEntryId::new());
    let posting = journal::post_as(
        tx,
        entry,
        NewEntry {
            date: money.day,
            description,
            currency: money.currency,
            source: EntrySource::Payment,
            source_id: Some(id.0),
            reverses: None,
            lines,
        },
    );
    let (customer, vendor): (_, Option<VendorId>) = match party.party {
        Party::Customer(id) => (Some(id), None),
        Party::Vendor(id) => (None, Some(id)),
    };
    let code = money.currency.code().to_owned();
    let row = tx.row(
        diesel::insert_into(payment::table)
            .values((
                payment::tenant_id.eq(tx.tenant()?),
                payment::id.eq(id),
                payment::number.eq(taken.number.clone()),
                payment::side.eq(party.side),
                payment::customer_id.eq(customer),
                payment::vendor_id.eq(vendor),
                payment::party_name.eq(party.name.clone()),
                payment::paid_on.eq(Date(money.day)),
                payment::currency.eq(code.clone()),
                payment::exchange_rate.eq(rate),
                payment::amount.eq(money.amount),
                payment::reference.eq(money.reference),
                payment::account_id.eq(money.account),
                payment::bank_line_id.eq(money.line.as_ref().map(|line| line.id)),
                payment::entry_id.eq(entry),
            ))
            .returning(Payment::as_returning()),
    );
    let own = NewItem {
        party: party.party,
        source: Source::Payment(id),
        document: taken.number,
        party_name: party.name,
        entry,
        account: advance,
        item_date: money.day,
        due_date: money.day,
        currency: code,
        amount: neg(money.amount)?,
        amount_book: neg(free_book)?,
    };
    let matched = async {
        match &money.line {
            Some(line) => matching::begin(tx, line.id, entry).await,
            None => Ok(()),
        }
    };
    // One round trip for all. Told is the first refusal: what follows it fails only because of it.
    let (posted, row, opened, matched, own) = join5(
        posting,
        row,
        open_item::open(tx, std::slice::from_ref(&own)),
        matched,
        tx.maybe::<OpenItem, _>(own_item(tx, id)?),
    )
    .await;
    let dated = if money.line.is_some() { "bankLine" } else { "paidOn" };
    posted.map_err(|error| relabel(error, &[("date", dated), ("lines", "allocations")]))?;
    let row: Payment = row?;
    opened?;
    matched?;
    let own = own?.ok_or_else(|| Error::fault("a payment without its open item"))?;
    write(tx, (id, own.id), (entry, money.day), &wanted, &settled, input.exchange_account).await?;
    if let Some(line) = money.line {
        emit(tx, EventKind::BankLineMatched, line.id.0);
    }
    emit(tx, EventKind::PaymentRecorded, id.0);
    Ok(row)
}
