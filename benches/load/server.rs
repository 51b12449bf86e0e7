//! The server under test: the program itself, as a process of its own, reached by HTTP alone.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use backoffice_private_postgres::{Options, PrivatePostgres};
use serde_json::json;

use crate::database::{Database, EMAIL, PASSWORD};
use crate::http::Connection;
use crate::report::{Measure, median};
use crate::scale::Scale;

/// A running server. Stopped when dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    postgres_pid: u32,
}

impl Server {
    /// Starts it as an operator with a PostgreSQL of his own would, with the default settings, but for the buckets: they
    /// are counted as ever, and never empty.
    pub fn start(database: &Database) -> Self {
        let never_empty = |bucket| (format!("BACKOFFICE_{bucket}_RATE"), "1000000000,1000000000");
        Self::started(database, ["CREDENTIAL", "CLIENT", "STRANGER"].map(never_empty).to_vec())
    }

    /// Starts it with the buckets that it has if nothing else is said.
    pub fn with_default_buckets(database: &Database) -> Self {
        Self::started(database, Vec::new())
    }

    fn started(database: &Database, settings: Vec<(String, &str)>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backoffice"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--webhooks-to-loopback", "true"]);
        command.env("DATABASE_URL", database.app_url()).envs(settings);
        command.env("BACKOFFICE_SECRETS_KEY", database.folder().join("secrets.key"));
        command.env("BACKOFFICE_FILE_STORE", database.folder().join("files"));
        let log = std::fs::File::create(database.folder().join("server.log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program cannot be run");
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("http://")?.1.split_whitespace().next()?.parse().ok())
            .unwrap_or_else(|| {
                panic!("the server does not start; see {}", database.folder().join("server.log").display())
            });
        std::thread::spawn(move || said.for_each(drop));
        Self { child, address, postgres_pid: database.pid() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The postmaster that serves it.
    pub fn postgres_pid(&self) -> u32 {
        self.postgres_pid
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address).expect("the server takes no connection")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// Asks a process to stop, as a service manager does, and waits until it has.
fn terminate(child: &mut Child) {
    let asked = Command::new("kill").arg(child.id().to_string()).status().is_ok_and(|status| status.success());
    if !asked {
        let _ = child.kill();
    }
    let _ = child.wait();
}

/// One person's access tokens, by client.
pub struct Session {
    tokens: HashMap<u64, String>,
    everywhere: String,
}

impl Session {
    /// Of all clients.
    pub fn open(server: &Server, scale: &Scale) -> Self {
        Self::of(server, &(1..=scale.large_client()).collect::<Vec<_>>())
    }

    /// A session of its own, with tokens for these clients only.
    pub fn of(server: &Server, clients: &[u64]) -> Self {
        Self::of_person(server, EMAIL, clients)
    }

    /// The same of one of the two persons there are.
    pub fn of_person(server: &Server, email: &str, clients: &[u64]) -> Self {
        let mut connection = server.connect();
        let signed_in = connection.ask(
            "",
            "mutation($email: String!, $password: String!) {
               signIn(input: { email: $email, password: $password }) { accessToken userErrors { message } } }",
            &json!({ "email": email, "password": PASSWORD }),
        );
        let access = signed_in["signIn"]["accessToken"].as_str().unwrap_or_else(|| panic!("{signed_in}"));
        let everywhere = access.to_owned();
        let mut token = |client: u64| {
            let taken = connection.ask(
                access,
                "mutation($client: ID!) { clientTokenCreate(input: { client: $client }) { accessToken userErrors { message } } }",
                &json!({ "client": format!("cli_{}", crate::rows::tenant(client)) }),
            );
            taken["clientTokenCreate"]["accessToken"].as_str().unwrap_or_else(|| panic!("{taken}")).to_owned()
        };
        Self { tokens: clients.iter().map(|client| (*client, token(*client))).collect(), everywhere }
    }

    /// The token without client: the portfolio.
    pub fn everywhere(&self) -> &str {
        &self.everywhere
    }

    /// The token for a client, numbered from 1.
    pub fn token(&self, client: u64) -> &str {
        &self.tokens[&client]
    }
}

/// How much longer the program takes to be ready than its PostgreSQL alone, on a migrated and filled folder.
pub fn starts(database: &mut Database) -> Measure {
    const TIMES: usize = 5;
    database.stop();
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let started = Instant::now();
        let postgres =
            PrivatePostgres::start(Options::new(database.folder())).unwrap_or_else(|error| panic!("{error}"));
        alone.push(started.elapsed().as_secs_f64() * 1000.0);
        postgres.stop();

        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_backoffice"));
        command.args(["serve", "--listen", &address.to_string(), "--data-dir"]).arg(database.folder());
        command.env_remove("DATABASE_URL").stdout(Stdio::null()).stderr(Stdio::null());
        let started = Instant::now();
        let mut child = command.spawn().expect("the program cannot be run");
        while !ready(address) {
            assert!(started.elapsed() < Duration::from_secs(60), "the server does not get ready");
            assert!(child.try_wait().unwrap().is_none(), "the server ended");
            std::thread::sleep(Duration::from_millis(1));
        }
        whole.push(started.elapsed().as_secs_f64() * 1000.0);
        terminate(&mut child);
    }
    let (alone, whole) = (median(&alone), median(&whole));
    Measure::at_most(
        "start of a migrated server beyond PostgreSQL's own",
        format!("{alone:.0} ms"),
        format!("{whole:.0} ms"),
        whole - alone,
        300.0,
        "ms",
    )
}

fn ready(address: SocketAddr) -> bool {
    let asked = Connection::open(address).and_then(|mut connection| {
        connection.send(b"GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
    });
    asked.is_ok_and(|(status, _)| status == 200)
}
