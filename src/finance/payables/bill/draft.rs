//! Entering a bill and changing its draft. Each number of a vendor enters once a year, however it is written.

use async_graphql::MaybeUndefined;
use backoffice_money::Totals;
use chrono::{Datelike, Days, NaiveDate};
use diesel::prelude::*;
use futures_util::future::join;

use super::{Bill, BillCreateInput, BillStatus, BillUpdateInput};
use crate::approvals;
use crate::finance::document::pricing::{Terms, exchange_rate, total};
use crate::finance::document::{DocumentRounding, Kind, lines};
use crate::finance::expenses;
use crate::finance::ids::{BillId, TaxCodeId, VendorId};
use crate::finance::ledger::exchange_rate::given_or_on;
use crate::finance::payables::vendor::{self, Vendor};
use crate::finance::withholding;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::schema::bill;

/// A vendor's number as it is compared: capitals and digits only, so that `RE-2026/1` is `re 20261`.
pub(crate) fn normalized(number: &str) -> Result<String> {
    sized("number", number, 1..=60)?;
    let kept: String = number.chars().flat_map(char::to_uppercase).filter(|c| c.is_alphanumeric()).take(60).collect();
    if kept.is_empty() {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "number",
            "A bill's number has at least one letter or digit.",
        ));
    }
    Ok(kept)
}

fn due_date(day: NaiveDate, given: Option<NaiveDate>, terms: i32) -> Result<NaiveDate> {
    match given {
        Some(due) if due < day => {
            Err(Error::refuse(UserErrorCode::Invalid, "dueDate", "A bill is not due before its own date."))
        }
        Some(due) => Ok(due),
        None => day
            .checked_add_days(Days::new(u64::try_from(terms).unwrap_or_default()))
            .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "billDate", "The date is out of range.")),
    }
}

async fn active_vendor(tx: &Tx, id: VendorId) -> Result<Vendor> {
    let vendor = vendor::find(tx, id).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
    if vendor.active {
        Ok(vendor)
    } else {
        Err(Error::refuse(UserErrorCode::State, "vendor", "This vendor is not active: no new bills."))
    }
}

/// The refusal of a bill that is there already, if it is: it names the first one as that was written.
async fn duplicate(
    tx: &Tx,
    vendor: VendorId,
    normalized: &str,
    year: i32,
    but: Option<BillId>,
) -> Result<Option<Error>> {
    let found: Option<Bill> = tx
        .maybe(
            bill::table
                .filter(bill::tenant_id.eq(tx.tenant()?))
                .filter(bill::vendor_id.eq(vendor))
                .filter(bill::normalized_number.eq(normalized.to_owned()))
                .filter(bill::bill_year.eq(year))
                .select(Bill::as_select()),
        )
        .await?;
    Ok(found.filter(|found| Some(found.id) != but).map(|found| {
        let message = format!("This bill is entered already: number {} of {}.", found.number, found.bill_date.0);
        Error::refuse(UserErrorCode::Duplicate, "number", message)
    }))
}

/// Enters a bill as a draft.
pub(crate) async fn create(tx: &Tx, input: BillCreateInput) -> Result<Bill> {
    let compared = normalized(&input.number)?;
    let day = input.bill_date.0;
    let vendor = active_vendor(tx, input.vendor).await?;
    let due = due_date(day, input.due_date.map(|due| due.0), vendor.payment_terms_days)?;
    let code = input.currency.unwrap_or(vendor.currency);
    let money = currency(&code.0)?;
    let given = given_or_on(tx, input.exchange_rate.map(|rate| rate.0), money, input.bill_date.0).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(DocumentRounding::ByDocument),
        discount_percent: input.discount_percent.unwrap_or_default().0,
        prices_include_tax: input.prices_include_tax.unwrap_or_default(),
    }
    .checked()?;
    let lines = lines::resolve(tx, Kind::Bill, input.lines, money, day).await?;
    let totals = total(&lines, terms, money)?;
    let withholding_code = match input.withholding_code {
        MaybeUndefined::Undefined => withholding::of_vendor(tx, input.vendor).await?,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(withholding::known(tx, id, "withholdingCode").await?.id),
    };
    let created: Option<Bill> = tx
        .maybe(
            diesel::insert_into(bill::table)
                .values((
                    bill::tenant_id.eq(tx.tenant()?),
                    bill::id.eq(BillId::new()),
                    bill::vendor_id.eq(input.vendor),
                    bill::status.eq(BillStatus::Draft),
                    bill::number.eq(input.number),
                    bill::normalized_number.eq(compared.clone()),
                    bill::bill_date.eq(input.bill_date),
                    bill::bill_year.eq(day.year()),
                    bill::due_date.eq(Date(due)),
                    bill::currency.eq(code),
                    bill::exchange_rate.eq(rate),
                    bill::rounding.eq(terms.rounding),
                    bill::discount_percent.eq(terms.discount_percent),
                    bill::prices_include_tax.eq(terms.prices_include_tax),
                    bill::vendor_name.eq(vendor.name),
                    bill::net.eq(totals.net),
                    bill::tax.eq(totals.tax),
                    bill::gross.eq(totals.gross),
                    bill::withholding_code_id.eq(withholding_code),
                ))
                // the database decides which of two is the first, and waits for it if it is not committed yet
                .on_conflict((bill::tenant_id, bill::vendor_id, bill::normalized_number, bill::bill_year))
                .do_nothing()
                .returning(Bill::as_returning()),
        )
        .await?;
    let Some(created) = created else {
        let refusal = duplicate(tx, input.vendor, &compared, day.year(), None).await?;
        return Err(refusal.unwrap_or(Error::Retry));
    };
    lines::insert(tx, Kind::Bill, created.id.0, lines, &totals).await?;
    emit(tx, EventKind::BillCreated, created.id.0);
    Ok(created)
}

/// The draft of that id, locked until the transaction ends. Refuses posted ones.
pub(super) async fn lock_draft(tx: &Tx, id: BillId, expected_version: Option<i32>) -> Result<Bill> {
    let found: Option<Bill> = tx
        .maybe(
            bill::table
                .filter(bill::tenant_id.eq(tx.tenant()?))
                .filter(bill::id.eq(id))
                .select(Bill::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "bill"))?;
    expect_version(expected_version, found.version, "bill")?;
    if found.status != BillStatus::Draft {
        return Err(Error::refuse(UserErrorCode::State, "id", "This bill is posted: it is never changed."));
    }
    Ok(found)
}

/// Changes a draft; lines, when given, replace all lines.
pub(super) async fn update(tx: &Tx, input: BillUpdateInput) -> Result<Bill> {
    let draft = lock_draft(tx, input.id, input.expected_version).await?;
    if let Some(claim) = expenses::claim_of(tx, draft.id).await? {
        let message = format!("This bill is what was accepted of expense claim {claim}: it stays as it is.");
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let vendor = match input.vendor {
        Some(id) => Some(active_vendor(tx, id).await?),
        None => None,
    };
    let (vendor_id, vendor_name) =
        vendor.map_or((draft.vendor_id, draft.vendor_name), |vendor| (vendor.id, vendor.name));
    let number = input.number.unwrap_or(draft.number);
    let compared = normalized(&number)?;
    let bill_date = input.bill_date.unwrap_or(draft.bill_date);
    let due = due_date(bill_date.0, Some(input.due_date.unwrap_or(draft.due_date).0), 0)?;
    if let Some(refusal) = duplicate(tx, vendor_id, &compared, bill_date.0.year(), Some(draft.id)).await? {
        return Err(refusal);
    }
    let code = input.currency.unwrap_or_else(|| draft.currency.clone());
    let money = currency(&code.0)?;
    // the old rate is one of the old currency
    let given = input.exchange_rate.map(|rate| rate.0);
    let kept = (code == draft.currency).then_some(draft.exchange_rate.0);
    let given = given_or_on(tx, given.or(kept), money, bill_date.0).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(draft.rounding),
        discount_percent: input.discount_percent.unwrap_or(draft.discount_percent).0,
        prices_include_tax: input.prices_include_tax.unwrap_or(draft.prices_include_tax),
    }
    .checked()?;
    let totals: Totals<Option<TaxCodeId>> = if let Some(new) = input.lines {
        let lines = lines::resolve(tx, Kind::Bill, new, money, bill_date.0).await?;
        let totals = total(&lines, terms, money)?;
        lines::clear(tx, Kind::Bill, draft.id.0).await?;
        lines::insert(tx, Kind::Bill, draft.id.0, lines, &totals).await?;
        totals
    } else {
        let before = lines::draft(tx, Kind::Bill, draft.id.0, bill_date.0).await?;
        let lines = lines::at_posting(&before, draft.version, "billDate")?;
        let totals = total(&lines, terms, money)?;
        lines::reprice(tx, Kind::Bill, &before, &lines, &totals).await?;
        totals
    };
    let withholding_code = match input.withholding_code {
        MaybeUndefined::Undefined => draft.withholding_code_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(withholding::known(tx, id, "withholdingCode").await?.id),
    };
    let updated = tx.row(
        diesel::update(bill::table)
            .filter(bill::tenant_id.eq(tx.tenant()?))
            .filter(bill::id.eq(input.id))
            .set((
                bill::vendor_id.eq(vendor_id),
                bill::vendor_name.eq(vendor_name),
                bill::number.eq(number),
                bill::normalized_number.eq(compared),
                bill::bill_date.eq(bill_date),
                bill::bill_year.eq(bill_date.0.year()),
                bill::due_date.eq(Date(due)),
                bill::currency.eq(code),
                bill::exchange_rate.eq(rate),
                bill::rounding.eq(terms.rounding),
                bill::discount_percent.eq(terms.discount_percent),
                bill::prices_include_tax.eq(terms.prices_include_tax),
                bill::net.eq(totals.net),
                bill::tax.eq(totals.tax),
                bill::gross.eq(totals.gross),
                bill::withholding_code_id.eq(withholding_code),
            ))
            .returning(Bill::as_returning()),
    );
    // whatever was asked for or approved before, this is something else
    let (updated, void) = join(updated, approvals::request::tell_void(tx, Some(input.id.0))).await;
    let updated: Bill = updated?;
    void?;
    emit(tx, EventKind::BillUpdated, updated.id.0);
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_number_written_otherwise() {
        for other in ["RE-2026/1", "re 20261", " Re.2026-1 ", "RE20261"] {
            assert_eq!(normalized(other).unwrap(), "RE20261");
        }
        assert!(normalized("---").is_err());
        assert!(normalized("").is_err());
        assert_ne!(normalized("R-1").unwrap(), normalized("R-11").unwrap());
    }

    proptest! {
        #[test]
        fn any_number_is_kept_or_refused(number in ".{0,80}") {
            if let Ok(kept) = normalized(&number) {
                prop_assert!((1..=60).contains(&kept.chars().count()));
                prop_assert_eq!(normalized(&kept).unwrap(), kept);
            }
        }
    }
}
