//! Appointments: what is free is shown and can be booked, what is taken cannot, whoever asks at the same moment. Time is
//! half-open; the database decides.

use backoffice::database::texts;
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::{Europe::Berlin, Tz};
use serde_json::{Value, json};

use crate::harness::{App, Books, Client};
use crate::walls::furnished::{change, made};

/// A Monday, so many weeks from now.
pub fn monday(weeks: u64) -> NaiveDate {
    let today = Utc::now().date_naive();
    today + Days::new(7 * weeks + 7 - u64::from(today.weekday().num_days_from_monday()))
}

/// A local time of Berlin as an instant.
pub fn at(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    Berlin.from_local_datetime(&day.and_hms_opt(hour, minute, 0).unwrap()).unwrap().with_timezone(&Utc)
}

/// The time on Berlin's wall, e.g. `09:30`.
pub fn wall(instant: &Value) -> String {
    let instant: DateTime<Utc> = instant.as_str().unwrap_or_else(|| panic!("{instant}")).parse().unwrap();
    instant.with_timezone(&Berlin).format("%H:%M").to_string()
}

/// Open Monday to Friday from 8 to 18 in Berlin, on holidays as well.
pub async fn hours(client: &Client) -> String {
    let open: Vec<Value> = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
        .iter()
        .map(|day| json!({ "weekday": day, "from": "08:00", "until": "18:00" }))
        .collect();
    let input = json!({ "name": "Eight to six", "timeZone": "Europe/Berlin", "hours": open });
    made(client, "businessCalendarCreate", input, "businessCalendar").await
}

/// A calendar for appointments with those wishes.
pub async fn calendar(client: &Client, name: &str, kind: &str, hours: &str, more: Value) -> String {
    let mut input = json!({ "name": name, "kind": kind, "availability": hours });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    made(client, "appointmentCalendarCreate", input, "appointmentCalendar").await
}

pub const BOOK: &str = "mutation($input: AppointmentBookInput!) { appointmentBook(input: $input) {
    appointment { id version sequence state rule laidUntil uid occurrences { id version startsAt endsAt state seriesTime } }
    userErrors { code field message } } }";

pub fn booking(calendars: &[&str], starts_at: DateTime<Utc>, minutes: i32) -> Value {
    json!({ "title": "Meeting", "calendars": calendars, "startsAt": starts_at.to_rfc3339(), "minutes": minutes })
}

/// Books; gives the appointment.
pub async fn book(client: &Client, input: Value) -> Value {
    client.ask(BOOK, json!({ "input": input })).await["appointmentBook"]["appointment"].clone()
}

/// Books in vain; gives code and sentence.
pub async fn book_in_vain(client: &Client, input: Value) -> (String, String) {
    let reasons = client.refused(BOOK, json!({ "input": input })).await;
    (reasons[0]["code"].as_str().unwrap().to_owned(), reasons[0]["message"].as_str().unwrap().to_owned())
}

/// The free times on Berlin's wall.
async fn free(
    client: &Client,
    calendars: &[&str],
    minutes: i32,
    step: i32,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<String> {
    let data = client
        .ask(
            "query($calendars: [ID!]!, $minutes: Int!, $from: DateTime!, $until: DateTime!, $step: Int) {
               appointmentSlots(calendars: $calendars, minutes: $minutes, from: $from, until: $until, step: $step) { startsAt endsAt } }",
            json!({ "calendars": calendars, "minutes": minutes, "step": step, "from": from.to_rfc3339(), "until": until.to_rfc3339() }),
        )
        .await;
    data["appointmentSlots"].as_array().unwrap().iter().map(|slot| wall(&slot["startsAt"])).collect()
}

async fn open() -> (App, Books, String) {
    let app = App::start();
    let books = app.with_books().await;
    let hours = hours(&books.accountant).await;
    (app, books, hours)
}

#[tokio::test]
async fn half_past_nine_is_free_and_a_quarter_past_conflicts() {
    let (app, books, hours) = open().await;
    let client = &books.accountant;
    let room = calendar(client, "Room 1", "ROOM", &hours, json!({})).await;
    let day = monday(2);
    let booked = book(client, booking(&[&room], at(day, 9, 0), 30)).await;
    assert_eq!(booked["occurrences"].as_array().unwrap().len(), 1);

    let slots = free(client, &[&room], 30, 15, at(day, 8, 0), at(day, 10, 15)).await;
    assert_eq!(slots, ["08:00", "08:15", "08:30", "09:30", "09:45", "10:00"]);
    let (code, message) = book_in_vain(client, booking(&[&room], at(day, 9, 15), 30)).await;
    assert_eq!((code.as_str(), message), ("BUSY", format!("\"Room 1\" is taken on {day} at 09:15 (Europe/Berlin).")));
    book(client, booking(&[&room], at(day, 9, 30), 30)).await;
    book(client, booking(&[&room], at(day, 8, 30), 30)).await;

    // Past the server, the database itself refuses: a quarter past is taken, ten is not.
    let uuid = |id: &str| id.rsplit_once('_').unwrap().1.to_owned();
    let (tenant, room, time) =
        (uuid(&books.client), uuid(&room), uuid(booked["occurrences"][0]["id"].as_str().unwrap()));
    let hold = |from: DateTime<Utc>| {
        format!(
            "INSERT INTO practice.appointment_hold (tenant_id, id, occurrence_id, calendar_id, busy_from, busy_until)
             VALUES ('{tenant}', gen_random_uuid(), '{time}', '{room}', '{}', '{}') RETURNING 'held' AS line",
            from.to_rfc3339(),
            (from + TimeDelta::minutes(30)).to_rfc3339()
        )
    };
    let past = |from: DateTime<Utc>| {
        app.database.past_the_server("postgres", |connection| {
            let client = format!("SELECT pg_catalog.set_config('app.tenant_id', '{tenant}', false) AS line");
            texts(connection, &client).unwrap();
            texts(connection, &hold(from))
        })
    };
    let refused = past(at(day, 9, 15));
    assert!(refused.unwrap_err().to_string().contains("appointment_hold_once"));
    let held = past(at(day, 10, 0));
    assert_eq!(held.unwrap(), ["held"]);
    // Which the server does not know of before it asks.
    let (code, _) = book_in_vain(client, booking(&[&room_id(&room)], at(day, 10, 15), 15)).await;
    assert_eq!(code, "BUSY");
}

fn room_id(uuid: &str) -> String {
    format!("acal_{uuid}")
}

#[tokio::test]
async fn buffers_notice_and_lead_are_kept_in_all_calendars() {
    let (_app, books, hours) = open().await;
    let client = &books.accountant;
    let rules = json!({ "person": books.accountant_id, "bufferBeforeMinutes": 10, "bufferAfterMinutes": 15, "noticeMinutes": 120,
                        "leadDays": 30 });
    let person = calendar(client, "Konrad", "PERSON", &hours, rules).await;
    let room = calendar(client, "Room 2", "ROOM", &hours, json!({})).await;
    let day = monday(2);
    // 10:00 to 10:45 keeps 09:50 to 11:00 free in the calendar of the person, and nothing around it in the room.
    book(client, booking(&[&person, &room], at(day, 10, 0), 45)).await;
    let slots = free(client, &[&person], 35, 5, at(day, 8, 50), at(day, 11, 20)).await;
    assert_eq!(slots, ["08:50", "08:55", "09:00", "11:10", "11:15"]);
    assert_eq!(free(client, &[&room], 45, 15, at(day, 9, 0), at(day, 11, 0)).await, ["09:00", "09:15", "10:45"]);
    assert_eq!(
        free(client, &[&room, &person], 45, 15, at(day, 8, 30), at(day, 11, 30)).await,
        ["08:30", "08:45", "11:15"]
    );
    assert_eq!(book_in_vain(client, booking(&[&room, &person], at(day, 11, 9), 30)).await.0, "BUSY");
    book(client, booking(&[&room, &person], at(day, 11, 10), 30)).await;
    assert_eq!(book_in_vain(client, booking(&[&person], at(day, 9, 1), 35)).await.0, "BUSY");
    book(client, booking(&[&person], at(day, 9, 0), 35)).await;

    let outside = |starts_at: DateTime<Utc>| {
        let mut input = booking(&[&person], starts_at, 15);
        input["outsideAvailability"] = json!(true);
        input
    };
    let full =
        |instant: DateTime<Utc>| instant.format("%Y-%m-%dT%H:%M:00Z").to_string().parse::<DateTime<Utc>>().unwrap();
    let (code, message) = book_in_vain(client, outside(full(Utc::now() + TimeDelta::minutes(119)))).await;
    assert_eq!((code.as_str(), message.as_str()), ("INVALID", "\"Konrad\" is booked at least 120 minutes before."));
    let (_, message) = book_in_vain(client, outside(full(Utc::now() + TimeDelta::days(31)))).await;
    assert_eq!(message, "\"Konrad\" is booked at most 30 days ahead.");
    book(client, outside(full(Utc::now() + TimeDelta::minutes(122)))).await;
    assert_eq!(free(client, &[&person], 15, 15, at(monday(5), 8, 0), at(monday(5), 18, 0)).await, Vec::<String>::new());

    let (code, message) = book_in_vain(client, booking(&[&room], at(day, 17, 45), 30)).await;
    assert_eq!(code, "INVALID");
    assert!(message.starts_with(&format!("\"Room 2\" is not open for this on {day} at 17:45")), "{message}");
    for (wrong, field) in [
        (json!({ "minutes": 0 }), "minutes"),
        (json!({ "calendars": [] }), "calendars"),
        (json!({ "calendars": [room, "acal_0123456789abcdef0123456789abcdef"] }), "calendars"),
        (json!({ "startsAt": (at(day, 12, 0) + TimeDelta::seconds(30)).to_rfc3339() }), "startsAt"),
        (json!({ "title": " " }), "title"),
        (json!({ "record": "cus_0123456789abcdef0123456789abcdef" }), "record"),
    ] {
        let mut input = booking(&[&room], at(day, 12, 0), 30);
        input.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let reasons = client.refused(BOOK, json!({ "input": input })).await;
        assert_eq!(reasons[0]["field"][1], field, "{reasons}");
    }
}

/// The next Sunday on which the clocks of a zone change to or from summer time.
pub fn change_of_clocks(zone: Tz, to_summer: bool) -> NaiveDate {
    let offset = |day: NaiveDate| zone.offset_from_utc_datetime(&day.and_hms_opt(12, 0, 0).unwrap()).to_string();
    let mut day = Utc::now().date_naive() + Days::new(2);
    loop {
        let (before, after) = (offset(day - Days::new(1)), offset(day));
        if before != after && (before == "CET") == to_summer {
            return day;
        }
        day = day + Days::new(1);
    }
}

#[tokio::test]
async fn a_night_has_five_hours_or_seven_when_clocks_change() {
    let (_app, books, _) = open().await;
    let client = &books.accountant;
    let night = json!({ "name": "Nights", "timeZone": "Europe/Berlin",
                        "hours": [{ "weekday": "SUNDAY", "from": "00:00", "until": "06:00" }] });
    let night = made(client, "businessCalendarCreate", night, "businessCalendar").await;
    let machine = calendar(client, "Machine", "EQUIPMENT", &night, json!({})).await;
    for (to_summer, expected) in [
        (true, vec!["00:00", "01:00", "03:00", "04:00", "05:00"]),
        (false, vec!["00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00"]),
    ] {
        let day = change_of_clocks(Berlin, to_summer);
        let (from, until) = (at(day, 0, 0), at(day, 12, 0));
        assert_eq!(free(client, &[&machine], 60, 60, from, until).await, expected);
        // An hour before the change to an hour after it: two hours of time, whatever the wall says.
        book(client, booking(&[&machine], at(day, 1, 0), 120)).await;
        let left = free(client, &[&machine], 60, 60, from, until).await;
        assert_eq!(left.len(), expected.len() - 2, "{left:?}");
        assert_eq!(left[1], if to_summer { "04:00" } else { "02:00" });
    }
    // The second coming of a time is no local time of its own: it is booked by UTC.
    let day = change_of_clocks(Berlin, false);
    let second = at(day, 1, 0) + TimeDelta::hours(2);
    let (code, message) = book_in_vain(client, booking(&[&machine], second, 30)).await;
    assert_eq!(code, "INVALID");
    assert!(message.contains("comes twice"), "{message}");
    let mut by_utc = booking(&[&machine], second, 30);
    by_utc["timeZone"] = json!("UTC");
    book(client, by_utc).await;
}

#[tokio::test]
async fn of_many_who_want_one_slot_one_wins() {
    let (app, books, hours) = open().await;
    let client = &books.accountant;
    let room = calendar(client, "Room 3", "ROOM", &hours, json!({})).await;
    let desk = calendar(client, "Desk", "EQUIPMENT", &hours, json!({})).await;
    for (count, hour, minutes) in [(10, 9, 30), (100, 11, 45)] {
        let asked = (0..count).map(|number| {
            // Some name the calendars the other way round; some want a part of it only.
            let calendars: [&str; 2] = if number % 2 == 0 { [&room, &desk] } else { [&desk, &room] };
            let starts_at = at(monday(3), hour, 0) + TimeDelta::minutes(i64::from(number % 3 == 0) * 10);
            client.send(BOOK, json!({ "input": booking(&calendars, starts_at, minutes) }))
        });
        let replies = futures_util::future::join_all(asked).await;
        let won = replies
            .iter()
            .filter(|reply| reply.body["data"]["appointmentBook"]["appointment"]["id"].is_string())
            .count();
        let refused = replies
            .iter()
            .filter(|reply| reply.body["data"]["appointmentBook"]["userErrors"][0]["code"] == "BUSY")
            .count();
        assert_eq!((won, refused), (1, count - 1), "{:?}", replies.iter().map(|reply| &reply.text).collect::<Vec<_>>());
    }
    assert_eq!(app.database.count("SELECT count(*) FROM practice.appointment_hold"), 4);
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn a_calendar_is_changed_and_deleted_when_nothing_is_to_come() {
    let (_app, books, hours) = open().await;
    let client = &books.accountant;
    let room = calendar(client, "Room 4", "ROOM", &hours, json!({})).await;
    let twice = client
        .refused(
            "mutation($input: AppointmentCalendarCreateInput!) { appointmentCalendarCreate(input: $input) { userErrors { code field message } } }",
            json!({ "input": { "name": "Room 4", "kind": "ROOM" } }),
        )
        .await;
    assert_eq!(twice[0]["code"], "DUPLICATE");
    let booked = book(client, booking(&[&room], at(monday(2), 9, 0), 30)).await;
    let delete = "mutation($input: AppointmentCalendarDeleteInput!) { appointmentCalendarDelete(input: $input) {
                    appointmentCalendar { deletedAt } userErrors { code message } } }";
    let refused = client.refused(delete, json!({ "input": { "id": room } })).await;
    assert_eq!(refused[0]["code"], "STATE");
    // A buffer holds for what is booked from now on.
    change(client, "appointmentCalendarUpdate", json!({ "id": room, "bufferBeforeMinutes": 20 }), "").await;
    assert_eq!(book_in_vain(client, booking(&[&room], at(monday(2), 9, 49), 30)).await.0, "BUSY");
    book(client, booking(&[&room], at(monday(2), 8, 30), 30)).await;
    let times = client
        .ask("query { appointmentOccurrences { totalCount nodes { id startsAt appointment { title calendars { name bufferBeforeMinutes } bookedBy { name } } } } }", json!({}))
        .await["appointmentOccurrences"]
        .clone();
    assert_eq!(times["totalCount"], 2);
    assert_eq!(
        times["nodes"][1]["appointment"],
        json!({ "title": "Meeting", "calendars": [{ "name": "Room 4", "bufferBeforeMinutes": 20 }], "bookedBy": { "name": "Konrad Konto" } })
    );
    for node in times["nodes"].as_array().unwrap() {
        change(client, "appointmentCancel", json!({ "id": node["id"] }), "").await;
    }
    let stale = client
        .refused(
            "mutation($input: AppointmentCancelInput!) { appointmentCancel(input: $input) { userErrors { code message } } }",
            json!({ "input": { "id": booked["occurrences"][0]["id"] } }),
        )
        .await;
    assert_eq!(stale[0]["code"], "STATE");
    client.ask(delete, json!({ "input": { "id": room } })).await;
    assert_eq!(book_in_vain(client, booking(&[&room], at(monday(2), 9, 0), 30)).await.0, "NOT_FOUND");
}
