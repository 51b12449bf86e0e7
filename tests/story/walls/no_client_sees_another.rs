//! Two clients, and whatever the API takes an id for: to the one, the other's ids are ids that never existed. Generated
//! from the schema, so that a new field, argument or type is covered or the test fails.

use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::furnished::{Furnished, Ids, change, collect, furnish};
use super::places;
use super::schema::{IdPlace, Schema, innermost};
use crate::harness::issuer::{OAUTH_CLIENT, OAUTH_SECRET, standing};
use crate::harness::{App, Client, Reply};

/// Types with an id that are no client's, and why.
const OF_NO_CLIENT: &[(&str, &str)] = &[
    ("Notice", "what one person is told, read by himself only"),
    ("ClientGroup", "a group of clients of the provider, read with a token without client"),
    ("OnboardingTemplate", "what clients of the provider begin with, read with a token without client"),
    ("ProviderCalendar", "a calendar of the provider, read with a token without client"),
    ("ProviderRole", "a role of the provider, read with a token without client"),
    ("ProviderSchedule", "what the provider has done, read with a token without client"),
    ("Session", "a sign-in of a person, seen by himself only"),
    ("StaffIdentityProvider", "of the provider, read with a token without client"),
    ("StaffMember", "a member of the provider's staff, read with a token without client"),
    ("Team", "a team of the provider, seen in the clients in which one of it sees the work"),
    ("UndeliveredMail", "a mail that was given up, read with a token without client"),
    ("Viewer", "the caller himself"),
    ("WorkView", "a person's own, or shared with all of the provider's staff"),
];

/// Query fields that need a token without client.
const PROVIDERS: &[&str] = &[
    "serviceSkills",
    "skills",
    "staffCapacity",
    "staffSkills",
    "clientGroups",
    "clientOffboardings",
    "clients",
    "closeStatuses",
    "onboardingTemplates",
    "providerCalendars",
    "providerRoles",
    "providerSchedules",
    "services",
    "staff",
    "staffIdentityProviders",
    "teams",
    "undeliveredMails",
    "workTemplates",
];

/// Places where not even an id of one's own makes a difference, and why.
const MUTE: &[(&str, &str)] = &[
    ("auditTrail WebhookDelivery", "what was sent is bookkeeping, which the trail leaves out"),
    ("auditTrail Event", "events tell of changes, the trail holds them"),
    ("clientGroupCreate", "needs a token without client"),
    ("clientGroupDelete", "needs a token without client"),
    ("clientGroupUpdate", "needs a token without client"),
    ("clientEngagementRequirementSet", "needs a token without client"),
    ("clientStatusMove", "needs a token without client"),
    ("workItems ClientGroup", "needs a token without client"),
    ("workItemCounts ClientGroup", "needs a token without client"),
    ("clients", "needs a token without client"),
    ("staffAbsenceAdd", "needs a token without client"),
    ("staffAbsenceRemove", "needs a token without client"),
    ("staffHoursSet", "needs a token without client"),
    ("staffSkillAdd", "needs a token without client"),
    ("staffSkillEnd", "needs a token without client"),
    ("staffSkills", "needs a token without client"),
    ("clientOffboardingAnnounce", "needs a token without client"),
    ("clientOffboardingKeep", "needs a token without client"),
    ("clientPurgeDecide", "needs a token without client"),
    ("clientPurgePropose", "needs a token without client"),
    ("clientOffboardingUpdate", "needs a token without client"),
    ("clientOffboardingWithdraw", "needs a token without client"),
    ("clientOnboard", "needs a token without client"),
    ("onboardingTemplateCreate", "needs a token without client"),
    ("onboardingTemplateDelete", "needs a token without client"),
    ("onboardingTemplateUpdate", "needs a token without client"),
    ("providerCalendarDelete", "needs a token without client"),
    ("providerCalendarUpdate", "needs a token without client"),
    ("providerScheduleUpdate", "needs a token without client"),
    ("staffCreate", "needs a token without client"),
    ("staffDisable", "needs a token without client"),
    ("staffIdentityProviderCreate", "needs a token without client"),
    ("staffIdentityProviderDelete", "needs a token without client"),
    ("staffIdentityProviderUpdate", "needs a token without client"),
    ("staffIdentityProviderUserUnlink", "needs a token without client"),
    ("undeliveredMailRetry", "needs a token without client"),
    ("teamMemberAdd", "needs a token without client"),
    ("userSamePersonSet", "needs a token without client"),
    ("teamMemberEnd", "needs a token without client"),
    ("teamUpdate", "needs a token without client"),
    ("workViewCreate", "needs a token without client"),
    ("workViewUpdate", "needs a token without client"),
    ("workViewDelete", "needs a token without client"),
    ("auditTrail Job", "a job is its own record, with its attempts"),
    ("auditTrail RuleRun", "what a rule has done is its own record, and stands in the trail where it was done"),
    ("comments Comment", "a comment is answered, not written beside"),
    ("comments DocumentLine", "what there is to say of a line is said beside its document"),
    ("comments Event", "what there is to say of an event is said beside its record"),
    ("recordWatch Comment", "a comment is answered, not written beside"),
    ("recordWatch DocumentLine", "what there is to say of a line is said beside its document"),
    ("recordWatch Event", "what there is to say of an event is said beside its record"),
    ("recordWatchers Comment", "a comment is answered, not written beside"),
    ("recordWatchers DocumentLine", "what there is to say of a line is said beside its document"),
    ("recordWatchers Event", "what there is to say of an event is said beside its record"),
    ("recordUnwatch Comment", "a comment is answered, not written beside"),
    ("recordUnwatch DocumentLine", "what there is to say of a line is said beside its document"),
    ("recordUnwatch Event", "what there is to say of an event is said beside its record"),
    ("recordMute Comment", "a comment is answered, not written beside"),
    ("recordMute DocumentLine", "what there is to say of a line is said beside its document"),
    ("recordMute Event", "what there is to say of an event is said beside its record"),
    ("auditTrail User", "people have no trail in a client"),
];

struct Walls {
    schema: Schema,
    app: App,
    alpha: Furnished,
    alphas: Ids,
    beta: Furnished,
    betas: Ids,
    /// Root fields without ids as beta saw them before alpha was there.
    before: Vec<(String, Value)>,
    /// What no answer to beta may hold.
    secrets: Vec<String>,
    leaks: RefCell<Vec<String>>,
}

fn required(argument: &Value) -> bool {
    argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null()
}

/// Every query that needs no id.
fn plain_queries(schema: &Schema) -> Vec<Value> {
    schema
        .root_fields(false)
        .into_iter()
        .filter(|field| {
            !field["args"].as_array().unwrap().iter().any(|one| required(one) && innermost(&one["type"]) == "ID")
        })
        .collect()
}

/// Takes out what differs from request to request: its id, how many statements it took, which depends on which fields
/// happen to be fetched together, and what is left in the caller's bucket.
fn settle(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("requestId");
            fields.remove("statements");
            fields.remove("remaining");
            fields.remove("resetAt");
            // counted up to the moment
            fields.remove("reading");
            // signed anew for each answer
            fields.remove("downloadUrl");
            fields.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

/// What every query without ids answers, and the ids in it.
async fn look_around(schema: &Schema, client: &Client, ids: &mut Ids) -> Vec<(String, Value)> {
    let mut seen = Vec::new();
    for field in plain_queries(schema) {
        let name = field["name"].as_str().unwrap();
        let (query, variables) =
            schema.call(false, name, &|path| places::needed(name, path), &|path, _| places::value_at(name, path));
        let reply = client.send(&query, variables).await;
        assert_eq!(
            reply.code(),
            if PROVIDERS.contains(&name) { "BAD_USER_INPUT" } else { "OK" },
            "{name}: {}",
            reply.text
        );
        collect(&reply.body["data"], ids);
        // What stands on the pages behind the first is the client's as well.
        let mut page = reply.body["data"][name]["pageInfo"].clone();
        while page["hasNextPage"] == true {
            let next = |path: &[String]| path == ["after".to_owned()] || places::needed(name, path);
            let value = |path: &[String], _: &str| {
                if path == ["after".to_owned()] {
                    Some(page["endCursor"].clone())
                } else {
                    places::value_at(name, path)
                }
            };
            let (query, variables) = schema.call(false, name, &next, &value);
            let body = client.send(&query, variables).await.body;
            collect(&body["data"], ids);
            page = body["data"][name]["pageInfo"].clone();
        }
        let mut body = reply.body;
        settle(&mut body);
        if name != "sessions" {
            seen.push((name.to_owned(), body));
        }
    }
    seen
}

/// An id of the same kind that names nothing.
fn unknown(id: &str) -> String {
    format!("{}_{}", id.rsplit_once('_').unwrap().0, Uuid::now_v7().simple())
}

impl Walls {
    async fn raise() -> Self {
        let (schema, app) = (Schema::read().await, App::start());
        let administrator = app.administrator().await;
        let own = json!({ "name": "Staff login", "issuer": standing().url, "oauthClientId": OAUTH_CLIENT, "oauthClientSecret": OAUTH_SECRET });
        administrator
            .ask(
                "mutation($input: StaffIdentityProviderCreateInput!) { staffIdentityProviderCreate(input: $input) { userErrors { message } } }",
                json!({ "input": own }),
            )
            .await;
        app.database.lay(
            "INSERT INTO core.provider_job (id, kind, state, args, run_at, ended_at)
             VALUES (gen_random_uuid(), 'mail.sign_in', 'failed', '{\"PasswordReset\": {\"account\": null}}', now(), now())",
        );
        let roles = administrator
            .ask(
                "{ providerRoles { __typename id } providerSchedules { __typename id } staffIdentityProviders { __typename id }
                    undeliveredMails { nodes { __typename id } } }",
                json!({}),
            )
            .await;
        let beta = furnish(&app, &schema, &administrator, "BETA", "01").await;
        let (mut alphas, mut betas) = (Ids::new(), Ids::new());
        let before = look_around(&schema, &beta.boss, &mut betas).await;
        let alpha = furnish(&app, &schema, &administrator, "ALPHA", "02").await;
        look_around(&schema, &alpha.boss, &mut alphas).await;
        // The provider's calendars are open to its staff in every client: of those, one is foreign that is there no more.
        let gone = json!({ "id": alpha.examples["ProviderCalendar"] });
        change(&administrator, "providerCalendarDelete", gone, "").await;
        for ids in [&mut alphas, &mut betas] {
            collect(&roles, ids);
        }
        // Staff belong to the provider: only the portal's user is the client's own.
        alphas.insert("User".to_owned(), BTreeSet::from([alpha.examples["User"].clone()]));
        let mut secrets = vec!["ALPHA".to_owned()];
        for (kind, ids) in &alphas {
            if !["ProviderRole", "ProviderSchedule", "StaffIdentityProvider", "UndeliveredMail", "Viewer"]
                .contains(&kind.as_str())
            {
                secrets.extend(ids.iter().map(|id| id.rsplit_once('_').unwrap().1.to_owned()));
            }
        }
        Self { schema, app, alpha, alphas, beta, betas, before, secrets, leaks: RefCell::default() }
    }

    fn example(&self, firm: &Furnished, ids: &Ids, kind: &str) -> String {
        firm.examples
            .get(kind)
            .or_else(|| ids.get(kind)?.first())
            .unwrap_or_else(|| panic!("no id of a {kind}"))
            .clone()
    }

    /// Asks as beta. Whatever comes back may hold nothing of alpha's but what was asked for.
    async fn ask(&self, client: &Client, what: &str, query: &str, variables: Value, asked: &str) -> Reply {
        let reply = client.send(query, variables).await;
        let said = reply.text.replace(asked, "…");
        if let Some(secret) = self.secrets.iter().find(|secret| said.contains(*secret)) {
            self.leaks.borrow_mut().push(format!("{what} tells {secret}: {said}"));
        }
        reply
    }

    /// Calls a field with that id at that place and beta's own everywhere else.
    async fn put(&self, place: &IdPlace, id: &str, dry: bool) -> (u16, Value) {
        let field = place.field.as_str();
        let wanted = |path: &[String]| place.path.starts_with(path) || places::needed(field, path);
        let id_at = |path: &[String]| {
            if path == place.path {
                return json!(id);
            }
            let kind = places::kind_at(&self.schema, field, path)
                .unwrap_or_else(|| panic!("{field} {path:?} is in no dictionary"));
            json!(self.example(&self.beta, &self.betas, &kind))
        };
        let value = |path: &[String], named: &str| {
            let below = |name: &str| [path, &[name.to_owned()]].concat();
            match named {
                "ID" => Some(id_at(path)),
                // two lines that balance; the id stands in the first
                "LIST" if ["journalEntryPost", "journalProposalCreate", "recurringEntryCreate"].contains(&field) => {
                    let mut line = json!({ "account": id_at(&below("account")), "debit": "1" });
                    if place.path.ends_with(&["taxCode".to_owned()]) {
                        line["taxCode"] = json!(id);
                    }
                    if place.path.ends_with(&["dimensions".to_owned()]) {
                        line["dimensions"] = json!([id]);
                    }
                    Some(json!([line, { "account": self.beta.examples["Account"], "credit": "1" }]))
                }
                _ => places::value_at(field, path),
            }
        };
        let (query, variables) = self.schema.call(place.mutation, field, &wanted, &value);
        let client = if dry && place.mutation { self.beta.boss.dry() } else { self.beta.boss.clone() };
        let reply = self.ask(&client, &format!("{field} {:?}", place.path), &query, variables, id).await;
        let mut body = reply.body;
        settle(&mut body);
        (reply.status.as_u16(), serde_json::from_str(&body.to_string().replace(id, "…")).unwrap())
    }

    /// Every kind of record that an id at that place can name.
    fn kinds(&self, place: &IdPlace) -> Vec<String> {
        match places::kind_at(&self.schema, &place.field, &place.path) {
            Some(kind) if kind == "*" => self
                .schema
                .records()
                .into_iter()
                .filter(|kind| OF_NO_CLIENT.iter().all(|(name, _)| name != kind))
                .collect(),
            Some(kind) => vec![kind],
            None => Vec::new(),
        }
    }

    /// The newest link of each client's chain: moves with every change.
    fn chains(&self) -> Vec<String> {
        let id = self.alpha.client.rsplit_once('_').unwrap().1;
        self.app.database.lines(
            "postgres",
            &format!(
                "SELECT c.seq || ' ' || encode(c.hash, 'hex') AS line FROM audit.chain c WHERE c.tenant_id = '{id}'"
            ),
        )
    }

    fn done(&self, found: &mut Vec<String>) {
        found.append(&mut self.leaks.borrow_mut());
        found.extend(self.app.database.findings().into_iter().map(|finding| format!("backoffice check: {finding}")));
        assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n\n"));
    }

    /// What beta sees is what it saw before alpha was there.
    async fn the_same_as_alone(&self, found: &mut Vec<String>) {
        let after = look_around(&self.schema, &self.beta.boss, &mut Ids::new()).await;
        for ((field, before), (_, after)) in self.before.iter().zip(&after) {
            if before != after {
                found.push(format!("{field} is no longer what it was without the other client\n{before}\n{after}"));
            }
            if let Some(secret) = self.secrets.iter().find(|secret| after.to_string().contains(*secret)) {
                found.push(format!("{field} tells {secret}"));
            }
        }
    }
}

#[tokio::test]
async fn an_id_of_another_client_is_an_id_that_never_existed() {
    let walls = Walls::raise().await;
    let mut found = Vec::new();
    for kind in walls.schema.records() {
        if OF_NO_CLIENT.iter().all(|(name, _)| *name != kind)
            && (!walls.alphas.contains_key(&kind) || !walls.betas.contains_key(&kind))
        {
            found.push(format!("{kind}: no record of this type; give it one in furnished.rs"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let chains = walls.chains();
    assert_eq!(chains.len(), 1);

    for place in walls.schema.id_places() {
        let kinds = walls.kinds(&place);
        if kinds.is_empty() {
            found.push(format!("{} {:?}: say in places.rs which kind of id goes here", place.field, place.path));
        }
        for kind in kinds {
            let what = format!("{} {} of {kind}", place.field, place.path.join("."));
            let own = walls.example(&walls.beta, &walls.betas, &kind);
            let foreign = walls.example(&walls.alpha, &walls.alphas, &kind);
            let nobodys = walls.put(&place, &unknown(&foreign), true).await;
            let others = walls.put(&place, &foreign, true).await;
            if others != nobodys {
                found.push(format!(
                    "{what}: another client's id is told from an unknown one\n{}\n{}",
                    others.1, nobodys.1
                ));
            }
            let mute = MUTE.iter().any(|(name, _)| *name == place.field || *name == format!("{} {kind}", place.field));
            if !mute && walls.put(&place, &own, true).await == nobodys {
                found.push(format!("{what}: the id makes no difference, so nothing is shown: {}", nobodys.1));
            }
            if place.mutation {
                let kept = walls.put(&place, &foreign, false).await;
                if kept != nobodys {
                    found.push(format!("{what}: not refused without Dry-Run\n{}\n{}", kept.1, nobodys.1));
                }
            }
        }
    }
    if walls.chains() != chains {
        found.push("something was changed at the other client".to_owned());
    }
    walls.the_same_as_alone(&mut found).await;
    walls.done(&mut found);
}

/// The values that nodes of a list have in a field.
fn values(answers: &[(String, Value)], list: &str, field: &str) -> BTreeSet<String> {
    let nodes = answers.iter().find(|(name, _)| name == list).map(|(_, body)| &body["data"][list]["nodes"]);
    let nodes = nodes.and_then(Value::as_array).into_iter().flatten();
    nodes.filter_map(|node| node[field].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn lists_filters_and_cursors_tell_nothing_of_another_client() {
    let walls = Walls::raise().await;
    let mut found = Vec::new();
    walls.the_same_as_alone(&mut found).await;
    let answers = look_around(&walls.schema, &walls.alpha.boss, &mut Ids::new()).await;
    let boss = &walls.beta.boss;
    for list in plain_queries(&walls.schema) {
        let name = list["name"].as_str().unwrap();
        if !innermost(&list["type"]).ends_with("Connection") || PROVIDERS.contains(&name) {
            continue;
        }
        let call = |argument: &str, value: Value| {
            let wanted = |path: &[String]| path == [argument.to_owned()];
            walls.schema.call(false, name, &wanted, &|path, _| (path == [argument.to_owned()]).then(|| value.clone()))
        };
        for argument in list["args"].as_array().unwrap() {
            let kind = innermost(&argument["type"]);
            match argument["name"].as_str().unwrap() {
                "after" => {
                    let page = answers
                        .iter()
                        .find(|(known, _)| known == name)
                        .map(|(_, body)| body["data"][name]["pageInfo"].clone());
                    for end in ["startCursor", "endCursor"] {
                        // sessions are a person's own and not compared
                        let Some(cursor) = page.as_ref().and_then(|page| page[end].as_str()) else { continue };
                        let mut bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
                        // the id's last digit: its place in the order stays, the id is nobody's
                        let digit = bytes.iter().position(|byte| *byte == b':').map_or(bytes.len(), |colon| colon) - 1;
                        bytes[digit] = if bytes[digit] == b'0' { b'1' } else { b'0' };
                        let forged = URL_SAFE_NO_PAD.encode(bytes);
                        let mut pages = Vec::new();
                        for after in [cursor, &forged] {
                            let (query, variables) = call("after", json!(after));
                            let mut body = walls.ask(boss, name, &query, variables, "…").await.body;
                            settle(&mut body);
                            pages.push(body);
                        }
                        if pages[0] != pages[1] || pages[0]["data"][name].is_null() {
                            found.push(format!(
                                "{name}: a cursor of another client is told from a forged one\n{}\n{}",
                                pages[0], pages[1]
                            ));
                        }
                    }
                }
                "orderBy" => {
                    for order in walls.schema.words(kind) {
                        let (query, variables) = call("orderBy", json!(order));
                        let body = walls.ask(boss, name, &query, variables, "…").await.body;
                        let mut ordered = Ids::new();
                        collect(&body["data"], &mut ordered);
                        let own = |(kind, ids): (&String, &BTreeSet<String>)| {
                            walls.betas.get(kind).is_some_and(|own| ids.is_subset(own))
                        };
                        if ordered.is_empty() || !ordered.iter().all(own) {
                            found.push(format!(
                                "{name} in the order {order} shows rows that are not the client's own: {ordered:?}"
                            ));
                        }
                    }
                }
                "filter" => {
                    for field in walls.schema.input_fields(kind) {
                        let by = field["name"].as_str().unwrap();
                        let (strange, ways): (&str, &[&str]) = match innermost(&field["type"]) {
                            "TextFilter" => ("OMEGA never existed", &["eq", "in", "contains"]),
                            "DateFilter" => ("2031-05-05", &["eq"]),
                            _ => continue,
                        };
                        let own = values(&walls.before, name, by);
                        let mut told: Vec<String> = values(&answers, name, by).difference(&own).cloned().collect();
                        if strange.starts_with("OMEGA") {
                            told.push("ALPHA".to_owned());
                        }
                        for (value, way) in told.iter().flat_map(|value| ways.iter().map(move |way| (value, *way))) {
                            let mut pages = Vec::new();
                            for value in [value.as_str(), strange] {
                                let value = if way == "in" { json!([value]) } else { json!(value) };
                                let (query, variables) = call("filter", json!({ by: { way: value } }));
                                let mut body = walls.ask(boss, name, &query, variables, "…").await.body;
                                settle(&mut body);
                                pages.push(body);
                            }
                            if pages[0] != pages[1] || pages[0]["data"][name].is_null() {
                                found.push(format!("{name}: {by} {way} {value} tells\n{}\n{}", pages[0], pages[1]));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
    }
    walls.done(&mut found);
}
