//! The provider keeps a calendar once, and the calendars of its clients follow it, each with exceptions of its own on top.

use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, Utc, Weekday};
use serde_json::{Value, json};

use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{App, Client, PASSWORD};

const CALENDAR: &str = "businessCalendar { id name timeZone holidayRegion hours { weekday from until } version
    follows { name exceptions { day name hours { from until } } } exceptions { day name } }";

fn nine_to_five(until: &str) -> Value {
    let days = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
    json!(days.map(|day| json!({ "weekday": day, "from": "09:00", "until": until })))
}

/// The next Monday that begins a week without holidays of the calendars in the story: none has any.
fn monday() -> NaiveDate {
    let today = Utc::now().date_naive();
    (7..14).map(|days| today + Days::new(days)).find(|day| chrono::Datelike::weekday(day) == Weekday::Mon).unwrap()
}

struct Firm {
    app: App,
    administrator: Client,
    calendar: String,
}

impl Firm {
    async fn open() -> Self {
        let app = App::start();
        let administrator = app.administrator().await;
        let input = json!({ "name": "Firm", "hours": nine_to_five("17:00"),
                            "exceptions": [{ "day": monday(), "name": "Outing" }] });
        let calendar =
            make(&administrator, "providerCalendarCreate", "ProviderCalendarCreateInput", input, "providerCalendar")
                .await;
        Self { app, administrator, calendar }
    }

    /// A client whose default calendar follows that of the provider.
    async fn follower(&self, name: &str, zone: &str) -> (String, Client, String) {
        let client = self.administrator.onboard(name, "FR", "EUR", zone, "IFRS_SMALL").await;
        let email = format!("{}@firm.example", name.to_lowercase());
        let user = self.administrator.staff(&email, "Konrad").await;
        self.administrator.enter(&client).await.grant(&user, "Accountant", "2026-01-01", None).await;
        let inside = self.app.sign_in(&email).await.enter(&client).await;
        let input = json!({ "name": "Office", "follows": self.calendar, "isDefault": true });
        let calendar =
            make(&inside, "businessCalendarCreate", "BusinessCalendarCreateInput", input, "businessCalendar").await;
        (client, inside, calendar)
    }

    async fn change(&self, input: Value) -> Value {
        let mut input = input;
        input["id"] = json!(self.calendar);
        let (field, kind) = ("providerCalendarUpdate", "ProviderCalendarUpdateInput");
        let selection = "providerCalendar { name version followers exceptions { day name hours { from until } } }";
        act(&self.administrator, field, kind, input, selection).await
    }
}

/// The days of that week from Monday on that are no working days, with their names.
async fn closed(inside: &Client) -> Vec<(String, Value)> {
    let ask = "query($from: Date!, $until: Date!) { workingDays(from: $from, until: $until) {
        countedDays explanation { from counted name } } }";
    let week = json!({ "from": monday(), "until": monday() + Days::new(5) });
    let found = inside.ask(ask, week).await["workingDays"].clone();
    let rows = found["explanation"].as_array().unwrap();
    rows.iter()
        .filter(|row| row["counted"] == false)
        .map(|row| (row["from"].as_str().unwrap().to_owned(), row["name"].clone()))
        .collect()
}

/// Waits until a clock is due then.
async fn due(inside: &Client, clock: &str, wanted: DateTime<Utc>) {
    let begun = Instant::now();
    loop {
        let found =
            inside.ask("query($id: ID!) { clock(id: $id) { dueAt reading { dueAt } } }", json!({ "id": clock })).await;
        let at = |value: &Value| value.as_str().map(|text| text.parse::<DateTime<Utc>>().unwrap());
        // What is computed is so at once; what stands in lists follows.
        assert_eq!(at(&found["clock"]["reading"]["dueAt"]), Some(wanted), "{found}");
        if at(&found["clock"]["dueAt"]) == Some(wanted) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the clock is not due anew: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_change_is_seen_by_all_who_follow() {
    let firm = Firm::open().await;
    let (_, berlin, of_berlin) = firm.follower("Alpha", "Europe/Berlin").await;
    let (_, york, _) = firm.follower("Beta", "America/New_York").await;
    let seen = berlin
        .ask(
            &format!("query($id: ID!) {{ {} }}", CALENDAR.replacen("businessCalendar", "businessCalendar(id: $id)", 1)),
            json!({ "id": of_berlin }),
        )
        .await;
    let seen = &seen["businessCalendar"];
    assert_eq!((&seen["timeZone"], &seen["follows"]["name"]), (&json!("Europe/Berlin"), &json!("Firm")));
    assert_eq!(seen["hours"], nine_to_five("17:00"));
    assert_eq!(seen["follows"]["exceptions"], json!([{ "day": monday(), "name": "Outing", "hours": [] }]));
    for inside in [&berlin, &york] {
        assert_eq!(closed(inside).await, [(monday().to_string(), json!("Outing (Firm)"))]);
    }
    // What is due says by which calendar, and why.
    let due_in =
        json!({ "kind": "TASK", "title": "Reply", "due": { "from": monday().pred_opt().unwrap(), "workingDays": 1 } });
    let item = act(
        &berlin,
        "workItemCreate",
        "WorkItemCreateInput",
        due_in,
        "workItem { dueOn dueExplanation { sentence days { name } } }",
    )
    .await;
    let sentence = item["workItem"]["dueExplanation"]["sentence"].as_str().unwrap_or_else(|| panic!("{item}"));
    assert!(sentence.contains("by the calendar \"Office (Firm)\"") && sentence.contains("Outing (Firm)"), "{sentence}");
    assert_eq!(item["workItem"]["dueOn"], json!(monday() + Days::new(1)));

    // Clocks run in either; the hours of both change with one word of the provider.
    let mut clocks = Vec::new();
    for inside in [&berlin, &york] {
        let customer = make(
            inside,
            "customerCreate",
            "CustomerCreateInput",
            json!({ "number": "1", "name": "X", "country": "DE" }),
            "customer",
        )
        .await;
        let input = json!({ "node": customer, "name": "Reply", "targetMinutes": 60 * 8 * 5 * 52 });
        clocks.push(make(inside, "clockStart", "ClockStartInput", input, "clock").await);
    }
    let before: Vec<Value> = read_due(&[(&berlin, &clocks[0]), (&york, &clocks[1])]).await;
    let changed = firm.change(json!({ "hours": nine_to_five("13:00"), "exceptions": [{ "day": monday() + Days::new(1), "name": "Works meeting" }] })).await;
    assert_eq!(
        (&changed["providerCalendar"]["followers"], &changed["providerCalendar"]["version"]),
        (&json!(2), &json!(2))
    );
    for (inside, clock, before) in [(&berlin, &clocks[0], &before[0]), (&york, &clocks[1], &before[1])] {
        assert_eq!(
            closed(inside).await,
            [
                (monday().to_string(), json!("Outing (Firm)")),
                ((monday() + Days::new(1)).to_string(), json!("Works meeting (Firm)"))
            ]
        );
        let ask = "query($id: ID!) { clock(id: $id) { reading { dueAt } } }";
        let now = inside.ask(ask, json!({ "id": clock })).await["clock"]["reading"]["dueAt"].clone();
        assert!(now.as_str().unwrap() > before.as_str().unwrap(), "half the hours take longer: {now} {before}");
        due(inside, clock, now.as_str().unwrap().parse().unwrap()).await;
    }
    // What was said before stays as it was said.
    let kept = berlin.ask("{ workItems { nodes { dueOn dueExplanation { sentence } } } }", json!({})).await;
    assert!(kept.to_string().contains("Outing (Firm)") && !kept.to_string().contains("Works meeting"), "{kept}");

    // An exception of one's own comes before the provider's.
    let own = json!({ "calendar": of_berlin, "day": monday(), "name": "We work", "hours": [{ "from": "10:00", "until": "12:00" }] });
    make(&berlin, "calendarExceptionCreate", "CalendarExceptionCreateInput", own, "calendarException").await;
    assert_eq!(closed(&berlin).await, [((monday() + Days::new(1)).to_string(), json!("Works meeting (Firm)"))]);
    assert_eq!(closed(&york).await.len(), 2);
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}

async fn read_due(clocks: &[(&Client, &String)]) -> Vec<Value> {
    let mut all = Vec::new();
    for (inside, clock) in clocks {
        let ask = "query($id: ID!) { clock(id: $id) { reading { dueAt } } }";
        all.push(inside.ask(ask, json!({ "id": clock })).await["clock"]["reading"]["dueAt"].clone());
    }
    all
}

#[tokio::test]
async fn what_is_the_providers_stays_the_providers() {
    let firm = Firm::open().await;
    let (client, inside, calendar) = firm.follower("Alpha", "Europe/Berlin").await;
    assert_eq!(closed(&inside).await.len(), 1);
    let door = firm.administrator.enter(&client).await;
    let invite =
        json!({ "email": "rosa@alpha.example", "name": "Rosa", "role": door.role("Client administrator").await });
    let invited = act(&door, "userInvite", "UserInviteInput", invite, "token").await;
    let accept = json!({ "token": invited["token"], "password": PASSWORD });
    act(&firm.app.client(), "invitationAccept", "InvitationAcceptInput", accept, "accessToken").await;
    let rosa = firm.app.sign_in("rosa@alpha.example").await.enter(&client).await;
    // She sees what applies to her company, and adds to it; the provider's she neither lists nor changes nor makes hers.
    assert_eq!(closed(&rosa).await, [(monday().to_string(), json!("Outing (Firm)"))]);
    assert_ne!(rosa.send("{ providerCalendars { nodes { id } } }", json!({})).await.code(), "OK");
    let change =
        "mutation($id: ID!) { providerCalendarUpdate(input: { id: $id, name: \"Mine\" }) { userErrors { code } } }";
    assert_ne!(rosa.send(change, json!({ "id": firm.calendar })).await.code(), "OK");
    let other = json!({ "name": "Other", "hours": nine_to_five("12:00") });
    let other =
        make(&firm.administrator, "providerCalendarCreate", "ProviderCalendarCreateInput", other, "providerCalendar")
            .await;
    let update = |input: Value| {
        let (rosa, mut input) = (rosa.clone(), input);
        input["id"] = json!(calendar);
        async move { act(&rosa, "businessCalendarUpdate", "BusinessCalendarUpdateInput", input, CALENDAR).await }
    };
    for (input, code, field) in [
        (json!({ "follows": other }), "NOT_FOUND", "input.follows"),
        (json!({ "hours": nine_to_five("12:00") }), "STATE", "input.hours"),
        (json!({ "timeZone": "Europe/Paris" }), "STATE", "input.timeZone"),
        (json!({ "holidayRegion": null }), "STATE", "input.holidayRegion"),
    ] {
        let refused = update(input).await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), (code, field), "{refused}");
    }
    let mine = json!({ "name": "Mine", "follows": other });
    let refused = act(&rosa, "businessCalendarCreate", "BusinessCalendarCreateInput", mine, CALENDAR).await;
    assert_eq!(refusal(&refused).1, "input.follows");
    let bare = json!({ "name": "Bare" });
    let refused = act(&rosa, "businessCalendarCreate", "BusinessCalendarCreateInput", bare, CALENDAR).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("REQUIRED", "input.hours"));
    // Nor is one deleted that is followed.
    let delete = |id: String| {
        let administrator = firm.administrator.clone();
        let (field, kind) = ("providerCalendarDelete", "ProviderCalendarDeleteInput");
        async move { act(&administrator, field, kind, json!({ "id": id }), "providerCalendar { deletedAt }").await }
    };
    assert_eq!(refusal(&delete(firm.calendar.clone()).await).0, "STATE");
    assert!(delete(other).await["providerCalendar"]["deletedAt"].is_string());
    // Her company goes its own way, with what it had; what the provider says from then on is not its business.
    let alone = update(json!({ "follows": null })).await["businessCalendar"].clone();
    assert_eq!((&alone["follows"], &alone["hours"]), (&Value::Null, &nine_to_five("17:00")));
    assert_eq!(alone["exceptions"], json!([{ "day": monday(), "name": "Outing" }]));
    firm.change(json!({ "removeExceptions": [monday()], "hours": [] })).await;
    assert_eq!(closed(&rosa).await, [(monday().to_string(), json!("Outing"))]);
    let wrong = firm.change(json!({ "removeExceptions": [monday()] })).await;
    assert_eq!((refusal(&wrong).0, refusal(&wrong).1.as_str()), ("NOT_FOUND", "input.removeExceptions.0"));
    let wrong = firm.change(json!({ "expectedVersion": 1 })).await;
    assert_eq!(refusal(&wrong).0, "CONFLICT");
    assert!(delete(firm.calendar.clone()).await["providerCalendar"]["deletedAt"].is_string());
    let listed = firm.administrator.ask("{ providerCalendars { nodes { name } totalCount } }", json!({})).await;
    assert_eq!(listed["providerCalendars"], json!({ "nodes": [], "totalCount": 0 }));
    // Somebody of the staff who may not keep them sees them at least.
    firm.administrator.staff("konrad@firm.example", "Konrad").await;
    let konrad = firm.app.sign_in("konrad@firm.example").await;
    assert_eq!(
        konrad.ask("{ providerCalendars { totalCount } }", json!({})).await["providerCalendars"]["totalCount"],
        0
    );
    let create = "mutation { providerCalendarCreate(input: { name: \"X\", hours: [] }) { providerCalendar { id } userErrors { code } } }";
    assert_eq!(konrad.send(create, json!({})).await.code(), "FORBIDDEN");
    assert_eq!(firm.app.database.findings(), Vec::<String>::new());
}
