//! Work that comes again: once for each client, service and period, by a rule in the client's time, in stages that open one
//! after the other, and never outside a live engagement.

use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Timelike, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Client, Office, Setup};

const SHOWN: &str = "id name rule startsOn until time nextAt version templateCode
    runs { period occursOn passedOver items { workItemId title state gated dueOn } }
    upcoming(first: 12) { occursOn comesOn opensAt period }";

/// A provider with a service and templates, one client with a calendar and an engagement for it.
struct Desk {
    office: Office,
    firm: Uuid,
    provider: Client,
    client: Client,
}

fn today() -> NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive()
}

fn back(days: u64) -> NaiveDate {
    today().checked_sub_days(Days::new(days)).unwrap()
}

fn ahead(days: u64) -> NaiveDate {
    today().checked_add_days(Days::new(days)).unwrap()
}

async fn act(client: &Client, field: &str, input: Value, selection: &str) -> Value {
    let kind = match field {
        "workItemStart" | "workItemComplete" | "workItemCancel" => "WorkItem".to_owned(),
        "recurringWorkRun" => "RecurringWork".to_owned(),
        _ => format!("{}{}", field[..1].to_uppercase(), &field[1..]),
    };
    let query = format!(
        "mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} userErrors {{ code field message }} }} }}"
    );
    let reply = client.send(&query, json!({ "input": input })).await;
    assert_eq!(reply.code(), "OK", "{}", reply.text);
    reply.body["data"][field].clone()
}

impl Desk {
    async fn open(setup: Setup) -> Self {
        let office = Office::with(setup);
        let ada = office.person("Ada");
        office.app.database.lay(&format!(
            "INSERT INTO identity.provider_grant (account_id, role_id) VALUES ('{}', '00000000-0000-7000-8000-000000000001')",
            ada.account
        ));
        let firm = office.firm("Nordwind", ada);
        let client = office.client(ada, firm);
        let provider = office.app.client().with_token(office.token(ada, None));
        for service in ["bookkeeping", "payroll"] {
            act(&provider, "serviceCreate", json!({ "code": service, "name": service }), "").await;
        }
        let steps = json!([{ "title": "Do {period}", "dueWorkingDays": 3 }]);
        act(&provider, "workTemplateCreate", json!({ "code": "plain", "name": "Plain", "steps": steps }), "").await;
        let hours: Vec<Value> = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
            .iter()
            .map(|day| json!({ "weekday": day, "from": "09:00", "until": "17:00" }))
            .collect();
        let calendar = json!({ "name": "Standard", "hours": hours, "holidayRegion": "DE-BE", "isDefault": true });
        act(&client, "businessCalendarCreate", calendar, "").await;
        let letter = json!({ "name": "Letter", "from": back(400), "services": [{ "service": "bookkeeping" }] });
        act(&client, "engagementCreate", letter, "").await;
        Self { office, firm, provider, client }
    }

    async fn try_create(&self, input: Value) -> Value {
        let mut asked = json!({ "name": "Close", "service": "bookkeeping", "template": "plain", "rule": "FREQ=DAILY",
                                "startsOn": ahead(1), "period": "DAY", "time": "00:00" });
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        act(&self.client, "recurringWorkCreate", asked, &format!("recurringWork {{ {SHOWN} }}")).await
    }

    async fn create(&self, input: Value) -> Value {
        let made = self.try_create(input).await;
        assert_eq!(made["userErrors"], json!([]), "{made}");
        made["recurringWork"].clone()
    }

    async fn look(&self, id: &Value) -> Value {
        let query = format!("query($id: ID!) {{ recurringWork(id: $id) {{ {SHOWN} }} }}");
        self.client.ask(&query, json!({ "id": id })).await["recurringWork"].clone()
    }

    async fn change(&self, field: &str, input: Value) -> Value {
        act(&self.client, field, input, &format!("recurringWork {{ {SHOWN} }}")).await
    }

    /// As if the server had been away since that many days: the work began then, and its job is due.
    fn been_away(&self, id: &Value, days: i64) {
        let (firm, id) = (self.firm, id.as_str().unwrap().rsplit_once('_').unwrap().1);
        self.office.app.database.lay(&format!(
            "SELECT core.set_tenant('{firm}');
             UPDATE practice.recurring_work SET starts_on = least(starts_on, (now() AT TIME ZONE 'Europe/Berlin')::date - {days}),
                    opened_through = ((now() AT TIME ZONE 'Europe/Berlin')::date - {days})::timestamp AT TIME ZONE 'Europe/Berlin' - interval '1 second'
              WHERE id = '{id}';
             UPDATE core.job_queue SET due_at = now() WHERE kind = 'work.open'"
        ));
    }

    async fn settled(&self) {
        let begun = Instant::now();
        while self.office.count(
            "SELECT count(*) FROM core.job_queue WHERE kind = 'work.open' AND due_at <= now() + interval '1 minute'",
        ) > 0
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "work is not opened");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

fn periods(work: &Value) -> Vec<&str> {
    work["runs"].as_array().unwrap().iter().map(|run| run["period"].as_str().unwrap()).collect()
}

fn code(payload: &Value) -> (&str, &Value) {
    (payload["userErrors"][0]["code"].as_str().unwrap_or("OK"), &payload["userErrors"][0]["field"])
}

fn comes(work: &Value) -> Vec<&str> {
    work["upcoming"].as_array().unwrap().iter().map(|one| one["comesOn"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_31st_is_the_last_day_of_each_month_at_the_same_time_on_the_wall() {
    let desk = Desk::open(Setup::default()).await;
    let january = NaiveDate::from_ymd_opt(today().year() + 1, 1, 31).unwrap();
    let monthly = json!({ "rule": "FREQ=MONTHLY", "startsOn": january, "period": "MONTH", "time": "09:30" });
    let made = desk.create(monthly).await;
    let last = |month: u32| {
        let first = NaiveDate::from_ymd_opt(january.year(), month, 1).unwrap();
        (first + Months::new(1)).pred_opt().unwrap().to_string()
    };
    assert_eq!(comes(&made), (1..=12).map(last).collect::<Vec<_>>());
    assert!(last(2).ends_with("02-28") || last(2).ends_with("02-29"));
    for one in made["upcoming"].as_array().unwrap() {
        let at = one["opensAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        let wall = at.with_timezone(&chrono_tz::Europe::Berlin);
        assert_eq!((wall.hour(), wall.minute()), (9, 30), "{one}");
        assert_eq!(one["period"], one["comesOn"].as_str().unwrap()[..7]);
    }
    assert_eq!(made["nextAt"], made["upcoming"][0]["opensAt"]);
    assert_eq!(made["runs"], json!([]));
    // Its job waits for that time.
    assert_eq!(desk.office.count("SELECT count(*) FROM core.job_queue WHERE kind = 'work.open' AND due_at > now()"), 1);
}

#[tokio::test]
async fn three_days_away_are_caught_up_once() {
    let desk = Desk::open(Setup { jobs: 0, ..Setup::default() }).await;
    let made = desk.create(json!({})).await;
    let id = made["id"].clone();
    assert_eq!(periods(&made), Vec::<&str>::new());
    desk.been_away(&id, 3);
    // Two processes come up at once, and somebody is impatient.
    let more = [desk.office.app.database.workers(1), desk.office.app.database.workers(1)];
    let (one, two) = tokio::join!(
        desk.change("recurringWorkRun", json!({ "id": id })),
        desk.change("recurringWorkRun", json!({ "id": id }))
    );
    assert_eq!((code(&one).0, code(&two).0), ("OK", "OK"));
    desk.settled().await;
    let expected: Vec<String> = (0..=3).map(|days| back(days).to_string()).collect();
    let found = desk.look(&id).await;
    assert_eq!(periods(&found), expected);
    let opened =
        found["runs"].as_array().unwrap().iter().map(|run| run["items"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(opened, 4);
    assert_eq!(found["runs"][3]["items"][0]["title"], format!("Do {}", back(3)));
    // Run once more over the same days: nothing is there twice.
    desk.been_away(&id, 3);
    desk.change("recurringWorkRun", json!({ "id": id })).await;
    desk.settled().await;
    let again = desk.look(&id).await;
    assert_eq!(again["runs"], found["runs"]);
    assert_eq!(again["nextAt"], found["nextAt"]);
    assert_eq!(desk.office.count("SELECT count(*) FROM practice.work_item"), 4);
    let next = again["nextAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(next.with_timezone(&chrono_tz::Europe::Berlin).date_naive(), ahead(1));
    for workers in more {
        workers.stop().await;
    }
    assert_eq!(desk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_killed_worker_opens_nothing_twice() {
    let desk = Desk::open(Setup { jobs: 0, ..Setup::default() }).await;
    let id = desk.create(json!({})).await["id"].clone();
    desk.been_away(&id, 60);
    for wait in [500, 800, 1100] {
        let worker = desk.office.app.database.worker(1);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        drop(worker);
    }
    let last = desk.office.app.database.worker(1);
    desk.settled().await;
    drop(last);
    assert_eq!(desk.office.count("SELECT count(*) FROM practice.recurring_work_run"), 61);
    assert_eq!(desk.office.count("SELECT count(DISTINCT period) FROM practice.recurring_work_run"), 61);
    assert_eq!(desk.office.count("SELECT count(*) FROM practice.work_item"), 61);
    assert_eq!(desk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn stages_open_one_after_the_other_and_days_explain_themselves() {
    let desk = Desk::open(Setup::default()).await;
    let steps = json!([
        { "stage": 2, "title": "Close {period}", "kind": "CLOSE_STEP", "dueWorkingDays": 10 },
        { "stage": 1, "title": "Bank {period}", "checklist": ["Statement", "Fees"], "dueWorkingDays": 2 },
        { "stage": 1, "title": "Payroll {period}", "dueDays": 5 },
        { "stage": 5, "title": "Report {period}", "dueDays": -3, "dueRoll": "PRECEDING", "dueFrom": "OCCURRENCE" },
    ]);
    act(&desk.provider, "workTemplateCreate", json!({ "code": "close", "name": "Close", "steps": steps }), "").await;
    // On the first of each month for the month before; the first of this month has come.
    let first = today().with_day(1).unwrap();
    let input = json!({ "template": "close", "rule": "FREQ=MONTHLY;BYMONTHDAY=1", "startsOn": first, "period": "MONTH", "periodShift": -1 });
    let made = desk.create(input).await;
    let last = first.pred_opt().unwrap();
    let period = last.format("%Y-%m").to_string();
    assert_eq!(periods(&made), [period.as_str()]);
    let items = made["runs"][0]["items"].as_array().unwrap().clone();
    let shown: Vec<Value> = items.iter().map(|item| json!([item["title"], item["state"], item["gated"]])).collect();
    assert_eq!(
        shown,
        [
            json!([format!("Bank {period}"), "OPEN", false]),
            json!([format!("Payroll {period}"), "OPEN", false]),
            json!([format!("Close {period}"), "WAITING", true]),
            json!([format!("Report {period}"), "WAITING", true]),
        ]
    );
    let ask = |query: &str, variables: Value| {
        let (client, query) = (desk.client.clone(), query.to_owned());
        async move { client.ask(&query, variables).await }
    };
    let behind = ask(
        "query($from: Date!) { two: workingDayAdd(from: $from, days: 2) { date } ten: workingDayAdd(from: $from, days: 10) { date } }",
        json!({ "from": last }),
    )
    .await;
    assert_eq!((&items[0]["dueOn"], &items[2]["dueOn"]), (&behind["two"]["date"], &behind["ten"]["date"]));
    let rolled = ask(
        "query($five: Date!, $three: Date!) { five: workingDayRoll(date: $five, convention: FOLLOWING) { date }
            three: workingDayRoll(date: $three, convention: PRECEDING) { date } }",
        json!({ "five": last.checked_add_days(Days::new(5)).unwrap(), "three": first.checked_sub_days(Days::new(3)).unwrap() }),
    )
    .await;
    assert_eq!((&items[1]["dueOn"], &items[3]["dueOn"]), (&rolled["five"]["date"], &rolled["three"]["date"]));
    let why = ask(
        "query($id: ID!) { workItem(id: $id) { dueExplanation { basis sentence days { days counted } } checklist { text } needs { title } } }",
        json!({ "id": items[2]["workItemId"] }),
    )
    .await;
    let sentence = why["workItem"]["dueExplanation"]["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("10 working days behind ") && sentence.contains(&format!("(the last day of {period})")),
        "{sentence}"
    );
    let counted: i64 = why["workItem"]["dueExplanation"]["days"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|days| days["counted"] == true)
        .map(|days| days["days"].as_i64().unwrap())
        .sum();
    assert_eq!(counted, 10);
    assert_eq!(why["workItem"]["needs"].as_array().unwrap().len(), 2);

    // The second stage is not begun before the first is done.
    let state = |at: usize| {
        let (client, id) = (desk.client.clone(), items[at]["workItemId"].clone());
        async move {
            let found = client
                .ask("query($id: ID!) { workItem(id: $id) { state gated waitingFor } }", json!({ "id": id }))
                .await;
            found["workItem"].clone()
        }
    };
    assert_eq!(state(2).await["waitingFor"], "Stage 1");
    let early = act(&desk.client, "workItemStart", json!({ "id": items[2]["workItemId"] }), "").await;
    assert_eq!(early["userErrors"][0]["message"], "This work item opens when the stage before it is done.");
    act(&desk.client, "workItemChecklistUpdate", json!({ "id": items[0]["workItemId"], "done": [1, 2] }), "").await;
    // The last two of the stage are closed at once, by two people.
    let (one, two) = tokio::join!(
        act(&desk.client, "workItemComplete", json!({ "id": items[0]["workItemId"] }), ""),
        act(&desk.client, "workItemComplete", json!({ "id": items[1]["workItemId"] }), "")
    );
    assert_eq!((&one["userErrors"], &two["userErrors"]), (&json!([]), &json!([])));
    assert_eq!(state(2).await, json!({ "state": "OPEN", "gated": false, "waitingFor": null }));
    assert_eq!(state(3).await["gated"], true);
    act(&desk.client, "workItemCancel", json!({ "id": items[2]["workItemId"] }), "").await;
    assert_eq!(state(3).await["state"], "OPEN");
    assert_eq!(desk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn this_one_these_and_all_are_changed() {
    let desk = Desk::open(Setup::default()).await;
    // A Monday some weeks ahead.
    let monday = {
        let day = ahead(30);
        day.checked_add_days(Days::new(u64::from(7 - day.weekday().num_days_from_monday()))).unwrap()
    };
    let week = |number: u64, days: u64| monday.checked_add_days(Days::new(7 * number + days)).unwrap().to_string();
    let made =
        desk.create(json!({ "rule": "FREQ=WEEKLY", "startsOn": monday, "period": "WEEK", "time": "08:00" })).await;
    let id = made["id"].clone();
    assert_eq!(comes(&made), (0..12).map(|number| week(number, 0)).collect::<Vec<_>>());

    // This one: left out, moved, and back again.
    desk.change("recurringWorkOccurrenceUpdate", json!({ "id": id, "occursOn": week(1, 0) })).await;
    let moved = desk
        .change("recurringWorkOccurrenceUpdate", json!({ "id": id, "occursOn": week(2, 0), "moveTo": week(2, 2) }))
        .await;
    assert_eq!(comes(&moved["recurringWork"])[..3], [week(0, 0), week(2, 2), week(3, 0)]);
    assert_eq!(moved["recurringWork"]["upcoming"][1]["occursOn"], week(2, 0));
    let back = desk
        .change("recurringWorkOccurrenceUpdate", json!({ "id": id, "occursOn": week(1, 0), "restore": true }))
        .await;
    assert_eq!(comes(&back["recurringWork"])[..3], [week(0, 0), week(1, 0), week(2, 2)]);
    let never = desk.change("recurringWorkOccurrenceUpdate", json!({ "id": id, "occursOn": week(1, 1) })).await;
    assert_eq!(code(&never), ("NOT_FOUND", &json!(["input", "occursOn"])));

    // This one and those that follow: later in the day, by another template.
    let steps = json!([{ "title": "Other {period}" }]);
    act(&desk.provider, "workTemplateCreate", json!({ "code": "other", "name": "Other", "steps": steps }), "").await;
    let following = json!({ "id": id, "from": week(4, 0), "time": "14:15", "template": "other" });
    let second = desk.change("recurringWorkUpdate", following).await["recurringWork"].clone();
    assert_ne!(second["id"], id);
    assert_eq!((&second["time"], &second["templateCode"]), (&json!("14:15"), &json!("other")));
    assert_eq!(comes(&second)[..2], [week(4, 0), week(5, 0)]);
    let first = desk.look(&id).await;
    assert_eq!((&first["until"], &first["time"]), (&json!(week(4, 0)), &json!("08:00")));
    assert_eq!(comes(&first), [week(0, 0), week(1, 0), week(2, 2), week(3, 0)]);
    // All of it.
    let all = json!({ "id": second["id"], "expectedVersion": second["version"], "rule": "FREQ=WEEKLY;INTERVAL=2", "name": "Fortnight" });
    let changed = desk.change("recurringWorkUpdate", all).await["recurringWork"].clone();
    assert_eq!(comes(&changed)[..3], [week(4, 0), week(6, 0), week(8, 0)]);
    let stale =
        desk.change("recurringWorkUpdate", json!({ "id": second["id"], "expectedVersion": 1, "name": "x" })).await;
    assert_eq!(code(&stale).0, "CONFLICT");
    // The end.
    let ended = desk.change("recurringWorkEnd", json!({ "id": second["id"], "until": week(7, 0) })).await;
    assert_eq!(comes(&ended["recurringWork"]), [week(4, 0), week(6, 0)]);
    let listed = desk.client.ask("{ recurringWorks { nodes { name } totalCount } }", json!({})).await;
    assert_eq!(listed["recurringWorks"]["totalCount"], 2);
    // Of each change one job waits that does something; the others find that they are late.
    assert_eq!(desk.office.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_opened_outside_a_live_engagement() {
    let desk = Desk::open(Setup::default()).await;
    let refused = desk.try_create(json!({ "service": "payroll" })).await;
    assert_eq!(code(&refused), ("STATE", &json!(["input", "service"])));
    // Payroll ended the day before yesterday: what came on the days since was passed over.
    let letter = json!({ "name": "Payroll", "from": back(300), "until": ahead(5), "services": [{ "service": "payroll", "until": back(1) }] });
    act(&desk.client, "engagementCreate", letter, "").await;
    let refused = desk.try_create(json!({ "service": "payroll" })).await;
    assert_eq!(code(&refused), ("STATE", &json!(["input", "service"])));
    let made = desk.create(json!({ "service": "payroll", "startsOn": back(3) })).await;
    let runs: Vec<(&str, bool, usize)> = made["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| {
            (
                run["period"].as_str().unwrap(),
                run["passedOver"].as_bool().unwrap(),
                run["items"].as_array().unwrap().len(),
            )
        })
        .collect();
    let day = |days: u64| back(days).to_string();
    assert_eq!(
        runs,
        [
            (day(0).as_str(), true, 0),
            (day(1).as_str(), true, 0),
            (day(2).as_str(), false, 1),
            (day(3).as_str(), false, 1)
        ]
    );
}

#[tokio::test]
async fn rules_that_lie_are_refused() {
    let desk = Desk::open(Setup::default()).await;
    for (wrong, field) in [
        (json!({ "rule": "" }), "rule"),
        (json!({ "rule": "every day" }), "rule"),
        (json!({ "rule": "FREQ=SECONDLY" }), "rule"),
        (json!({ "rule": "FREQ=DAILY;COUNT=3;UNTIL=20300101" }), "rule"),
        (json!({ "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYMONTHDAY=30" }), "rule"),
        (json!({ "rule": format!("FREQ=DAILY;BYDAY={}", ["MO"; 400].join(",")) }), "rule"),
        // twice in a period
        (json!({ "rule": "FREQ=WEEKLY", "period": "MONTH" }), "rule"),
        (json!({ "time": "25:00" }), "time"),
        (json!({ "time": "+8:00" }), "time"),
        (json!({ "name": "" }), "name"),
        (json!({ "startsOn": back(400) }), "startsOn"),
        (json!({ "template": "nothing" }), "template"),
        (json!({ "service": "nothing" }), "service"),
        (json!({ "periodShift": 13 }), "periodShift"),
    ] {
        let refused = desk.try_create(wrong.clone()).await;
        assert_eq!(refused["userErrors"][0]["field"], json!(["input", field]), "{wrong}: {refused}");
    }
    // Two that come for the same periods of one service.
    desk.create(json!({})).await;
    assert_eq!(code(&desk.try_create(json!({})).await).0, "DUPLICATE");
    desk.create(json!({ "rule": "FREQ=YEARLY", "period": "YEAR" })).await;
    let template =
        json!({ "code": "bad", "name": "Bad", "steps": [{ "title": "x", "dueDays": 1, "dueWorkingDays": 1 }] });
    let refused = act(&desk.provider, "workTemplateCreate", template, "").await;
    assert_eq!(code(&refused), ("INVALID", &json!(["input", "steps", "0", "dueDays"])));
    let none =
        act(&desk.provider, "workTemplateCreate", json!({ "code": "bad", "name": "Bad", "steps": [] }), "").await;
    assert_eq!(code(&none).1, &json!(["input", "steps"]));
}
