//! One demo client: its files, its tax codes, and what happens in January.

use serde_json::{Value, json};

use super::speaker::Speaker;
use super::{Failure, find, text};

/// A line of the invoice that the demo issues: description, quantity, price, revenue account, tax code.
type Line = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

/// Everything that makes a demo client.
pub(super) struct Company {
    pub name: &'static str,
    country: &'static str,
    currency: &'static str,
    time_zone: &'static str,
    vat_number: Option<&'static str>,
    chart: &'static str,
    opening: &'static str,
    customers: &'static str,
    vendors: &'static str,
    /// Code, name, direction, percent, account.
    tax_codes: &'static [(&'static str, &'static str, &'static str, &'static str, &'static str)],
    /// Name, IBAN, number, ledger account.
    bank_account: (&'static str, Option<&'static str>, Option<&'static str>, &'static str),
    statement: &'static str,
    statement_is_camt: bool,
    /// Customer and lines.
    invoice: (&'static str, &'static [Line]),
    /// Vendor, the vendor's number, day, and lines.
    bill: (&'static str, &'static str, &'static str, &'static [Line]),
    portal: bool,
}

pub(super) const NORDWIND: Company = Company {
    name: "Nordwind Handels GmbH",
    country: "DE",
    currency: "EUR",
    time_zone: "Europe/Berlin",
    vat_number: Some("DE999000101"),
    chart: include_str!("../../demo/nordwind/chart.csv"),
    opening: include_str!("../../demo/nordwind/opening-balances.csv"),
    customers: include_str!("../../demo/nordwind/customers.csv"),
    vendors: include_str!("../../demo/nordwind/vendors.csv"),
    tax_codes: &[
        ("U19", "Umsatzsteuer 19 %", "OUTPUT", "19", "3806"),
        ("U7", "Umsatzsteuer 7 %", "OUTPUT", "7", "3801"),
        ("V19", "Vorsteuer 19 %", "INPUT", "19", "1406"),
        ("V7", "Vorsteuer 7 %", "INPUT", "7", "1401"),
    ],
    bank_account: ("Geschäftskonto", Some("DE57900000010004711200"), None, "1800"),
    statement: include_str!("../../demo/nordwind/bank-2026-01.xml"),
    statement_is_camt: true,
    invoice: (
        "10006",
        &[
            ("Regale, Modell Kontor", "4", "250.00", "4400", Some("U19")),
            ("Bildbände", "20", "25.00", "4300", Some("U7")),
        ],
    ),
    bill: ("70004", "L-2026-014", "2026-01-19", &[("Büromaterial", "1", "184.00", "6815", Some("V19"))]),
    portal: true,
};

pub(super) const HARBOR: Company = Company {
    name: "Harbor Supply LLC",
    country: "US",
    currency: "USD",
    time_zone: "America/New_York",
    vat_number: None,
    chart: include_str!("../../demo/harbor/chart.csv"),
    opening: include_str!("../../demo/harbor/opening-balances.csv"),
    customers: include_str!("../../demo/harbor/customers.csv"),
    vendors: include_str!("../../demo/harbor/vendors.csv"),
    tax_codes: &[("ST", "Sales tax", "OUTPUT", "10.15", "2300")],
    bank_account: ("Operating checking", None, Some("000471120"), "1110"),
    statement: include_str!("../../demo/harbor/bank-2026-01.csv"),
    statement_is_camt: false,
    invoice: ("C-1006", &[("Mooring line, 200 ft", "8", "125.00", "4100", Some("ST"))]),
    bill: ("V-2004", "PF-5544", "2026-01-21", &[("Freight Seattle to Astoria", "1", "612.00", "5200", None)]),
    portal: false,
};

/// Loads what is not there yet of one client.
pub(super) async fn load(
    speaker: &mut Speaker,
    company: &Company,
    known: Option<String>,
    accountant: &str,
    administrator: (&str, &str, &str),
    accountant_login: (&str, &str, &str),
    portal: (&str, &str, &str),
) -> Result<(), Failure> {
    speaker.sign_in(administrator.0, administrator.2).await?;
    let client = match known {
        Some(id) => id,
        None => {
            let onboarded = speaker
                .change(
                    "mutation($input: ClientOnboardInput!) { clientOnboard(input: $input) { client { id } userErrors { message } } }",
                    json!({ "input": {
                        "name": company.name, "country": company.country, "currency": company.currency,
                        "timeZone": company.time_zone, "fiscalYearStartMonth": 1, "firstFiscalYear": 2026,
                        "vatNumber": company.vat_number, "template": "NONE"
                    } }),
                )
                .await?;
            text(&onboarded["client"]["id"])?
        }
    };
    speaker.enter(&client).await?;
    grant(speaker, company, accountant, portal).await?;
    speaker.sign_in(accountant_login.0, accountant_login.2).await?;
    speaker.enter(&client).await?;
    master_data(speaker, company).await?;
    january(speaker, company).await
}

async fn grant(speaker: &Speaker, company: &Company, accountant: &str, portal: (&str, &str, &str)) -> Result<(), Failure> {
    let access = speaker.ask("{ roles(first: 100) { nodes { id name } } grants(first: 100) { nodes { user { id email } } } }", json!({})).await?;
    let role = |name: &str| find(&access["roles"]["nodes"], "name", name).ok_or_else(|| Failure::from(format!("no role {name}")));
    let holds = |email: &str| {
        access["grants"]["nodes"].as_array().is_some_and(|grants| grants.iter().any(|grant| grant["user"]["email"] == email || grant["user"]["id"] == email))
    };
    if !holds(accountant) {
        speaker
            .change(
                "mutation($input: GrantCreateInput!) { grantCreate(input: $input) { grant { id } userErrors { message } } }",
                json!({ "input": { "user": accountant, "role": role("Accountant")?, "effect": "ALLOW", "from": "2026-01-01" } }),
            )
            .await?;
    }
    if company.portal && !holds(portal.0) {
        let invited = speaker
            .change(
                "mutation($input: UserInviteInput!) { userInvite(input: $input) { token userErrors { message } } }",
                json!({ "input": { "email": portal.0, "name": portal.1, "role": role("Portal")? } }),
            )
            .await?;
        speaker
            .change(
                "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { accessToken userErrors { message } } }",
                json!({ "input": { "token": text(&invited["token"])?, "password": portal.2 } }),
            )
            .await?;
    }
    Ok(())
}

async fn import(speaker: &Speaker, field: &str, input: &str, variables: Value) -> Result<(), Failure> {
    let query = format!(
        "mutation($input: {input}!) {{ {field}(input: $input) {{ import {{ created unchanged }} fileErrors {{ line column message }} userErrors {{ message }} }} }}"
    );
    speaker.change(&query, json!({ "input": variables })).await.map(|_| ())
}

async fn master_data(speaker: &Speaker, company: &Company) -> Result<(), Failure> {
    let file = |name: &str, text: &str| json!({ "name": name, "text": text });
    import(speaker, "chartOfAccountsImport", "ImportInput", json!({ "file": file("chart.csv", company.chart) })).await?;
    import(speaker, "customersImport", "ImportInput", json!({ "file": file("customers.csv", company.customers) })).await?;
    import(speaker, "vendorsImport", "ImportInput", json!({ "file": file("vendors.csv", company.vendors) })).await?;
    import(
        speaker,
        "openingBalancesImport",
        "OpeningBalancesImportInput",
        json!({ "file": file("opening-balances.csv", company.opening), "date": "2026-01-01" }),
    )
    .await?;
    let known = speaker.ask("{ taxCodes(first: 100) { nodes { id code } } bankAccounts(first: 10) { nodes { id } } }", json!({})).await?;
    for (code, name, direction, percent, account) in company.tax_codes {
        if find(&known["taxCodes"]["nodes"], "code", code).is_none() {
            let account = account_id(speaker, account).await?;
            speaker
                .change(
                    "mutation($input: TaxCodeCreateInput!) { taxCodeCreate(input: $input) { taxCode { id } userErrors { message } } }",
                    json!({ "input": { "code": code, "name": name, "direction": direction, "account": account,
                                       "percent": percent, "validFrom": "2025-01-01" } }),
                )
                .await?;
        }
    }
    if known["bankAccounts"]["nodes"].as_array().is_none_or(Vec::is_empty) {
        let (name, iban, number, account) = company.bank_account;
        let account = account_id(speaker, account).await?;
        speaker
            .change(
                "mutation($input: BankAccountCreateInput!) { bankAccountCreate(input: $input) { bankAccount { id } userErrors { message } } }",
                json!({ "input": { "name": name, "iban": iban, "number": number, "currency": company.currency, "account": account } }),
            )
            .await?;
    }
    Ok(())
}

async fn account_id(speaker: &Speaker, code: &str) -> Result<String, Failure> {
    let found = speaker
        .ask("query($code: String!) { accounts(first: 1, filter: { code: { eq: $code } }) { nodes { id } } }", json!({ "code": code }))
        .await?;
    text(&found["accounts"]["nodes"][0]["id"])
}

async fn lines(speaker: &Speaker, lines: &[Line]) -> Result<Value, Failure> {
    let codes = speaker.ask("{ taxCodes(first: 100) { nodes { id code } } }", json!({})).await?;
    let mut built = Vec::new();
    for (description, quantity, price, account, tax_code) in lines {
        let tax_code = tax_code.and_then(|code| find(&codes["taxCodes"]["nodes"], "code", code));
        built.push(json!({ "description": description, "quantity": quantity, "unitPrice": price,
                           "account": account_id(speaker, account).await?, "taxCode": tax_code }));
    }
    Ok(Value::Array(built))
}

/// The invoice, the bill and the bank of January.
async fn january(speaker: &Speaker, company: &Company) -> Result<(), Failure> {
    let known = speaker.ask("{ invoices(first: 1) { nodes { id } } bills(first: 1) { nodes { id } } bankAccounts(first: 1) { nodes { id } } }", json!({})).await?;
    let none = |list: &str| known[list]["nodes"].as_array().is_none_or(Vec::is_empty);
    if none("invoices") {
        let (customer, rows) = company.invoice;
        let found = speaker
            .ask("query($n: String!) { customers(first: 1, filter: { number: { eq: $n } }) { nodes { id } } }", json!({ "n": customer }))
            .await?;
        let draft = speaker
            .change(
                "mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) { invoice { id } userErrors { message } } }",
                json!({ "input": { "customer": found["customers"]["nodes"][0]["id"], "lines": lines(speaker, rows).await? } }),
            )
            .await?;
        speaker
            .change(
                "mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) { invoice { number } userErrors { message } } }",
                json!({ "input": { "id": draft["invoice"]["id"], "issueDate": "2026-01-15" } }),
            )
            .await?;
    }
    if none("bills") {
        let (vendor, number, day, rows) = company.bill;
        let found = speaker
            .ask("query($n: String!) { vendors(first: 1, filter: { number: { eq: $n } }) { nodes { id } } }", json!({ "n": vendor }))
            .await?;
        let draft = speaker
            .change(
                "mutation($input: BillCreateInput!) { billCreate(input: $input) { bill { id } userErrors { message } } }",
                json!({ "input": { "vendor": found["vendors"]["nodes"][0]["id"], "number": number, "billDate": day,
                                   "lines": lines(speaker, rows).await? } }),
            )
            .await?;
        speaker
            .change(
                "mutation($input: BillPostInput!) { billPost(input: $input) { bill { number } userErrors { message } } }",
                json!({ "input": { "id": draft["bill"]["id"] } }),
            )
            .await?;
    }
    let bank_account = &known["bankAccounts"]["nodes"][0]["id"];
    let input = if company.statement_is_camt {
        json!({ "file": { "name": "bank-2026-01.xml", "text": company.statement }, "format": "CAMT053", "bankAccount": bank_account })
    } else {
        json!({ "file": { "name": "bank-2026-01.csv", "text": company.statement }, "format": "CSV", "bankAccount": bank_account,
                "openingBalance": "68450.25", "closingBalance": "48292.47",
                "mapping": { "bookedOn": "Posting Date", "valueOn": "Value Date", "debit": "Withdrawals", "credit": "Deposits",
                             "currency": "Currency", "counterparty": "Counterparty", "reference": "Description",
                             "bankReference": "Bank Reference", "balance": "Balance", "dateFormat": "MONTH_DAY_YEAR_SLASHES" } })
    };
    import(speaker, "bankStatementImport", "BankStatementImportInput", input).await
}
