//! What is refused, and with which words.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::AtomicBool;

use crate::folder::Cluster;
use crate::test_harness::Folder;
use crate::{Options, PrivatePostgres, StartError, launch, system};

#[test]
fn one_server_at_a_time() {
    let folder = Folder::new();
    let postgres = folder.start();
    let error = PrivatePostgres::start(folder.options()).unwrap_err();
    assert!(matches!(error, StartError::InUse { .. }));
    assert!(error.to_string().starts_with("Another server is already running on "), "{error}");
    drop(postgres);
    folder.start();
}

#[test]
fn something_else_in_the_clusters_place_is_left_alone() {
    let folder = Folder::new();
    let data = folder.0.join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("diary"), "mine").unwrap();
    let error = PrivatePostgres::start(folder.options()).unwrap_err();
    assert!(matches!(error, StartError::NotACluster { .. }), "{error}");
    assert!(data.join("diary").exists());
}

#[test]
fn data_of_another_version_is_left_alone() {
    let folder = Folder::new();
    let data = folder.0.join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let error = PrivatePostgres::start(folder.options()).unwrap_err().to_string();
    assert!(error.contains("was written by PostgreSQL 9 but version"), "{error}");
}

#[test]
fn without_postgresql_there_is_one_sentence() {
    let folder = Folder::new();
    let empty = folder.0.join("empty");
    fs::create_dir(&empty).unwrap();
    let options = Options { bin_dir: Some(empty), ..folder.options() };
    let error = PrivatePostgres::start(options).unwrap_err().to_string();
    assert!(error.contains("install it with `"), "{error}");
    assert!(error.contains("DATABASE_URL"), "{error}");
    assert!(!error.contains('\n') && !error.contains(". "), "{error}");
    assert!(!folder.0.join("postgres").exists(), "nothing was made");
}

#[test]
fn a_path_too_long_for_a_socket_is_refused_before_anything_is_made() {
    let folder = Folder::new();
    let deep = folder.0.join("x".repeat(100));
    let error = PrivatePostgres::start(Options::new(&deep)).unwrap_err();
    assert!(matches!(error, StartError::PathTooLong { .. }), "{error}");
    assert!(!deep.exists());
}

#[test]
fn a_place_closed_to_its_account_is_refused_before_anything_is_made() {
    if system::effective_user() != 0 {
        return;
    }
    let folder = Folder::new();
    let home = folder.0.join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    let error = PrivatePostgres::start(Options::new(home.join("deep/data"))).unwrap_err();
    assert!(matches!(&error, StartError::Unreachable { closed, .. } if *closed == home), "{error}");
    assert!(!home.join("deep").exists());
}

#[test]
fn a_link_planted_for_the_log_is_not_followed() {
    let folder = Folder::new();
    folder.start().stop();
    let victim = folder.0.join("victim");
    fs::write(&victim, "untouched").unwrap();
    let log = folder.0.join("postgres/postgres.log");
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&victim, &log).unwrap();
    assert!(PrivatePostgres::start(folder.options()).is_err());
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
}

#[test]
fn settings_that_postgres_refuses_are_told_with_its_words() {
    let folder = Folder::new();
    let settings = vec![("shared_buffers".to_owned(), "nonsense".to_owned())];
    let error = PrivatePostgres::start(Options { settings, ..folder.options() }).unwrap_err().to_string();
    assert!(error.contains("shared_buffers"), "{error}");
}

#[test]
fn stopping_interrupts_a_start() {
    let folder = Folder::new();
    let cluster = Cluster::open(folder.options()).unwrap();
    let error = launch::launch(&cluster, &AtomicBool::new(true)).unwrap_err();
    assert!(matches!(error, StartError::Stopping));
}
