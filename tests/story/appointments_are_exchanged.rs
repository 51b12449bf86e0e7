//! Appointments and the calendars of others: invitations by mail and what is answered, feeds at a secret address, files that
//! are taken in. What lies is refused with the line at which it does.

use backoffice_icalendar::{Answer, Method, Person, When, read, write};
use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::appointments_are_booked_once::{at, book, book_in_vain, booking, calendar, hours, monday};
use crate::harness::{App, Books, Client};
use crate::mails_are_sent::reader::{Mail, arrived};
use crate::walls::furnished::change;

async fn open() -> (App, Books, String) {
    let app = App::start();
    let books = app.with_books().await;
    let hours = hours(&books.accountant).await;
    let room = calendar(&books.accountant, "Room; one", "ROOM", &hours, json!({})).await;
    (app, books, room)
}

/// Mails to an address, and what their files say.
fn to<'a>(mails: &'a [Mail], email: &str) -> Vec<&'a Mail> {
    mails.iter().filter(|mail| mail.header("To").contains(email)).collect()
}

fn file(mail: &Mail) -> backoffice_icalendar::Reading {
    let reading = read(mail.calendar.as_ref().unwrap());
    assert_eq!(reading.problems, [], "{:?}", mail.calendar);
    reading
}

const REPLY: &str = "mutation($input: AppointmentReplyReadInput!) { appointmentReplyRead(input: $input) {
    appointment { attendees { email answer answeredAt } } userErrors { code field message } } }";

#[tokio::test]
async fn who_is_invited_is_told_and_answers() {
    let (app, books, room) = open().await;
    let client = &books.accountant;
    let day = monday(2);
    let mut input = booking(&[&room], at(day, 9, 0), 30);
    input["title"] = json!("Year-end, first talk");
    input["location"] = json!("Room 1; second floor");
    input["attendees"] = json!([{ "email": "Paula@alpha.example", "name": "Paula Portal" }, { "email": "otto@alpha.example", "name": "Otto" }]);
    input["rule"] = json!("FREQ=WEEKLY;COUNT=4");
    client.dry().ask(
        "mutation($input: AppointmentBookInput!) { appointmentBook(input: $input) { appointment { id } userErrors { message } } }",
        json!({ "input": input }),
    ).await;
    let booked = book(client, input).await;
    let mails = arrived(&app).await;
    assert_eq!(mails.len(), 2, "a dry run tells nobody");
    let [first] = to(&mails, "paula@alpha.example")[..] else { panic!("{mails:?}") };
    assert_eq!(first.header("Subject"), "Invitation: Year-end, first talk");
    assert!(
        first.text.contains("Hello Paula Portal,") && first.text.contains("Room 1; second floor"),
        "{}",
        first.text
    );
    let reading = file(first);
    assert_eq!(reading.method, Some(Method::Request));
    let [event] = reading.events.as_slice() else { panic!("{reading:?}") };
    assert_eq!(
        (event.uid.as_str(), event.sequence, event.summary.as_str()),
        (booked["uid"].as_str().unwrap(), 0, "Year-end, first talk")
    );
    assert_eq!(event.location, "Room 1; second floor");
    assert_eq!(event.starts.instant(chrono_tz::UTC), at(day, 9, 0));
    assert!(matches!(event.starts, When::Local(_, chrono_tz::Europe::Berlin)));
    assert_eq!(event.rule.as_ref().unwrap().to_string(), "FREQ=WEEKLY;COUNT=4");
    assert_eq!(event.organizer.as_ref().unwrap().email, "backoffice@localhost");
    assert_eq!(
        event.attendees.iter().map(|one| one.email.as_str()).collect::<Vec<_>>(),
        ["otto@alpha.example", "paula@alpha.example"]
    );

    // Her calendar answers; he says so by telephone.
    let answer = |email: &str, answer: Answer, sequence: i32, method: Method| {
        let mut reply = event.clone();
        reply.sequence = sequence;
        reply.attendees = vec![Person { email: email.to_owned(), name: String::new(), answer }];
        json!({ "input": { "text": write(method, None, &[reply], Utc::now()) } })
    };
    let accepted = client.ask(REPLY, answer("PAULA@alpha.example", Answer::Accepted, 0, Method::Reply)).await;
    let said = json!({ "id": booked["id"], "email": "otto@alpha.example", "answer": "DECLINED" });
    assert_eq!(accepted["appointmentReplyRead"]["appointment"]["attendees"][1]["answer"], "ACCEPTED");
    let both = change(client, "appointmentAnswer", said, "appointment { attendees { answer } }").await;
    assert_eq!(both["appointment"]["attendees"], json!([{ "answer": "DECLINED" }, { "answer": "ACCEPTED" }]));

    // One time moves: everybody is told, the same UID with the next number, and asked again.
    let time = &booked["occurrences"][1]["id"];
    let later = at(day + Days::new(8), 11, 0);
    change(client, "appointmentMove", json!({ "id": time, "startsAt": later.to_rfc3339() }), "").await;
    let mails = arrived(&app).await;
    let of_paula = to(&mails, "paula@alpha.example");
    assert_eq!(of_paula[1].header("Subject"), "Changed: Year-end, first talk");
    let reading = file(of_paula[1]);
    let [series, moved] = reading.events.as_slice() else { panic!("{reading:?}") };
    assert_eq!((series.uid.as_str(), series.sequence, moved.uid.as_str()), (event.uid.as_str(), 1, event.uid.as_str()));
    assert_eq!(moved.instead_of.unwrap().instant(chrono_tz::UTC), at(day + Days::new(7), 9, 0));
    assert_eq!(moved.starts, When::Instant(later));
    assert!(series.attendees.iter().all(|one| one.answer == Answer::Open));
    let refused = client.refused(REPLY, answer("paula@alpha.example", Answer::Accepted, 0, Method::Reply)).await;
    assert_eq!((&refused[0]["code"], &refused[0]["field"][1]), (&json!("STATE"), &json!("text")));

    // One time is cancelled, then all of it.
    change(client, "appointmentCancel", json!({ "id": booked["occurrences"][2]["id"] }), "").await;
    let mails = arrived(&app).await;
    let reading = file(to(&mails, "otto@alpha.example")[2]);
    assert_eq!((reading.method, reading.events.len()), (Some(Method::Cancel), 1));
    assert_eq!(reading.events[0].instead_of.unwrap().instant(chrono_tz::UTC), at(day + Days::new(14), 9, 0));
    change(client, "appointmentCancel", json!({ "id": booked["occurrences"][0]["id"], "scope": "ALL" }), "").await;
    let mails = arrived(&app).await;
    assert_eq!(mails.len(), 8);
    let last = to(&mails, "otto@alpha.example")[3];
    assert_eq!(last.header("Subject"), "Cancelled: Year-end, first talk");
    let reading = file(last);
    assert_eq!((reading.method, reading.events[0].sequence), (Some(Method::Cancel), 3));

    for (input, code) in [
        (answer("paula@alpha.example", Answer::Accepted, 9, Method::Request), "INVALID"),
        (answer("nobody@alpha.example", Answer::Accepted, 9, Method::Reply), "STATE"),
        (json!({ "input": { "text": "BEGIN:VCALENDAR\nEND:VEVENT\n" } }), "FILE"),
        (json!({ "input": { "text": "x".repeat(70_000) } }), "INVALID"),
    ] {
        assert_eq!(client.refused(REPLY, input).await[0]["code"], code);
    }
    let mut wrong = booking(&[&room], at(day, 12, 0), 30);
    wrong["attendees"] = json!([{ "email": "a@b.example\r\nBcc: x@evil.example", "name": "A" }]);
    assert_eq!(book_in_vain(client, wrong).await.0, "INVALID");
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

/// Status, type and text of an address.
async fn fetch(app: &App, address: &str) -> (u16, String, String) {
    let response = reqwest::Client::new().get(app.url(address)).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(response.headers()["cache-control"], "private, no-store");
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

#[tokio::test]
async fn a_feed_is_read_at_its_address_until_it_is_revoked() {
    let (app, books, room) = open().await;
    let client = &books.accountant;
    let day = monday(2);
    let mut series = booking(&[&room], at(day, 9, 0), 30);
    series["title"] =
        json!("Jour fixe — with a long title, so that the line has to be folded somewhere behind its middle");
    series["rule"] = json!("FREQ=WEEKLY;UNTIL=20991231");
    series["attendees"] = json!([{ "email": "paula@alpha.example", "name": "Paula" }]);
    let series = book(client, series).await;
    change(client, "appointmentCancel", json!({ "id": series["occurrences"][3]["id"] }), "").await;
    let moved = at(day + Days::new(15), 15, 0);
    change(
        client,
        "appointmentMove",
        json!({ "id": series["occurrences"][2]["id"], "startsAt": moved.to_rfc3339() }),
        "",
    )
    .await;
    book(client, booking(&[&room], at(day, 12, 0), 45)).await;

    let create = json!({ "calendar": room, "name": "Telephone" });
    let made = change(
        client,
        "appointmentFeedCreate",
        create,
        "appointmentFeedAddress { address feed { id name calendar { name } } }",
    )
    .await["appointmentFeedAddress"]
        .clone();
    let address = made["address"].as_str().unwrap().to_owned();
    let (status, kind, text) = fetch(&app, &address).await;
    assert_eq!((status, kind.as_str()), (200, "text/calendar; charset=utf-8"));
    assert!(text.split("\r\n").all(|line| line.len() <= 75 && !line.contains('\n')), "{text}");
    assert!(
        text.contains("X-WR-CALNAME:Room\\; one\r\n") && text.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n"),
        "{text}"
    );
    assert!(!text.contains("paula"), "who comes is nobody else's business");
    let reading = read(&text);
    assert_eq!((reading.method, reading.problems.len(), reading.events.len()), (Some(Method::Publish), 0, 3));
    let found = reading.events.iter().find(|event| event.uid == series["uid"] && event.instead_of.is_none()).unwrap();
    assert!(found.rule.as_ref().unwrap().to_string().starts_with("FREQ=WEEKLY;UNTIL=20991231T2"), "{found:?}");
    assert_eq!(
        found.left_out.iter().map(|when| when.instant(chrono_tz::UTC)).collect::<Vec<_>>(),
        [at(day + Days::new(21), 9, 0)]
    );
    assert!(reading.events.iter().any(|event| event.starts == When::Instant(moved)));

    // The secret is stored nowhere; another address, another client, another secret open nothing.
    let secret = address.rsplit_once('/').unwrap().1.trim_end_matches(".ics").to_owned();
    for table in ["practice.appointment_feed", "audit.entry", "core.event", "core.idempotency"] {
        assert_eq!(app.database.count(&format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{secret}%'")), 0);
    }
    let hash = app
        .database
        .lines("postgres", "SELECT encode(token_hash, 'hex') AS line FROM practice.appointment_feed")
        .remove(0);
    assert_eq!(app.database.count(&format!("SELECT count(*) FROM audit.entry t WHERE t::text LIKE '%{hash}%'")), 0);
    let other = books.administrator.onboard("Beta Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let uuid = |id: &str| id.rsplit_once('_').unwrap().1.to_owned();
    for wrong in [
        address.replace(&uuid(&books.client), &uuid(&other)),
        address.replace(&secret, &format!("bof_{}", "A".repeat(43))),
        address.replace(&secret, "x"),
        "/calendars/x/y.ics".to_owned(),
    ] {
        let (status, _, text) = fetch(&app, &wrong).await;
        assert_eq!((status, text.as_str()), (404, "There is no such calendar.\n"), "{wrong}");
    }

    // Another address: the one before is of no use. Revoked, none is.
    let id = &made["feed"]["id"];
    let rotated =
        change(client, "appointmentFeedRotate", json!({ "id": id }), "appointmentFeedAddress { address }").await;
    let second = rotated["appointmentFeedAddress"]["address"].as_str().unwrap().to_owned();
    assert_eq!((fetch(&app, &address).await.0, fetch(&app, &second).await.0), (404, 200));
    change(client, "appointmentFeedRevoke", json!({ "id": id }), "").await;
    assert_eq!(fetch(&app, &second).await.0, 404);
    let again = client
        .refused(
            "mutation($id: ID!) { appointmentFeedRotate(input: { id: $id }) { userErrors { code } } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(again[0]["code"], "STATE");
    let listed = client.ask("{ appointmentFeeds { name revokedAt } }", json!({})).await;
    assert!(listed["appointmentFeeds"][0]["revokedAt"].is_string());
    assert_eq!(app.database.findings_of_the_server(), Vec::<String>::new());
}

const IMPORT: &str = "mutation($input: AppointmentsImportInput!) { appointmentsImport(input: $input) {
    appointments { created { title rule occurrences { startsAt state } } unchanged } fileErrors { line message } userErrors { code message } } }";

async fn import(client: &Client, room: &str, text: &str) -> Value {
    client.send(IMPORT, json!({ "input": { "calendar": room, "text": text } })).await.body["data"]["appointmentsImport"]
        .clone()
}

fn vcalendar(events: &[String]) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{}END:VCALENDAR\r\n",
        events.concat().replace('\n', "\r\n")
    )
}

fn vevent(uid: &str, starts: DateTime<Utc>, minutes: i64, more: &str) -> String {
    let (starts, ends) =
        (starts.format("%Y%m%dT%H%M%SZ"), (starts + TimeDelta::minutes(minutes)).format("%Y%m%dT%H%M%SZ"));
    format!("BEGIN:VEVENT\nUID:{uid}\nDTSTART:{starts}\nDTEND:{ends}\nSUMMARY:{uid} talk\n{more}END:VEVENT\n")
}

#[tokio::test]
async fn a_file_is_taken_in_as_a_whole_or_not_at_all() {
    let (app, books, room) = open().await;
    let client = &books.accountant;
    let day = monday(2);
    let local = |days: u64, time: &str| format!("{}T{time}", (day + Days::new(days)).format("%Y%m%d"));
    let series = format!(
        "BEGIN:VEVENT\nUID:s\nDTSTART;TZID=Europe/Berlin:{}\nDURATION:PT30M\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=Europe/Berlin:{}\nSUMMARY:Series\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:s\nRECURRENCE-ID;TZID=Europe/Berlin:{}\nDTSTART;TZID=Europe/Berlin:{}\nDURATION:PT1H\nSUMMARY:Series\nEND:VEVENT\n",
        local(0, "090000"),
        local(7, "090000"),
        local(14, "090000"),
        local(15, "160000"),
    );
    let good = vcalendar(&[vevent("a", at(day, 13, 0), 60, ""), series]);
    let dry = import(&client.dry(), &room, &good).await;
    assert_eq!((dry["appointments"]["created"].as_array().unwrap().len(), &dry["fileErrors"]), (2, &json!([])));
    assert_eq!(app.database.count("SELECT count(*) FROM practice.appointment"), 0);
    let taken = import(client, &room, &good).await;
    let created = &taken["appointments"]["created"];
    assert_eq!((&created[0]["title"], &created[1]["rule"]), (&json!("a talk"), &json!("FREQ=WEEKLY;COUNT=4")));
    let mut starts: Vec<DateTime<Utc>> = created[1]["occurrences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["startsAt"].as_str().unwrap().parse().unwrap())
        .collect();
    starts.sort();
    assert_eq!(starts, [at(day, 9, 0), at(day + Days::new(15), 16, 0), at(day + Days::new(21), 9, 0)]);
    // Once more: nothing is added. What it has taken is taken.
    assert_eq!(import(client, &room, &good).await["appointments"], json!({ "created": [], "unchanged": 2 }));
    assert_eq!(book_in_vain(client, booking(&[&room], at(day, 13, 30), 30)).await.0, "BUSY");

    // One that overlaps refuses the file, with its line; the good ones beside it are not taken in either.
    let overlapping = vcalendar(&[
        vevent("b", at(day, 15, 0), 60, ""),
        vevent("c", at(day, 13, 59), 60, ""),
        vevent("d", at(day, 15, 30), 15, ""),
    ]);
    let refused = import(client, &room, &overlapping).await;
    assert_eq!(refused["userErrors"][0]["code"], "FILE");
    assert_eq!(
        refused["fileErrors"],
        json!([{ "line": 10, "message": format!("\"Room; one\" is taken on {day} at 12:59 (UTC).").replace("12:59", &at(day, 13, 59).format("%H:%M").to_string()) },
               { "line": 16, "message": format!("\"Room; one\" is taken on {day} at {} (UTC).", at(day, 15, 30).format("%H:%M")) }])
    );
    assert_eq!(app.database.count("SELECT count(*) FROM practice.appointment"), 2);
    book(client, booking(&[&room], at(day, 15, 0), 30)).await;
}

#[tokio::test]
async fn files_that_lie_are_refused_and_bounded() {
    let (app, books, room) = open().await;
    let client = &books.accountant;
    let starts = at(monday(2), 9, 0);
    let event = |uid: &str, more: &str| vevent(uid, starts, 30, more);
    for (text, line, said) in [
        ("garbage without any order".to_owned(), 1, "This is no line of a calendar"),
        ("END:VEVENT\r\n".to_owned(), 1, "END:VEVENT stands here without a BEGIN:VEVENT."),
        (vcalendar(&[event("a", "and a line\nthat was never folded\n")]), 9, "This is no line of a calendar"),
        (vcalendar(&[vevent("a", starts, -30, "")]), 7, "DTEND lies before DTSTART"),
        (vcalendar(&[vevent("a", starts, 0, "")]), 4, "An appointment takes 1 to 44,640 minutes."),
        (vcalendar(&[event("a", "RRULE:FREQ=SECONDLY\n")]), 9, "FREQ cannot be “SECONDLY”"),
        (vcalendar(&[event("a", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31\n")]), 4, "This rule names no day"),
        (vcalendar(&[event("a", "RRULE:FREQ=DAILY;COUNT=99999999\n")]), 9, "COUNT cannot be"),
        (
            vcalendar(&[event("a", "").replace("DTSTART:", "DTSTART;TZID=Mars/Olympus:")]),
            6,
            "The time zone \"Mars/Olympus\" is not known",
        ),
        (vcalendar(&[event("a", ""), event("a", "")]), 10, "Another event of the file has the same UID."),
        (
            vcalendar(&[event("a", &format!("DESCRIPTION:{}\n", "x".repeat(100_000)))]),
            9,
            "The line is longer than 64 KiB.",
        ),
        (
            vcalendar(&[event("a", "RECURRENCE-ID:20270101T080000Z\n")]),
            4,
            "This stands for a time of a series that the file does not have.",
        ),
    ] {
        let refused = import(client, &room, &text).await;
        assert_eq!(refused["fileErrors"][0]["line"], line, "{refused}");
        assert!(refused["fileErrors"][0]["message"].as_str().unwrap().starts_with(said), "{refused}");
        assert_eq!((&refused["userErrors"][0]["code"], &refused["appointments"]), (&json!("FILE"), &Value::Null));
    }
    // Many events whose rules never end: each is bounded, and so is the file.
    let begun = std::time::Instant::now();
    let bomb: Vec<String> = (0..501).map(|number| event(&number.to_string(), "RRULE:FREQ=DAILY\n")).collect();
    let refused = import(client, &room, &vcalendar(&bomb)).await;
    assert_eq!(refused["fileErrors"][0]["message"], "The file has more than 500 events.");
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(app.database.count("SELECT count(*) FROM practice.appointment"), 0);
}
