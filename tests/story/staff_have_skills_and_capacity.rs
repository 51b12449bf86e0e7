//! Staff can something from a day on, and has so many hours a week; work that takes it goes to those who can.

use chrono::{Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::documents_are_kept::{act, make, refusal};
use crate::harness::{App, Client};

struct Firm {
    app: App,
    administrator: Client,
    inside: Client,
    konrad: String,
    sara: String,
}

impl Firm {
    async fn open() -> Self {
        let app = App::start();
        let administrator = app.administrator().await;
        let client = administrator.onboard("Alpha", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        let door = administrator.enter(&client).await;
        let konrad = administrator.staff("konrad@firm.example", "Konrad").await;
        let sara = administrator.staff("sara@firm.example", "Sara").await;
        for user in [&konrad, &sara] {
            door.grant(user, "Accountant", "2026-01-01", None).await;
        }
        let inside = app.sign_in("konrad@firm.example").await.enter(&client).await;
        for (code, name) in [("payroll", "Payroll"), ("advice", "Advice")] {
            let service = json!({ "code": code, "name": name });
            act(&administrator, "serviceCreate", "ServiceCreateInput", service, "service { code }").await;
        }
        let engaged = json!({ "name": "Letter", "from": "2026-01-01", "services": [{ "service": "payroll" }, { "service": "advice" }] });
        make(&inside, "engagementCreate", "EngagementCreateInput", engaged, "engagement").await;
        Self { app, administrator, inside, konrad, sara }
    }

    async fn provider(&self, field: &str, input: Value, selection: &str) -> Value {
        let kind = format!("{}{}Input", field[..1].to_uppercase(), &field[1..]);
        act(&self.administrator, field, &kind, input, selection).await
    }

    async fn item(&self, service: &str, due: Option<NaiveDate>) -> String {
        let input = json!({ "kind": "TASK", "title": format!("Some {service}"), "service": service, "dueOn": due });
        make(&self.inside, "workItemCreate", "WorkItemCreateInput", input, "workItem").await
    }

    async fn assign(&self, item: &str, to: &str) -> Value {
        let input = json!({ "id": item, "assignee": to });
        act(
            &self.inside,
            "workItemAssign",
            "WorkItemAssignInput",
            input,
            "workItem { missingSkills { skill name wanted level onMissing } }",
        )
        .await
    }
}

#[tokio::test]
async fn work_goes_to_those_who_can() {
    let firm = Firm::open().await;
    let today = Utc::now().with_timezone(&chrono_tz::Europe::Berlin).date_naive();
    let yesterday = today.checked_sub_days(Days::new(1)).unwrap();
    for code in ["wages", "english"] {
        firm.provider("skillCreate", json!({ "code": code, "name": code.to_uppercase() }), "skill { code }").await;
    }
    let takes = |service: &str, skill: &str, level: Value, missing: &str| json!({ "service": service, "skill": skill, "level": level, "onMissing": missing });
    firm.provider("serviceSkillSet", takes("payroll", "wages", json!(3), "REFUSE"), "serviceSkills { skill }").await;
    firm.provider("serviceSkillSet", takes("payroll", "english", json!(2), "WARN"), "serviceSkills { skill }").await;
    let can = |user: &str, level: i32, from: NaiveDate, until: Option<NaiveDate>| json!({ "user": user, "skill": "wages", "level": level, "from": from, "until": until });
    firm.provider("staffSkillAdd", can(&firm.konrad, 3, yesterday, None), "staffSkills { level }").await;
    firm.provider("staffSkillAdd", can(&firm.sara, 2, yesterday, None), "staffSkills { level }").await;

    // Konrad is given it, and the work says what he lacks; Sara is not good enough, and refused everywhere.
    let item = firm.item("payroll", None).await;
    let given = firm.assign(&item, &firm.konrad).await;
    let lacks = json!([{ "skill": "english", "name": "ENGLISH", "wanted": 2, "level": 0, "onMissing": "WARN" }]);
    assert_eq!(given["workItem"]["missingSkills"], lacks);
    let refused = firm.assign(&item, &firm.sara).await;
    assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), ("STATE", "input.assignee"), "{refused}");
    let many = act(
        &firm.inside,
        "workItemsAssign",
        "WorkItemsAssignInput",
        json!({ "items": [item], "assignee": firm.sara }),
        "workItems { id }",
    )
    .await;
    assert_eq!(refusal(&many).0, "STATE");
    let born = json!({ "kind": "TASK", "title": "Wages", "service": "payroll", "assignee": firm.sara });
    assert_eq!(
        refusal(&act(&firm.inside, "workItemCreate", "WorkItemCreateInput", born, "workItem { id }").await).0,
        "STATE"
    );
    // Work that takes nothing goes to everybody.
    let other = firm.item("advice", None).await;
    assert_eq!(firm.assign(&other, &firm.sara).await["workItem"]["missingSkills"], json!([]));
    let turned = json!({ "id": other, "service": "payroll" });
    assert_eq!(
        refusal(&act(&firm.inside, "workItemUpdate", "WorkItemUpdateInput", turned, "workItem { id }").await).0,
        "STATE"
    );
    // From today on Sara is better; what was said before ends first.
    let twice = firm.provider("staffSkillAdd", can(&firm.sara, 4, today, None), "staffSkills { level }").await;
    assert_eq!(refusal(&twice).0, "DUPLICATE");
    firm.provider(
        "staffSkillEnd",
        json!({ "user": firm.sara, "skill": "wages", "until": today }),
        "staffSkills { level }",
    )
    .await;
    let said = firm.provider("staffSkillAdd", can(&firm.sara, 4, today, None), "staffSkills { level }").await;
    assert_eq!(said["staffSkills"], json!([{ "level": 2 }, { "level": 4 }]));
    assert!(firm.assign(&item, &firm.sara).await["workItem"].is_object());
    // What somebody could once he cannot today, and what a service does not take any more nobody lacks.
    firm.provider(
        "staffSkillEnd",
        json!({ "user": firm.konrad, "skill": "wages", "until": today }),
        "staffSkills { level }",
    )
    .await;
    assert_eq!(refusal(&firm.assign(&item, &firm.konrad).await).0, "STATE");
    firm.provider("serviceSkillSet", takes("payroll", "wages", Value::Null, "REFUSE"), "serviceSkills { skill }").await;
    assert_eq!(firm.assign(&item, &firm.konrad).await["workItem"]["missingSkills"], lacks);

    for (field, input, code, path) in [
        ("skillCreate", json!({ "code": "Wages", "name": "x" }), "INVALID", "input.code"),
        ("skillCreate", json!({ "code": "wages", "name": "x" }), "DUPLICATE", "input"),
        ("staffSkillAdd", can(&firm.sara, 6, today, None), "INVALID", "input.level"),
        ("staffSkillAdd", can(&firm.sara, 1, today, Some(today)), "INVALID", "input.until"),
        ("staffSkillAdd", can("usr_00000000000000000000000000000000", 1, today, None), "NOT_FOUND", "input.user"),
        ("serviceSkillSet", takes("none", "wages", json!(1), "WARN"), "NOT_FOUND", "input.service"),
        ("serviceSkillSet", takes("payroll", "none", json!(1), "WARN"), "NOT_FOUND", "input.skill"),
    ] {
        let refused = firm.provider(field, input, "userErrors { code }").await;
        assert_eq!((refusal(&refused).0, refusal(&refused).1.as_str()), (code, path), "{field} {refused}");
    }
    let konrad = firm.app.sign_in("konrad@firm.example").await;
    let listed = konrad.ask("{ skills { code } staffSkills(skill: \"wages\") { name level } serviceSkills { service skill onMissing } }", json!({})).await;
    assert_eq!(listed["skills"], json!([{ "code": "english" }, { "code": "wages" }]));
    assert_eq!(listed["serviceSkills"], json!([{ "service": "payroll", "skill": "english", "onMissing": "WARN" }]));
    let own =
        "mutation { skillCreate(input: { code: \"mine\", name: \"Mine\" }) { skill { code } userErrors { message } } }";
    assert_eq!(konrad.send(own, json!({})).await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_week_has_so_many_hours_and_so_much_work() {
    let firm = Firm::open().await;
    let today = Utc::now().date_naive();
    let monday = today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into())).unwrap();
    let day = |days: u64| monday.checked_add_days(Days::new(days)).unwrap();
    let hours = |from: NaiveDate, hours: &str| json!({ "user": firm.konrad, "from": from, "hours": hours });
    firm.provider("staffHoursSet", hours(day(0), "40"), "staffCapacity { name }").await;
    // From Wednesday of the second week on he works half of that; Monday and Tuesday of the first he is away.
    firm.provider("staffHoursSet", hours(day(9), "20"), "staffCapacity { name }").await;
    let away = json!({ "user": firm.konrad, "from": day(0), "until": day(2), "note": "A course" });
    let first = firm
        .provider("staffAbsenceAdd", away.clone(), "staffCapacity { weeks { week absentDays availableMinutes } }")
        .await;
    assert_eq!(
        first["staffCapacity"]["weeks"].as_array().unwrap()[..3],
        [
            json!({ "week": day(0), "absentDays": 2, "availableMinutes": 1440 }),
            json!({ "week": day(7), "absentDays": 0, "availableMinutes": 2 * 480 + 3 * 240 }),
            json!({ "week": day(14), "absentDays": 0, "availableMinutes": 1200 })
        ]
    );
    assert_eq!(refusal(&firm.provider("staffAbsenceAdd", away, "staffCapacity { name }").await).0, "DUPLICATE");

    // What is overdue counts in the first week, what is due later in its own; what is done, and what nobody has said, for nothing.
    let mut items = Vec::new();
    for (due, minutes) in
        [(day(0) - Days::new(30), Some(1500)), (day(8), Some(120)), (day(10), None), (day(15), Some(60))]
    {
        let item = firm.item("advice", Some(due)).await;
        firm.assign(&item, &firm.konrad).await;
        let input = json!({ "id": item, "minutes": minutes });
        let set =
            act(&firm.inside, "workItemEstimateSet", "WorkItemEstimateSetInput", input, "workItem { estimateMinutes }")
                .await;
        assert_eq!(set["workItem"]["estimateMinutes"], json!(minutes));
        items.push(item);
    }
    act(&firm.inside, "workItemComplete", "WorkItemInput", json!({ "id": items[3] }), "workItem { state }").await;
    let ask = "query($from: Date!, $until: Date!) { staffCapacity(from: $from, until: $until) { totalCount nodes { name weeks {
        week hours plannedMinutes items withoutEstimate freeMinutes explanation } } } }";
    let found = firm.administrator.ask(ask, json!({ "from": day(3), "until": day(21) })).await["staffCapacity"].clone();
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(found["totalCount"], nodes.len());
    let konrad = nodes.iter().find(|node| node["name"] == "Konrad").unwrap()["weeks"].as_array().unwrap();
    let figures: Vec<(i64, i64, i64, i64)> = konrad
        .iter()
        .map(|week| {
            let number = |name: &str| week[name].as_i64().unwrap();
            (number("plannedMinutes"), number("items"), number("withoutEstimate"), number("freeMinutes"))
        })
        .collect();
    assert_eq!(figures, [(1500, 1, 0, -60), (120, 2, 1, 1680 - 120), (0, 0, 0, 1200)]);
    assert_eq!(
        konrad[0]["explanation"],
        "40.00 hours a week less 2 of 5 days away are 1440 minutes; 1 open items that are due take 1500 minutes, 0 of them without an estimate."
    );
    let sara = nodes.iter().find(|node| node["name"] == "Sara").unwrap()["weeks"].as_array().unwrap();
    assert!(sara.iter().all(|week| week["hours"] == "0" && week["freeMinutes"] == 0), "{sara:?}");

    let back = json!({ "user": firm.konrad, "from": day(0) });
    let now = firm.provider("staffAbsenceRemove", back.clone(), "staffCapacity { weeks { availableMinutes } }").await;
    assert_eq!(now["staffCapacity"]["weeks"][0]["availableMinutes"], 2400);
    assert_eq!(refusal(&firm.provider("staffAbsenceRemove", back, "staffCapacity { name }").await).0, "NOT_FOUND");
    for wrong in ["81", "-1", "38.555"] {
        assert_eq!(
            refusal(&firm.provider("staffHoursSet", hours(day(0), wrong), "staffCapacity { name }").await).1,
            "input.hours"
        );
    }
    let zero = json!({ "id": items[0], "minutes": 0 });
    assert_eq!(
        refusal(&act(&firm.inside, "workItemEstimateSet", "WorkItemEstimateSetInput", zero, "workItem { id }").await).1,
        "input.minutes"
    );
    assert_eq!(firm.administrator.send(ask, json!({ "from": day(0), "until": day(0) })).await.code(), "BAD_USER_INPUT");
    assert_eq!(
        firm.app
            .sign_in("konrad@firm.example")
            .await
            .send(ask, json!({ "from": day(0), "until": day(7) }))
            .await
            .code(),
        "FORBIDDEN"
    );
}
