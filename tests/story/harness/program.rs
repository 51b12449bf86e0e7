//! The program itself, as an operator runs it: a process of its own on a data folder of its own.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::app::{story_key, story_vault};
use super::firm::PASSWORD;
use super::{Client, postgres};

/// A folder for this test, that goes with the run.
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // The run's own folder: it must have been made anew before anything is laid into it.
    let run = postgres().socket_dir().parent().unwrap().to_path_buf();
    run.join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

/// Runs a command of the program to its end. What the environment says of the tests does not reach it.
pub async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = tokio::process::Command::from(command(arguments));
    command.envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap()
}

/// The same; it has to succeed. Gives what it said.
pub async fn done(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(arguments, environment).await;
    let said = told(&output);
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// The same; it has to fail. Gives what it said.
pub async fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(arguments, environment).await;
    let said = told(&output);
    assert!(!output.status.success(), "{arguments:?} was not refused: {said}");
    said
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backoffice"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BACKOFFICE_") || name == "DATABASE_URL") {
        if name != "BACKOFFICE_PG_BIN" {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

/// A serving program. Killed when dropped.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub data: PathBuf,
}

impl Program {
    /// Serves from a data folder, without the demo.
    pub fn serve(data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::serve_on(None, data, more, environment)
    }

    /// The same on a socket that somebody else holds, handed over as systemd does it: as file 3.
    pub fn serve_on(socket: Option<&TcpListener>, data: &Path, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let data_dir = data.to_str().unwrap();
        let mut arguments = vec!["serve", "--threads", "1", "--no-demo", "true", "--data-dir", data_dir];
        arguments.extend(more);
        if !more.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        let log = std::fs::File::create(data.with_extension(format!("{}.log", uuid::Uuid::now_v7()))).unwrap();
        let mut command = command(&arguments);
        if let Some(socket) = socket {
            let handed: OwnedFd = socket.try_clone().unwrap().into();
            let mut shell = Command::new("sh");
            shell.args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 </dev/null"]);
            shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::from(handed));
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            command = shell;
        } else {
            command.stdin(Stdio::null());
        }
        // Servers of one database share the file of keys.
        if environment.iter().any(|(name, _)| *name == "DATABASE_URL") {
            story_vault();
            command.env("BACKOFFICE_SECRETS_KEY", story_key());
        }
        let mut child = command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("http://")?.1.split_whitespace().next()?.parse().ok())
            .unwrap_or_else(|| panic!("the program does not serve from {data_dir}"));
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address, data: data.to_path_buf() }
    }

    /// Makes the provider's administrator on the command line, beside the server, and signs him in.
    pub async fn administrator(&self) -> Client {
        let data = self.data.to_str().unwrap();
        done(
            &["user", "create", "--email", "ada@firm.example", "--name", "Ada", "--administrator", "--data-dir", data],
            &[("BACKOFFICE_PASSWORD", PASSWORD)],
        )
        .await;
        self.client().sign_in("ada@firm.example").await
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Tells it to stop, as a service manager does. Returns at once.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> std::process::ExitStatus {
        let until = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the program does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
