//! The server dies in the middle of an upload.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use super::{COMPLETE, announce, complete, listed, sha256};
use crate::harness::{Client, Office, wire};

/// The program itself, as a process of its own.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(office: &Office) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backoffice"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--pool-size", "2"])
            .env("DATABASE_URL", office.app.database.url("backoffice_app"))
            .env("BACKOFFICE_FILE_STORE", &office.app.folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = said
            .find_map(|line| line.split_once("http://")?.1.split_whitespace().next()?.parse().ok())
            .expect("the server does not start");
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_server_killed_in_the_middle_of_an_upload_leaves_nothing_that_counts() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let token = office.token(person, Some(firm));
    let bytes = vec![b'k'; 3_000_000];

    let process = Process::start(&office);
    let boss = Client::new(process.address).with_token(&token);
    let (id, address) = announce(&boss, "k.txt", &bytes).await;
    let begun = format!("PUT {address} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", bytes.len());
    let stream = wire::send(process.address, &[begun.as_bytes(), &bytes[..2_000_000]].concat()).await;
    for _ in 0..200 {
        if !listed(&office.app.folder).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = listed(&office.app.folder);
    assert!(left.len() == 1 && left[0].contains('#'), "the bytes were not on their way: {left:?}");
    drop(process);
    drop(stream);

    let process = Process::start(&office);
    let boss = Client::new(process.address).with_token(&token);
    let refused = boss.refused(COMPLETE, json!({ "input": { "file": id, "sha256": sha256(&bytes) } })).await;
    assert_eq!(refused[0]["code"], "STATE");
    let found =
        boss.ask("query($id: ID!) { file(id: $id) { state receivedAt downloadUrl } }", json!({ "id": id })).await;
    assert_eq!(found["file"], json!({ "state": "PENDING", "receivedAt": null, "downloadUrl": null }));
    // The same address is as good as before: it outlives the process that gave it.
    let again = crate::harness::http()
        .put(format!("http://{}{address}", process.address))
        .body(bytes.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    assert_eq!(complete(&boss, &id, &bytes).await["state"], "READY");

    // What the killed one left goes a day later.
    let left: Vec<_> = listed(&office.app.folder).into_iter().filter(|name| name.contains('#')).collect();
    assert_eq!(left.len(), 1);
    let path = office.app.folder.join(&left[0]);
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(25 * 3600);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    let pools = backoffice::platform::db::Pools::new(&office.app.database.urls(), 1).unwrap();
    backoffice::platform::files::watch::sweep(&office.app.shared.files, &pools).await.unwrap();
    assert_eq!(listed(&office.app.folder).len(), 1);
}
