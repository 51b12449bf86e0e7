//! Which payments take a discount, and how it splits by the document that grants it.

use std::collections::HashMap;

use backoffice_money::{Decimal, sub, sum};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Numeric, Uuid as SqlUuid};
use uuid::Uuid;

use super::rules::DocumentTax;
use super::{Discount, Term, terms_of};
use crate::finance::chart;
use crate::finance::document::Kind;
use crate::finance::document::lines;
use crate::finance::ids::{AccountId, BillId, InvoiceId, OpenItemId, TaxCodeId};
use crate::finance::ledger::account::Control;
use crate::finance::ledger::tax_code::TaxCode;
use crate::finance::open_item::{OpenItem, OpenItemSide};
use crate::finance::payables::bill::Bill;
use crate::finance::receivables::invoice::Invoice;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::currency;
use crate::platform::scalars::CurrencyCode;
use crate::platform::sql::sql;

/// What a payment settles of an item, which is locked.
pub struct Asked<'a> {
    /// The item.
    pub item: &'a OpenItem,
    /// How much of it is paid, with its sign.
    pub amount: Decimal,
    /// Whether the discount has to be taken or must not be; none: if the payment takes it.
    pub wish: Option<bool>,
}

/// The discounts that payments of a day take, in the order of what is asked.
///
/// A discount is taken by what comes, on its last day at the latest, to what is open less the discount. Whoever insists on
/// one and does not get it is refused at `allocations`.
pub async fn granted(tx: &Tx, paid_on: NaiveDate, asked: &[Asked<'_>]) -> Result<Vec<Option<Discount>>> {
    let wanted: Vec<OpenItemId> = asked.iter().filter(|one| one.wish != Some(false)).map(|one| one.item.id).collect();
    let terms = if wanted.is_empty() { Vec::new() } else { terms_of(tx, wanted).await? };
    let amounts = asked
        .iter()
        .enumerate()
        .map(|(index, one)| amount(index, one, paid_on, &terms))
        .collect::<Result<Vec<Option<Decimal>>>>()?;
    let items: Vec<&OpenItem> =
        asked.iter().zip(&amounts).filter(|(_, amount)| amount.is_some()).map(|(one, _)| one.item).collect();
    if items.is_empty() {
        return Ok(amounts.iter().map(|_| None).collect());
    }
    let documents = documents(tx, &items).await?;
    let mut accounts: HashMap<(Control, String), AccountId> = HashMap::new();
    let mut discounts = Vec::with_capacity(asked.len());
    for (one, amount) in asked.iter().zip(amounts) {
        let Some(amount) = amount else {
            discounts.push(None);
            continue;
        };
        let money = currency(&one.item.currency)?;
        let role = match one.item.side {
            OpenItemSide::Receivable => Control::DiscountAllowed,
            OpenItemSide::Payable => Control::DiscountReceived,
        };
        let place = (role, one.item.currency.clone());
        let account = match accounts.get(&place) {
            Some(known) => *known,
            None => chart::control(tx, role, money).await?.id,
        };
        accounts.insert(place, account);
        let document = one.item.made_by().and_then(|(_, id)| documents.get(&id));
        let document = document.ok_or_else(|| Error::fault("a discount without its document"))?;
        discounts.push(Some(Discount::split(amount, account, document.net, &document.taxes, money)?));
    }
    Ok(discounts)
}

fn amount(index: usize, one: &Asked<'_>, paid_on: NaiveDate, terms: &[Term]) -> Result<Option<Decimal>> {
    if one.wish == Some(false) {
        return Ok(None);
    }
    let field = format!("allocations.{index}.discount");
    let of_item: Vec<&Term> = terms.iter().filter(|term| term.open_item_id == one.item.id).collect();
    // the earliest that is still granted is the highest
    let Some(term) = of_item.iter().find(|term| paid_on <= term.last_day) else {
        let message = match of_item.last() {
            Some(last) => format!("The discount on {} was granted until {}.", one.item.document, last.last_day),
            None => format!("{} grants no discount for paying early.", one.item.document),
        };
        return if one.wish.is_some() { Err(Error::refuse(UserErrorCode::State, &field, message)) } else { Ok(None) };
    };
    let discount = term.discount()?;
    let due = sub(one.item.open_amount.0, discount)?;
    if discount > Decimal::ZERO && one.amount == due {
        return Ok(Some(discount));
    }
    if one.wish.is_some() {
        let message = format!(
            "The discount on {} is taken by a payment of {} {}, until {}.",
            one.item.document,
            due.normalize(),
            one.item.currency,
            term.last_day
        );
        return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
    }
    Ok(None)
}

/// Net and taxes of a document, less what credit notes took back of them.
struct Document {
    net: Decimal,
    taxes: Vec<DocumentTax>,
}

#[derive(QueryableByName)]
struct Credited {
    #[diesel(sql_type = SqlUuid)]
    invoice_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    tax_code_id: TaxCodeId,
    #[diesel(sql_type = Numeric)]
    base: Decimal,
    #[diesel(sql_type = Numeric)]
    tax: Decimal,
}

/// The documents of items, by their ids, in sets.
async fn documents(tx: &Tx, items: &[&OpenItem]) -> Result<HashMap<Uuid, Document>> {
    let ids = |wanted: Kind| -> Vec<Uuid> {
        items.iter().filter_map(|item| item.made_by()).filter(|(kind, _)| *kind == wanted).map(|(_, id)| id).collect()
    };
    let (invoices, bills) = (ids(Kind::Invoice), ids(Kind::Bill));
    let credited = credited(tx, &invoices).await?;
    let mut read = Vec::with_capacity(items.len());
    if !invoices.is_empty() {
        let rows = Invoice::fetch(tx, invoices.into_iter().map(InvoiceId).collect()).await?;
        let asked: Vec<(InvoiceId, CurrencyCode)> = rows.values().map(|row| (row.id, row.currency.clone())).collect();
        let mut lines = lines::of(tx, Kind::Invoice, asked, |id| id.0).await?;
        for row in rows.into_values() {
            let of = lines.remove(&(row.id, row.currency.clone())).unwrap_or_default();
            read.push((row.id.0, row.gross.0, lines::taxes(&of, row.terms(), &row.currency.0)?));
        }
    }
    if !bills.is_empty() {
        let rows = Bill::fetch(tx, bills.into_iter().map(BillId).collect()).await?;
        let asked: Vec<(BillId, CurrencyCode)> = rows.values().map(|row| (row.id, row.currency.clone())).collect();
        let mut lines = lines::of(tx, Kind::Bill, asked, |id| id.0).await?;
        for row in rows.into_values() {
            let of = lines.remove(&(row.id, row.currency.clone())).unwrap_or_default();
            read.push((row.id.0, row.gross.0, lines::taxes(&of, row.terms(), &row.currency.0)?));
        }
    }
    let codes: Vec<TaxCodeId> =
        read.iter().flat_map(|(_, _, taxes)| taxes.iter().filter_map(|tax| tax.tax_code_id)).collect();
    let codes = TaxCode::fetch(tx, codes).await?;
    let mut documents = HashMap::with_capacity(read.len());
    for (id, gross, taxes) in read {
        // of one document a code stands once
        let mut left = Vec::with_capacity(taxes.len());
        let all = sum(taxes.iter().map(|tax| tax.tax.amount.0))?;
        let mut net = sub(gross, all)?;
        for tax in taxes {
            let Some(code) = tax.tax_code_id else {
                continue;
            };
            let account = codes.get(&code).ok_or_else(|| Error::fault("a tax without its code"))?.account_id;
            let back = credited.get(&id).and_then(|back| back.get(&code)).copied().unwrap_or_default();
            let (base, tax) = (sub(tax.base.amount.0, back.0)?, sub(tax.tax.amount.0, back.1)?);
            left.push(DocumentTax { code, account, base: base.max(Decimal::ZERO), tax: tax.max(Decimal::ZERO) });
        }
        if let Some(back) = credited.get(&id) {
            net = sub(net, back.get(&TaxCodeId(Uuid::nil())).map(|back| back.0).unwrap_or_default())?;
        }
        documents.insert(id, Document { net: net.max(Decimal::ZERO), taxes: left });
    }
    Ok(documents)
}

/// Net amounts and taxes that credit notes took back, by invoice and code; under no code, the net amount of all lines.
async fn credited(tx: &Tx, invoices: &[Uuid]) -> Result<HashMap<Uuid, HashMap<TaxCodeId, (Decimal, Decimal)>>> {
    if invoices.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Credited> = tx
        .rows(
            sql("SELECT n.invoice_id, t.tax_code_id, sum(l.net) AS base, sum(t.tax) AS tax
                   FROM finance.credit_note n
                   JOIN finance.credit_note_line l ON l.tenant_id = n.tenant_id AND l.credit_note_id = n.id,
                        LATERAL (VALUES ('00000000-0000-0000-0000-000000000000'::uuid, 0::numeric), (l.tax_code_id, l.tax),
                                        (l.second_tax_code_id, l.second_tax)) AS t (tax_code_id, tax)
                  WHERE n.tenant_id = $1 AND n.invoice_id = ANY ($2) AND t.tax_code_id IS NOT NULL
                  GROUP BY n.invoice_id, t.tax_code_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(invoices.to_vec()),
        )
        .await?;
    let mut by_invoice: HashMap<Uuid, HashMap<TaxCodeId, (Decimal, Decimal)>> = HashMap::new();
    for row in rows {
        by_invoice.entry(row.invoice_id).or_default().insert(row.tax_code_id, (row.base, row.tax));
    }
    Ok(by_invoice)
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// What discounts took off an item and did not give back: nobody pays it, and no credit note takes it back.
pub async fn taken(tx: &Tx, item: OpenItemId) -> Result<Decimal> {
    let found: Taken = tx
        .row(
            sql("SELECT coalesce(sum(a.amount), 0) AS amount FROM finance.allocation a
                  WHERE a.tenant_id = $1 AND a.open_item_id = $2 AND a.undoes_id IS NULL
                    AND EXISTS (SELECT 1 FROM finance.early_payment_part p WHERE p.tenant_id = $1 AND p.allocation_id = a.id)
                    AND NOT EXISTS (SELECT 1 FROM finance.allocation u WHERE u.tenant_id = $1 AND u.undoes_id = a.id)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(item),
        )
        .await?;
    Ok(found.amount)
}
