"""Books series in the demo's first client, reads their feed with independent libraries, and compares what these make of it
with what the API shows: every time, its title and its length."""

import datetime
import json
import sys
import urllib.request

import icalendar
import recurring_ical_events

address = sys.argv[1]
passed = failed = 0


def ask(query, variables=None, token=None):
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    headers = {"content-type": "application/json", "accept": "application/graphql-response+json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(f"{address}/graphql", body, headers)) as answer:
        said = json.load(answer)
    if said.get("errors"):
        raise SystemExit(json.dumps(said["errors"]))
    for payload in said["data"].values():
        if isinstance(payload, dict) and payload.get("userErrors"):
            raise SystemExit(json.dumps(payload["userErrors"]))
    return said["data"]


def step(name, holds, shown=""):
    global passed, failed
    if holds:
        passed += 1
        print(f"ok: {name}")
    else:
        failed += 1
        print(f"FAILED: {name} {shown}")


who = {"email": "accountant@demo.example", "password": "demo-Ledger-4711"}
own = ask("mutation($i: SignInInput!) { signIn(input: $i) { accessToken userErrors { message } } }", {"i": who})
own = own["signIn"]["accessToken"]
client = ask("{ clients(first: 1) { nodes { id } } }", {}, own)["clients"]["nodes"][0]["id"]
token = ask(
    "mutation($i: ClientTokenCreateInput!) { clientTokenCreate(input: $i) { accessToken userErrors { message } } }",
    {"i": {"client": client}},
    own,
)["clientTokenCreate"]["accessToken"]

now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
name = f"Conformance {now.isoformat()}"
room = ask(
    """mutation($i: AppointmentCalendarCreateInput!) { appointmentCalendarCreate(input: $i) {
         appointmentCalendar { id } userErrors { message } } }""",
    {"i": {"name": name, "kind": "ROOM"}},
    token,
)["appointmentCalendarCreate"]["appointmentCalendar"]["id"]
feed = ask(
    """mutation($i: AppointmentFeedCreateInput!) { appointmentFeedCreate(input: $i) {
         appointmentFeedAddress { address } userErrors { message } } }""",
    {"i": {"calendar": room, "name": name}},
    token,
)["appointmentFeedCreate"]["appointmentFeedAddress"]["address"]


def book(hour, title, zone, rule=None, **more):
    day = (now + datetime.timedelta(days=7)).date()
    while rule and "MONTHLY" in rule and day.day != 31:
        day += datetime.timedelta(days=1)
    wall = datetime.datetime.combine(day, datetime.time(hour), zone)
    wanted = {
        "title": title,
        "calendars": [room],
        "startsAt": wall.astimezone(datetime.timezone.utc).isoformat(),
        "minutes": 45,
        "timeZone": str(zone),
        "outsideAvailability": True,
        **more,
    }
    if rule:
        wanted["rule"] = rule
    return ask(
        """mutation($i: AppointmentBookInput!) { appointmentBook(input: $i) {
             appointment { id occurrences { id startsAt } } userErrors { message } } }""",
        {"i": wanted},
        token,
    )["appointmentBook"]["appointment"]


from zoneinfo import ZoneInfo

long = "Ünïcode, with; signs\\ and 😀 and so many words that the line is folded more than once: " + "word " * 20
book(8, long.strip(), ZoneInfo("Europe/Berlin"), description="One\nTwo, three; four\\five", location="A, B; C")
weekly = book(10, "Weekly in Berlin", ZoneInfo("Europe/Berlin"), "FREQ=WEEKLY;COUNT=50")
book(3, "Every other day in New York", ZoneInfo("America/New_York"), "FREQ=DAILY;INTERVAL=2;COUNT=90")
book(12, "Last day of the month", ZoneInfo("Europe/Berlin"), "FREQ=MONTHLY;COUNT=11", lastDayOfShortMonths=True)
book(15, "Without end", ZoneInfo("UTC"), "FREQ=WEEKLY")
ask(
    "mutation($i: AppointmentCancelInput!) { appointmentCancel(input: $i) { userErrors { message } } }",
    {"i": {"id": weekly["occurrences"][3]["id"]}},
    token,
)
moved = datetime.datetime.fromisoformat(weekly["occurrences"][5]["startsAt"].replace("Z", "+00:00"))
ask(
    "mutation($i: AppointmentMoveInput!) { appointmentMove(input: $i) { userErrors { message } } }",
    {
        "i": {
            "id": weekly["occurrences"][5]["id"],
            "startsAt": (moved + datetime.timedelta(hours=7)).isoformat(),
            "minutes": 30,
            "outsideAvailability": True,
        }
    },
    token,
)

with urllib.request.urlopen(address + feed) as answer:
    raw = answer.read()
    step("the feed is a calendar by its type", answer.headers["content-type"] == "text/calendar; charset=utf-8")
step("no line is longer than 75 octets", all(len(line) <= 75 for line in raw.split(b"\r\n")))
step("every line ends with CRLF", raw.count(b"\n") == raw.count(b"\r\n"))
calendar = icalendar.Calendar.from_ical(raw)
errors = [error for part in calendar.walk() for error in part.errors]
step("the library finds no fault in it", not errors, errors)
step("it is written again as it was read", icalendar.Calendar.from_ical(calendar.to_ical()) == calendar)
first = next(event for event in calendar.walk("VEVENT") if str(event["SUMMARY"]).startswith("Ünïcode"))
step("texts are what they were", (str(first["SUMMARY"]), str(first["DESCRIPTION"]), str(first["LOCATION"]))
     == (long.strip(), "One\nTwo, three; four\\five", "A, B; C"), first)

until = now + datetime.timedelta(days=390)
theirs = sorted(
    (event["DTSTART"].dt.astimezone(datetime.timezone.utc), event["DTEND"].dt - event["DTSTART"].dt, str(event["SUMMARY"]))
    for event in recurring_ical_events.of(calendar).between(now, until)
)
ours, after = [], None
while True:
    page = ask(
        """query($after: String, $until: DateTime, $calendars: [ID!]) {
             appointmentOccurrences(first: 100, after: $after, until: $until, filter: {calendars: $calendars}) {
               nodes { startsAt endsAt appointment { title } } pageInfo { hasNextPage endCursor } } }""",
        {"after": after, "until": until.isoformat(), "calendars": [room]},
        token,
    )["appointmentOccurrences"]
    for node in page["nodes"]:
        starts, ends = (datetime.datetime.fromisoformat(node[at].replace("Z", "+00:00")) for at in ("startsAt", "endsAt"))
        ours.append((starts, ends - starts, node["appointment"]["title"]))
    after = page["pageInfo"]["endCursor"]
    if not page["pageInfo"]["hasNextPage"]:
        break
ours.sort()
step(f"all {len(ours)} times are the same", ours == theirs and len(ours) > 180,
     [one for one in ours if one not in theirs][:3] + [one for one in theirs if one not in ours][:3])
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
