//! Invoices go out and come in as electronic ones by EN 16931: what could not be sent is said before it is issued, and what
//! comes in becomes a bill of the same amounts to the last cent, once.

use serde_json::{Value, json};

use crate::data_goes_out_and_comes_in::upload;
use crate::harness::{App, Books, Client};
use crate::nordwind::{self, ISSUE, invoice_with, payload, refusal, sale};
use crate::walls::furnished::{change, made};

const CREATE: &str = "mutation($input: EInvoiceCreateInput!) { eInvoiceCreate(input: $input) {
    eInvoice { id form file { name downloadUrl } } userErrors { code field message } } }";
const IMPORT: &str = "mutation($input: EInvoiceImportInput!) { eInvoiceImport(input: $input) {
    bill { id number status billDate dueDate rounding net { amount } tax { amount } gross { amount currency } vendor { number }
        taxes { percent base { amount } tax { amount } } lines { description quantity unitPrice { amount } net { amount } taxCode { code } }
        receivedInvoice { id sha256 net tax gross paid file { id } } }
    problems { rule field message } fileErrors { line column code message } userErrors { code field message } } }";
const CHECK: &str =
    "query($id: ID!, $form: EInvoiceForm!) { eInvoiceCheck(invoice: $id, form: $form) { rule field message } }";

/// A company that sells, and one that buys from it.
struct Trade {
    app: App,
    seller: Books,
    boss: Client,
    buyer: Client,
    expense: String,
}

/// The first account of that role.
async fn account_of(client: &Client, role: &str) -> String {
    let query = format!("{{ accounts(first: 1, filter: {{ control: {{ eq: {role} }} }}) {{ nodes {{ id }} }} }}");
    client.ask(&query, json!({})).await["accounts"]["nodes"][0]["id"].as_str().unwrap().to_owned()
}

impl Trade {
    async fn open() -> Self {
        let (app, seller) = nordwind::stocked().await;
        let boss = seller.administrator.enter(&seller.client).await;
        let client = seller.administrator.onboard("Harbor Supply", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        seller.administrator.enter(&client).await.grant(&seller.accountant_id, "Accountant", "2026-01-01", None).await;
        let buyer = app.sign_in("konrad@firm.example").await.enter(&client).await;
        let account = account_of(&buyer, "INPUT_TAX").await;
        for (code, percent) in [("V19", "19"), ("V7", "7")] {
            let code = json!({ "code": code, "name": code, "direction": "INPUT", "account": account, "percent": percent, "validFrom": "2025-01-01" });
            made(&buyer, "taxCodeCreate", code, "taxCode").await;
        }
        let expense =
            made(&buyer, "accountCreate", json!({ "code": "X.1", "name": "Goods", "kind": "EXPENSE" }), "account")
                .await;
        Self { app, seller, boss, buyer, expense }
    }

    /// The seller is known with a VAT number and an address, and the buyer knows it.
    async fn named(&self) {
        let vat = json!({ "vatNumber": "DE 123456789" });
        change(&self.boss, "clientUpdate", vat, "client { id }").await;
        let bank = nordwind::id(&self.seller.accountant, "bankAccounts", "name", "Bank").await;
        let profile = json!({ "street": "Kai 7", "postalCode": "18055", "city": "Rostock", "electronicAddress": "0204:991-1234-56",
                              "registration": "HRB 1234", "bankAccount": bank });
        let told = change(
            &self.seller.accountant,
            "sellerProfileUpdate",
            profile,
            "sellerProfile { city bankAccount { name } version }",
        )
        .await;
        assert_eq!(told["sellerProfile"]["bankAccount"]["name"], "Bank");
        let vendor = json!({ "number": "N", "name": "Nordwind", "country": "DE", "vatNumber": "de123456789" });
        made(&self.buyer, "vendorCreate", vendor, "vendor").await;
    }

    async fn text(&self, made: &Value) -> String {
        let address = made["eInvoice"]["file"]["downloadUrl"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let reply = crate::harness::http().get(self.app.url(&address)).send().await.unwrap();
        assert!(reply.status().is_success());
        reply.text().await.unwrap()
    }

    /// What is said of a file that is not taken in.
    async fn held(&self, text: String) -> Value {
        let told = self.import(&text, json!({})).await;
        assert!(told["bill"].is_null(), "{told}");
        told
    }

    async fn import(&self, text: &str, more: Value) -> Value {
        let file = upload(&self.app, &self.buyer, "invoice.xml", text.as_bytes()).await;
        let mut input = json!({ "file": file, "account": self.expense });
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        payload(&self.buyer, IMPORT, input).await
    }
}

async fn create(client: &Client, invoice: &Value, form: &str) -> Value {
    payload(client, CREATE, json!({ "invoice": invoice["id"], "form": form })).await
}

fn fields(payload: &Value) -> Vec<String> {
    let path = |one: &Value| {
        let parts: Vec<&str> = one["field"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        parts.join(".")
    };
    payload["userErrors"].as_array().unwrap().iter().map(path).collect()
}

#[tokio::test]
async fn an_invoice_without_the_sellers_vat_number_is_refused_before_it_is_sent() {
    let trade = Trade::open().await;
    let client = &trade.seller.accountant;
    let tax = nordwind::tax_code(client, "U19").await;
    let invoice =
        invoice_with(client, "2026-01-15", vec![sale(client, "1", "100.00", Some(&tax)).await], json!({})).await;
    let refused = create(client, &invoice, "UBL").await;
    assert_eq!(fields(&refused), ["input.seller.vatNumber", "input.seller.vatNumber"]);
    assert!(refusal(&refused).2.contains("(BR-CO-26)"), "{refused}");
    assert!(refused["userErrors"][1]["message"].as_str().unwrap().contains("(BR-S-02)"), "{refused}");
    assert_eq!(refused["userErrors"][1]["code"], "REQUIRED");
    // Peppol wants more, and says all of it at once.
    let told = client.ask(CHECK, json!({ "id": invoice["id"], "form": "PEPPOL" })).await;
    let told: Vec<&str> =
        told["eInvoiceCheck"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(
        told,
        ["seller.vatNumber", "seller.vatNumber", "reference", "buyer.electronicAddress", "seller.electronicAddress"]
    );

    // Whoever wants to hear of it before the number is taken says so.
    let profile = json!({ "checkAtIssue": "UBL" });
    change(client, "sellerProfileUpdate", profile, "sellerProfile { checkAtIssue }").await;
    let draft = nordwind::draft(client).await;
    let refused = payload(client, ISSUE, json!({ "id": draft, "issueDate": "2026-01-16" })).await;
    assert_eq!(fields(&refused), ["input.seller.vatNumber", "input.seller.vatNumber"]);
    let still = client.ask("query($id: ID!) { invoice(id: $id) { status number } }", json!({ "id": draft })).await;
    assert_eq!(still["invoice"], json!({ "status": "DRAFT", "number": null }));
    trade.named().await;
    let found = client.ask(CHECK, json!({ "id": draft, "form": "UBL" })).await;
    assert_eq!(found["eInvoiceCheck"], json!([]));
    let issued = payload(client, ISSUE, json!({ "id": draft, "issueDate": "2026-01-16" })).await;
    assert_eq!((&issued["userErrors"], &issued["invoice"]["number"]), (&json!([]), &json!("INV-00002")));

    // The buyer's number is named where it is his that is missing, and what an exemption needs to say.
    let free = nordwind::output_tax(client, "U0", "0").await;
    let silent = json!({ "taxCode": free, "category": "REVERSE_CHARGE" });
    let set = "mutation($input: TaxTreatmentSetInput!) { taxTreatmentSet(input: $input) { taxCode { treatment { category exemptionCode } } userErrors { code field message } } }";
    assert_eq!(refusal(&payload(client, set, silent.clone()).await).1, "input.exemption");
    let mut said = silent;
    said["exemptionCode"] = json!("VATEX-EU-AE");
    let treated = payload(client, set, said).await;
    assert_eq!(
        treated["taxCode"]["treatment"],
        json!({ "category": "REVERSE_CHARGE", "exemptionCode": "VATEX-EU-AE" })
    );
    change(client, "sellerProfileUpdate", json!({ "checkAtIssue": null }), "sellerProfile { checkAtIssue }").await;
    let free = invoice_with(client, "2026-01-17", vec![sale(client, "1", "80.00", Some(&free)).await], json!({})).await;
    let refused = create(client, &free, "CII").await;
    assert_eq!(fields(&refused), ["input.buyer.vatNumber"], "{refused}");
    let buyer = json!({ "id": nordwind::id(client, "customers", "number", "10006").await, "vatNumber": "DE987654321" });
    change(client, "customerUpdate", buyer, "customer { id }").await;
    let now = create(client, &free, "CII").await;
    assert_eq!(now["userErrors"], json!([]), "{now}");
    assert!(trade.text(&now).await.contains("VATEX-EU-AE"));

    // What cannot be: both, neither, a draft, an address that is none.
    let none = payload(client, CREATE, json!({ "form": "UBL" })).await;
    assert_eq!(refusal(&none).0, "REQUIRED");
    let draft = nordwind::draft(client).await;
    assert_eq!(refusal(&payload(client, CREATE, json!({ "invoice": draft, "form": "UBL" })).await).0, "STATE");
    for bad in ["1234567890128", "0088:", "0088:12 34", "x:1"] {
        let update = "mutation($input: SellerProfileUpdateInput!) { sellerProfileUpdate(input: $input) { sellerProfile { city } userErrors { code field message } } }";
        let refused = payload(client, update, json!({ "electronicAddress": bad })).await;
        assert_eq!(refusal(&refused).1, "input.electronicAddress");
    }
    assert_eq!(trade.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn what_one_sends_another_takes_in_to_the_last_cent() {
    let trade = Trade::open().await;
    trade.named().await;
    let client = &trade.seller.accountant;
    let (high, low) = (nordwind::tax_code(client, "U19").await, nordwind::tax_code(client, "U7").await);
    let customer = nordwind::id(client, "customers", "number", "10006").await;
    let address = json!({ "id": customer, "electronicAddress": "EM:bills@harbor.example" });
    change(client, "customerUpdate", address, "customer { electronicAddress }").await;
    let mut rope = sale(client, "16", "348.35", Some(&high)).await;
    rope["discountPercent"] = json!("4");
    let lines =
        vec![rope, sale(client, "3", "33.3333", Some(&high)).await, sale(client, "10", "4.15", Some(&low)).await];
    let with_tax = vec![sale(client, "7", "9.99", Some(&high)).await, sale(client, "-1", "20.00", Some(&low)).await];
    for (day, lines, more, form) in [
        ("2026-01-15", lines.clone(), json!({ "reference": "PO-7" }), "PEPPOL"),
        ("2026-01-16", lines.clone(), json!({ "discountPercent": "3" }), "UBL"),
        ("2026-01-17", lines, json!({ "rounding": "BY_LINE" }), "CII"),
        ("2026-01-18", with_tax, json!({ "pricesIncludeTax": true }), "CII"),
    ] {
        let invoice = invoice_with(client, day, lines, more.clone()).await;
        let made = create(client, &invoice, form).await;
        assert_eq!(made["userErrors"], json!([]), "{more}: {made}");
        // It is kept: asked for again it is the same one.
        assert_eq!(create(client, &invoice, form).await["eInvoice"]["id"], made["eInvoice"]["id"]);
        let text = trade.text(&made).await;
        let taken = trade.import(&text, json!({})).await;
        assert_eq!(taken["userErrors"], json!([]), "{more}: {taken}\n{text}");
        let bill = &taken["bill"];
        assert_eq!((&bill["status"], &bill["vendor"]["number"]), (&json!("DRAFT"), &json!("N")));
        assert_eq!((&bill["number"], &bill["billDate"]), (&invoice["number"], &json!(day)));
        let posted = change(
            &trade.buyer,
            "billPost",
            json!({ "id": bill["id"] }),
            "bill { net { amount } tax { amount } gross { amount } openAmount { amount } }",
        )
        .await;
        for sum in ["net", "tax", "gross"] {
            assert_eq!(posted["bill"][sum]["amount"], invoice[sum]["amount"], "{more} {sum}");
            let said: f64 = bill["receivedInvoice"][sum].as_str().unwrap().parse().unwrap();
            assert_eq!(format!("{said:.2}"), invoice[sum]["amount"].as_str().unwrap(), "{more} {sum}");
        }
        let about = "query($id: ID!) { invoice(id: $id) { taxes { percent base { amount } tax { amount } } eInvoices { id form } } }";
        let about = client.ask(about, json!({ "id": invoice["id"] })).await["invoice"].clone();
        assert_eq!(about["taxes"], bill["taxes"], "{more}");
        assert_eq!(about["eInvoices"], json!([{ "id": made["eInvoice"]["id"], "form": form }]));
        // The same bytes, and the same invoice in other bytes.
        let again = trade.import(&text, json!({})).await;
        assert_eq!((refusal(&again).0.as_str(), refusal(&again).1.as_str()), ("DUPLICATE", "input.file"));
        let other = trade.import(&format!("{text}\n"), json!({})).await;
        assert_eq!((refusal(&other).0.as_str(), refusal(&other).1.as_str()), ("DUPLICATE", "input.number"));
    }
    assert_eq!(trade.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_credit_note_names_the_invoice_that_it_takes_back() {
    let trade = Trade::open().await;
    trade.named().await;
    let client = &trade.seller.accountant;
    let high = nordwind::tax_code(client, "U19").await;
    let invoice =
        invoice_with(client, "2026-01-15", vec![sale(client, "3", "33.33", Some(&high)).await], json!({})).await;
    let credit = json!({ "invoice": invoice["id"], "issueDate": "2026-01-20", "reason": "Came back", "lines": [{ "line": 1, "quantity": "2" }] });
    let note = made(client, "creditNoteIssue", credit, "creditNote").await;
    for form in ["UBL", "CII"] {
        let made = payload(client, CREATE, json!({ "creditNote": note, "form": form })).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        assert_eq!(made["eInvoice"]["file"]["name"], format!("CN-00001-{}.xml", form.to_lowercase()));
        let text = trade.text(&made).await;
        for said in [">381<", ">INV-00001<", ">66.66<", ">12.67<", ">79.33<"] {
            assert!(text.contains(said), "{said} is not in {text}");
        }
    }
    let found =
        client.ask("query($id: ID!) { creditNote(id: $id) { eInvoices { form } } }", json!({ "id": note })).await;
    assert_eq!(found["creditNote"]["eInvoices"], json!([{ "form": "UBL" }, { "form": "CII" }]));
}

/// Our own numbers: 2 × 99.99 and 0.5 × 50.25 with a tenth off at 19 %, 10 × 3.10 at 7 %; 5.00 off and 4.90 freight at 19 %.
fn of_a_stranger() -> String {
    let line = |number: &str, quantity: &str, net: &str, price: &str, rate: &str, more: &str| {
        format!(
            "<cac:InvoiceLine><cbc:ID>{number}</cbc:ID><cbc:InvoicedQuantity unitCode=\"C62\">{quantity}</cbc:InvoicedQuantity>
             <cbc:LineExtensionAmount currencyID=\"EUR\">{net}</cbc:LineExtensionAmount>{more}
             <cac:Item><cbc:Name>Chain {number}</cbc:Name><cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent>
             <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory></cac:Item>
             <cac:Price><cbc:PriceAmount currencyID=\"EUR\">{price}</cbc:PriceAmount></cac:Price></cac:InvoiceLine>"
        )
    };
    let tax = |base: &str, tax: &str, rate: &str| {
        format!(
            "<cac:TaxSubtotal><cbc:TaxableAmount currencyID=\"EUR\">{base}</cbc:TaxableAmount><cbc:TaxAmount currencyID=\"EUR\">{tax}</cbc:TaxAmount>
             <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>{rate}</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>"
        )
    };
    let adjustment = |charge: bool, reason: &str, amount: &str| {
        format!(
            "<cac:AllowanceCharge><cbc:ChargeIndicator>{charge}</cbc:ChargeIndicator><cbc:AllowanceChargeReason>{reason}</cbc:AllowanceChargeReason>
             <cbc:Amount currencyID=\"EUR\">{amount}</cbc:Amount><cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>19</cbc:Percent>
             <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:AllowanceCharge>"
        )
    };
    let party = |name: &str, vat: &str| {
        format!(
            "<cac:Party><cac:PostalAddress><cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
             <cac:PartyTaxScheme><cbc:CompanyID>{vat}</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
             <cac:PartyLegalEntity><cbc:RegistrationName>{name}</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party>"
        )
    };
    let less = "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:AllowanceChargeReason>loyal</cbc:AllowanceChargeReason>
        <cbc:Amount currencyID=\"EUR\">2.51</cbc:Amount></cac:AllowanceCharge>";
    format!(
        "<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\"
          xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">
         <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID><cbc:ID>2026-0017</cbc:ID><cbc:IssueDate>2026-03-02</cbc:IssueDate>
         <cbc:DueDate>2026-04-01</cbc:DueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
         <cac:AccountingSupplierParty>{}</cac:AccountingSupplierParty><cac:AccountingCustomerParty>{}</cac:AccountingCustomerParty>
         <cac:PaymentMeans><cbc:PaymentMeansCode>58</cbc:PaymentMeansCode><cac:PayeeFinancialAccount><cbc:ID>DE89370400440532013000</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
         {}{}<cac:TaxTotal><cbc:TaxAmount currencyID=\"EUR\">44.45</cbc:TaxAmount>{}{}</cac:TaxTotal>
         <cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID=\"EUR\">253.60</cbc:LineExtensionAmount>
          <cbc:TaxExclusiveAmount currencyID=\"EUR\">253.50</cbc:TaxExclusiveAmount><cbc:TaxInclusiveAmount currencyID=\"EUR\">297.95</cbc:TaxInclusiveAmount>
          <cbc:AllowanceTotalAmount currencyID=\"EUR\">5.00</cbc:AllowanceTotalAmount><cbc:ChargeTotalAmount currencyID=\"EUR\">4.90</cbc:ChargeTotalAmount>
          <cbc:PayableAmount currencyID=\"EUR\">297.95</cbc:PayableAmount></cac:LegalMonetaryTotal>{}{}{}</Invoice>",
        party("Chains AG", "DE811111111"),
        party("Harbor Supply", "DE822222222"),
        adjustment(false, "Rebate", "5.00"),
        adjustment(true, "Freight", "4.90"),
        tax("222.50", "42.28", "19"),
        tax("31.00", "2.17", "7"),
        line("1", "2", "199.98", "99.99", "19", ""),
        line("2", "0.5", "22.62", "50.25", "19", less),
        line("3", "10", "31.00", "3.1", "7", ""),
    )
}

#[tokio::test]
async fn an_invoice_of_a_stranger_is_held_until_all_of_it_is_clear() {
    let trade = Trade::open().await;
    let buyer = &trade.buyer;
    let text = of_a_stranger();
    let nobody = trade.import(&text, json!({})).await;
    assert_eq!((refusal(&nobody).0.as_str(), refusal(&nobody).1.as_str()), ("NOT_FOUND", "input.vendor"), "{nobody}");
    assert!(refusal(&nobody).2.contains("Chains AG with the VAT number DE811111111"));

    // Two of the same account give none; the VAT number decides; a name alone is somebody's unless his number is another.
    let iban = "DE89370400440532013000";
    for number in ["C-1", "C-2"] {
        let vendor = json!({ "number": number, "name": format!("Chains {number}"), "country": "DE", "iban": iban });
        made(buyer, "vendorCreate", vendor, "vendor").await;
    }
    let unclear = trade.import(&text, json!({})).await;
    assert_eq!(refusal(&unclear).2, "Several vendors fit: C-1, C-2. Say which one it is.");
    let other = json!({ "number": "C-3", "name": "Chains AG", "country": "DE", "vatNumber": "DE833333333" });
    let other = made(buyer, "vendorCreate", other, "vendor").await;
    assert_eq!(refusal(&trade.import(&text, json!({ "vendor": other })).await).1, "input.vendor");
    let vendor = json!({ "number": "C-4", "name": "The chains", "country": "DE", "vatNumber": "DE811111111" });
    made(buyer, "vendorCreate", vendor, "vendor").await;

    // What does not tie is held whole, and everything is named that does not.
    let off = trade.held(text.replace(">297.95<", ">297.96<")).await;
    let rules: Vec<&str> =
        off["problems"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["BR-CO-15"], "{off}");
    assert_eq!(off["problems"][0]["field"], "totals.gross");
    let off = trade
        .held(text.replace(">2.17<", ">2.18<").replace(">44.45<", ">44.46<").replace(">297.95<", ">297.96<"))
        .await;
    assert_eq!(off["problems"][0]["field"], "vat", "{off}");
    assert!(
        off["problems"][0]["message"].as_str().unwrap().contains("7 % is stated as 2.18, and the lines come to 2.17"),
        "{off}"
    );
    let off = trade.held(text.replace(">0.5<", ">0.6<").replace(">22.62<", ">22.63<")).await;
    let found: Vec<&str> =
        off["problems"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert_eq!(found, ["BR-CO-10", "BR-S-08"], "{off}");
    let off = trade
        .held(text.replace("<cbc:PriceAmount currencyID=\"EUR\">3.1<", "<cbc:PriceAmount currencyID=\"EUR\">drei<"))
        .await;
    assert_eq!((&off["fileErrors"][0]["code"], refusal(&off).0.as_str()), (&json!("NUMBER"), "FILE"), "{off}");
    let off = trade.held(text.replace(">380<", ">381<")).await;
    assert_eq!(refusal(&off).0, "FILE");
    let off = trade.held("no xml".to_owned()).await;
    assert_eq!(refusal(&off).0, "FILE");
    let boss = trade.seller.administrator.enter(buyer_client(buyer).await.as_str()).await;
    change(&boss, "clientUpdate", json!({ "vatNumber": "DE844444444" }), "client { id }").await;
    let off = trade.held(text.clone()).await;
    assert_eq!(off["problems"][0]["field"], "buyer.vatNumber");
    change(&boss, "clientUpdate", json!({ "vatNumber": "DE 822222222" }), "client { id }").await;

    // No account to go by, and a rate that two codes have.
    let file = upload(&trade.app, buyer, "a.xml", text.as_bytes()).await;
    assert_eq!(refusal(&payload(buyer, IMPORT, json!({ "file": file })).await).1, "input.account");
    let account = account_of(buyer, "INPUT_TAX").await;
    let second = json!({ "code": "V7X", "name": "V7X", "direction": "INPUT", "account": account, "percent": "7", "validFrom": "2025-01-01" });
    let second = made(buyer, "taxCodeCreate", second, "taxCode").await;
    let unclear = trade.import(&text, json!({})).await;
    assert_eq!(refusal(&unclear).2, "Several tax codes have the category S and 7 %: V7, V7X. Say which.");
    let codes = json!({ "taxCodes": [{ "category": "STANDARD", "percent": "7", "taxCode": second }] });

    // Of three at once one wins.
    let tries = futures_util::future::join_all((0..3).map(|_| trade.import(&text, codes.clone()))).await;
    let won: Vec<&Value> = tries.iter().filter(|one| !one["bill"].is_null()).collect();
    assert_eq!(won.len(), 1, "{tries:?}");
    assert!(tries.iter().filter(|one| one["bill"].is_null()).all(|one| refusal(one).0 == "DUPLICATE"), "{tries:?}");
    let bill = &won[0]["bill"];
    assert_eq!((&bill["number"], &bill["dueDate"]), (&json!("2026-0017"), &json!("2026-04-01")));
    assert_eq!(bill["vendor"]["number"], "C-4");
    assert_eq!(bill["gross"], json!({ "amount": "297.95", "currency": "EUR" }));
    assert_eq!(
        bill["taxes"],
        json!([{ "percent": "19", "base": { "amount": "222.50" }, "tax": { "amount": "42.28" } },
               { "percent": "7", "base": { "amount": "31.00" }, "tax": { "amount": "2.17" } }])
    );
    let lines: Vec<String> = bill["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!(
                "{} × {} {}",
                line["quantity"].as_str().unwrap(),
                line["unitPrice"]["amount"].as_str().unwrap(),
                line["description"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(lines[0], "2 × 99.99 Chain 1");
    assert_eq!(lines[1], "1 × 22.62 Chain 2 (0.5 at 50.25)");
    assert_eq!((lines[3].as_str(), lines[4].as_str()), ("1 × -5.00 Rebate", "1 × 4.90 Freight"));
    // The file stays beside the bill, and nobody deletes it.
    let kept = bill["receivedInvoice"]["file"]["id"].clone();
    let delete = "mutation($input: FileDeleteInput!) { fileDelete(input: $input) { file { id } userErrors { code field message } } }";
    assert_eq!(refusal(&payload(buyer, delete, json!({ "file": kept })).await).0, "STATE");

    // The next one goes to the same account, and needs to be told nothing but the code.
    change(buyer, "billPost", json!({ "id": bill["id"] }), "bill { id }").await;
    let next = text.replace("2026-0017", "2026-0018");
    let file = upload(&trade.app, buyer, "b.xml", next.as_bytes()).await;
    let next = payload(buyer, IMPORT, json!({ "file": file, "taxCodes": codes["taxCodes"] })).await;
    assert_eq!(next["bill"]["gross"]["amount"], "297.95", "{next}");
    assert_eq!(trade.app.database.findings(), Vec::<String>::new());
}

/// The client that somebody has a token for.
async fn buyer_client(client: &Client) -> String {
    client.ask("{ viewer { client } }", json!({})).await["viewer"]["client"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_due_is_what_the_books_wait_for() {
    let trade = Trade::open().await;
    trade.named().await;
    let client = &trade.seller.accountant;
    let tax = nordwind::tax_code(client, "U19").await;
    change(client, "cashRoundingSet", json!({ "currency": "EUR", "step": "0.05" }), "cashRoundings { step }").await;
    let line = sale(client, "1", "100.02", Some(&tax)).await;
    let invoice = invoice_with(client, "2026-01-15", vec![line], json!({})).await;
    let made = create(client, &invoice, "UBL").await;
    let text = trade.text(&made).await;
    // 119.02, paid as 119.00
    for amount in [
        "TaxInclusiveAmount currencyID=\"EUR\">119.02<",
        "PayableRoundingAmount currencyID=\"EUR\">-0.02<",
        "PayableAmount currencyID=\"EUR\">119.00<",
    ] {
        assert!(text.contains(amount), "{amount}\n{text}");
    }
}
