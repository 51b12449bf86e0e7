//! What is done with claims.

use backoffice_money::{Decimal, sum};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::claim::{
    ExpenseAcceptedInput, ExpenseClaim, ExpenseClaimAcceptInput, ExpenseClaimCreateInput, ExpenseClaimLine,
    ExpenseClaimLineInput, ExpenseClaimRejectInput, ExpenseClaimState, ExpenseClaimSubmitInput,
    ExpenseClaimUpdateInput, Lines,
};
use super::rule::{Claimed, Terms, claim, needs_receipt};
use super::{ExpenseKind, ExpenseType};
use crate::finance::document::DocumentLineInput;
use crate::finance::ids::{BillId, DimensionValueId, ExpenseClaimId, ExpenseTypeId};
use crate::finance::ledger::dimension::labels;
use crate::finance::payables::bill::{self, BillCreateInput};
use crate::finance::payables::vendor;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files;
use crate::platform::ids::new_uuid;
use crate::platform::input::{currency, expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Date, Dec};
use crate::platform::sql::sql;
use crate::schema::expense_claim;

/// The most lines of a claim.
const MOST: usize = 500;

/// A type as it is on the day of a line.
#[derive(QueryableByName)]
struct On {
    #[diesel(sql_type = Int4)]
    place: i32,
    #[diesel(sql_type = Text)]
    kind: ExpenseKind,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    active: bool,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    holds: bool,
    #[diesel(sql_type = Nullable<Numeric>)]
    unit_amount: Option<Decimal>,
    #[diesel(sql_type = Nullable<Numeric>)]
    most: Option<Decimal>,
    #[diesel(sql_type = Nullable<Numeric>)]
    receipt_above: Option<Decimal>,
}

impl On {
    fn terms(&self) -> Terms {
        Terms { unit_amount: self.unit_amount, most: self.most, receipt_above: self.receipt_above }
    }
}

/// What holds for each line, by its place; lines of unknown types are left out.
async fn on_days(tx: &Tx, lines: &[(ExpenseTypeId, NaiveDate)]) -> Result<Vec<On>> {
    tx.rows(
        sql("SELECT n.place::integer AS place, t.kind, t.active, r.valid_from IS NOT NULL AS holds, r.unit_amount, r.most, r.receipt_above
               FROM unnest($2::uuid[], $3::date[]) WITH ORDINALITY AS n (type_id, spent_on, place)
               JOIN finance.expense_type t ON t.tenant_id = $1 AND t.id = n.type_id
               LEFT JOIN LATERAL (SELECT k.valid_from, k.unit_amount, k.most, k.receipt_above FROM finance.expense_rate k
                                   WHERE k.tenant_id = $1 AND k.type_id = n.type_id AND k.valid_from <= n.spent_on
                                   ORDER BY k.valid_from DESC LIMIT 1) r ON true
              ORDER BY n.place")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(lines.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind::<Array<SqlDate>, _>(lines.iter().map(|(_, day)| *day).collect::<Vec<_>>()),
    )
    .await
}

/// A line with what it comes to.
struct Priced {
    input: ExpenseClaimLineInput,
    claimed: Claimed,
    most: Option<Decimal>,
}

async fn price(tx: &Tx, inputs: Vec<ExpenseClaimLineInput>) -> Result<Vec<Priced>> {
    if inputs.is_empty() || inputs.len() > MOST {
        let message = format!("A claim has 1 to {MOST} lines.");
        return Err(Error::refuse(UserErrorCode::Required, "lines", message));
    }
    let book = currency(tx.book_currency())?;
    let days: Vec<(ExpenseTypeId, NaiveDate)> =
        inputs.iter().map(|line| (line.expense_type, line.spent_on.0)).collect();
    let mut found = on_days(tx, &days).await?.into_iter().peekable();
    let mut priced = Vec::with_capacity(inputs.len());
    for (at, input) in inputs.into_iter().enumerate() {
        let field = format!("lines.{at}");
        sized(&format!("{field}.description"), &input.description, 1..=400)?;
        let place = i32::try_from(at.saturating_add(1)).unwrap_or(i32::MAX);
        let on = found.next_if(|on| on.place == place);
        let on = on.ok_or_else(|| Error::not_found(&format!("{field}.expenseType"), "type of expense"))?;
        if !on.active {
            let message = "This type of expense is not claimed any more.";
            return Err(Error::refuse(UserErrorCode::State, &format!("{field}.expenseType"), message));
        }
        if !on.holds {
            let message = "Nothing holds for this type on that day yet.";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("{field}.spentOn"), message));
        }
        let (quantity, amount) = (input.quantity.map(|dec| dec.0), input.amount.map(|dec| dec.0));
        let claimed = claim(on.kind, on.terms(), quantity, amount, &field, book)?;
        if let Some(file) = input.file {
            let there = files::find(tx, file).await?.is_some_and(|file| file.is_there());
            if !there {
                return Err(Error::not_found(&format!("{field}.file"), "file"));
            }
        }
        priced.push(Priced { most: on.most, input, claimed });
    }
    let wanted: Vec<(String, Vec<DimensionValueId>)> = priced
        .iter()
        .enumerate()
        .map(|(at, line)| (format!("lines.{at}.dimensions"), line.input.dimensions.clone().unwrap_or_default()))
        .collect();
    // of a day they hold on, and at most one of a dimension
    labels::resolve(tx, &wanted, tx.today()).await?;
    Ok(priced)
}

async fn write_lines(tx: &Tx, id: ExpenseClaimId, lines: &[Priced]) -> Result<()> {
    let named = |line: &Priced| {
        let ids = line.input.dimensions.iter().flatten().map(|id| serde_json::Value::String(id.0.to_string()));
        serde_json::Value::Array(ids.collect())
    };
    tx.exec(
        sql("INSERT INTO finance.expense_claim_line (tenant_id, id, claim_id, line_no, type_id, spent_on, description, quantity, unit_amount,
                                                     claimed, most, accepted, file_id, dimensions)
             SELECT $1, n.id, $2, n.line_no, n.type_id, n.spent_on, n.description, n.quantity, n.unit_amount, n.claimed, n.most, n.accepted,
                    n.file_id, n.dimensions
               FROM unnest($3::uuid[], $4::uuid[], $5::date[], $6::text[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[],
                           $11::numeric[], $12::uuid[], $13::jsonb[]) WITH ORDINALITY
                 AS n (id, type_id, spent_on, description, quantity, unit_amount, claimed, most, accepted, file_id, dimensions, line_no)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|line| line.input.expense_type).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(lines.iter().map(|line| line.input.spent_on.0).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(lines.iter().map(|line| line.input.description.clone()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.claimed.quantity).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.claimed.unit_amount).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.claimed.amount).collect::<Vec<_>>())
            .bind::<Array<Nullable<Numeric>>, _>(lines.iter().map(|line| line.most).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.claimed.accepted).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(lines.iter().map(|line| line.input.file).collect::<Vec<_>>())
            .bind::<Array<Jsonb>, _>(lines.iter().map(named).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    number: String,
}

/// Makes a draft.
pub(super) async fn create(tx: &Tx, input: ExpenseClaimCreateInput) -> Result<ExpenseClaim> {
    sized("purpose", &input.purpose, 1..=500)?;
    let claimant = vendor::find(tx, input.claimant).await?.ok_or_else(|| Error::not_found("claimant", "vendor"))?;
    if !claimant.active {
        let message = "This vendor is not active: nothing is claimed by it.";
        return Err(Error::refuse(UserErrorCode::State, "claimant", message));
    }
    let lines = price(tx, input.lines).await?;
    let next_number = sql("SELECT core.next_number($1, 'expense_claim', 'EXP-') AS number");
    let taken: Taken = tx.row(next_number.bind::<SqlUuid, _>(tx.tenant()?)).await?;
    let created: ExpenseClaim = tx
        .row(
            diesel::insert_into(expense_claim::table)
                .values((
                    expense_claim::tenant_id.eq(tx.tenant()?),
                    expense_claim::id.eq(ExpenseClaimId::new()),
                    expense_claim::number.eq(taken.number),
                    expense_claim::vendor_id.eq(input.claimant),
                    expense_claim::vendor_name.eq(claimant.name),
                    expense_claim::purpose.eq(input.purpose),
                    expense_claim::prices_include_tax.eq(input.prices_include_tax.unwrap_or(true)),
                    expense_claim::currency.eq(CurrencyCode(tx.book_currency().to_owned())),
                    expense_claim::state.eq(ExpenseClaimState::Draft),
                    expense_claim::claimed.eq(Dec(sum(lines.iter().map(|line| line.claimed.amount))?)),
                ))
                .returning(ExpenseClaim::as_returning()),
        )
        .await?;
    write_lines(tx, created.id, &lines).await?;
    emit(tx, EventKind::ExpenseClaimCreated, created.id.0);
    Ok(created)
}

/// The claim of that id in that state, locked until the transaction ends.
pub(super) async fn lock(
    tx: &Tx,
    id: ExpenseClaimId,
    expected_version: Option<i32>,
    state: ExpenseClaimState,
) -> Result<ExpenseClaim> {
    let found: Option<ExpenseClaim> = tx
        .maybe(
            expense_claim::table
                .filter(expense_claim::tenant_id.eq(tx.tenant()?))
                .filter(expense_claim::id.eq(id))
                .select(ExpenseClaim::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "expense claim"))?;
    expect_version(expected_version, found.version, "expense claim")?;
    if found.state != state {
        let message = match found.state {
            ExpenseClaimState::Draft => "This claim is a draft: it is submitted first.",
            ExpenseClaimState::Submitted => "This claim is submitted: it waits for a decision.",
            ExpenseClaimState::Accepted => "This claim was accepted: its bill says what is owed.",
            ExpenseClaimState::Rejected => "This claim was rejected.",
        };
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    Ok(found)
}

async fn lines_of(tx: &Tx, id: ExpenseClaimId) -> Result<Vec<ExpenseClaimLine>> {
    Ok(Lines::fetch(tx, vec![id]).await?.remove(&id).unwrap_or_default())
}

/// Changes a draft.
pub(super) async fn update(tx: &Tx, input: ExpenseClaimUpdateInput) -> Result<ExpenseClaim> {
    if let Some(purpose) = &input.purpose {
        sized("purpose", purpose, 1..=500)?;
    }
    let draft = lock(tx, input.id, input.expected_version, ExpenseClaimState::Draft).await?;
    let claimed = match input.lines {
        Some(lines) => {
            let lines = price(tx, lines).await?;
            let clear = sql("DELETE FROM finance.expense_claim_line l WHERE l.tenant_id = $1 AND l.claim_id = $2");
            tx.exec(clear.bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(draft.id)).await?;
            write_lines(tx, draft.id, &lines).await?;
            Dec(sum(lines.iter().map(|line| line.claimed.amount))?)
        }
        None => draft.claimed,
    };
    tx.row(
        diesel::update(expense_claim::table)
            .filter(expense_claim::tenant_id.eq(tx.tenant()?))
            .filter(expense_claim::id.eq(draft.id))
            .set((
                expense_claim::purpose.eq(input.purpose.unwrap_or(draft.purpose)),
                expense_claim::prices_include_tax.eq(input.prices_include_tax.unwrap_or(draft.prices_include_tax)),
                expense_claim::claimed.eq(claimed),
            ))
            .returning(ExpenseClaim::as_returning()),
    )
    .await
    .inspect(|updated: &ExpenseClaim| emit(tx, EventKind::ExpenseClaimUpdated, updated.id.0))
}

/// Submits a draft: every line that needs its receipt has it.
pub(super) async fn submit(tx: &Tx, input: ExpenseClaimSubmitInput) -> Result<ExpenseClaim> {
    let draft = lock(tx, input.id, input.expected_version, ExpenseClaimState::Draft).await?;
    let lines = lines_of(tx, draft.id).await?;
    let days: Vec<(ExpenseTypeId, NaiveDate)> = lines.iter().map(|line| (line.type_id, line.spent_on.0)).collect();
    let holds = on_days(tx, &days).await?;
    for (at, (line, on)) in lines.iter().zip(&holds).enumerate() {
        if line.file_id.is_none() && needs_receipt(on.terms(), line.claimed.0) {
            let message = format!("Line {} needs its receipt.", line.line_no);
            return Err(Error::refuse(UserErrorCode::Required, &format!("lines.{at}.file"), message));
        }
    }
    tx.row(
        diesel::update(expense_claim::table)
            .filter(expense_claim::tenant_id.eq(tx.tenant()?))
            .filter(expense_claim::id.eq(draft.id))
            .set((
                expense_claim::state.eq(ExpenseClaimState::Submitted),
                expense_claim::submitted_by.eq(tx.actor()),
                expense_claim::submitted_by_name.eq(tx.actor_name().to_owned()),
            ))
            .returning(ExpenseClaim::as_returning()),
    )
    .await
    .inspect(|claim: &ExpenseClaim| emit(tx, EventKind::ExpenseClaimSubmitted, claim.id.0))
}

/// What is accepted of each line.
fn accepted(lines: &mut [ExpenseClaimLine], given: Vec<ExpenseAcceptedInput>) -> Result<()> {
    for (at, one) in given.into_iter().enumerate() {
        let line = lines.iter_mut().find(|line| line.line_no == one.line);
        let line = line.ok_or_else(|| Error::not_found(&format!("lines.{at}.line"), "line of the claim"))?;
        let field = format!("lines.{at}.amount");
        let most = line.most.map_or(line.claimed.0, |most| most.0.min(line.claimed.0));
        if one.amount.0 < Decimal::ZERO || one.amount.0 > most {
            let message = format!("Of this line 0 to {} can be accepted.", most.normalize());
            return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
        }
        if one.amount.0 < most && one.reason.is_none() {
            let message = "Say why less is accepted.";
            return Err(Error::refuse(UserErrorCode::Required, &format!("lines.{at}.reason"), message));
        }
        if let Some(reason) = &one.reason {
            sized(&format!("lines.{at}.reason"), reason, 1..=500)?;
        }
        line.accepted = one.amount;
        line.said = one.reason;
    }
    Ok(())
}

/// The bill that the accepted lines become.
async fn bill_of(
    tx: &Tx,
    claim: &ExpenseClaim,
    lines: &[ExpenseClaimLine],
    due: Option<Date>,
) -> Result<BillCreateInput> {
    let types = ExpenseType::fetch(tx, lines.iter().map(|line| line.type_id).collect()).await?;
    let last = lines.iter().map(|line| line.spent_on).max().ok_or_else(|| Error::fault("a claim without lines"))?;
    let one = |line: &ExpenseClaimLine| {
        let of = types.get(&line.type_id).ok_or_else(|| Error::fault("a line without its type"))?;
        let named: Vec<Uuid> = serde_json::from_value(line.dimensions.clone()).map_err(Error::fault)?;
        Ok(DocumentLineInput {
            description: format!("{}: {}", line.spent_on.0, line.description),
            quantity: Dec(Decimal::ONE),
            unit_price: line.accepted,
            discount_percent: None,
            account: of.account_id,
            tax_code: of.tax_code_id,
            second_tax_code: None,
            dimensions: Some(named.into_iter().map(DimensionValueId).collect()),
        })
    };
    Ok(BillCreateInput {
        vendor: claim.vendor_id,
        number: claim.number.clone(),
        bill_date: last,
        due_date: due,
        currency: Some(claim.currency.clone()),
        exchange_rate: None,
        rounding: None,
        discount_percent: None,
        prices_include_tax: Some(claim.prices_include_tax),
        withholding_code: async_graphql::MaybeUndefined::Null,
        lines: lines.iter().filter(|line| !line.accepted.0.is_zero()).map(one).collect::<Result<_>>()?,
    })
}

/// Accepts a claim: what is accepted becomes the draft of a bill.
pub(super) async fn accept(tx: &Tx, input: ExpenseClaimAcceptInput) -> Result<ExpenseClaim> {
    let claim = lock(tx, input.id, input.expected_version, ExpenseClaimState::Submitted).await?;
    let mut lines = lines_of(tx, claim.id).await?;
    accepted(&mut lines, input.lines.unwrap_or_default())?;
    let total = sum(lines.iter().map(|line| line.accepted.0))?;
    if total.is_zero() {
        let message = "Nothing would be accepted: reject the claim instead.";
        return Err(Error::refuse(UserErrorCode::Invalid, "lines", message));
    }
    tx.exec(
        sql("UPDATE finance.expense_claim_line l SET accepted = n.accepted, said = n.said
               FROM unnest($3::integer[], $4::numeric[], $5::text[]) AS n (line_no, accepted, said)
              WHERE l.tenant_id = $1 AND l.claim_id = $2 AND l.line_no = n.line_no
                AND (l.accepted, l.said) IS DISTINCT FROM (n.accepted, n.said)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(claim.id)
        .bind::<Array<Int4>, _>(lines.iter().map(|line| line.line_no).collect::<Vec<_>>())
        .bind::<Array<Numeric>, _>(lines.iter().map(|line| line.accepted.0).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(lines.iter().map(|line| line.said.clone()).collect::<Vec<_>>()),
    )
    .await?;
    let made = bill::create(tx, bill_of(tx, &claim, &lines, input.due_date).await?).await?;
    tx.row(
        diesel::update(expense_claim::table)
            .filter(expense_claim::tenant_id.eq(tx.tenant()?))
            .filter(expense_claim::id.eq(claim.id))
            .set((
                expense_claim::state.eq(ExpenseClaimState::Accepted),
                expense_claim::accepted.eq(Dec(total)),
                expense_claim::decided_by_name.eq(tx.actor_name().to_owned()),
                expense_claim::bill_id.eq(made.id),
            ))
            .returning(ExpenseClaim::as_returning()),
    )
    .await
    .inspect(|claim: &ExpenseClaim| emit(tx, EventKind::ExpenseClaimDecided, claim.id.0))
}

/// Rejects a claim.
pub(super) async fn reject(tx: &Tx, input: ExpenseClaimRejectInput) -> Result<ExpenseClaim> {
    sized("reason", &input.reason, 1..=500)?;
    let claim = lock(tx, input.id, None, ExpenseClaimState::Submitted).await?;
    tx.row(
        diesel::update(expense_claim::table)
            .filter(expense_claim::tenant_id.eq(tx.tenant()?))
            .filter(expense_claim::id.eq(claim.id))
            .set((
                expense_claim::state.eq(ExpenseClaimState::Rejected),
                expense_claim::decided_by_name.eq(tx.actor_name().to_owned()),
                expense_claim::said.eq(input.reason),
            ))
            .returning(ExpenseClaim::as_returning()),
    )
    .await
    .inspect(|claim: &ExpenseClaim| emit(tx, EventKind::ExpenseClaimDecided, claim.id.0))
}

/// Money that the claimant got ahead and has not used.
/// The number of the claim that a bill is; none if it is none.
pub(crate) async fn claim_of(tx: &Tx, bill: BillId) -> Result<Option<String>> {
    tx.maybe(
        expense_claim::table
            .filter(expense_claim::tenant_id.eq(tx.tenant()?))
            .filter(expense_claim::bill_id.eq(bill))
            .select(expense_claim::number),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: i32, claimed: i64, most: Option<i64>) -> ExpenseClaimLine {
        let dec = |amount: i64| Dec(Decimal::from(amount));
        ExpenseClaimLine {
            claim_id: ExpenseClaimId::new(),
            line_no: number,
            type_id: ExpenseTypeId::new(),
            spent_on: Date("2026-01-10".parse().unwrap()),
            description: "Hotel".to_owned(),
            quantity: dec(1),
            unit_amount: dec(claimed),
            claimed: dec(claimed),
            most: most.map(dec),
            accepted: dec(most.unwrap_or(claimed).min(claimed)),
            said: None,
            file_id: None,
            dimensions: serde_json::Value::Array(Vec::new()),
        }
    }

    #[test]
    fn less_is_accepted_for_a_reason_and_never_more() {
        let mut lines = [line(1, 100, Some(80)), line(2, 200, None)];
        let of = |line, amount: i64, reason: Option<&str>| {
            let (amount, reason) = (Dec(Decimal::from(amount)), reason.map(str::to_owned));
            vec![ExpenseAcceptedInput { line, amount, reason }]
        };
        for bad in [of(1, 81, Some("x")), of(1, -1, Some("x")), of(2, 120, None), of(2, 201, None), of(3, 1, None)] {
            assert!(accepted(&mut lines, bad).is_err());
        }
        accepted(&mut lines, of(1, 80, None)).unwrap();
        accepted(&mut lines, of(2, 120, Some("Minibar"))).unwrap();
        assert_eq!((lines[1].accepted.0, lines[1].said.as_deref()), (Decimal::from(120), Some("Minibar")));
    }
}
