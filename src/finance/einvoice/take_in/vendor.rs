//! Whose an electronic invoice is.

use backoffice_formats::einvoice::Invoice;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};

use super::bare;
use crate::finance::ids::{AccountId, VendorId};
use crate::finance::payables::vendor;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::sql::sql;

/// A vendor that it may be from.
#[derive(QueryableByName, Clone, Debug)]
struct Candidate {
    #[diesel(sql_type = SqlUuid)]
    id: VendorId,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    vat_number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    iban: Option<String>,
}

/// What the file says of its sender.
#[derive(Default)]
struct Sender {
    vat: Option<String>,
    ibans: Vec<String>,
    names: Vec<String>,
}

impl Sender {
    fn of(invoice: &Invoice) -> Self {
        let seller = &invoice.seller;
        Self {
            vat: seller.vat_id.as_deref().map(bare),
            ibans: invoice.payments.iter().filter_map(|one| one.account.as_deref()).map(bare).collect(),
            names: [&seller.name, &seller.trading_name].into_iter().flatten().map(|name| plain(name)).collect(),
        }
    }

    /// Whether the vendor has another VAT number than the sender.
    fn is_another(&self, vat_number: Option<&str>) -> bool {
        self.vat.as_ref().zip(vat_number.map(bare)).is_some_and(|(theirs, known)| *theirs != known)
    }
}

fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Those that the strongest mark fits: the VAT number, else the IBAN, else the name; never one with another VAT number.
fn best<'a>(sender: &Sender, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
    let by_vat =
        |one: &Candidate| one.vat_number.as_deref().map(bare).is_some_and(|vat| Some(&vat) == sender.vat.as_ref());
    let by_iban = |one: &Candidate| one.iban.as_ref().is_some_and(|iban| sender.ibans.contains(iban));
    let by_name = |one: &Candidate| sender.names.contains(&plain(&one.name));
    let marks: [&dyn Fn(&Candidate) -> bool; 3] = [&by_vat, &by_iban, &by_name];
    for mark in marks {
        let fits = |one: &&Candidate| mark(one) && !sender.is_another(one.vat_number.as_deref());
        let found: Vec<&Candidate> = candidates.iter().filter(fits).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// The vendor that is given, if it may be, or the one that the file fits.
pub(super) async fn find(tx: &Tx, invoice: &Invoice, given: Option<VendorId>) -> Result<VendorId> {
    let sender = Sender::of(invoice);
    if let Some(id) = given {
        let vendor = vendor::find(tx, id).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
        if sender.is_another(vendor.vat_number.as_deref()) {
            let message = format!("{} has another VAT number than whoever sent this.", vendor.name);
            return Err(Error::refuse(UserErrorCode::Invalid, "vendor", message));
        }
        return Ok(id);
    }
    let candidates: Vec<Candidate> = tx
        .rows(
            sql("SELECT v.id, v.number, v.name, v.vat_number, v.iban FROM finance.vendor v
                  WHERE v.tenant_id = $1 AND v.active
                    AND (upper(regexp_replace(v.vat_number, '\\s', '', 'g')) = $2 OR v.iban = ANY ($3)
                         OR lower(regexp_replace(btrim(v.name), '\\s+', ' ', 'g')) = ANY ($4))
                  ORDER BY v.number LIMIT 100")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Nullable<Text>, _>(sender.vat.clone())
            .bind::<Array<Text>, _>(sender.ibans.clone())
            .bind::<Array<Text>, _>(sender.names.clone()),
        )
        .await?;
    let found = best(&sender, &candidates);
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => {
            let name = invoice.seller.name.as_deref().unwrap_or_default();
            let vat = sender.vat.map(|vat| format!(" with the VAT number {vat}")).unwrap_or_default();
            let message = format!("No vendor fits {name}{vat}: create one (vendorCreate), or say which it is.");
            Err(Error::refuse(UserErrorCode::NotFound, "vendor", message))
        }
        several => {
            let numbers = several.iter().map(|one| one.number.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("Several vendors fit: {numbers}. Say which one it is.");
            Err(Error::refuse(UserErrorCode::Required, "vendor", message))
        }
    }
}

#[derive(QueryableByName)]
struct Usual {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
}

/// The account of the first line of the vendor's last posted bill.
pub(super) async fn usual_account(tx: &Tx, vendor: VendorId) -> Result<AccountId> {
    let found: Option<Usual> = tx
        .maybe(
            sql("SELECT l.account_id FROM finance.bill b
                   JOIN finance.bill_line l ON l.tenant_id = b.tenant_id AND l.bill_id = b.id
                  WHERE b.tenant_id = $1 AND b.vendor_id = $2 AND b.status = 'posted'
                  ORDER BY b.id DESC, l.line_no LIMIT 1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(vendor),
        )
        .await?;
    found.map(|found| found.account_id).ok_or_else(|| {
        let message = "Say which account the lines are posted to: there is no earlier bill of this vendor to go by.";
        Error::refuse(UserErrorCode::Required, "account", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: &str, name: &str, vat: Option<&str>, iban: Option<&str>) -> Candidate {
        Candidate {
            id: VendorId::new(),
            number: number.to_owned(),
            name: name.to_owned(),
            vat_number: vat.map(str::to_owned),
            iban: iban.map(str::to_owned),
        }
    }

    #[test]
    fn the_strongest_mark_decides() {
        let sender = Sender {
            vat: Some("DE123456789".to_owned()),
            ibans: vec!["DE89370400440532013000".to_owned()],
            names: vec!["rope works".to_owned()],
        };
        let all = [
            candidate("1", "Other", Some("DE 123456789"), None),
            candidate("2", "Bank", None, Some("DE89370400440532013000")),
            candidate("3", "Rope  Works", None, None),
            candidate("4", "ROPE WORKS", Some("DE999999999"), Some("DE89370400440532013000")),
        ];
        let numbers =
            |some: &[Candidate]| best(&sender, some).into_iter().map(|one| one.number.clone()).collect::<Vec<_>>();
        assert_eq!(numbers(&all), ["1"]);
        assert_eq!(numbers(&all[1..]), ["2"]);
        assert_eq!(numbers(&all[2..]), ["3"]);
        // somebody else with the same name and account
        assert!(numbers(&all[3..]).is_empty());
        assert_eq!(numbers(&[all[2].clone(), all[2].clone()]).len(), 2);
    }
}
