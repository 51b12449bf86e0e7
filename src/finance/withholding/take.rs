//! Withholding from a bill as it is posted, and giving back what a credit takes back.

use backoffice_money::{Balanced, Decimal, mul, neg, round, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::WithholdingScope;
use super::rule::{self, Before, Terms};
use crate::finance::document::Kind;
use crate::finance::document::posting::Currencies;
use crate::finance::ids::{
    AccountId, BillId, JournalEntryId, VendorCreditId, VendorId, WithholdingCodeId, WithholdingEntryId,
};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;
use crate::finance::payables::bill::Bill;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::{Date, Dec};
use crate::platform::sql::sql;
use crate::schema::withholding_entry;

/// What is withheld of a document; of one without a code it is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// In the document's currency, with the direction of the document.
    pub document: Decimal,
    /// The same in the books' currency.
    pub book: Decimal,
    by: Option<By>,
}

/// By which code, and what is written down of it: signed as the sums of the year are.
#[derive(Clone, Debug)]
struct By {
    code: WithholdingCodeId,
    account: AccountId,
    percent: Decimal,
    threshold: Decimal,
    year: NaiveDate,
    net: Decimal,
    base: Decimal,
    amount: Decimal,
}

/// The document that something is withheld of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// A posted bill.
    Bill(BillId),
    /// A posted vendor credit.
    VendorCredit(VendorCreditId),
}

/// What a code says for a document, and what came before in its year.
#[derive(QueryableByName, Debug)]
struct Said {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    scope: WithholdingScope,
    #[diesel(sql_type = Nullable<Numeric>)]
    percent: Option<Decimal>,
    #[diesel(sql_type = Nullable<Numeric>)]
    threshold: Option<Decimal>,
    #[diesel(sql_type = Nullable<SqlDate>)]
    year: Option<NaiveDate>,
    #[diesel(sql_type = Numeric)]
    net: Decimal,
    #[diesel(sql_type = Numeric)]
    base: Decimal,
}

/// Whose documents withhold one after the other: what came before is complete.
async fn lock(tx: &Tx, vendor: VendorId) -> Result<()> {
    tx.exec(
        sql("SELECT 1 FROM finance.vendor v WHERE v.tenant_id = $1 AND v.id = $2 FOR NO KEY UPDATE")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(vendor),
    )
    .await?;
    Ok(())
}

fn in_books(amount: Decimal, currencies: Currencies) -> Result<Decimal> {
    if currencies.document == currencies.book {
        return Ok(amount);
    }
    Ok(round(mul(amount, currencies.rate)?, currencies.book)?)
}

/// A book amount in the document's currency, at most what the document comes to.
fn in_document(amount: Decimal, most: Decimal, most_book: Decimal, currencies: Currencies) -> Result<Decimal> {
    if currencies.document == currencies.book {
        return Ok(amount);
    }
    if amount.abs() == most_book.abs() {
        return Ok(most);
    }
    let exact = amount.checked_div(currencies.rate).unwrap_or_default();
    let rounded = round(exact, currencies.document)?;
    Ok(if rounded.abs() > most.abs() { most } else { rounded })
}

/// What is withheld of a bill that is posted on a day.
pub(crate) async fn take(
    tx: &Tx,
    bill: &Bill,
    net: Decimal,
    gross: Decimal,
    day: NaiveDate,
    currencies: Currencies,
) -> Result<Held> {
    let Some(code) = bill.withholding_code_id else { return Ok(Held::default()) };
    lock(tx, bill.vendor_id).await?;
    let said: Said = tx
        .row(
            sql("SELECT c.account_id, c.scope, r.percent, r.threshold, y.starts_on AS year, coalesce(s.net, 0) AS net, coalesce(s.base, 0) AS base
                   FROM finance.withholding_code c
                   LEFT JOIN LATERAL (SELECT k.percent, k.threshold FROM finance.withholding_rate k
                                       WHERE k.tenant_id = $1 AND k.code_id = c.id AND k.valid_from <= $4
                                       ORDER BY k.valid_from DESC LIMIT 1) r ON true
                   LEFT JOIN finance.fiscal_year y ON y.tenant_id = $1 AND y.starts_on <= $5 AND y.ends_on >= $5
                   LEFT JOIN LATERAL (SELECT sum(w.net) AS net, sum(w.base) AS base FROM finance.withholding_entry w
                                       WHERE w.tenant_id = $1 AND w.vendor_id = $3 AND w.code_id = c.id AND w.year_starts_on = y.starts_on) s ON true
                  WHERE c.tenant_id = $1 AND c.id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(code)
            .bind::<SqlUuid, _>(bill.vendor_id)
            .bind::<SqlDate, _>(bill.bill_date.0)
            .bind::<SqlDate, _>(day),
        )
        .await?;
    let (Some(percent), Some(threshold)) = (said.percent, said.threshold) else {
        let message = "The withholding code of this bill has no rate on its day.";
        return Err(Error::refuse(UserErrorCode::Invalid, "id", message));
    };
    // outside of any year nothing is posted
    let Some(year) = said.year else { return Ok(Held::default()) };
    let terms = Terms { percent, threshold, scope: said.scope };
    let before = Before { net: said.net, base: said.base };
    held(code, said.account_id, terms, year, before, (net, gross), false, currencies)
}

#[allow(clippy::too_many_arguments, reason = "what a code says, what came before, and the document: each used once")]
fn held(
    code: WithholdingCodeId,
    account: AccountId,
    terms: Terms,
    year: NaiveDate,
    before: Before,
    (net, gross): (Decimal, Decimal),
    back: bool,
    currencies: Currencies,
) -> Result<Held> {
    let (net_book, gross_book) = (in_books(net, currencies)?, in_books(gross, currencies)?);
    let counted = if back { neg(net_book)? } else { net_book };
    let taken = rule::take(terms, before, counted, gross_book, currencies.book)?;
    let book = if back { neg(taken.amount)? } else { taken.amount };
    Ok(Held {
        document: in_document(book, gross, gross_book, currencies)?,
        book,
        by: Some(By {
            code,
            account,
            percent: terms.percent,
            threshold: terms.threshold,
            year,
            net: counted,
            base: taken.base,
            amount: taken.amount,
        }),
    })
}

/// What was withheld of a bill, with what came after it in the same year.
#[derive(QueryableByName, Debug)]
struct Was {
    #[diesel(sql_type = SqlUuid)]
    code_id: WithholdingCodeId,
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    scope: WithholdingScope,
    #[diesel(sql_type = Numeric)]
    percent: Decimal,
    #[diesel(sql_type = Numeric)]
    threshold: Decimal,
    #[diesel(sql_type = SqlDate)]
    year: NaiveDate,
    #[diesel(sql_type = Numeric)]
    net: Decimal,
    #[diesel(sql_type = Numeric)]
    base: Decimal,
}

/// What a credit of so much gives back of what was withheld: by the terms of its bill, in the year of its bill.
pub(crate) async fn give_back(
    tx: &Tx,
    bill: &Bill,
    net: Decimal,
    gross: Decimal,
    currencies: Currencies,
) -> Result<Held> {
    if bill.withholding_code_id.is_none() {
        return Ok(Held::default());
    }
    lock(tx, bill.vendor_id).await?;
    let was: Option<Was> = tx
        .maybe(
            sql("SELECT w.code_id, c.account_id, c.scope, w.percent, w.threshold, w.year_starts_on AS year, s.net, s.base
                   FROM finance.withholding_entry w
                   JOIN finance.withholding_code c ON c.tenant_id = w.tenant_id AND c.id = w.code_id
                   JOIN LATERAL (SELECT sum(o.net) AS net, sum(o.base) AS base FROM finance.withholding_entry o
                                  WHERE o.tenant_id = $1 AND o.vendor_id = w.vendor_id AND o.code_id = w.code_id
                                    AND o.year_starts_on = w.year_starts_on) s ON true
                  WHERE w.tenant_id = $1 AND w.bill_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(bill.id),
        )
        .await?;
    let Some(was) = was else { return Ok(Held::default()) };
    let terms = Terms { percent: was.percent, threshold: was.threshold, scope: was.scope };
    let before = Before { net: was.net, base: was.base };
    held(was.code_id, was.account_id, terms, was.year, before, (net, gross), true, currencies)
}

/// The lines of a document's entry with what is withheld on an account of its own instead of on the control account.
pub(crate) fn on_entry(
    kind: Kind,
    lines: Balanced<NewLine>,
    control: AccountId,
    held: &Held,
) -> Result<Balanced<NewLine>> {
    let Some(by) = held.by.as_ref().filter(|_| !held.book.is_zero()) else { return Ok(lines) };
    let book = lines.book_currency();
    let (document, amount) = match kind {
        Kind::Bill => (neg(held.document)?, neg(held.book)?),
        Kind::Invoice => (held.document, held.book),
    };
    let mut posted = Vec::with_capacity(lines.lines().len().saturating_add(1));
    let mut split = false;
    for mut line in lines.into_lines() {
        if split || line.account != control {
            posted.push(line);
            continue;
        }
        split = true;
        let withheld = NewLine {
            account: by.account,
            amount_document: document,
            amount,
            labels: Labels::none(),
            tax_code: None,
            description: line.description.clone(),
            currency: line.currency,
        };
        line.amount_document = sub(line.amount_document, document)?;
        line.amount = sub(line.amount, amount)?;
        if !line.amount.is_zero() || !line.amount_document.is_zero() {
            posted.push(line);
        }
        posted.push(withheld);
    }
    Ok(Balanced::check(book, posted)?)
}

/// Writes down what was withheld, also that it was nothing: the sums of the year go on from here.
pub(crate) async fn write(
    tx: &Tx,
    held: &Held,
    of: Of,
    vendor: VendorId,
    entry: JournalEntryId,
    day: NaiveDate,
) -> Result<()> {
    let Some(by) = &held.by else { return Ok(()) };
    let (bill, credit) = match of {
        Of::Bill(id) => (Some(id), None),
        Of::VendorCredit(id) => (None, Some(id)),
    };
    tx.exec(diesel::insert_into(withholding_entry::table).values((
        withholding_entry::tenant_id.eq(tx.tenant()?),
        withholding_entry::id.eq(WithholdingEntryId::new()),
        withholding_entry::code_id.eq(by.code),
        withholding_entry::vendor_id.eq(vendor),
        withholding_entry::bill_id.eq(bill),
        withholding_entry::vendor_credit_id.eq(credit),
        withholding_entry::entry_id.eq(entry),
        withholding_entry::year_starts_on.eq(Date(by.year)),
        withholding_entry::posted_on.eq(Date(day)),
        withholding_entry::percent.eq(Dec(by.percent)),
        withholding_entry::threshold.eq(Dec(by.threshold)),
        withholding_entry::net.eq(Dec(by.net)),
        withholding_entry::base.eq(Dec(by.base)),
        withholding_entry::amount.eq(Dec(by.amount)),
    )))
    .await?;
    Ok(())
}
