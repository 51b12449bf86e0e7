//! Business calendars and clocks: what counts, what is skipped and why, when something is due. Each computed date explains
//! itself; counted and skipped time are all the time there is.

use serde_json::{Value, json};

use crate::harness::{App, Books, Client, Office, Setup, id_of};
use crate::walls::furnished::{change, made};

const ACCOUNT: &str = "countedSeconds countedMinutes skippedSeconds wallSeconds moreIntervals sums { counted reason name seconds } intervals { from until seconds counted reason name }";

/// The account of the time between two instants, whose parts have to add up.
async fn between(client: &Client, calendar: Option<&str>, from: &str, until: &str) -> Value {
    let query = format!(
        "query($calendar: ID, $from: DateTime!, $until: DateTime!) {{ businessTimeBetween(calendar: $calendar, from: $from, until: $until) {{ {ACCOUNT} }} }}"
    );
    let data = client.ask(&query, json!({ "calendar": calendar, "from": from, "until": until })).await;
    adds_up(&data["businessTimeBetween"]);
    data["businessTimeBetween"].clone()
}

/// How many hours count between two instants.
async fn hours(client: &Client, calendar: &str, from: &str, until: &str) -> i64 {
    between(client, Some(calendar), from, until).await["countedSeconds"].as_i64().unwrap() / 3600
}

async fn add(client: &Client, calendar: Option<&str>, from: &str, minutes: i32) -> Value {
    let query = format!(
        "query($calendar: ID, $from: DateTime!, $minutes: Int!) {{ businessTimeAdd(calendar: $calendar, from: $from, minutes: $minutes) {{ at explanation {{ {ACCOUNT} }} }} }}"
    );
    let data = client.ask(&query, json!({ "calendar": calendar, "from": from, "minutes": minutes })).await;
    adds_up(&data["businessTimeAdd"]["explanation"]);
    data["businessTimeAdd"].clone()
}

/// Counted and skipped time are the time on the wall, in sums and intervals alike, without a gap.
fn adds_up(account: &Value) {
    let number = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("{account}"));
    let wall = number(&account["wallSeconds"]);
    assert_eq!(number(&account["countedSeconds"]) + number(&account["skippedSeconds"]), wall, "{account}");
    let all = |list: &str| account[list].as_array().unwrap().iter().map(|one| number(&one["seconds"])).sum::<i64>();
    assert_eq!(all("sums"), wall, "{account}");
    if account["moreIntervals"] == 0 {
        assert_eq!(all("intervals"), wall, "{account}");
    }
    let intervals = account["intervals"].as_array().unwrap();
    assert!(intervals.windows(2).all(|pair| pair[0]["until"] == pair[1]["from"]), "{account}");
}

/// Reason, name and minutes of each interval.
fn told(account: &Value) -> Vec<(String, Option<String>, i64)> {
    let intervals = account["intervals"].as_array().unwrap().iter();
    intervals
        .map(|one| {
            (
                one["reason"].as_str().unwrap().to_owned(),
                one["name"].as_str().map(str::to_owned),
                one["seconds"].as_i64().unwrap() / 60,
            )
        })
        .collect()
}

fn plain(reason: &str, minutes: i64) -> (String, Option<String>, i64) {
    (reason.to_owned(), None, minutes)
}

fn named(reason: &str, name: &str, minutes: i64) -> (String, Option<String>, i64) {
    (reason.to_owned(), Some(name.to_owned()), minutes)
}

async fn open() -> (App, Books) {
    let app = App::start();
    let books = app.with_books().await;
    (app, books)
}

const WEEKDAYS: [&str; 5] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];

fn nine_to_five() -> Value {
    let day = |weekday: &&str| json!({ "weekday": weekday, "from": "09:00", "until": "17:00" });
    Value::Array(WEEKDAYS.iter().map(day).collect())
}

async fn calendar(client: &Client, name: &str, zone: &str, region: Option<&str>, hours: Value) -> String {
    let input = json!({ "name": name, "timeZone": zone, "holidayRegion": region, "hours": hours });
    made(client, "businessCalendarCreate", input, "businessCalendar").await
}

async fn customer(client: &Client, number: &str) -> String {
    made(client, "customerCreate", json!({ "number": number, "name": "Customer", "country": "DE" }), "customer").await
}

#[tokio::test]
async fn from_friday_at_four_to_monday_at_ten_it_is_120_minutes() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    // The client's own calendar is there from the beginning.
    let data = client
        .ask("{ businessCalendars { totalCount nodes { name timeZone holidayRegion isDefault hours { weekday from until } } } }", json!({}))
        .await;
    let standard = &data["businessCalendars"]["nodes"][0];
    assert_eq!(data["businessCalendars"]["totalCount"], 1);
    assert_eq!(
        (&standard["timeZone"], &standard["holidayRegion"], &standard["isDefault"]),
        (&json!("Europe/Berlin"), &json!("DE"), &json!(true))
    );
    assert_eq!(standard["hours"], nine_to_five());

    let account = between(client, None, "2026-01-16T16:00:00+01:00", "2026-01-19T10:00:00+01:00").await;
    assert_eq!(account["countedMinutes"], 120);
    assert_eq!(account["wallSeconds"], 66 * 3600);
    assert_eq!(
        told(&account),
        [
            plain("OPEN", 60),
            plain("OUTSIDE_HOURS", 420),
            plain("WEEKEND", 2880),
            plain("OUTSIDE_HOURS", 540),
            plain("OPEN", 60)
        ]
    );
    let added = add(client, None, "2026-01-16T16:00:00+01:00", 120).await;
    assert_eq!(added["at"], "2026-01-19T09:00:00.000000Z");
    assert_eq!(added["explanation"], account);
    // An hour ends when the office closes; a minute more on Monday.
    assert_eq!(add(client, None, "2026-01-16T16:00:00+01:00", 60).await["at"], "2026-01-16T16:00:00.000000Z");
    assert_eq!(add(client, None, "2026-01-16T16:00:00+01:00", 61).await["at"], "2026-01-19T08:01:00.000000Z");
    // Over Easter, each holiday by its name.
    let easter = between(client, None, "2026-04-02T16:00:00+02:00", "2026-04-07T10:00:00+02:00").await;
    assert_eq!(easter["countedMinutes"], 120);
    assert!(told(&easter).contains(&named("HOLIDAY", "Karfreitag", 1440)), "{easter}");
    assert!(told(&easter).contains(&named("HOLIDAY", "Ostermontag", 1440)), "{easter}");
    // What cannot be answered is refused in a sentence.
    let backwards =
        "{ businessTimeBetween(from: \"2026-01-02T00:00:00Z\", until: \"2026-01-01T00:00:00Z\") { countedSeconds } }";
    let reply = client.send(backwards, json!({})).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
    let negative = "{ businessTimeAdd(from: \"2026-01-02T00:00:00Z\", minutes: -1) { at } }";
    assert_eq!(client.send(negative, json!({})).await.code(), "BAD_USER_INPUT");
}

#[tokio::test]
async fn nights_on_which_clocks_change_have_23_and_25_hours() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    let always: Vec<Value> = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
        .iter()
        .map(|weekday| json!({ "weekday": weekday, "from": "00:00", "until": "24:00" }))
        .collect();
    let berlin = calendar(client, "Berlin", "Europe/Berlin", None, json!(always)).await;
    let york = calendar(client, "New York", "America/New_York", None, json!(always)).await;
    assert_eq!(hours(client, &berlin, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00").await, 23);
    assert_eq!(hours(client, &berlin, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00").await, 25);
    assert_eq!(hours(client, &york, "2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00").await, 23);
    assert_eq!(hours(client, &york, "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00").await, 25);
    // A night shift from one to four counts two hours in March and four in October.
    let night = calendar(
        client,
        "Night",
        "Europe/Berlin",
        None,
        json!([{ "weekday": "SUNDAY", "from": "01:00", "until": "04:00" }]),
    )
    .await;
    assert_eq!(hours(client, &night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00").await, 2);
    assert_eq!(hours(client, &night, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00").await, 4);
    // Friday before, Monday after: office hours do not notice.
    let office = calendar(client, "Office", "America/New_York", Some("US"), nine_to_five()).await;
    let due = add(client, Some(&office), "2026-03-06T16:00:00-05:00", 120).await;
    assert_eq!(due["at"], "2026-03-09T14:00:00.000000Z");
    let july = add(client, Some(&office), "2026-07-02T16:00:00-04:00", 120).await;
    assert!(told(&july["explanation"]).contains(&named("HOLIDAY", "Independence Day (observed)", 1440)), "{july}");
}

#[tokio::test]
async fn an_exception_of_a_client_comes_before_its_holidays() {
    let (app, books) = open().await;
    let client = &books.accountant;
    let default = client.ask("{ businessCalendars { nodes { id } } }", json!({})).await["businessCalendars"]["nodes"]
        [0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let outing = made(
        client,
        "calendarExceptionCreate",
        json!({ "calendar": default, "day": "2026-01-19", "name": "Company outing" }),
        "calendarException",
    )
    .await;
    let account = between(client, None, "2026-01-16T16:00:00+01:00", "2026-01-20T10:00:00+01:00").await;
    assert_eq!(account["countedMinutes"], 120);
    assert!(told(&account).contains(&named("EXCEPTION", "Company outing", 1440)), "{account}");
    // Open in the morning only.
    let half = json!({ "id": outing, "hours": [{ "from": "09:00", "until": "12:00" }], "expectedVersion": 1 });
    change(client, "calendarExceptionUpdate", half, "calendarException { hours { from until } }").await;
    let account = between(client, None, "2026-01-16T16:00:00+01:00", "2026-01-20T10:00:00+01:00").await;
    assert_eq!(account["countedMinutes"], 120 + 180);
    // A holiday on which this client works.
    let works = json!({ "calendar": default, "day": "2026-05-01", "name": "Release", "hours": [{ "from": "10:00", "until": "11:00" }] });
    made(client, "calendarExceptionCreate", works.clone(), "calendarException").await;
    let may = between(client, None, "2026-05-01T00:00:00+02:00", "2026-05-02T00:00:00+02:00").await;
    assert_eq!(may["countedMinutes"], 60);
    // One exception a day.
    let create = "mutation($input: CalendarExceptionCreateInput!) { calendarExceptionCreate(input: $input) { calendarException { id } userErrors { code field } } }";
    let refused = client.refused(create, json!({ "input": works })).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!("DUPLICATE"), &json!(["input", "day"])));
    // Another client's calendar does not know of it.
    let other = books.administrator.onboard("Beta Trading", "DE", "EUR", "Europe/Berlin", "NONE").await;
    let inside = books.administrator.enter(&other).await;
    let elsewhere = between(&inside, None, "2026-01-16T16:00:00+01:00", "2026-01-20T10:00:00+01:00").await;
    assert_eq!(elsewhere["countedMinutes"], 60 + 480 + 60);
    let query = "query($id: ID!) { businessTimeBetween(calendar: $id, from: \"2026-01-01T00:00:00Z\", until: \"2026-01-02T00:00:00Z\") { wallSeconds } }";
    assert_eq!(inside.ask(query, json!({ "id": default })).await["businessTimeBetween"], Value::Null);
    let foreign = inside
        .refused(create, json!({ "input": { "calendar": default, "day": "2026-02-02", "name": "Theirs" } }))
        .await;
    assert_eq!((&foreign[0]["code"], &foreign[0]["field"]), (&json!("NOT_FOUND"), &json!(["input", "calendar"])));
    change(client, "calendarExceptionDelete", json!({ "id": outing }), "businessCalendar { id }").await;
    let account = between(client, None, "2026-01-16T16:00:00+01:00", "2026-01-20T10:00:00+01:00").await;
    assert_eq!(account["countedMinutes"], 60 + 480 + 60);
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn calendars_that_cannot_be_are_refused() {
    let (app, books) = open().await;
    let client = &books.accountant;
    let create = "mutation($input: BusinessCalendarCreateInput!) { businessCalendarCreate(input: $input) { businessCalendar { id } userErrors { code field message } } }";
    let hours = |spans: &[(&str, &str)]| {
        let spans = spans.iter().map(|(from, until)| json!({ "weekday": "MONDAY", "from": from, "until": until }));
        Value::Array(spans.collect())
    };
    let wrong = [
        (json!({ "name": "A", "hours": hours(&[("09:00", "12:00"), ("11:59", "17:00")]) }), "hours"),
        (json!({ "name": "A", "hours": hours(&[("09:00", "17:00"), ("10:00", "11:00")]) }), "hours"),
        (json!({ "name": "A", "hours": hours(&[("17:00", "09:00")]) }), "hours"),
        (json!({ "name": "A", "hours": hours(&[("09:00", "09:00")]) }), "hours"),
        (json!({ "name": " ", "hours": [] }), "name"),
        (json!({ "name": "A", "hours": [], "holidayRegion": "DE-XX" }), "holidayRegion"),
    ];
    for (input, field) in wrong {
        let refused = client.refused(create, json!({ "input": input })).await;
        assert_eq!(
            (&refused[0]["code"], &refused[0]["field"]),
            (&json!("INVALID"), &json!(["input", field])),
            "{input}"
        );
    }
    let time = client.refused(create, json!({ "input": { "name": "A", "hours": hours(&[("9:00", "17:00")]) } })).await;
    assert_eq!(time[0]["field"], json!(["input", "hours", "0", "from"]));
    // Hours that touch each other are two intervals of one opening.
    let touching =
        calendar(client, "Touching", "Europe/Berlin", None, hours(&[("12:00", "17:00"), ("09:00", "12:00")])).await;
    let monday = between(client, Some(&touching), "2026-01-19T00:00:00+01:00", "2026-01-20T00:00:00+01:00").await;
    assert_eq!(told(&monday), [plain("OUTSIDE_HOURS", 540), plain("OPEN", 480), plain("OUTSIDE_HOURS", 420)]);
    // The database decides it, whoever writes.
    let by_hand = "UPDATE core.business_calendar SET hours = '{540,720,719,1020}'";
    let past = app.database.past_the_server("postgres", |connection| {
        diesel::RunQueryDsl::execute(diesel::sql_query(by_hand), connection).unwrap_err().to_string()
    });
    assert!(past.contains("business_calendar_hours_check"), "{past}");
    // Names are unique, the default is one and stays.
    let again = client.refused(create, json!({ "input": { "name": "Touching", "hours": [] } })).await;
    assert_eq!(again[0]["code"], "DUPLICATE");
    let listed = client.ask("{ businessCalendars { nodes { id isDefault name } } }", json!({})).await;
    let default = id_of(&listed["businessCalendars"]["nodes"], "name", "Standard");
    let delete = "mutation($id: ID!) { businessCalendarDelete(input: { id: $id }) { businessCalendar { id } userErrors { code field } } }";
    assert_eq!(client.refused(delete, json!({ "id": default })).await[0]["code"], "STATE");
    change(client, "businessCalendarUpdate", json!({ "id": touching, "isDefault": true }), "").await;
    let listed = client.ask("{ businessCalendars { nodes { id isDefault name } } }", json!({})).await;
    let defaults: Vec<&Value> = listed["businessCalendars"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["isDefault"] == true)
        .collect();
    assert_eq!(defaults.len(), 1);
    assert_eq!(defaults[0]["id"], touching.as_str());
    client.ask(delete, json!({ "id": default })).await;
    assert_eq!(client.refused(delete, json!({ "id": default })).await[0]["code"], "NOT_FOUND");
    // A never open calendar says so.
    let never = calendar(client, "Never", "UTC", None, json!([])).await;
    let query = "query($id: ID!) { businessTimeAdd(calendar: $id, from: \"2026-01-01T00:00:00Z\", minutes: 1) { at } }";
    let reply = client.send(query, json!({ "id": never })).await;
    assert!(reply.text.contains("not open for that long"), "{}", reply.text);
}

#[tokio::test]
async fn working_days_and_terms_name_what_moved_them() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    let data = client
        .ask(
            "{ april: workingDays(from: \"2026-04-01\", until: \"2026-05-01\") { countedDays skippedDays explanation { from through days counted reason name } }
               next: workingDayAdd(from: \"2026-04-02\", days: 1) { date explanation { from through reason name } }
               back: workingDayAdd(from: \"2026-04-09\", days: -3) { date }
               modified: workingDayRoll(date: \"2026-01-31\", convention: MODIFIED_FOLLOWING) { date }
               following: workingDayRoll(date: \"2026-01-31\", convention: FOLLOWING) { date }
               preceding: workingDayRoll(date: \"2026-04-06\", convention: PRECEDING) { date explanation { reason name } } }",
            json!({}),
        )
        .await;
    assert_eq!((&data["april"]["countedDays"], &data["april"]["skippedDays"]), (&json!(20), &json!(10)));
    let days: i64 =
        data["april"]["explanation"].as_array().unwrap().iter().map(|row| row["days"].as_i64().unwrap()).sum();
    assert_eq!(days, 30);
    assert_eq!(data["next"]["date"], "2026-04-07");
    assert_eq!(
        data["next"]["explanation"],
        json!([
            { "from": "2026-04-03", "through": "2026-04-03", "reason": "HOLIDAY", "name": "Karfreitag" },
            { "from": "2026-04-04", "through": "2026-04-05", "reason": "WEEKEND", "name": null },
            { "from": "2026-04-06", "through": "2026-04-06", "reason": "HOLIDAY", "name": "Ostermontag" },
            { "from": "2026-04-07", "through": "2026-04-07", "reason": "OPEN", "name": null },
        ])
    );
    assert_eq!(data["back"]["date"], "2026-04-02");
    assert_eq!((&data["modified"]["date"], &data["following"]["date"]), (&json!("2026-01-30"), &json!("2026-02-02")));
    assert_eq!(data["preceding"]["date"], "2026-04-02");

    let term = "query($rule: TermRule!, $from: Date!, $length: Int!, $unit: TermUnit!, $region: String) {
        termEnd(rule: $rule, from: $from, length: $length, unit: $unit, region: $region) { firstDay nominalEnd endsOn holidayRegion source explanation { paragraph text date } } }";
    let january =
        client.ask(term, json!({ "rule": "DE_BGB", "from": "2026-01-31", "length": 1, "unit": "MONTHS" })).await;
    let end = &january["termEnd"];
    assert_eq!(
        (&end["firstDay"], &end["nominalEnd"], &end["endsOn"], &end["holidayRegion"]),
        (&json!("2026-02-01"), &json!("2026-02-28"), &json!("2026-03-02"), &json!("DE"))
    );
    let paragraphs: Vec<&str> =
        end["explanation"].as_array().unwrap().iter().map(|step| step["paragraph"].as_str().unwrap()).collect();
    assert_eq!(paragraphs, ["§ 187 Abs. 1 BGB", "§ 188 Abs. 2 BGB", "§ 188 Abs. 3 BGB", "§ 193 BGB"]);
    let corpus_christi = |region: Option<&str>| json!({ "rule": "DE_BGB", "from": "2026-05-04", "length": 1, "unit": "MONTHS", "region": region });
    assert_eq!(client.ask(term, corpus_christi(None)).await["termEnd"]["endsOn"], "2026-06-04");
    assert_eq!(client.ask(term, corpus_christi(Some("DE-BY"))).await["termEnd"]["endsOn"], "2026-06-05");
    let two_days = json!({ "rule": "EU_1182_71", "from": "2026-04-02", "length": 2, "unit": "DAYS" });
    assert_eq!(client.ask(term, two_days).await["termEnd"]["endsOn"], "2026-04-08");
    for wrong in [
        json!({ "rule": "US_FRCP", "from": "2026-04-02", "length": 2, "unit": "MONTHS" }),
        json!({ "rule": "DE_BGB", "from": "2026-04-02", "length": 0, "unit": "DAYS" }),
        json!({ "rule": "DE_BGB", "from": "2026-04-02", "length": -5, "unit": "DAYS" }),
        json!({ "rule": "DE_BGB", "from": "2026-04-02", "length": 5, "unit": "DAYS", "region": "XX" }),
    ] {
        let reply = client.send(term, wrong).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
    }
    // What happened once is a holiday once, with its law.
    let berlin = "query($year: Int!) { holidays(region: \"DE-BE\", year: $year) { date name source } holidayRegions }";
    let of = client.ask(berlin, json!({ "year": 2025 })).await;
    let day = of["holidays"].as_array().unwrap().iter().find(|day| day["date"] == "2025-05-08").unwrap();
    assert!(day["source"].as_str().unwrap().contains("Berlin"), "{day}");
    assert!(of["holidayRegions"].as_array().unwrap().contains(&json!("GB-NIR")));
    let next = client.ask(berlin, json!({ "year": 2026 })).await;
    assert!(next["holidays"].as_array().unwrap().iter().all(|day| day["date"] != "2026-05-08"));
}

const CLOCK: &str = "clock { id state startedAt stoppedAt dueAt breachedAt version }";

async fn start(client: &Client, node: &str, minutes: Option<i32>, at: &str) -> Value {
    let input = json!({ "node": node, "name": "First response", "targetMinutes": minutes, "at": at });
    change(client, "clockStart", input, CLOCK).await["clock"].clone()
}

async fn reading(client: &Client, clock: &str, as_of: &str) -> Value {
    let query = format!(
        "query($id: ID!, $at: DateTime) {{ clock(id: $id) {{ reading(asOf: $at) {{ asOf remainingSeconds dueAt breachedAt explanation {{ {ACCOUNT} }} }} }} }}"
    );
    let found = client.ask(&query, json!({ "id": clock, "at": as_of })).await["clock"]["reading"].clone();
    adds_up(&found["explanation"]);
    found
}

#[tokio::test]
async fn a_clock_pauses_and_says_when_it_is_due_and_why() {
    let (app, books) = open().await;
    let client = &books.accountant;
    let node = customer(client, "1").await;
    let clock = start(client, &node, Some(240), "2026-01-16T16:00:00+01:00").await;
    let id = clock["id"].as_str().unwrap();
    assert_eq!((&clock["state"], &clock["dueAt"]), (&json!("RUNNING"), &json!("2026-01-19T11:00:00.000000Z")));
    // Half an hour in it waits for the client until Monday afternoon.
    let pause = json!({ "id": id, "reason": "CLIENT", "note": "the contract", "at": "2026-01-16T16:30:00+01:00" });
    let paused = change(client, "clockPause", pause, CLOCK).await["clock"].clone();
    assert_eq!(
        (&paused["state"], &paused["dueAt"], &paused["breachedAt"]),
        (&json!("PAUSED"), &Value::Null, &Value::Null)
    );
    let resume = json!({ "id": id, "at": "2026-01-19T15:00:00+01:00" });
    let resumed = change(client, "clockResume", resume, CLOCK).await["clock"].clone();
    assert_eq!((&resumed["state"], &resumed["dueAt"]), (&json!("RUNNING"), &json!("2026-01-20T09:30:00.000000Z")));

    let shown = reading(client, id, "2026-01-20T10:00:00+01:00").await;
    assert_eq!((&shown["remainingSeconds"], &shown["breachedAt"]), (&json!(30 * 60), &Value::Null));
    assert_eq!(
        told(&shown["explanation"]),
        [
            plain("OPEN", 30),
            named("PAUSE", "Waiting for the client: the contract", 70 * 60 + 30),
            plain("OPEN", 120),
            plain("OUTSIDE_HOURS", 16 * 60),
            plain("OPEN", 60),
        ]
    );
    // As it stood in the middle of the pause.
    let middle = reading(client, id, "2026-01-17T12:00:00+01:00").await;
    assert_eq!((&middle["remainingSeconds"], &middle["dueAt"]), (&json!(210 * 60), &Value::Null));
    // One second before the due instant it is in time, at the instant it is not.
    assert_eq!(reading(client, id, "2026-01-20T10:29:59+01:00").await["breachedAt"], Value::Null);
    let over = reading(client, id, "2026-01-20T10:30:00+01:00").await;
    assert_eq!((&over["breachedAt"], &over["remainingSeconds"]), (&json!("2026-01-20T09:30:00.000000Z"), &json!(0)));
    // It runs until today and has long been over: since the instant at which it was due, whenever one looks.
    let found = client.ask("query($id: ID!) { clock(id: $id) { breachedAt dueAt } }", json!({ "id": id })).await;
    assert_eq!(found["clock"]["breachedAt"], "2026-01-20T09:30:00.000000Z");

    let stop = json!({ "id": id, "at": "2026-01-20T12:00:00+01:00" });
    let stopped = change(client, "clockStop", stop, CLOCK).await["clock"].clone();
    assert_eq!(
        (&stopped["state"], &stopped["stoppedAt"], &stopped["breachedAt"]),
        (&json!("STOPPED"), &json!("2026-01-20T11:00:00.000000Z"), &json!("2026-01-20T09:30:00.000000Z"))
    );
    let query = "query($id: ID!) { clock(id: $id) { node { __typename id } calendar { name } targetSeconds intervals { number pausedFor note from until } } }";
    let whole = client.ask(query, json!({ "id": id })).await["clock"].clone();
    assert_eq!(
        (&whole["node"]["id"], &whole["calendar"]["name"], &whole["targetSeconds"]),
        (&json!(node), &json!("Standard"), &json!(14_400))
    );
    assert_eq!(whole["intervals"].as_array().unwrap().len(), 3);
    assert_eq!(whole["intervals"][1]["pausedFor"], "CLIENT");

    // Whatever becomes of the calendar: what was stopped stays as it was said.
    let before = reading(client, id, "2026-02-01T00:00:00Z").await;
    assert_eq!(before["explanation"]["countedMinutes"], 330);
    let listed = client.ask("{ businessCalendars { nodes { id name } } }", json!({})).await;
    let standard = id_of(&listed["businessCalendars"]["nodes"], "name", "Standard");
    let closed = json!({ "calendar": standard, "day": "2026-01-19", "name": "Said afterwards" });
    change(client, "calendarExceptionCreate", closed, "").await;
    assert_eq!(reading(client, id, "2026-02-01T00:00:00Z").await, before);
    // Nothing more happens to it, whoever tries.
    let again = "mutation($id: ID!) { clockResume(input: { id: $id }) { clock { id } userErrors { code field } } }";
    assert_eq!(client.refused(again, json!({ "id": id })).await[0]["code"], "STATE");
    let by_hand = app.database.past_the_server("postgres", |connection| {
        let statement = diesel::sql_query("UPDATE core.clock SET breached_at = NULL");
        diesel::RunQueryDsl::execute(statement, connection).unwrap_err().to_string()
    });
    assert!(by_hand.contains("stays so"), "{by_hand}");
    assert_eq!(app.database.findings(), Vec::<String>::new());
}

#[tokio::test]
async fn a_running_clock_is_due_anew_when_its_calendar_changes() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    let node = customer(client, "1").await;
    let listed = client.ask("{ businessCalendars { nodes { id name } } }", json!({})).await;
    let standard = id_of(&listed["businessCalendars"]["nodes"], "name", "Standard");
    let clock = start(client, &node, Some(240), "2026-01-16T16:00:00+01:00").await;
    let due = || async {
        let query = "query($id: ID!) { clock(id: $id) { dueAt } }";
        client.ask(query, json!({ "id": clock["id"] })).await["clock"]["dueAt"].as_str().unwrap().to_owned()
    };
    assert_eq!(due().await, "2026-01-19T11:00:00.000000Z");
    // Half-open: what is due at an instant is not due before it.
    for (before, count) in [("2026-01-19T11:00:00Z", 0), ("2026-01-19T11:00:01Z", 1)] {
        let query = "query($before: DateTime!) { clocks(dueBefore: $before) { totalCount nodes { id } } }";
        assert_eq!(client.ask(query, json!({ "before": before })).await["clocks"]["totalCount"], count);
    }
    let outing = json!({ "calendar": standard, "day": "2026-01-19", "name": "Outing" });
    let outing = made(client, "calendarExceptionCreate", outing, "calendarException").await;
    assert_eq!(due().await, "2026-01-20T11:00:00.000000Z");
    let short: Vec<Value> =
        WEEKDAYS.iter().map(|weekday| json!({ "weekday": weekday, "from": "10:00", "until": "17:00" })).collect();
    change(client, "businessCalendarUpdate", json!({ "id": standard, "hours": short }), "").await;
    assert_eq!(due().await, "2026-01-20T12:00:00.000000Z");
    change(client, "calendarExceptionDelete", json!({ "id": outing }), "businessCalendar { version }").await;
    assert_eq!(due().await, "2026-01-19T12:00:00.000000Z");
    // A calendar in which clocks run is not deleted.
    let other = calendar(client, "Other", "UTC", None, nine_to_five()).await;
    change(client, "businessCalendarUpdate", json!({ "id": other, "isDefault": true }), "").await;
    let delete = "mutation($id: ID!) { businessCalendarDelete(input: { id: $id }) { businessCalendar { id } userErrors { code message } } }";
    let refused = client.refused(delete, json!({ "id": standard })).await;
    assert!(refused[0]["message"].as_str().unwrap().contains("Clocks run"), "{refused}");
    change(client, "clockStop", json!({ "id": clock["id"] }), "").await;
    client.ask(delete, json!({ "id": standard })).await;
}

#[tokio::test]
async fn what_cannot_happen_to_a_clock_is_refused() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    let node = customer(client, "1").await;
    let start_clock =
        "mutation($input: ClockStartInput!) { clockStart(input: $input) { clock { id } userErrors { code field } } }";
    let input = |node: &str, change: Value| {
        let mut input = json!({ "node": node, "name": "Clock" });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "input": input })
    };
    let future = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let unknown = "cus_0123456789abcdef0123456789abcdef";
    let wrong = [
        (input(unknown, json!({})), "NOT_FOUND", "node"),
        (input("evt", json!({})), "NOT_FOUND", "node"),
        (input(&node, json!({ "name": "" })), "INVALID", "name"),
        (input(&node, json!({ "targetMinutes": 0 })), "INVALID", "targetMinutes"),
        (input(&node, json!({ "at": future })), "INVALID", "at"),
        (input(&node, json!({ "at": "2001-01-01T00:00:00Z" })), "INVALID", "at"),
        (input(&node, json!({ "calendar": "bcal_0123456789abcdef0123456789abcdef" })), "NOT_FOUND", "calendar"),
    ];
    for (input, code, field) in wrong {
        let refused = client.refused(start_clock, input).await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"]), (&json!(code), &json!(["input", field])));
    }
    let clock = start(client, &node, None, "2026-01-16T16:00:00+01:00").await;
    assert_eq!(clock["dueAt"], Value::Null, "it only measures");
    let pause = "mutation($id: ID!, $at: DateTime) { clockPause(input: { id: $id, reason: OTHER, at: $at }) { clock { id } userErrors { code field } } }";
    let early = client.refused(pause, json!({ "id": clock["id"], "at": "2026-01-16T15:59:59+01:00" })).await;
    assert_eq!(early[0]["field"], json!(["input", "at"]));
    client.ask(pause, json!({ "id": clock["id"], "at": "2026-01-16T17:00:00+01:00" })).await;
    assert_eq!(client.refused(pause, json!({ "id": clock["id"] })).await[0]["code"], "STATE");
    assert_eq!(client.refused(pause, json!({ "id": node })).await[0]["code"], "NOT_FOUND");
    // Another client's record and clock are none.
    let other = books.administrator.onboard("Beta Trading", "DE", "EUR", "Europe/Berlin", "NONE").await;
    let inside = books.administrator.enter(&other).await;
    let user = books.administrator.staff("berta@firm.example", "Berta").await;
    inside.grant(&user, "Accountant", "2026-01-01", None).await;
    let berta = inside.sign_in("berta@firm.example").await.enter(&other).await;
    assert_eq!(berta.refused(start_clock, input(&node, json!({}))).await[0]["code"], "NOT_FOUND");
    assert_eq!(berta.refused(pause, json!({ "id": clock["id"] })).await[0]["code"], "NOT_FOUND");
    let query = "query($id: ID!, $node: ID!) { clock(id: $id) { id } clocks(node: $node) { totalCount } }";
    let found = berta.ask(query, json!({ "id": clock["id"], "node": node })).await;
    assert_eq!(found, json!({ "clock": null, "clocks": { "totalCount": 0 } }));
    let own = client.ask(query, json!({ "id": clock["id"], "node": node })).await;
    assert_eq!(own["clocks"]["totalCount"], 1);
    let paused = client.ask("{ clocks(filter: { state: { eq: PAUSED } }) { nodes { id } } }", json!({})).await;
    assert_eq!(paused["clocks"]["nodes"][0]["id"], clock["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_pause_one_clock_one_wins_and_nothing_is_lost() {
    let office = Office::with(Setup { workers: 2, ..Setup::default() });
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let hours = json!([{ "weekday": "MONDAY", "from": "09:00", "until": "17:00" }]);
    let calendar = calendar(&client, "Hours", "Europe/Berlin", None, hours).await;
    let node = customer(&client, "1").await;
    let input = json!({ "node": node, "name": "Response", "calendar": calendar, "targetMinutes": 60, "at": "2026-01-19T08:00:00Z" });
    let clock = made(&client, "clockStart", input, "clock").await;
    let pause = "mutation($id: ID!) { clockPause(input: { id: $id, reason: CLIENT }) { clock { version } userErrors { code message } } }";
    let resume =
        "mutation($id: ID!) { clockResume(input: { id: $id }) { clock { version } userErrors { code message } } }";
    for round in 0..4 {
        let query = if round % 2 == 0 { pause } else { resume };
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let (client, clock) = (client.clone(), clock.clone());
                tokio::spawn(async move { client.send(query, json!({ "id": clock })).await.body })
            })
            .collect();
        let (mut won, mut lost) = (0, 0);
        for one in asked {
            let body = one.await.unwrap();
            let payload = body["data"].as_object().unwrap().values().next().unwrap().clone();
            match payload["userErrors"][0]["code"].as_str() {
                None => won += 1,
                Some("STATE") => lost += 1,
                Some(other) => panic!("{other}: {body}"),
            }
        }
        assert_eq!((won, lost), (1, 7), "round {round}");
    }
    let query = format!(
        "query($id: ID!) {{ clock(id: $id) {{ state intervals {{ number from until pausedFor }} reading {{ explanation {{ {ACCOUNT} }} }} }} }}"
    );
    let found = client.ask(&query, json!({ "id": clock })).await["clock"].clone();
    adds_up(&found["reading"]["explanation"]);
    let intervals = found["intervals"].as_array().unwrap();
    assert_eq!(intervals.len(), 5);
    assert!(intervals.windows(2).all(|pair| pair[0]["until"] == pair[1]["from"]), "{found}");
    assert_eq!(office.count("SELECT count(*) FROM core.event WHERE kind IN ('clock.paused', 'clock.resumed')"), 4);
}

#[tokio::test]
async fn a_page_of_clocks_costs_one_statement_a_level() {
    let (_app, books) = open().await;
    let client = &books.accountant;
    let node = customer(client, "1").await;
    let hours = nine_to_five();
    for number in 0..5 {
        let other =
            calendar(client, &format!("Calendar {number}"), "Europe/Berlin", Some("DE-BY"), hours.clone()).await;
        let outing = json!({ "calendar": other, "day": "2026-01-19", "name": "Outing" });
        change(client, "calendarExceptionCreate", outing, "").await;
        let started: String = (0..10)
            .map(|n| format!(" c{n}: clockStart(input: {{ node: \"{node}\", name: \"Clock {n}\", calendar: \"{other}\", targetMinutes: 60, at: \"2026-01-16T09:00:00Z\" }}) {{ clock {{ id }} userErrors {{ message }} }}"))
            .collect();
        client.ask(&format!("mutation {{{started} }}"), json!({})).await;
    }
    for first in [1, 50] {
        let query = "query($first: Int!, $node: ID!) { clocks(first: $first, node: $node) { nodes { name breachedAt intervals { from }
                       reading { explanation { countedSeconds sums { seconds } } } calendar { name exceptions { day } } } } }";
        let reply = client.send(query, json!({ "first": first, "node": node })).await;
        assert!(reply.body["errors"].is_null(), "{}", reply.text);
        let nodes = reply.body["data"]["clocks"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), first);
        assert!(nodes.iter().all(|one| one["calendar"]["exceptions"][0]["day"] == "2026-01-19"));
        // The page, the intervals, the calendars to compute with, those to show, their exceptions; and the opening.
        assert_eq!(reply.body["extensions"]["cost"]["statements"], 1 + 5, "a page of {first}");
    }
}

#[tokio::test]
async fn a_client_begins_with_the_holidays_of_its_region() {
    let (_app, books) = open().await;
    let onboard = "mutation($region: String, $country: CountryCode!) { clientOnboard(input: { name: \"Gamma\", country: $country, currency: \"EUR\",
        timeZone: \"Europe/Vienna\", fiscalYearStartMonth: 1, firstFiscalYear: 2026, template: NONE, holidayRegion: $region }) { client { id } userErrors { code field } } }";
    let regions = "{ businessCalendars { nodes { holidayRegion timeZone isDefault } } }";
    for (country, region, expected) in
        [("DE", Some("DE-BY"), json!("DE-BY")), ("AT", None, json!("AT")), ("IT", None, Value::Null)]
    {
        let made = books.administrator.ask(onboard, json!({ "region": region, "country": country })).await;
        let inside = books.administrator.enter(made["clientOnboard"]["client"]["id"].as_str().unwrap()).await;
        let calendars = inside.ask(regions, json!({})).await["businessCalendars"]["nodes"].clone();
        assert_eq!(calendars, json!([{ "holidayRegion": expected, "timeZone": "Europe/Vienna", "isDefault": true }]));
    }
    for region in ["AT", "DE-XX", "DEU"] {
        let refused = books.administrator.refused(onboard, json!({ "region": region, "country": "DE" })).await;
        assert_eq!(
            (&refused[0]["code"], &refused[0]["field"]),
            (&json!("INVALID"), &json!(["input", "holidayRegion"]))
        );
    }
}
