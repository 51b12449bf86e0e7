//! Posting what was accepted, and settling it with what the claimant has had in advance.

use backoffice_money::{Decimal, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use super::claim::{ExpenseClaim, ExpenseClaimPostInput, ExpenseClaimState};
use super::command::lock;
use crate::finance::ids::{BillId, OpenItemId, PaymentId};
use crate::finance::payables::bill::{self, Bill, BillPostInput, BillStatus};
use crate::finance::payment::{self, PaymentAllocateInput, PaymentAllocationInput};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::sql::sql;

#[derive(QueryableByName)]
struct Advance {
    #[diesel(sql_type = SqlUuid)]
    payment_id: PaymentId,
    #[diesel(sql_type = SqlDate)]
    paid_on: NaiveDate,
    #[diesel(sql_type = Numeric)]
    left_over: Decimal,
}

/// Posts the bill of an accepted claim, and settles it with the claimant's advances, the oldest first.
pub(super) async fn post(tx: &Tx, input: ExpenseClaimPostInput) -> Result<ExpenseClaim> {
    let claim = lock(tx, input.id, None, ExpenseClaimState::Accepted).await?;
    let id = claim.bill_id.ok_or_else(|| Error::fault("an accepted claim without its bill"))?;
    let bill =
        Bill::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::fault("the bill of a claim is gone"))?;
    if bill.status == BillStatus::Posted {
        return Err(Error::refuse(UserErrorCode::State, "id", "The bill of this claim is posted already."));
    }
    let day = input.posting_date.unwrap_or(bill.bill_date).0;
    bill::post(tx, BillPostInput { id, posting_date: Some(Date(day)), expected_version: None, early_payment: None })
        .await?;
    use_advances(tx, &claim, id, day).await?;
    emit(tx, EventKind::ExpenseClaimPosted, claim.id.0);
    Ok(claim)
}

#[derive(QueryableByName)]
struct Owed {
    #[diesel(sql_type = SqlUuid)]
    id: OpenItemId,
    #[diesel(sql_type = Numeric)]
    open_amount: Decimal,
}

async fn use_advances(tx: &Tx, claim: &ExpenseClaim, bill: BillId, day: NaiveDate) -> Result<()> {
    let advances: Vec<Advance> = tx
        .rows(
            sql("SELECT p.id AS payment_id, p.paid_on, -i.open_amount AS left_over
                   FROM finance.open_item i
                   JOIN finance.payment p ON p.tenant_id = i.tenant_id AND p.id = i.payment_id
                  WHERE i.tenant_id = $1 AND i.vendor_id = $2 AND NOT i.settled AND i.open_amount < 0 AND i.currency = $3
                  ORDER BY p.paid_on, p.id LIMIT 100")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(claim.vendor_id)
            .bind::<Text, _>(claim.currency.0.clone()),
        )
        .await?;
    if advances.is_empty() {
        return Ok(());
    }
    let text = "SELECT i.id, i.open_amount FROM finance.open_item i WHERE i.tenant_id = $1 AND i.bill_id = $2";
    let owed: Option<Owed> = tx.maybe(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(bill)).await?;
    let Some(owed) = owed else { return Ok(()) };
    let mut left = owed.open_amount;
    for advance in advances {
        let part = left.min(advance.left_over);
        if part <= Decimal::ZERO {
            break;
        }
        let used = PaymentAllocateInput {
            payment: advance.payment_id,
            date: Some(Date(day.max(advance.paid_on))),
            allocations: vec![PaymentAllocationInput { open_item: owed.id, amount: Dec(part), discount: None }],
            exchange_account: None,
        };
        payment::allocate(tx, used).await?;
        left = sub(left, part)?;
    }
    Ok(())
}
