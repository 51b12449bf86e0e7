//! The file of a payment run: SEPA credit transfers, pain.001.001.09.

use backoffice_formats::pain001::{CreditTransfers, Transfer, TransferBatch};
use backoffice_formats::sepa::{Account, Party, Remittance};
use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};

use super::{PaymentRun, PaymentRunItem};
use crate::finance::bank::account::BankAccount;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

#[derive(QueryableByName)]
struct Client {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The text of the file. The same run gives the same text but for the moment that it was made.
pub(super) async fn credit_transfers(tx: &Tx, run: &PaymentRun, planned: &[PaymentRunItem]) -> Result<String> {
    let client: Client = tx
        .row(sql("SELECT c.name FROM practice.client c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
        .await?;
    let bank = BankAccount::fetch(tx, vec![run.bank_account_id]).await?.remove(&run.bank_account_id);
    let iban = bank.and_then(|bank| bank.iban).ok_or_else(|| {
        Error::refuse(UserErrorCode::State, "id", "The bank account of this run has no IBAN any more: cancel the run.")
    })?;
    let transfers = planned.iter().map(transfer).collect::<Result<Vec<_>>>()?;
    let orders = CreditTransfers {
        message_id: run.number.clone(),
        created_at: tx.now().naive_utc(),
        initiator: client.name.clone(),
        batches: vec![TransferBatch {
            id: run.number.clone(),
            execution_on: run.pay_on.0,
            one_booking: None,
            debtor: Party::named(client.name),
            account: Account { iban: iban.0, bic: None },
            transfers,
        }],
    };
    orders.write().map_err(|mistakes| match mistakes.first() {
        Some(mistake) => Error::refuse(UserErrorCode::State, "id", sentence(planned, mistake)),
        None => Error::fault("a payment file was refused for nothing"),
    })
}

fn transfer(item: &PaymentRunItem) -> Result<Transfer> {
    let iban = item.iban.clone().ok_or_else(|| Error::fault("a planned payment without bank details"))?;
    Ok(Transfer {
        end_to_end_id: item.end_to_end_id.clone(),
        amount: item.amount.0,
        creditor: Party::named(item.vendor_name.clone()),
        account: Account { iban: iban.0, bic: None },
        remittance: Some(Remittance::Words(item.document.clone())),
    })
}

/// What a bank would refuse, said of the payment that it is about: `batches.0.transfers.3.account.iban: …`.
fn sentence(planned: &[PaymentRunItem], mistake: &backoffice_formats::Mistake) -> String {
    let mut place = mistake.at.split('.').skip_while(|part| *part != "transfers").skip(1);
    let item = place.next().and_then(|at| at.parse::<usize>().ok()).and_then(|at| planned.get(at));
    match item {
        Some(item) => format!("The bank would refuse {} of {}: {}.", item.document, item.vendor_name, mistake.message),
        None => format!("The bank would refuse this file: {}.", mistake.message),
    }
}
