//! What the tests share: a folder each, statements through psql, and a second process to be killed.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{DATABASE, Options, PrivatePostgres, binaries, system};

/// A folder of one test, gone afterwards. Whoever PostgreSQL runs as can pass through it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pg-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Folder(path)
    }

    pub fn options(&self) -> Options {
        Options { durable: false, max_connections: 10, ..Options::new(&self.0) }
    }

    pub fn start(&self) -> PrivatePostgres {
        PrivatePostgres::start(self.options()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A statement through psql, and what it prints.
pub fn sql(postgres: &PrivatePostgres, statement: &str) -> String {
    let output = psql(&postgres.url("postgres", DATABASE), statement).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn psql(url: &str, statement: &str) -> Command {
    let found = binaries::find(None, None, Path::new("")).unwrap();
    let mut command = Command::new(found.postgres.with_file_name("psql"));
    command.args(["-X", "-A", "-t", "-q", "-c", statement, url]);
    command
}

pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "{what} did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn is_gone(pid: u32) -> bool {
    system::command_line(pid).is_none()
}

/// A second process that holds a private PostgreSQL until it is killed.
pub struct Holder {
    pub process: Child,
    pub postgres_pid: u32,
    _output: BufReader<ChildStdout>,
}

impl Holder {
    pub fn start(folder: &Folder, program: &Path, user: Option<u32>) -> Holder {
        let mut command = Command::new(program);
        command
            .args(["--exact", "test_harness::hold", "--nocapture"])
            .env("HOLD_POSTGRES_IN", &folder.0)
            .stdout(Stdio::piped());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut process = command.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let postgres_pid = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the second process ended");
            if let Some((_, pid)) = line.split_once("HELD ") {
                break pid.trim().parse().unwrap();
            }
        };
        Holder { process, postgres_pid, _output: output }
    }

    pub fn kill(mut self) -> u32 {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.postgres_pid
    }
}

/// Not a test of its own: the body of the second process.
#[test]
fn hold() {
    let Some(data_dir) = std::env::var_os("HOLD_POSTGRES_IN") else {
        return;
    };
    let options = Options { durable: false, max_connections: 10, ..Options::new(data_dir) };
    let postgres = PrivatePostgres::start(options).unwrap();
    println!("\nHELD {}", postgres.pid().unwrap());
    thread::sleep(Duration::from_secs(120));
}
