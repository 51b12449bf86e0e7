//! Beside a request its signers write with those who ask, each as what he sees of it; who is not asked yet sees nothing.

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use super::{Desk, tasks, user};
use crate::documents_are_kept::{act, refusal};
use crate::harness::Client;

async fn write(client: &Client, record: &Value, text: &str, shown: bool) -> Value {
    let input = json!({ "record": record, "text": text, "visibleToClient": shown });
    act(client, "commentCreate", "CommentCreateInput", input, "comment { id text }").await
}

async fn told(client: &Client) -> Vec<String> {
    let seen = client.ask("{ notices { nodes { comment { text } } } }", json!({})).await["notices"]["nodes"].clone();
    let nodes = seen.as_array().unwrap().clone();
    nodes.iter().map(|notice| notice["comment"]["text"].as_str().unwrap_or("no comment").to_owned()).collect()
}

#[tokio::test]
async fn whoever_is_asked_is_spoken_to_and_nobody_else() {
    let desk = Desk::open().await;
    for person in [desk.rosa_is, desk.tom_is] {
        desk.cabinet.office.grant(desk.cabinet.firm, person, &[Can::CommentRead, Can::CommentWrite, Can::NoticeRead]);
    }
    let request = json!(desk.out(json!([[user(desk.rosa_is)], [user(desk.tom_is)]]), json!({})).await);
    let named = |person: Value| format!("@[{}]", person["user"].as_str().unwrap());
    let (rosa, tom) = (named(user(desk.rosa_is)), named(user(desk.tom_is)));

    // Rosa is asked and told; Tom's turn has not come, and to him there is no request.
    let text = format!("{rosa} Please look at page two.");
    assert_eq!(write(&desk.ada, &request, &text, true).await["userErrors"], json!([]));
    assert_eq!(told(&desk.rosa).await, [text]);
    let early = write(&desk.ada, &request, &format!("{tom} And you?"), true).await;
    assert_eq!(refusal(&early).1, "input.text", "{early}");
    assert!(told(&desk.tom).await.is_empty());
    assert_eq!(refusal(&write(&desk.tom, &request, "Anybody?", true).await).0, "NOT_FOUND");

    // She answers beside her task, which is the same thread; what the staff says to itself she does not see.
    let task = tasks(&desk.rosa).await[0]["id"].clone();
    assert_eq!(write(&desk.rosa, &task, "Page two is fine.", true).await["userErrors"], json!([]));
    assert_eq!(write(&desk.ada, &request, "She is quick.", false).await["userErrors"], json!([]));
    let seen = "query($record: ID!) { comments(record: $record) { nodes { text } } }";
    let hers = desk.rosa.ask(seen, json!({ "record": task })).await["comments"]["nodes"].clone();
    assert_eq!(hers.as_array().unwrap().len(), 2, "{hers}");
    let all = desk.ada.ask(seen, json!({ "record": request })).await["comments"]["nodes"].clone();
    assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
}
