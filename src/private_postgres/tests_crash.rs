//! Killed, alone or together with its server, at any moment: the next start works and nothing committed is lost.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::folder::Cluster;
use crate::test_harness::{Folder, Holder, is_gone, psql, soon, sql};
use crate::{DATABASE, Options, PrivatePostgres, handshake, launch, system};

#[test]
fn killed_it_comes_back_by_itself() {
    let folder = Folder::new();
    let postgres = folder.start();
    sql(&postgres, "CREATE TABLE kept AS SELECT 42 AS answer");
    let killed = postgres.pid().unwrap();
    system::send(killed, libc::SIGKILL).unwrap();
    soon("the return", || postgres.pid().is_some_and(|pid| pid != killed));
    assert_eq!(sql(&postgres, "SELECT answer FROM kept"), "42");
}

#[test]
fn killed_in_the_middle_of_work_it_comes_back_on_request() {
    let folder = Folder::new();
    let postgres = folder.start();
    let killed = postgres.pid().unwrap();
    // Never looks whether its postmaster still lives.
    let busy = "SELECT count(*) FROM generate_series(1, 1000000000) a";
    let mut client = psql(&postgres.url("postgres", DATABASE), busy).stderr(Stdio::null()).spawn().unwrap();
    soon("the statement", || {
        sql(&postgres, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate%' AND state = 'active'")
            == "2"
    });
    system::send(killed, libc::SIGKILL).unwrap();
    postgres.ensure_alive().unwrap();
    assert_ne!(postgres.pid().unwrap(), killed);
    assert!(postgres.is_alive());
    client.wait().unwrap();
}

#[test]
fn a_killed_server_takes_postgres_with_it_and_the_next_start_works_at_once() {
    let folder = Folder::new();
    let holder = Holder::start(&folder, &std::env::current_exe().unwrap(), None);
    let left = holder.kill();
    let postgres = folder.start();
    assert!(postgres.is_alive());
    if cfg!(target_os = "linux") {
        assert_ne!(postgres.pid().unwrap(), left);
        assert!(is_gone(left));
    }
}

#[test]
fn server_and_postgres_killed_together_recover() {
    let folder = Folder::new();
    let holder = Holder::start(&folder, &std::env::current_exe().unwrap(), None);
    system::send(holder.postgres_pid, libc::SIGKILL).unwrap();
    holder.kill();
    assert!(folder.start().is_alive());
}

/// Leaves a PostgreSQL running that no program looks after, as on a system without the parent-death signal.
fn leave_behind(options: Options) -> Child {
    let cluster = Cluster::open(options).unwrap();
    let child = launch::spawn(&cluster, false).unwrap();
    soon("readiness", || handshake::ask(&cluster.socket()) == handshake::Answer::Ready);
    child
}

#[test]
fn one_that_was_left_running_is_taken_over() {
    let folder = Folder::new();
    let mut left = leave_behind(folder.options());
    let postgres = folder.start();
    assert_eq!(postgres.pid(), Some(left.id()));
    assert!(postgres.is_alive());
    let waiting = thread::spawn(move || left.wait().unwrap());
    postgres.stop();
    assert!(waiting.join().unwrap().success());
}

#[test]
fn one_that_was_left_running_with_other_settings_is_replaced() {
    let folder = Folder::new();
    let mut left = leave_behind(folder.options());
    let pid = left.id();
    let waiting = thread::spawn(move || left.wait().unwrap());
    let postgres = PrivatePostgres::start(Options { max_connections: 20, ..folder.options() }).unwrap();
    assert!(waiting.join().unwrap().success());
    assert_ne!(postgres.pid(), Some(pid));
    assert_eq!(sql(&postgres, "SHOW max_connections"), "20");
}

#[test]
fn one_that_was_left_running_but_hangs_is_replaced() {
    let folder = Folder::new();
    let mut left = leave_behind(folder.options());
    let pid = left.id();
    // It connects but never speaks, and its signals wait until it continues.
    system::send(pid, libc::SIGSTOP).unwrap();
    let later = thread::spawn(move || {
        thread::sleep(Duration::from_secs(3));
        system::send(pid, libc::SIGCONT).unwrap();
        left.wait().unwrap()
    });
    let postgres = folder.start();
    assert_ne!(postgres.pid(), Some(pid));
    later.join().unwrap();
}

#[test]
fn the_number_of_a_dead_postgres_may_belong_to_somebody_else_now() {
    let folder = Folder::new();
    let postgres = folder.start();
    let owner = fs::metadata(postgres.socket_dir()).unwrap();
    postgres.stop();
    // A living process of the same account under the number that the files name.
    let mut command = Command::new("sleep");
    command.arg("60");
    if system::effective_user() == 0 {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = command.spawn().unwrap();
    let data = folder.0.join("postgres/data");
    let pid_file = format!("{}\n{}\n0\n5432\n..\n\n0 0\nready\n", stranger.id(), data.display());
    fs::write(data.join("postmaster.pid"), &pid_file).unwrap();
    fs::write(folder.0.join("postgres/.s.PGSQL.5432.lock"), &pid_file).unwrap();
    assert!(folder.start().is_alive());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_half_made_cluster_is_made_again() {
    let folder = Folder::new();
    // As a crash leaves it: complete to the eye, but not yet under its name.
    let unfinished = folder.0.join("postgres/data.new-1");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let postgres = folder.start();
    assert_eq!(sql(&postgres, "SELECT current_database()"), DATABASE);
    assert!(!unfinished.exists());
}

#[test]
fn killed_while_it_makes_the_cluster_it_makes_it_again() {
    let folder = Folder::new();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "test_harness::hold", "--nocapture"])
        .env("HOLD_POSTGRES_IN", &folder.0)
        .stdout(Stdio::null());
    let mut process = command.spawn().unwrap();
    let unfinished = folder.0.join(format!("postgres/data.new-{}", process.id()));
    soon("half a cluster", || unfinished.join("PG_VERSION").exists());
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(!folder.0.join("postgres/data").exists());
    assert!(folder.start().is_alive());
    assert!(!unfinished.exists());
}
