//! Series of appointments: local time across changes of clocks, single times that go their own way, this and following,
//! all. Nothing of a series is booked if one of its times is taken.

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use chrono_tz::Europe::Berlin;
use serde_json::{Value, json};

use crate::appointments_are_booked_once::{
    BOOK, at, book, book_in_vain, booking, calendar, change_of_clocks, hours, monday, wall,
};
use crate::harness::{App, Books, Client, PASSWORD};
use crate::walls::furnished::change;

async fn open() -> (App, Books, String, String) {
    let app = App::start();
    let books = app.with_books().await;
    let hours = hours(&books.accountant).await;
    let room = calendar(&books.accountant, "Room", "ROOM", &hours, json!({})).await;
    (app, books, hours, room)
}

fn series(room: &str, day: NaiveDate, hour: u32, rule: &str) -> Value {
    let mut input = booking(&[room], at(day, hour, 0), 30);
    input["rule"] = json!(rule);
    input
}

/// Day and time on Berlin's wall of all that stands.
fn times(appointment: &Value) -> Vec<String> {
    let occurrences = appointment["occurrences"].as_array().unwrap().iter();
    let standing = occurrences.filter(|one| one["state"] != "CANCELLED");
    standing.map(|one| format!("{} {}", &one["seriesTime"].as_str().unwrap()[..10], wall(&one["startsAt"]))).collect()
}

const SELECTION: &str = "appointment { id uid sequence state rule continues { id } occurrences { id version startsAt endsAt state seriesTime } }";

async fn seen(client: &Client, id: &Value) -> Value {
    let query = format!(
        "query($id: ID!) {{ appointment(id: $id) {{ {} }} }}",
        &SELECTION["appointment { ".len()..SELECTION.len() - 2]
    );
    client.ask(&query, json!({ "id": id })).await["appointment"].clone()
}

#[tokio::test]
async fn a_series_keeps_its_time_when_clocks_change() {
    let (_app, books, _, room) = open().await;
    let client = &books.accountant;
    for to_summer in [true, false] {
        let sunday = change_of_clocks(Berlin, to_summer);
        let first = sunday - Days::new(13);
        if first <= chrono::Utc::now().date_naive() {
            continue;
        }
        let booked = book(client, series(&room, first, 9, "FREQ=WEEKLY;COUNT=4")).await;
        let expected: Vec<String> = (0..4).map(|week| format!("{} 09:00", first + Days::new(7 * week))).collect();
        assert_eq!(times(&booked), expected);
        assert_eq!(booked["laidUntil"], Value::Null);
        // Half an hour each, in UTC an hour earlier in summer.
        let instants: Vec<&str> = booked["occurrences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["startsAt"].as_str().unwrap()[11..16])
            .collect();
        let (winter, summer) = ("08:00", "07:00");
        let (before, after) = if to_summer { (winter, summer) } else { (summer, winter) };
        assert_eq!(instants, [before, before, after, after]);
    }
}

#[tokio::test]
async fn one_time_that_is_taken_refuses_the_whole_series() {
    let (app, books, _, room) = open().await;
    let client = &books.accountant;
    let first = monday(2);
    let third = first + Days::new(14);
    book(client, booking(&[&room], at(third, 9, 20), 30)).await;
    let (code, message) = book_in_vain(client, series(&room, first, 9, "FREQ=WEEKLY;COUNT=10")).await;
    assert_eq!((code.as_str(), message), ("BUSY", format!("\"Room\" is taken on {third} at 09:00 (Europe/Berlin).")));
    assert_eq!(app.database.count("SELECT count(*) FROM practice.appointment_occurrence"), 1);
    // Every other week it is free on Mondays at 9 up to that week, and a series that ends before is not bothered.
    book(client, series(&room, first, 9, "FREQ=WEEKLY;COUNT=2")).await;

    for (rule, said) in [
        ("FREQ=WEEKLY;BYDAY=TU", "The rule does not name the day on which the appointment begins."),
        ("FREQ=HOURLY", "FREQ cannot be “HOURLY”: DAILY, WEEKLY, MONTHLY or YEARLY."),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "This rule names no day between its start and its end."),
        ("FREQ=DAILY;COUNT=3;BYHOUR=1,2,3,4", "A time of day is not supported. The start of the series says it."),
    ] {
        let reasons = client.refused(BOOK, json!({ "input": series(&room, first, 12, rule) })).await;
        assert_eq!((&reasons[0]["field"][1], &reasons[0]["message"]), (&json!("rule"), &json!(said)));
    }
    // A series whose times overlap each other is refused by the database.
    let mut long = series(&room, first, 12, "FREQ=DAILY;COUNT=3");
    long["minutes"] = json!(1_500);
    long["outsideAvailability"] = json!(true);
    assert_eq!(book_in_vain(client, long).await.0, "BUSY");
}

#[tokio::test]
async fn this_following_and_all() {
    let (_app, books, _, room) = open().await;
    let client = &books.accountant;
    let first = monday(2);
    let week = |number: u64| first + Days::new(7 * number);
    let booked = book(client, series(&room, first, 9, "FREQ=WEEKLY;COUNT=8")).await;
    let id = |appointment: &Value, place: usize| appointment["occurrences"][place]["id"].clone();

    // One time goes to Tuesday, one is cancelled: what they held is free.
    let tuesday = at(week(1) + Days::new(1), 15, 0);
    change(
        client,
        "appointmentMove",
        json!({ "id": id(&booked, 1), "startsAt": tuesday.to_rfc3339(), "minutes": 45 }),
        "",
    )
    .await;
    change(client, "appointmentCancel", json!({ "id": id(&booked, 2) }), "").await;
    book(client, booking(&[&room], at(week(1), 9, 0), 30)).await;
    book(client, booking(&[&room], at(week(2), 9, 0), 30)).await;
    assert_eq!(book_in_vain(client, booking(&[&room], at(week(1) + Days::new(1), 15, 40), 10)).await.0, "BUSY");
    let now = seen(client, &booked["id"]).await;
    assert_eq!(now["sequence"], 2);
    assert_eq!(now["occurrences"][1]["state"], "MOVED");
    assert_eq!(now["occurrences"][2]["state"], "CANCELLED");

    // From the fifth on at 14:00: an appointment of its own, with the rest of the count.
    let split = change(
        client,
        "appointmentMove",
        json!({ "id": id(&booked, 4), "scope": "FOLLOWING", "startsAt": at(week(4), 14, 0).to_rfc3339() }),
        SELECTION,
    )
    .await["appointment"]
        .clone();
    assert_eq!(split["continues"]["id"], booked["id"]);
    assert_ne!(split["uid"], booked["uid"]);
    assert_eq!(times(&split), [4, 5, 6, 7].map(|number| format!("{} 14:00", week(number))));
    let kept = seen(client, &booked["id"]).await;
    assert_eq!(kept["rule"], "FREQ=WEEKLY;COUNT=4");
    assert_eq!(
        times(&kept),
        [format!("{} 09:00", week(0)), format!("{} 15:00", week(1)), format!("{} 09:00", week(3))]
    );

    // All of what follows to Wednesdays: it begins nowhere in between, so it stays one appointment. One of it was cancelled
    // before, and stays so.
    change(client, "appointmentCancel", json!({ "id": id(&split, 1) }), "").await;
    let wednesday = week(6) + Days::new(2);
    let all = change(
        client,
        "appointmentMove",
        json!({ "id": id(&split, 2), "scope": "ALL", "startsAt": at(wednesday, 8, 30).to_rfc3339() }),
        SELECTION,
    )
    .await["appointment"]
        .clone();
    assert_eq!((&all["id"], &all["uid"]), (&split["id"], &split["uid"]));
    assert_eq!(times(&all), [4, 6, 7].map(|number| format!("{} 08:30", week(number) + Days::new(2))));

    // Another rule for what is left, and the end of it.
    let other = change(
        client,
        "appointmentMove",
        json!({ "id": id(&all, 1), "scope": "FOLLOWING", "startsAt": at(wednesday, 8, 30).to_rfc3339(),
                "rule": "FREQ=DAILY;COUNT=3" }),
        SELECTION,
    )
    .await["appointment"]
        .clone();
    assert_eq!(times(&other), [0, 1, 2].map(|day| format!("{} 08:30", wednesday + Days::new(day))));
    let ended = change(client, "appointmentCancel", json!({ "id": id(&other, 1), "scope": "FOLLOWING" }), SELECTION)
        .await["appointment"]
        .clone();
    assert_eq!((times(&ended).len(), &ended["state"]), (1, &json!("BOOKED")));
    let gone = change(client, "appointmentCancel", json!({ "id": id(&other, 0), "scope": "ALL" }), SELECTION).await["appointment"].clone();
    assert_eq!((times(&gone).len(), &gone["state"]), (0, &json!("CANCELLED")));

    // Taken is taken: nothing of a move that does not fit is done.
    book(client, booking(&[&room], at(week(3), 16, 0), 30)).await;
    let refused = client
        .refused(
            "mutation($input: AppointmentMoveInput!) { appointmentMove(input: $input) { userErrors { code message } } }",
            json!({ "input": { "id": id(&booked, 0), "scope": "ALL", "startsAt": at(week(0), 15, 45).to_rfc3339() } }),
        )
        .await;
    assert_eq!(refused[0]["message"], format!("\"Room\" is taken on {} at 15:45 (Europe/Berlin).", week(3)));
    assert_eq!(times(&seen(client, &booked["id"]).await), times(&kept));
}

#[tokio::test]
async fn the_last_day_of_a_month_is_a_wish() {
    let (_app, books, _, room) = open().await;
    let client = &books.accountant;
    // The next 31st at least a week ahead.
    let mut day = chrono::Utc::now().date_naive() + Days::new(7);
    while day.day() != 31 {
        day = day + Days::new(1);
    }
    let months =
        |appointment: &Value| -> Vec<String> { times(appointment).iter().map(|time| time[..10].to_owned()).collect() };
    let mut input = series(&room, day, 12, "FREQ=MONTHLY;COUNT=4");
    input["outsideAvailability"] = json!(true);
    let skipping = book(client, input.clone()).await;
    assert!(months(&skipping).iter().all(|day| day.ends_with("-31")), "{skipping}");
    input["lastDayOfShortMonths"] = json!(true);
    input["startsAt"] = json!(at(day, 13, 0).to_rfc3339());
    let clamped = book(client, input).await;
    let found = months(&clamped);
    for (place, found) in found.iter().enumerate() {
        let found: NaiveDate = found.parse().unwrap();
        let months = i64::from(found.year() - day.year()) * 12 + i64::from(found.month()) - i64::from(day.month());
        assert_eq!((months, (found + Days::new(1)).day()), (place as i64, 1), "the last day of each month");
    }
}

#[tokio::test]
async fn a_series_without_end_is_laid_out_a_while_ahead() {
    let (app, books, _, room) = open().await;
    let client = &books.accountant;
    let booked = book(client, series(&room, monday(1), 10, "FREQ=WEEKLY;INTERVAL=2")).await;
    let last = booked["occurrences"].as_array().unwrap().last().unwrap()["startsAt"].as_str().unwrap().to_owned();
    let ahead = last.parse::<chrono::DateTime<chrono::Utc>>().unwrap() - chrono::Utc::now();
    assert!(ahead > TimeDelta::days(385) && ahead < TimeDelta::days(400), "{ahead}");
    assert!(booked["laidUntil"].is_string());
    // Time goes on: what was laid out reaches half a year only, until somebody books again.
    let times = || app.database.count("SELECT count(*) FROM practice.appointment_occurrence");
    let all = times();
    app.database.lay(&format!(
        "SELECT core.set_tenant('{}');
         DELETE FROM practice.appointment_hold WHERE busy_from > now() + interval '180 days';
         DELETE FROM practice.appointment_occurrence WHERE starts_at > now() + interval '180 days';
         UPDATE practice.appointment SET laid_until = now() + interval '180 days'",
        books.client.rsplit_once('_').unwrap().1
    ));
    assert!(times() < all);
    let last: chrono::DateTime<chrono::Utc> = last.parse().unwrap();
    book(client, booking(&[&room], at(monday(1), 12, 0), 30)).await;
    assert_eq!(times(), all + 1);
    let seen = seen(client, &booked["id"]).await;
    assert_eq!(
        seen["occurrences"].as_array().unwrap().last().unwrap()["startsAt"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap(),
        last
    );
    assert_eq!(app.database.count("SELECT count(*) FROM core.job_queue WHERE kind = 'appointment.lay'"), 1);
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

#[tokio::test]
async fn the_client_sees_what_is_shown_to_it_and_no_more() {
    let (app, books, _, room) = open().await;
    let client = &books.accountant;
    let customer = client
        .ask(
            "mutation { customerCreate(input: { number: \"1\", name: \"One\", country: \"DE\" }) { customer { id } userErrors { message } } }",
            json!({}),
        )
        .await["customerCreate"]["customer"]["id"]
        .clone();
    let mut shown = series(&room, monday(2), 9, "FREQ=WEEKLY;COUNT=2");
    shown["title"] = json!("Year-end meeting");
    shown["location"] = json!("Your office");
    shown["visibleToClient"] = json!(true);
    shown["record"] = customer.clone();
    let shown = book(client, shown).await;
    let hidden = book(client, booking(&[&room], at(monday(2), 10, 0), 30)).await;
    let about = client
        .ask("query($id: ID!) { appointment(id: $id) { recordId record { id } } }", json!({ "id": shown["id"] }))
        .await;
    assert_eq!(about["appointment"], json!({ "recordId": customer, "record": { "id": customer } }));

    let inside = books.administrator.enter(&books.client).await;
    let invited = change(
        &inside,
        "userInvite",
        json!({ "email": "portal@alpha.example", "name": "Paula", "role": inside.role("Portal").await }),
        "token",
    )
    .await;
    change(&app.client(), "invitationAccept", json!({ "token": invited["token"], "password": PASSWORD }), "").await;
    let paula = app.sign_in("portal@alpha.example").await.enter(&books.client).await;
    let seen = paula
        .ask(
            "{ clientAppointments { totalCount nodes { id title location minutes state times { startsAt state } } } }",
            json!({}),
        )
        .await["clientAppointments"]
        .clone();
    assert_eq!(seen["totalCount"], 1);
    let node = &seen["nodes"][0];
    assert_eq!((&node["title"], &node["location"]), (&json!("Year-end meeting"), &json!("Your office")));
    assert_eq!(
        node["times"].as_array().unwrap().iter().map(|time| wall(&time["startsAt"])).collect::<Vec<_>>(),
        ["09:00", "09:00"]
    );
    let hidden = hidden["id"].as_str().unwrap().replace("apt_", "capt_");
    let nothing = paula
        .ask("query($id: ID!) { clientAppointment(id: $id) { id } node(id: $id) { id } }", json!({ "id": hidden }))
        .await;
    assert_eq!(nothing, json!({ "clientAppointment": null, "node": null }));
    for query in ["{ appointmentOccurrences { nodes { id } } }", "{ appointmentCalendars { nodes { id } } }"] {
        assert_eq!(paula.send(query, json!({})).await.code(), "FORBIDDEN");
    }
    // What is told of it reaches them as well.
    let events = paula.ask("{ events(first: 100) { nodes { kind nodeId } } }", json!({})).await;
    let booked = events["events"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["kind"] == "CLIENT_APPOINTMENT_BOOKED");
    assert_eq!(booked.count(), 1);
}
