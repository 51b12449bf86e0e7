//! The ordinary life of a private PostgreSQL: made, found again, closed to others, stopped.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::test_harness::{Folder, Holder, is_gone, psql, sql};
use crate::{DATABASE, Options, PrivatePostgres, system};

#[test]
fn the_first_start_makes_a_database_and_the_second_finds_its_data() {
    let folder = Folder::new();
    let postgres = folder.start();
    assert!(postgres.is_alive());
    assert!(postgres.url("postgres", DATABASE).starts_with("postgresql://postgres@/backoffice?host=%2F"));
    assert_eq!(sql(&postgres, "SHOW listen_addresses"), "");
    assert_eq!(sql(&postgres, "SHOW data_checksums"), "on");
    assert_eq!(sql(&postgres, "SELECT upper('ä')"), "Ä");
    sql(&postgres, "CREATE TABLE kept AS SELECT 42 AS answer");
    let pid = postgres.pid().unwrap();
    postgres.stop();
    assert!(is_gone(pid));

    let postgres = folder.start();
    assert_eq!(sql(&postgres, "SELECT answer FROM kept"), "42");
}

#[test]
fn the_server_makes_every_commit_durable() {
    let folder = Folder::new();
    let postgres = PrivatePostgres::start(Options { durable: true, ..folder.options() }).unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(sql(&postgres, &format!("SHOW {setting}")), "on", "{setting}");
    }
}

#[test]
fn only_its_own_account_can_enter() {
    let folder = Folder::new();
    let postgres = folder.start();
    let found = fs::metadata(postgres.socket_dir()).unwrap();
    assert_eq!(found.mode() & 0o777, 0o700);
    let runs_as = fs::metadata(format!("/proc/{}", postgres.pid().unwrap())).unwrap().uid();
    assert_eq!(found.uid(), runs_as);
    assert_ne!(runs_as, 0);
}

#[test]
fn the_log_holds_no_values() {
    let folder = Folder::new();
    let postgres = folder.start();
    sql(&postgres, "CREATE TABLE person (name text PRIMARY KEY)");
    sql(&postgres, "INSERT INTO person VALUES ('Ada Secret')");
    for statement in [
        "INSERT INTO person VALUES ('Ada Secret')",
        "SELECT 'Ada Secret'::int",
        "DO $$BEGIN RAISE WARNING 'Ada Secret'; END$$",
    ] {
        psql(&postgres.url("postgres", DATABASE), statement).output().unwrap();
    }
    let log = fs::read_to_string(folder.0.join("postgres/postgres.log")).unwrap();
    assert!(log.contains("ready to accept connections"));
    assert!(!log.contains("Secret"), "{log}");
}

#[test]
fn an_ordinary_user_runs_it_as_himself() {
    if system::effective_user() != 0 {
        return;
    }
    const NOBODY: u32 = 65534;
    let folder = Folder::new();
    std::os::unix::fs::chown(&folder.0, Some(NOBODY), Some(NOBODY)).unwrap();
    // A copy, because the place where tests are built may be closed to others.
    let tools = Folder::new();
    let program = tools.0.join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let holder = Holder::start(&folder, &program, Some(NOBODY));
    let runs_as = fs::metadata(format!("/proc/{}", holder.postgres_pid)).unwrap().uid();
    assert_eq!(runs_as, NOBODY);
    holder.kill();

    // Root later finds the account that owns the data and takes the same.
    let postgres = folder.start();
    let runs_as = fs::metadata(format!("/proc/{}", postgres.pid().unwrap())).unwrap().uid();
    assert_eq!(runs_as, NOBODY);
}

#[test]
fn a_long_log_is_moved_away() {
    let folder = Folder::new();
    let postgres = folder.start();
    postgres.stop();
    let log = folder.0.join("postgres/postgres.log");
    fs::write(&log, vec![b'x'; 5 * 1024 * 1024]).unwrap();
    let _postgres = folder.start();
    assert!(fs::metadata(&log).unwrap().len() < 10_000);
    assert_eq!(fs::metadata(folder.0.join("postgres/postgres.log.1")).unwrap().len(), 5 * 1024 * 1024);
}
