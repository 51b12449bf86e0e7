//! An operator takes a backup while everybody works, restores it elsewhere, and is told if it was damaged.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::program::{Program, done, folder, refused};
use crate::harness::{Client, Database};

const POST: &str = "mutation($input: JournalEntryPostInput!) { journalEntryPost(input: $input) { journalEntry { number } userErrors { message } } }";
const TRIAL_BALANCE: &str =
    "{ trialBalance(asOf: \"2026-12-31\") { debit { amount } credit { amount } rows { code balance { amount } } } }";

/// A way to damage a backup: its name, what is done, and what has to be said of it.
type Harm = (&'static str, fn(&Path), &'static str);

/// One client with a chart, and somebody who may post into its books.
async fn accountant(program: &Program) -> Client {
    let administrator = program.administrator().await;
    let client = administrator.onboard("Alpha Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
    let user = administrator.staff("konrad@firm.example", "Konrad Konto").await;
    administrator.enter(&client).await.grant(&user, "Accountant", "2026-01-01", None).await;
    program.client().sign_in("konrad@firm.example").await.enter(&client).await
}

/// Posts entries until told to stop; gives how many.
async fn post(client: Client, stop: Arc<AtomicBool>, posted: Arc<AtomicUsize>) {
    let (cash, capital) = (client.account("1290").await, client.account("2010").await);
    while !stop.load(Ordering::Relaxed) {
        let lines = json!([{ "account": cash, "debit": "10.01" }, { "account": capital, "credit": "10.01" }]);
        client.ask(POST, json!({ "input": { "date": "2026-03-01", "description": "Paid in", "lines": lines } })).await;
        posted.fetch_add(1, Ordering::Relaxed);
    }
}

fn manifest(backup: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(backup.join("manifest.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn taken_while_writers_run_and_restored_elsewhere_it_is_the_same() {
    let mut program = Program::serve(&folder("serving"), &[], &[]);
    let data = program.data.to_str().unwrap().to_owned();
    let accountant = accountant(&program).await;
    fs::create_dir_all(program.data.join("files/ab")).unwrap();
    fs::write(program.data.join("files/ab/receipt"), b"one receipt").unwrap();

    let (stop, posted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> =
        (0..2).map(|_| tokio::spawn(post(accountant.clone(), Arc::clone(&stop), Arc::clone(&posted)))).collect();
    while posted.load(Ordering::Relaxed) < 5 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let backups = folder("backups");
    let (busy, quiet) = (backups.join("busy"), backups.join("quiet"));
    let before = posted.load(Ordering::Relaxed);
    let said = done(&["backup", busy.to_str().unwrap(), "--data-dir", &data], &[]).await;
    assert!(said.contains("1 clients") && said.contains(" 1 files"), "{said}");
    // It says what is in it and what is not.
    assert!(said.contains("the keys that sign tokens") && said.contains("Not in it: "), "{said}");
    let key = program.data.join("secrets.key");
    assert!(said.contains(key.to_str().unwrap()) && said.contains("would protect nothing"), "{said}");
    let secret = fs::read_to_string(&key).unwrap();
    assert!(
        !busy.join("secrets.key").exists() && !holds(&busy, secret.lines().next().unwrap().trim().as_bytes()),
        "the key is in the backup"
    );
    let after = posted.load(Ordering::Relaxed);
    assert!(after > before, "nobody wrote while the backup was taken");
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    done(&["backup", quiet.to_str().unwrap(), "--data-dir", &data], &[]).await;
    // The check too can be run beside the server.
    let checked = done(&["check", "--data-dir", &data], &[]).await;
    assert!(checked.contains(" 0 findings"), "{checked}");
    let expected = accountant.ask(TRIAL_BALANCE, json!({})).await;
    program.terminate();
    assert!(program.ended().await.success());

    // What was taken in the middle is whole: the books balance, the chain holds, nothing committed before is missing.
    let entries = manifest(&busy)["tables"]["finance.journal_entry"].as_u64().unwrap() as usize;
    assert!((before..=after + 2).contains(&entries), "{before} ≤ {entries} ≤ {after}");
    let from_busy = folder("restored");
    let said = done(&["restore", busy.to_str().unwrap(), "--data-dir", from_busy.to_str().unwrap()], &[]).await;
    assert!(said.contains(" 0 findings"), "{said}");
    assert!(!from_busy.join(".restoring").exists());

    // What was taken at the end is what was there: same figures, same files; the tokens are good there too, because the
    // keys came along, sealed.
    let from_quiet = folder("restored");
    done(&["restore", quiet.to_str().unwrap(), "--data-dir", from_quiet.to_str().unwrap()], &[]).await;
    assert_eq!(fs::read(from_quiet.join("files/ab/receipt")).unwrap(), b"one receipt");
    // With the key that was kept apart; without it they would open nothing.
    fs::copy(&key, from_quiet.join("secrets.key")).unwrap();
    let again = Program::serve(&from_quiet, &[], &[]);
    let same = again.client().with_token(accountant.token.clone().unwrap());
    assert_eq!(same.ask(TRIAL_BALANCE, json!({})).await, expected);
    // And they work on.
    let (stop, posted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = tokio::spawn(post(same, Arc::clone(&stop), Arc::clone(&posted)));
    while posted.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    let checked = done(&["check", "--data-dir", from_quiet.to_str().unwrap()], &[]).await;
    assert!(checked.contains(" 0 findings"), "{checked}");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_by_the_name_of_what_is_damaged() {
    let program = Program::serve(&folder("serving"), &[], &[]);
    let data = program.data.to_str().unwrap().to_owned();
    fs::create_dir_all(program.data.join("files")).unwrap();
    fs::write(program.data.join("files/receipt"), b"one receipt").unwrap();
    let backups = folder("backups");
    let good = backups.join("good");
    done(&["backup", good.to_str().unwrap(), "--data-dir", &data], &[]).await;
    let twice = refused(&["backup", good.to_str().unwrap(), "--data-dir", &data], &[]).await;
    assert!(twice.contains("exists already"), "{twice}");
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 1, "something is left of the refused one");
    done(&["restore", good.to_str().unwrap(), "--verify-only"], &[]).await;

    let harm: [Harm; 7] = [
        ("flipped", |at| flip(&at.join("database.dump")), "database.dump is not as it was written"),
        ("file", |at| flip(&at.join("files/receipt")), "files/receipt is not as it was written"),
        ("cut", |at| fs::write(at.join("database.dump"), b"PGDMP").unwrap(), "database.dump has 5 bytes instead of"),
        ("lost", |at| fs::remove_file(at.join("files/receipt")).unwrap(), "files/receipt is missing"),
        ("added", |at| fs::write(at.join("files/more"), b"").unwrap(), "files/more is not one of its parts"),
        ("manifest", |at| flip(&at.join("manifest.json")), "manifest.json is not as it was written"),
        ("half", |at| fs::remove_file(at.join("manifest.sha256")).unwrap(), "is not a complete backup"),
    ];
    let place = folder("restored");
    for (name, harm, named) in harm {
        let damaged = backups.join(name);
        copy(&good, &damaged);
        harm(&damaged);
        let said = refused(&["restore", damaged.to_str().unwrap(), "--data-dir", place.to_str().unwrap()], &[]).await;
        assert!(said.contains(named), "{name}: {said}");
        assert!(!place.exists(), "{name}: something was made");
    }
    // Never over something that is there.
    let said = refused(&["restore", good.to_str().unwrap(), "--data-dir", &data], &[]).await;
    assert!(said.contains("is not empty"), "{said}");
}

#[tokio::test]
async fn with_a_postgresql_of_ones_own_no_row_is_left_out_in_silence() {
    let app = crate::harness::App::start();
    let books = app.with_books().await;
    let (cash, capital) = (books.accountant.account("1290").await, books.accountant.account("2010").await);
    let lines = json!([{ "account": cash, "debit": "10.01" }, { "account": capital, "credit": "10.01" }]);
    let input = json!({ "input": { "date": "2026-03-01", "description": "Paid in", "lines": lines } });
    books.accountant.ask(POST, input).await;
    let (backups, data) = (folder("backups"), folder("data"));
    let data = data.to_str().unwrap();
    let to = backups.join("own");
    let to = to.to_str().unwrap();
    // The owner is bound by the walls: his dump would be empty, so it is refused.
    for role in ["backoffice_owner", "backoffice_app"] {
        let said = refused(&["backup", to, "--data-dir", data], &[("DATABASE_URL", &app.database.url(role))]).await;
        assert!(said.contains("does not see every client's rows"), "{said}");
    }
    done(&["backup", to, "--data-dir", data], &[("DATABASE_URL", &app.database.url("postgres"))]).await;

    let empty = Database::bare();
    let url = empty.url("postgres");
    let environment = [("DATABASE_URL", url.as_str()), ("BACKOFFICE_ROLE_PASSWORD", "only-For-the-story-1")];
    let said = done(&["restore", to, "--data-dir", data], &environment).await;
    assert!(said.contains(" 0 findings"), "{said}");
    let rows = "SELECT count(*)::text AS line FROM finance.journal_line";
    assert_eq!(empty.lines("postgres", rows), app.database.lines("postgres", rows));
    assert_ne!(empty.lines("postgres", rows), ["0"]);
    // The walls stand there as well.
    assert_eq!(empty.lines("backoffice_app", rows), ["0"]);
    let said = refused(&["restore", to, "--data-dir", data], &environment).await;
    assert!(said.contains("The database is not empty"), "{said}");
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether any file below a folder holds those bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path().is_dir() {
        true => holds(&entry.path(), bytes),
        false => fs::read(entry.path()).unwrap().windows(bytes.len()).any(|some| some == bytes),
    })
}

#[tokio::test]
async fn files_that_the_store_does_not_have_as_they_are_known_are_named() {
    let program = Program::serve(&folder("serving"), &[], &[]);
    let data = program.data.to_str().unwrap().to_owned();
    let accountant = accountant(&program).await;
    let mut sums = Vec::new();
    for bytes in [&b"one receipt"[..], b"another receipt"] {
        sums.push(crate::files_are_sent_and_taken::sha256(bytes));
        let (id, address) = crate::files_are_sent_and_taken::announce(&accountant, "receipt.txt", bytes).await;
        let address = format!("http://{}{address}", program.address);
        assert!(crate::harness::http().put(address).body(bytes.to_vec()).send().await.unwrap().status().is_success());
        assert_eq!(crate::files_are_sent_and_taken::complete(&accountant, &id, bytes).await["state"], "READY");
    }
    let backups = folder("backups");
    let whole = backups.join("whole");
    let said = done(&["backup", whole.to_str().unwrap(), "--data-dir", &data], &[]).await;
    assert!(said.contains(" 2 files") && !said.contains("are not in it as they are known"), "{said}");
    let known = manifest(&whole)["objects"].as_array().unwrap().clone();
    let mut listed: Vec<&str> = known.iter().map(|object| object["sha256"].as_str().unwrap()).collect();
    listed.sort_unstable();
    sums.sort_unstable();
    assert_eq!(listed, sums);
    let checked = done(&["check", "--files", "--data-dir", &data], &[]).await;
    assert!(checked.contains("2 files read, 0 not as the database knows them"), "{checked}");

    // One is changed and one is lost, past the server.
    let at = |index: usize| program.data.join("files").join(known[index]["key"].as_str().unwrap());
    flip(&at(0));
    fs::remove_file(at(1)).unwrap();
    let checked = refused(&["check", "--files", "--data-dir", &data], &[]).await;
    assert!(
        checked.contains("other bytes than the database knows") && checked.contains("missing in the store"),
        "{checked}"
    );
    assert!(checked.contains("2 files read, 2 not as the database knows them"), "{checked}");
    done(&["check", "--data-dir", &data], &[]).await;
    let said = done(&["backup", backups.join("poor").to_str().unwrap(), "--data-dir", &data], &[]).await;
    assert!(said.contains("2 files that the database knows of are not in it as they are known"), "{said}");

    // What was backed up before brings both back.
    let restored = folder("restored");
    done(&["restore", whole.to_str().unwrap(), "--data-dir", restored.to_str().unwrap()], &[]).await;
    let checked = done(&["check", "--files", "--data-dir", restored.to_str().unwrap()], &[]).await;
    assert!(checked.contains("2 files read, 0 not as"), "{checked}");
    // A key among the files would lie beside what it seals.
    let key = program.data.join("files/secrets.key");
    fs::copy(program.data.join("secrets.key"), &key).unwrap();
    let named = ["backup", backups.join("none").to_str().unwrap(), "--data-dir", &data].map(str::to_owned);
    let environment = [("BACKOFFICE_SECRETS_KEY", key.to_str().unwrap())];
    let said = refused(&named.each_ref().map(String::as_str), &environment).await;
    assert!(said.contains("protect nothing") && !backups.join("none").exists(), "{said}");
}
