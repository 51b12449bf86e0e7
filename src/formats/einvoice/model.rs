//! An invoice in the terms of EN 16931. The numbers behind each field are the standard's.

use chrono::NaiveDate;
use rust_decimal::Decimal;

words! {
    /// Why and how value added tax is asked for (UNTDID 5305).
    pub enum Category {
        /// At the usual or a lowered rate.
        Standard = "S",
        /// At a rate of zero.
        Zero = "Z",
        /// Exempt.
        Exempt = "E",
        /// The buyer owes the tax.
        ReverseCharge = "AE",
        /// Delivered to another country of the union.
        IntraCommunity = "K",
        /// Delivered outside of the union.
        Export = "G",
        /// Not subject to the tax.
        OutOfScope = "O",
        /// The tax of the Canary Islands.
        CanaryIslands = "L",
        /// The tax of Ceuta and Melilla.
        CeutaMelilla = "M",
    }
}

/// An invoice or credit note. Amounts are positive on both unless something is taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invoice {
    /// The specification that it follows (BT-24).
    pub specification: Option<String>,
    /// The business process that it is part of (BT-23).
    pub process: Option<String>,
    /// Its number (BT-1).
    pub number: Option<String>,
    /// The day on which it was issued (BT-2).
    pub issued_on: Option<NaiveDate>,
    /// Its type by UNTDID 1001 (BT-3): 380 an invoice, 381 a credit note.
    pub kind: Option<String>,
    /// The currency of all amounts but one (BT-5).
    pub currency: Option<String>,
    /// The currency in which the tax is accounted for, if it is another (BT-6).
    pub vat_currency: Option<String>,
    /// The day on which the tax is due (BT-7).
    pub vat_point_on: Option<NaiveDate>,
    /// What decides that day, by UNTDID 2005 (BT-8): 3 the invoice, 35 the delivery, 432 the payment.
    pub vat_point_code: Option<String>,
    /// The day on which it is to be paid (BT-9).
    pub due_on: Option<NaiveDate>,
    /// What the buyer sorts it by (BT-10).
    pub buyer_reference: Option<String>,
    /// The project (BT-11).
    pub project: Option<String>,
    /// The contract (BT-12).
    pub contract: Option<String>,
    /// The buyer's order (BT-13).
    pub purchase_order: Option<String>,
    /// The seller's order (BT-14).
    pub sales_order: Option<String>,
    /// The advice of receipt (BT-15).
    pub receiving_advice: Option<String>,
    /// The advice of despatch (BT-16).
    pub despatch_advice: Option<String>,
    /// The tender or lot (BT-17).
    pub tender: Option<String>,
    /// What it is about, such as a subscription or a meter (BT-18).
    pub object: Option<Identifier>,
    /// The buyer's account that it is to be booked on (BT-19).
    pub buyer_account: Option<String>,
    /// The terms of payment in words (BT-20).
    pub payment_terms: Option<String>,
    /// Notes (BG-1).
    pub notes: Vec<Note>,
    /// Invoices before it that it is about (BG-3).
    pub preceding: Vec<Preceding>,
    /// Who sells (BG-4).
    pub seller: Party,
    /// Who buys (BG-7).
    pub buyer: Party,
    /// Who is paid, if that is not the seller (BG-10). Has a name, numbers and a registration only.
    pub payee: Option<Party>,
    /// Who deals with the tax for the seller (BG-11). Has a name, an address and a tax number only.
    pub tax_representative: Option<Party>,
    /// Where and when it was delivered (BG-13).
    pub delivery: Option<Delivery>,
    /// The time that it covers (BG-14).
    pub period: Option<Period>,
    /// Ways to pay (BG-16 to BG-19).
    pub payments: Vec<Payment>,
    /// What the payment is to say (BT-83).
    pub payment_reference: Option<String>,
    /// The mandate by which the money is collected (BT-89).
    pub mandate: Option<String>,
    /// The creditor's identifier with which it is (BT-90).
    pub creditor_id: Option<String>,
    /// Allowances and charges on the document (BG-20, BG-21).
    pub adjustments: Vec<Adjustment>,
    /// What it comes to (BG-22).
    pub totals: Totals,
    /// The tax by category and rate (BG-23).
    pub vat: Vec<VatLine>,
    /// Documents that support it (BG-24).
    pub attachments: Vec<Attachment>,
    /// Its lines (BG-25).
    pub lines: Vec<Line>,
}

/// An identifier, and the list that it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identifier {
    /// The identifier.
    pub id: String,
    /// The list by its code, such as `0088` for a GLN.
    pub scheme: Option<String>,
}

/// A note on the invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// What it is about by UNTDID 4451 (BT-21).
    pub subject: Option<String>,
    /// The words (BT-22).
    pub text: String,
}

/// An invoice before this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preceding {
    /// Its number (BT-25).
    pub number: Option<String>,
    /// The day on which it was issued (BT-26).
    pub issued_on: Option<NaiveDate>,
}

/// Somebody on the invoice. The numbers are the seller's and the buyer's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// The name in the register (BT-27, BT-44).
    pub name: Option<String>,
    /// The name in trade (BT-28, BT-45).
    pub trading_name: Option<String>,
    /// Numbers (BT-29, BT-46).
    pub ids: Vec<Identifier>,
    /// The number in the register (BT-30, BT-47).
    pub registration: Option<Identifier>,
    /// The number for value added tax, with its country in front (BT-31, BT-48).
    pub vat_id: Option<String>,
    /// Another number for tax (BT-32).
    pub tax_id: Option<String>,
    /// What else must be said of the company (BT-33).
    pub legal_form: Option<String>,
    /// The address for electronic documents (BT-34, BT-49).
    pub endpoint: Option<Identifier>,
    /// The postal address (BG-5, BG-8).
    pub address: Option<Address>,
    /// Whom to ask (BG-6, BG-9).
    pub contact: Option<Contact>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The first line (BT-35, BT-50).
    pub line_1: Option<String>,
    /// The second (BT-36, BT-51).
    pub line_2: Option<String>,
    /// The third (BT-162, BT-163).
    pub line_3: Option<String>,
    /// The city (BT-37, BT-52).
    pub city: Option<String>,
    /// The postal code (BT-38, BT-53).
    pub post_code: Option<String>,
    /// The part of the country (BT-39, BT-54).
    pub region: Option<String>,
    /// The country, two letters (BT-40, BT-55).
    pub country: Option<String>,
}

/// Whom to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Who (BT-41, BT-56).
    pub name: Option<String>,
    /// By telephone (BT-42, BT-57).
    pub phone: Option<String>,
    /// By mail (BT-43, BT-58).
    pub email: Option<String>,
}

/// Where and when it was delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// To whom (BT-70).
    pub name: Option<String>,
    /// The place's number (BT-71).
    pub location: Option<Identifier>,
    /// When (BT-72).
    pub on: Option<NaiveDate>,
    /// Where (BG-15).
    pub address: Option<Address>,
}

/// A time from day to day, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day (BT-73, BT-134).
    pub from: Option<NaiveDate>,
    /// The last (BT-74, BT-135).
    pub to: Option<NaiveDate>,
}

/// A way to pay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payment {
    /// Which, by UNTDID 4461 (BT-81): 30 a transfer, 58 one within the single euro payments area, 59 a debit there.
    pub code: Option<String>,
    /// The same in words; with the first of several only (BT-82).
    pub text: Option<String>,
    /// The account to pay to (BT-84).
    pub account: Option<String>,
    /// Whose account it is (BT-85).
    pub account_name: Option<String>,
    /// Its bank (BT-86).
    pub bank: Option<String>,
    /// The last digits of a card (BT-87).
    pub card: Option<String>,
    /// Whose card it is (BT-88).
    pub card_holder: Option<String>,
    /// The account that is collected from (BT-91).
    pub debited_account: Option<String>,
}

/// An allowance or charge, on the document or on a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// It adds to the price; otherwise it takes from it.
    pub is_charge: bool,
    /// The amount without tax (BT-92, BT-99, BT-136, BT-141).
    pub amount: Option<Decimal>,
    /// What the percentage is of (BT-93, BT-100, BT-137, BT-142).
    pub base: Option<Decimal>,
    /// The percentage (BT-94, BT-101, BT-138, BT-143).
    pub percent: Option<Decimal>,
    /// The tax on it; only on the document (BT-95, BT-102).
    pub category: Option<Category>,
    /// The tax's rate in percent; only on the document (BT-96, BT-103).
    pub rate: Option<Decimal>,
    /// Why (BT-97, BT-104, BT-139, BT-144).
    pub reason: Option<String>,
    /// The same by UNTDID 5189 or 7161 (BT-98, BT-105, BT-140, BT-145).
    pub reason_code: Option<String>,
}

/// What the invoice comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// The lines (BT-106).
    pub lines: Option<Decimal>,
    /// The allowances on the document (BT-107).
    pub allowances: Option<Decimal>,
    /// The charges on the document (BT-108).
    pub charges: Option<Decimal>,
    /// All without tax (BT-109).
    pub net: Option<Decimal>,
    /// The tax (BT-110).
    pub vat: Option<Decimal>,
    /// The tax in the currency in which it is accounted for (BT-111).
    pub vat_accounted: Option<Decimal>,
    /// All with tax (BT-112).
    pub gross: Option<Decimal>,
    /// What has been paid (BT-113).
    pub paid: Option<Decimal>,
    /// What is added to make it round (BT-114).
    pub rounding: Option<Decimal>,
    /// What is left to pay (BT-115).
    pub due: Option<Decimal>,
}

/// The tax of one category and rate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VatLine {
    /// What is taxed (BT-116).
    pub taxable: Option<Decimal>,
    /// The tax (BT-117).
    pub tax: Option<Decimal>,
    /// The category (BT-118).
    pub category: Option<Category>,
    /// The rate in percent (BT-119).
    pub rate: Option<Decimal>,
    /// Why there is none, in words (BT-120).
    pub exemption: Option<String>,
    /// The same by the list VATEX (BT-121).
    pub exemption_code: Option<String>,
}

/// A document that supports the invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Its number or name (BT-122).
    pub number: Option<String>,
    /// What it is (BT-123).
    pub description: Option<String>,
    /// Where it lies (BT-124).
    pub uri: Option<String>,
    /// The document itself (BT-125).
    pub file: Option<EmbeddedFile>,
}

/// A file within the invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddedFile {
    /// Its media type.
    pub media_type: String,
    /// Its name.
    pub name: String,
    /// Its bytes in base 64, without white space; not looked into.
    pub base64: String,
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Line of the file that was read; 0 for one that is to be written.
    pub line: u64,
    /// Its number (BT-126).
    pub id: Option<String>,
    /// A note (BT-127).
    pub note: Option<String>,
    /// What it is about (BT-128).
    pub object: Option<Identifier>,
    /// How much (BT-129).
    pub quantity: Option<Decimal>,
    /// Of which unit (BT-130).
    pub unit: Option<String>,
    /// What it comes to without tax (BT-131).
    pub net: Option<Decimal>,
    /// The line of the buyer's order (BT-132).
    pub order_line: Option<String>,
    /// The buyer's account (BT-133).
    pub buyer_account: Option<String>,
    /// The time that it covers (BG-26).
    pub period: Option<Period>,
    /// Allowances and charges (BG-27, BG-28).
    pub adjustments: Vec<Adjustment>,
    /// The price without tax, discount taken off (BT-146).
    pub price: Option<Decimal>,
    /// The discount on the price (BT-147).
    pub discount: Option<Decimal>,
    /// The price before the discount (BT-148).
    pub gross_price: Option<Decimal>,
    /// How many units the price is for; 1 if it is not said (BT-149).
    pub price_quantity: Option<Decimal>,
    /// Of which unit (BT-150).
    pub price_unit: Option<String>,
    /// The tax on it (BT-151).
    pub category: Option<Category>,
    /// The tax's rate in percent (BT-152).
    pub rate: Option<Decimal>,
    /// What was sold (BT-153).
    pub name: Option<String>,
    /// More about it (BT-154).
    pub description: Option<String>,
    /// The seller's number of it (BT-155).
    pub seller_id: Option<String>,
    /// The buyer's (BT-156).
    pub buyer_id: Option<String>,
    /// One of a list, such as its GTIN (BT-157).
    pub standard_id: Option<Identifier>,
    /// Classes that it belongs to (BT-158).
    pub classes: Vec<Classification>,
    /// The country that it is from (BT-159).
    pub origin: Option<String>,
    /// Names and values (BG-32).
    pub attributes: Vec<(String, String)>,
}

/// A class that a thing belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Classification {
    /// The class.
    pub code: String,
    /// The list that it is from.
    pub list: Option<String>,
    /// That list's version.
    pub version: Option<String>,
}
