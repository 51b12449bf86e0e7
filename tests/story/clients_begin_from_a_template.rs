//! Clients of a kind begin with what a template of the provider says: all of it or nothing, and each with records of its own.

use chrono::{Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{App, Client, id_of};

/// A way to spoil what a template says, and the code and the place that it is refused with.
type Spoiled<'a> = (&'a dyn Fn(&mut Value), &'a str, &'a str);

const MADE: &str = "client { id name engagementRequired } made { kind record name }";

fn content(calendar: &str) -> Value {
    json!({
        "calendar": calendar,
        "engagementRequired": true,
        "roles": [{ "name": "Controller", "permissions": ["REPORT_READ", "APPROVAL_READ", "APPROVAL_DECIDE"] }],
        "documentTypes": [{ "name": "Contract", "rights": ["REPORT_READ"],
                            "fields": [{ "name": "ends_on", "kind": "DATE", "required": true }] }],
        "approvalPolicies": [{ "subject": "BILL", "name": "Bills", "splitDays": 7, "bands": [
            { "upTo": "5000", "steps": [{ "roles": ["Controller", "Accountant"] }] },
            { "above": "5000", "steps": [{ "roles": ["Controller"], "needed": 2, "escalateAfterHours": 24, "escalateTo": ["Accountant"] }] }] }],
        "engagement": { "name": "Letter of engagement", "services": ["bookkeeping", "payroll"] },
        "checklists": [{ "template": "start", "service": "bookkeeping" }, { "template": "greet" }],
    })
}

struct Firm {
    app: App,
    administrator: Client,
    calendar: String,
    template: String,
}

impl Firm {
    async fn open() -> Self {
        let app = App::start();
        let administrator = app.administrator().await;
        for (code, covers) in [("bookkeeping", json!(["finance"])), ("payroll", json!([]))] {
            let service = json!({ "code": code, "name": code, "covers": covers });
            act(&administrator, "serviceCreate", "ServiceCreateInput", service, "service { code }").await;
        }
        let steps = json!([
            { "title": "Ask for the ledger ({period})", "dueFrom": "OCCURRENCE", "dueWorkingDays": 5, "checklist": ["Chart", "Balances"] },
            { "title": "Load the ledger", "stage": 2, "dueFrom": "OCCURRENCE", "dueDays": 30, "dueRoll": "NONE" }
        ]);
        for (code, steps) in [("start", steps), ("greet", json!([{ "title": "Call them" }]))] {
            let template = json!({ "code": code, "name": code, "steps": steps });
            act(&administrator, "workTemplateCreate", "WorkTemplateCreateInput", template, "workTemplate { code }")
                .await;
        }
        let hours = json!([{ "weekday": "MONDAY", "from": "08:00", "until": "12:00" }, { "weekday": "THURSDAY", "from": "08:00", "until": "12:00" }]);
        let calendar = json!({ "name": "Mornings", "hours": hours });
        let calendar =
            make(&administrator, "providerCalendarCreate", "ProviderCalendarCreateInput", calendar, "providerCalendar")
                .await;
        let template = json!({ "name": "Small trade", "content": content(&calendar) });
        let template = make(
            &administrator,
            "onboardingTemplateCreate",
            "OnboardingTemplateCreateInput",
            template,
            "onboardingTemplate",
        )
        .await;
        Self { app, administrator, calendar, template }
    }

    async fn onboard(&self, name: &str, currency: &str, zone: &str, more: Value) -> Value {
        let mut input = json!({ "name": name, "country": "DE", "currency": currency, "timeZone": zone, "fiscalYearStartMonth": 1,
                                "firstFiscalYear": 2026, "template": "IFRS_SMALL", "onboardingTemplate": self.template });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        act(&self.administrator, "clientOnboard", "ClientOnboardInput", input, MADE).await
    }

    async fn update(&self, content: Value) -> Value {
        let input = json!({ "id": self.template, "content": content });
        let (field, kind) = ("onboardingTemplateUpdate", "OnboardingTemplateUpdateInput");
        act(&self.administrator, field, kind, input, "onboardingTemplate { version }").await
    }

    /// Somebody of the staff who keeps the books of that client.
    async fn accountant(&self, client: &str, email: &str) -> Client {
        let user = self.administrator.staff(email, "Konrad").await;
        self.administrator.enter(client).await.grant(&user, "Accountant", "2026-01-01", None).await;
        self.app.sign_in(email).await.enter(client).await
    }
}

/// What a client has of what the template says.
async fn has(inside: &Client) -> Value {
    inside
        .ask(
            "{ client { engagementRequired } businessCalendars { nodes { name isDefault follows { name } hours { weekday from until } } }
               documentTypes { nodes { name rights fields { name kind required } } }
               approvalPolicies { nodes { subject name editions { splitDays bands { currency above { amount } upTo { amount }
                   steps { needed escalateAfterHours approvers { name onEscalation } } } } } }
               engagements { nodes { name from services { code from } } }
               workItems(first: 10) { nodes { title state dueOn service { code } checklist { text } } } }",
            json!({}),
        )
        .await
}

fn today(zone: chrono_tz::Tz) -> NaiveDate {
    Utc::now().with_timezone(&zone).date_naive()
}

#[tokio::test]
async fn two_clients_begin_alike_and_go_their_own_ways() {
    let firm = Firm::open().await;
    let one = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({})).await;
    let kinds = |made: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        made["made"]
            .as_array()
            .unwrap_or_else(|| panic!("{made}"))
            .iter()
            .map(|one| (text(&one["kind"]), text(&one["name"])))
            .collect()
    };
    let wanted = [
        ("BUSINESS_CALENDAR", "Standard"),
        ("ROLE", "Controller"),
        ("DOCUMENT_TYPE", "Contract"),
        ("APPROVAL_POLICY", "Bills"),
        ("ENGAGEMENT", "Letter of engagement"),
        ("WORK_ITEM", &*format!("Ask for the ledger ({})", today(chrono_tz::Europe::Berlin))),
        ("WORK_ITEM", "Load the ledger"),
        ("WORK_ITEM", "Call them"),
    ]
    .map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    assert_eq!(kinds(&one), wanted);
    assert_eq!(one["client"]["engagementRequired"], true);
    let alpha = firm.accountant(one["client"]["id"].as_str().unwrap(), "konrad@firm.example").await;
    let seen = has(&alpha).await;
    assert_eq!(seen["businessCalendars"]["nodes"][0]["follows"]["name"], "Mornings");
    assert_eq!(seen["businessCalendars"]["nodes"].as_array().unwrap().len(), 1);
    let door = firm.administrator.enter(one["client"]["id"].as_str().unwrap()).await;
    let roles =
        door.ask("{ roles(first: 100) { nodes { id name permissions } } }", json!({})).await["roles"]["nodes"].clone();
    assert_eq!(roles.as_array().unwrap().len(), 6);
    id_of(&roles, "name", "Controller");
    assert_eq!(
        seen["documentTypes"]["nodes"],
        json!([{ "name": "Contract", "rights": ["REPORT_READ"], "fields": [{ "name": "ends_on", "kind": "DATE", "required": true }] }])
    );
    let bands = seen["approvalPolicies"]["nodes"][0]["editions"][0]["bands"].clone();
    assert_eq!((&bands[0]["currency"], &bands[0]["upTo"]["amount"]), (&json!("EUR"), &json!("5000.00")));
    assert_eq!(bands[1]["steps"][0]["needed"], 2);
    let approvers =
        json!([{ "name": "Controller", "onEscalation": false }, { "name": "Accountant", "onEscalation": true }]);
    assert_eq!(bands[1]["steps"][0]["approvers"], approvers);
    let begins = today(chrono_tz::Europe::Berlin);
    let services = json!([{ "code": "bookkeeping", "from": begins }, { "code": "payroll", "from": begins }]);
    assert_eq!(
        seen["engagements"]["nodes"],
        json!([{ "name": "Letter of engagement", "from": begins, "services": services }])
    );
    let items = seen["workItems"]["nodes"].as_array().unwrap();
    let item = |title: &str| items.iter().find(|item| item["title"].as_str().unwrap().starts_with(title)).unwrap();
    assert_eq!((&item("Ask")["state"], &item("Ask")["service"]["code"]), (&json!("OPEN"), &json!("bookkeeping")));
    assert_eq!(item("Ask")["checklist"], json!([{ "text": "Chart" }, { "text": "Balances" }]));
    assert_eq!((&item("Load")["state"], &item("Load")["dueOn"]), (&json!("WAITING"), &json!(begins + Days::new(30))));
    // Five working days are five mornings of the calendar that the template names.
    let due: NaiveDate = item("Ask")["dueOn"].as_str().unwrap().parse().unwrap();
    assert!((due - begins).num_days() >= 14, "{due}");
    assert!(item("Call")["service"].is_null() && item("Call")["dueOn"].is_null());
    // It is engaged from this day on, so the books can be kept although engagements are required.
    make(
        &alpha,
        "customerCreate",
        "CustomerCreateInput",
        json!({ "number": "1", "name": "X", "country": "DE" }),
        "customer",
    )
    .await;

    // What is changed of the template later is the next client's.
    let mut other = content(&firm.calendar);
    other["roles"][0]["name"] = json!("Comptroller");
    other["approvalPolicies"] = json!([]);
    other["documentTypes"] = json!([]);
    other["engagementRequired"] = json!(false);
    assert_eq!(firm.update(other).await["onboardingTemplate"]["version"], 2);
    assert_eq!(has(&alpha).await, seen);
    let two = firm.onboard("Beta", "USD", "America/New_York", json!({ "engagementRequired": true })).await;
    assert_eq!(two["client"]["engagementRequired"], true, "what is said of this client comes first");
    assert_eq!(kinds(&two)[..3], [wanted[0].clone(), ("ROLE".into(), "Comptroller".into()), wanted[4].clone()]);
    let beta = firm.accountant(two["client"]["id"].as_str().unwrap(), "sara@firm.example").await;
    assert_eq!(has(&beta).await["engagements"]["nodes"][0]["from"], json!(today(chrono_tz::America::New_York)));
    // A client is taken on without a template as ever.
    let plain = firm.onboard("Gamma", "EUR", "Europe/Berlin", json!({ "onboardingTemplate": null })).await;
    assert_eq!((&plain["made"], &plain["client"]["engagementRequired"]), (&json!([]), &json!(false)));
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_template_with_a_fault_makes_nothing() {
    let firm = Firm::open().await;
    let clients = || firm.app.database.count("SELECT count(*) FROM core.tenant");
    // A fault that can be seen is refused when the template is written, at its place.
    let wrong: [Spoiled<'_>; 9] = [
        (&|one| one["calendar"] = json!("pcal_00000000000000000000000000000000"), "NOT_FOUND", "calendar"),
        (&|one| one["engagement"]["services"][1] = json!("nothing"), "NOT_FOUND", "engagement.services.1"),
        (&|one| one["checklists"][1]["template"] = json!("nothing"), "NOT_FOUND", "checklists.1.template"),
        (&|one| one["checklists"][1]["service"] = json!("advice"), "INVALID", "checklists.1.service"),
        (&|one| one["roles"][0]["permissions"] = json!([]), "REQUIRED", "roles.0.permissions"),
        (&|one| one["roles"][0]["permissions"][1] = json!("CLIENT_ONBOARD"), "INVALID", "roles.0.permissions.1"),
        (&|one| one["roles"][0]["name"] = json!("Auditor"), "DUPLICATE", "roles.0.name"),
        (
            &|one| one["approvalPolicies"][0]["bands"][1]["steps"][0]["roles"][0] = json!("Nobody"),
            "NOT_FOUND",
            "approvalPolicies.0.bands.1.steps.0.roles.0",
        ),
        (&|one| one["documentTypes"][0]["name"] = json!(""), "INVALID", "documentTypes.0.name"),
    ];
    for (spoil, code, field) in wrong {
        let mut spoiled = content(&firm.calendar);
        spoil(&mut spoiled);
        let refused = firm.update(spoiled.clone()).await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1), (code, format!("input.content.{field}")), "{refused}");
        let input = json!({ "name": "Another", "content": spoiled });
        let (name, kind) = ("onboardingTemplateCreate", "OnboardingTemplateCreateInput");
        let refused = act(&firm.administrator, name, kind, input, "onboardingTemplate { id }").await;
        assert_eq!(refusal(&refused).1, format!("input.content.{field}"), "{refused}");
    }
    // One that shows at the client only, or has come up meanwhile, when a client is taken on: and nothing is there then.
    let mut other = content(&firm.calendar);
    other["approvalPolicies"][0]["bands"][0]["currency"] = json!("CHF");
    other["documentTypes"][0]["fields"][0]["name"] = json!("Ends on");
    firm.update(other.clone()).await;
    let before = clients();
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({})).await;
    assert_eq!(
        (refusal(&refused).0, refusal(&refused).1.as_str()),
        ("INVALID", "input.onboardingTemplate.documentTypes.0.fields.0"),
        "{refused}"
    );
    other["documentTypes"] = json!([]);
    firm.update(other).await;
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({})).await;
    assert!(refusal(&refused).1.starts_with("input.onboardingTemplate.approvalPolicies.0.bands"), "{refused}");
    firm.update(content(&firm.calendar)).await;
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({ "holidayRegion": "DE-BY" })).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("INVALID", "input.holidayRegion"));
    let delete = json!({ "id": firm.calendar });
    act(
        &firm.administrator,
        "providerCalendarDelete",
        "ProviderCalendarDeleteInput",
        delete,
        "providerCalendar { id }",
    )
    .await;
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({})).await;
    assert_eq!(
        (refusal(&refused).0, refusal(&refused).1.as_str()),
        ("NOT_FOUND", "input.onboardingTemplate.calendar"),
        "{refused}"
    );
    firm.app.database.lay(
        "UPDATE practice.onboarding_template SET content = jsonb_set(content, '{roles,0,permissions,0}', '\"FLY\"')",
    );
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", json!({})).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("STATE", "input.onboardingTemplate"), "{refused}");
    assert!(refusal(&refused).2.contains("FLY"), "{refused}");
    assert_eq!(clients(), before);
    let unknown = json!({ "onboardingTemplate": "onb_00000000000000000000000000000000" });
    let refused = firm.onboard("Alpha", "EUR", "Europe/Berlin", unknown).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("NOT_FOUND", "input.onboardingTemplate"));

    // Templates are the provider's to keep.
    firm.update(json!({})).await;
    let konrad = {
        firm.administrator.staff("konrad@firm.example", "Konrad").await;
        firm.app.sign_in("konrad@firm.example").await
    };
    assert_eq!(konrad.send("{ onboardingTemplates { totalCount } }", json!({})).await.code(), "FORBIDDEN");
    let create = "mutation { onboardingTemplateCreate(input: { name: \"X\", content: {} }) { userErrors { code } } }";
    assert_eq!(konrad.send(create, json!({})).await.code(), "FORBIDDEN");
    let list = "{ onboardingTemplates { nodes { id name content { roles { name } calendar } } totalCount } }";
    let listed = firm.administrator.ask(list, json!({})).await["onboardingTemplates"].clone();
    assert_eq!(id_of(&listed["nodes"], "name", "Small trade"), firm.template);
    assert_eq!(listed["nodes"][0]["content"], json!({ "roles": [], "calendar": null }));
    let gone = json!({ "id": firm.template });
    act(
        &firm.administrator,
        "onboardingTemplateDelete",
        "OnboardingTemplateDeleteInput",
        gone,
        "onboardingTemplate { id }",
    )
    .await;
    assert_eq!(firm.administrator.ask(list, json!({})).await["onboardingTemplates"]["totalCount"], 0);
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}
