//! How an invoice is paid: a reference that finds it again (ISO 11649), and the text of a QR code that banking apps read
//! (EPC069-12), for whichever way it is shown to the customer.

use async_graphql::{Context, Object, SimpleObject};
use backoffice_money::Decimal;
use diesel::QueryableByName;
use diesel::sql_types::{Text, Uuid as SqlUuid};

use super::invoice::Invoice;
use crate::finance::bank::account::BankAccount;
use crate::finance::ids::{BankAccountId, InvoiceId};
use crate::finance::open_item::OnInvoice;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{Iban, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// The most that a SEPA credit transfer by QR code carries.
const MOST: Decimal = Decimal::from_parts(0x4876_E7FF, 0x17, 0, false, 2);

/// What a customer needs to pay an invoice.
#[derive(SimpleObject, Clone, Debug)]
pub struct InvoicePaymentData {
    /// What is still open of it.
    pub amount: Money,
    /// Whom the money goes to.
    pub creditor: String,
    /// The account that it goes to; null if the bank account has no IBAN.
    pub iban: Option<Iban>,
    /// The creditor's reference by ISO 11649: `RF`, two check digits, and the number of the invoice without punctuation. Null
    /// if the number is longer than 21 characters then.
    pub reference: Option<String>,
    /// The text of a QR code by EPC069-12 (version 002, UTF-8): show it with error correction level M. Null where SEPA does
    /// not reach: without an IBAN, in another currency than the euro, or when nothing is open.
    pub qr_text: Option<String>,
}

/// The creditor's reference by ISO 11649 of a number: letters and digits are kept, 1 to 21 of them.
fn creditor_reference(number: &str) -> Option<String> {
    let kept: String = number.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_uppercase()).collect();
    if !(1..=21).contains(&kept.len()) {
        return None;
    }
    // letters count from 10, and `RF00` stands behind
    let remainder = format!("{kept}RF00").chars().filter_map(|one| one.to_digit(36)).fold(0_u32, |rest, value| {
        let shifted = if value < 10 { rest.saturating_mul(10) } else { rest.saturating_mul(100) };
        shifted.saturating_add(value).checked_rem(97).unwrap_or_default()
    });
    Some(format!("RF{:02}{kept}", 98_u32.saturating_sub(remainder)))
}

/// The text of a QR code by EPC069-12: lines that end with a line feed, what is not said at the end left out.
fn qr_text(creditor: &str, iban: &str, amount: Decimal, reference: Option<&str>, number: &str) -> Option<String> {
    if amount <= Decimal::ZERO || amount > MOST {
        return None;
    }
    // a line break would begin another field
    let name: String = creditor.chars().map(|one| if one.is_control() { ' ' } else { one }).take(70).collect();
    let mut lines = vec!["BCD".to_owned(), "002".to_owned(), "1".to_owned(), "SCT".to_owned(), String::new(), name];
    lines.push(iban.to_owned());
    lines.push(format!("EUR{amount:.2}"));
    lines.push(String::new());
    match reference {
        Some(reference) => lines.push(reference.to_owned()),
        None => {
            lines.push(String::new());
            lines.push(number.chars().take(140).collect());
        }
    }
    Some(lines.join("\n"))
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn data(tx: &Tx, invoice: InvoiceId, account: BankAccountId) -> Result<Option<InvoicePaymentData>> {
    let found = Invoice::fetch(tx, vec![invoice]).await?.remove(&invoice);
    let account = BankAccount::fetch(tx, vec![account]).await?.remove(&account);
    let Some((invoice, account)) = found.zip(account) else { return Ok(None) };
    let Some(number) = invoice.number else { return Ok(None) };
    let owed = OnInvoice::fetch(tx, vec![invoice.id]).await?.remove(&invoice.id);
    let open = owed.map(|owed| owed.item.open_amount).unwrap_or_default();
    let client: Named = tx
        .row(sql("SELECT c.name FROM practice.client c WHERE c.tenant_id = $1").bind::<SqlUuid, _>(tx.tenant()?))
        .await?;
    let reference = creditor_reference(&number);
    let euros = invoice.currency.0 == "EUR" && account.currency.0 == "EUR";
    let qr_text = match &account.iban {
        Some(iban) if euros => qr_text(&client.name, &iban.0, open.0, reference.as_deref(), &number),
        _ => None,
    };
    Ok(Some(InvoicePaymentData {
        amount: Money::new(open, &invoice.currency.0),
        creditor: client.name,
        iban: account.iban,
        reference,
        qr_text,
    }))
}

/// Queries about how invoices are paid.
#[derive(Default)]
pub struct PaymentDataQuery;

#[Object]
impl PaymentDataQuery {
    /// What a customer needs to pay an invoice to a bank account; null if either is unknown, and for a draft. Right:
    /// `finance.invoice.read`. Right: `finance.bank.read`.
    async fn invoice_payment_data(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice.")] invoice: InvoiceId,
        #[graphql(desc = "The bank account that the money is to go to.")] bank_account: BankAccountId,
    ) -> async_graphql::Result<Option<InvoicePaymentData>> {
        let tx = ctx.tx(Can::InvoiceRead).await?;
        ctx.tx(Can::BankRead).await?;
        Ok(data(tx, invoice, bank_account).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        // the standard's own example
        assert_eq!(creditor_reference("539007547034").as_deref(), Some("RF18539007547034"));
        assert_eq!(creditor_reference("2348 231").as_deref(), Some("RF712348231"));
        let ours = creditor_reference("INV-00001").unwrap();
        assert!(ours.ends_with("INV00001"));
        // read back: the whole, turned round, leaves 1
        let turned = format!("{}{}", &ours[4..], &ours[..4]);
        let digits: String = turned.chars().map(|one| one.to_digit(36).unwrap().to_string()).collect();
        let rest = digits.bytes().fold(0_u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
        assert_eq!(rest, 1);
        assert_eq!(creditor_reference("--"), None);
        assert_eq!(creditor_reference("1234567890123456789012"), None);
    }

    #[test]
    fn texts() {
        let text =
            qr_text("Nord\nwind", "DE57900000010004711200", "42.1".parse().unwrap(), Some("RF18539007547034"), "x");
        assert_eq!(
            text.as_deref(),
            Some("BCD\n002\n1\nSCT\n\nNord wind\nDE57900000010004711200\nEUR42.10\n\nRF18539007547034")
        );
        let text = qr_text("N", "DE57900000010004711200", MOST, None, "R 1").unwrap();
        assert!(text.ends_with("EUR999999999.99\n\n\nR 1"), "{text}");
        assert!(qr_text("N", "DE57900000010004711200", Decimal::ZERO, None, "R 1").is_none());
        assert!(qr_text("N", "DE57900000010004711200", "1000000000".parse().unwrap(), None, "R 1").is_none());
    }
}
