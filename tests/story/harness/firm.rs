//! The people of a story: a provider with an administrator, staff, clients and their users, all made through the API.

use backoffice::identity::people;
use serde_json::{Value, json};

use super::{App, Client};

/// The password of everybody in the stories.
pub const PASSWORD: &str = "correct-Horse-battery-9";

impl App {
    /// Makes the provider's first administrator as the command line does, and signs him in.
    pub async fn administrator(&self) -> Client {
        people::create_user(&self.database.url("backoffice_identity"), "ada@firm.example", "Ada Admin", PASSWORD, true)
            .await
            .unwrap();
        self.sign_in("ada@firm.example").await
    }

    /// Signs a person in, without a client.
    pub async fn sign_in(&self, email: &str) -> Client {
        self.client().sign_in(email).await
    }

    /// A provider with one client and an accountant who holds the role Accountant in it: the shortest way to books.
    pub async fn with_books(&self) -> Books {
        let administrator = self.administrator().await;
        let client = administrator.onboard("Alpha Trading", "DE", "EUR", "Europe/Berlin", "IFRS_SMALL").await;
        let user = administrator.staff("konrad@firm.example", "Konrad Konto").await;
        let inside = administrator.enter(&client).await;
        inside.grant(&user, "Accountant", "2026-01-01", None).await;
        let accountant = self.sign_in("konrad@firm.example").await.enter(&client).await;
        Books { administrator, client, accountant, accountant_id: user }
    }
}

/// One client's books and those who work on them.
pub struct Books {
    /// The provider's administrator, without a client.
    pub administrator: Client,
    /// The client's id.
    pub client: String,
    /// The accountant, in the client.
    pub accountant: Client,
    /// The accountant's user id.
    pub accountant_id: String,
}

impl Client {
    /// Signs a person in, without a client.
    pub async fn sign_in(&self, email: &str) -> Client {
        let data = self
            .ask(
                "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }",
                json!({ "input": { "email": email, "password": PASSWORD } }),
            )
            .await;
        self.with_token(data["signIn"]["accessToken"].as_str().unwrap())
    }

    /// The same person with a token for a client.
    pub async fn enter(&self, client: &str) -> Client {
        let data = self
            .ask(
                "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { message } } }",
                json!({ "input": { "client": client } }),
            )
            .await;
        self.with_token(data["clientTokenCreate"]["accessToken"].as_str().unwrap())
    }

    /// Takes on a client with a chart of accounts; gives its id.
    pub async fn onboard(&self, name: &str, country: &str, currency: &str, time_zone: &str, template: &str) -> String {
        let data = self
            .ask(
                "mutation($input: ClientOnboardInput!) { clientOnboard(input: $input) { client { id } userErrors { message } } }",
                json!({ "input": { "name": name, "country": country, "currency": currency, "timeZone": time_zone,
                                   "fiscalYearStartMonth": 1, "firstFiscalYear": 2026, "template": template } }),
            )
            .await;
        data["clientOnboard"]["client"]["id"].as_str().unwrap().to_owned()
    }

    /// Makes a member of the staff; gives the user's id.
    pub async fn staff(&self, email: &str, name: &str) -> String {
        let roles = self.ask("{ providerRoles { id name } }", json!({})).await;
        let role = id_of(&roles["providerRoles"], "name", "Staff");
        let data = self
            .ask(
                "mutation($input: StaffCreateInput!) { staffCreate(input: $input) { staffMember { id } userErrors { message } } }",
                json!({ "input": { "email": email, "name": name, "password": PASSWORD, "roles": [role] } }),
            )
            .await;
        data["staffCreate"]["staffMember"]["id"].as_str().unwrap().to_owned()
    }

    /// The id of a role of this client.
    pub async fn role(&self, name: &str) -> String {
        let roles = self.ask("{ roles(first: 100) { nodes { id name } } }", json!({})).await;
        id_of(&roles["roles"]["nodes"], "name", name)
    }

    /// Grants a role of this client to a person; gives the grant's id.
    pub async fn grant(&self, user: &str, role: &str, from: &str, until: Option<&str>) -> String {
        let role = self.role(role).await;
        let data = self
            .ask(
                "mutation($input: GrantCreateInput!) { grantCreate(input: $input) { grant { id } userErrors { message } } }",
                json!({ "input": { "user": user, "role": role, "effect": "ALLOW", "from": from, "until": until } }),
            )
            .await;
        data["grantCreate"]["grant"]["id"].as_str().unwrap().to_owned()
    }

    /// The id of an account by its code.
    pub async fn account(&self, code: &str) -> String {
        let data = self
            .ask(
                "query($code: String!) { accounts(first: 1, filter: { code: { eq: $code } }) { nodes { id } } }",
                json!({ "code": code }),
            )
            .await;
        data["accounts"]["nodes"][0]["id"].as_str().unwrap_or_else(|| panic!("no account {code}")).to_owned()
    }
}

/// The id of the node whose `key` is `wanted`.
pub fn id_of(nodes: &Value, key: &str, wanted: &str) -> String {
    nodes
        .as_array()
        .and_then(|nodes| nodes.iter().find(|node| node[key] == wanted))
        .and_then(|node| node["id"].as_str())
        .unwrap_or_else(|| panic!("no {key} {wanted} in {nodes}"))
        .to_owned()
}
