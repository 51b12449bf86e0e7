//! People, clients and tokens, laid straight into the database: for stories about what comes after sign-in.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use backoffice::platform::can::Can;
use backoffice_credentials::{AccessClaims, ActorKind, KeyRing, SigningKey};
use diesel::connection::SimpleConnection;
use uuid::Uuid;

use super::app::Setup;
use super::{App, Client, Database};

/// An application whose signing key the test knows.
pub struct Office {
    pub app: App,
    pub ring: KeyRing,
}

/// A member of the provider's staff in a session.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    pub account: Uuid,
    pub session: Uuid,
}

impl Office {
    pub fn open() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let database = Database::new();
        let key = SigningKey::generate().unwrap();
        let hex: String = key.pkcs8().iter().map(|byte| format!("{byte:02x}")).collect();
        let kid = key.public().kid().to_owned();
        database.lay(&format!("INSERT INTO identity.signing_key (kid, pkcs8) VALUES ('{kid}', '\\x{hex}')"));
        Self { app: App::on(database, setup), ring: KeyRing::new(key, Vec::new()).unwrap() }
    }

    /// A new person with a session.
    pub fn person(&self, name: &str) -> Person {
        let (account, session) = (Uuid::now_v7(), Uuid::now_v7());
        self.app.database.lay(
            &format!(
                "INSERT INTO identity.account (id, email, name, staff) VALUES ('{account}', '{}@firm.example', '{name}', true);
                 INSERT INTO identity.session (id, account_id, expires_at) VALUES ('{session}', '{account}', now() + interval '1 day')",
                account.simple()
            ),
        );
        Person { account, session }
    }

    /// A new client company in which that person may do everything.
    pub fn firm(&self, name: &str, person: Person) -> Uuid {
        let tenant = Uuid::now_v7();
        self.app.database.lay(
            &format!(
                "SELECT core.set_tenant('{tenant}');
                 INSERT INTO core.tenant (id) VALUES ('{tenant}');
                 INSERT INTO practice.client (tenant_id, id, name, country, currency, time_zone, fiscal_year_start_month)
                 VALUES ('{tenant}', '{tenant}', '{name}', 'DE', 'EUR', 'Europe/Berlin', 1)"
            ),
        );
        self.grant(tenant, person, Can::ALL);
        tenant
    }

    /// Lets a person into a client with those rights.
    pub fn grant(&self, tenant: Uuid, person: Person, rights: &[Can]) {
        let names: Vec<&str> = rights.iter().map(|can| can.name()).collect();
        let (role, grant) = (Uuid::now_v7(), Uuid::now_v7());
        self.app.database.lay(
            &format!(
                "SELECT core.set_tenant('{tenant}');
                 INSERT INTO identity.role (tenant_id, id, name, permissions) VALUES ('{tenant}', '{role}', 'Role {role}', '{{{}}}');
                 INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
                 VALUES ('{tenant}', '{grant}', '{}', '{role}', 'allow', current_date - 7)",
                names.join(","),
                person.account
            ),
        );
    }

    /// What a good token of that person for that client says.
    pub fn claims(&self, person: Person, client: Option<Uuid>) -> AccessClaims {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed();
        AccessClaims {
            iss: "backoffice".to_owned(),
            aud: "backoffice/graphql".to_owned(),
            sub: person.account.simple().to_string(),
            sid: Some(person.session.simple().to_string()),
            tid: client.map(|id| id.simple().to_string()),
            kind: ActorKind::User,
            scope: None,
            iat: now,
            nbf: now,
            exp: now + 600,
            jti: Uuid::now_v7().simple().to_string(),
        }
    }

    pub fn token(&self, person: Person, client: Option<Uuid>) -> String {
        self.ring.issue(&self.claims(person, client)).unwrap()
    }

    /// That person, signed in for that client.
    pub fn client(&self, person: Person, client: Uuid) -> Client {
        self.app.client().with_token(self.token(person, Some(client)))
    }

    /// One number from the database, past every wall.
    pub fn count(&self, query: &str) -> i64 {
        self.app.database.count(query)
    }

    /// What the integrity check finds, but for what a story has laid into the database itself.
    pub fn findings(&self) -> Vec<String> {
        let all = self.app.database.findings().into_iter();
        all.filter(|line| !line.contains("nothing was changed past the server")).collect()
    }
}

impl Database {
    /// Several statements at once, as the superuser, in one transaction.
    pub fn lay(&self, statements: &str) {
        self.past_the_server("postgres", |connection| {
            connection
                .batch_execute(&format!("BEGIN; {statements}; COMMIT"))
                .unwrap_or_else(|error| panic!("{statements}: {error}"));
        });
    }

    /// One number, past every wall.
    pub fn count(&self, query: &str) -> i64 {
        self.lines("postgres", &format!("SELECT ({query})::text AS line")).first().unwrap().parse().unwrap()
    }

    /// Runs a statement in a transaction that stays open until what this gives is dropped.
    pub fn hold(&self, statement: &str) -> Held {
        let (url, statement) = (self.url("postgres"), format!("BEGIN; {statement}"));
        let (held, ready) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let mut connection = backoffice::database::connect(&url).unwrap();
            connection.batch_execute(&statement).unwrap();
            held.send(()).unwrap();
            let _ = released.recv();
        });
        ready.recv().expect("nothing is held");
        Held { release: Some(release), thread: Some(thread) }
    }
}

/// Locks that somebody else holds. Dropped, they are released.
pub struct Held {
    release: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.release.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
