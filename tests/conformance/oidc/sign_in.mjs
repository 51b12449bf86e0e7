// Sign-in from outside, the whole way: portal, browser, provider and back.
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import { address, ask, end, hold, step } from "./office.mjs";

const http = createServer();
await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${http.address().port}`;
const redirect = `${address}/oidc/callback/${createHash("sha256").update(issuer).digest().subarray(0, 12).toString("base64url")}`;

const key = (kind, options, alg) => ({ ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }), use: "sig", alg, kid: alg });
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const people = {
  rosa: { email: "rosa@outside.example", email_verified: true, name: "Rosa Kern", groups: ["books"] },
  eve: { email: "accountant@demo.example", email_verified: true, name: "Eve", groups: ["books"] },
  sam: { email: `sam-${process.pid}@demo.example`, email_verified: true, name: "Sam", groups: ["boss"] },
  nora: { email: `nora-${process.pid}@demo.example`, email_verified: true, name: "Nora", groups: ["canteen"] },
  max: { email: "max@outside.example", email_verified: false, name: "Max", groups: ["books"] },
};
const secret = (id) => `secret of ${id} +/% that is long enough to sign with`;
const registered = (id, more) => ({
  client_id: id,
  client_secret: secret(id),
  redirect_uris: [redirect],
  grant_types: ["authorization_code"],
  response_types: ["code"],
  token_endpoint_auth_method: "client_secret_basic",
  ...more,
});
const provider = new Provider(issuer, {
  clients: [
    ...ALGORITHMS.map((alg) => registered(`back-office-${alg}`, { id_token_signed_response_alg: alg })),
    registered("staff", { id_token_signed_response_alg: "ES256" }),
    registered("aged", { require_auth_time: true }),
    registered("HS256", { id_token_signed_response_alg: "HS256" }),
  ],
  enabledJWA: { idTokenSigningAlgValues: [...ALGORITHMS, "HS256"] },
  jwks: {
    keys: [
      key("rsa", { modulusLength: 2048 }, "RS256"),
      key("rsa", { modulusLength: 2048 }, "PS256"),
      key("ec", { namedCurve: "P-256" }, "ES256"),
      key("ed25519", {}, "EdDSA"),
    ],
  },
  // As the standard has it: what scopes ask for is told at the userinfo endpoint, not in the ID token.
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  pkce: { required: () => true },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
});
http.on("request", provider.callback());

/** A browser of its own: it keeps cookies and follows redirects as long as they stay at the provider. */
function browser() {
  const cookies = new Map();
  const go = async (url, form) => {
    const response = await fetch(url, {
      method: form ? "POST" : "GET",
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(";");
      const at = pair.indexOf("=");
      if (/expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(pair.slice(0, at));
      else cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const to = response.headers.get("location");
    if (to && new URL(to, url).origin === issuer) return go(new URL(to, url).href);
    return { status: response.status, url, to, text: await response.text() };
  };
  return go;
}

/** The person signs in at the provider, or says no; gives the address that the browser is sent back to. */
async function atProvider(url, name, consents = true) {
  const go = browser();
  let page = await go(url);
  if (!consents) return (await go(`${page.url}/abort`)).to;
  for (let at = 0; !page.to && at < 3; at++) {
    hold(page.url.includes("/interaction/"), `${page.status} ${page.url} ${page.text}`);
    page = await go(page.url, /name="prompt" value="login"/.test(page.text) ? { prompt: "login", login: name, password: "x" } : { prompt: "consent" });
  }
  hold(page.to, `the provider does not send ${name} back: ${page.text}`);
  return page.to;
}

const BEGIN = "mutation($input: SignInBeginInput!) { signInBegin(input: $input) { authorizationUrl userErrors { code message } } }";
const COMPLETE = "mutation($input: SignInCompleteInput!) { signInComplete(input: $input) { accessToken refreshToken user { email } userErrors { message } } }";

/** The portal begins. */
async function begin(handle) {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const input = { identityProvider: handle, returnTo: `${address}/graphiql?from=suite`, challenge };
  const { signInBegin } = await ask(BEGIN, { input });
  hold(signInBegin.authorizationUrl, signInBegin);
  return { url: signInBegin.authorizationUrl, verifier };
}

/** The browser comes back; gives where the portal is called with what. */
async function back(url) {
  const response = await fetch(url, { redirect: "manual" });
  const to = response.headers.get("location");
  return { status: response.status, sent: to && new URL(to).searchParams, text: await response.text() };
}

const complete = async (code, verifier) => (await ask(COMPLETE, { input: { code, verifier } })).signInComplete;

async function comes(handle, name) {
  const begun = await begin(handle);
  const { sent, text } = await back(await atProvider(begun.url, name));
  hold(sent?.get("signInCode"), text);
  return complete(sent.get("signInCode"), begun.verifier);
}

const { signIn } = await ask(
  "mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }",
  { input: { email: "admin@demo.example", password: "demo-Provider-4711" } },
);
const { clients } = await ask("{ clients(first: 10) { nodes { id } } }", {}, signIn.accessToken);
const client = clients.nodes[0].id;
const enter = async (token) =>
  (await ask("mutation($client: ID!) { clientTokenCreate(input: { client: $client }) { accessToken userErrors { code } } }", { client }, token))
    .clientTokenCreate.accessToken;
const admin = await enter(signIn.accessToken);
const { roles } = await ask("{ roles(first: 100) { nodes { id name } } }", {}, admin);
const role = (name) => roles.nodes.find((one) => one.name === name).id;
const settings = (id, more = {}) => ({
  name: `Suite ${id} ${process.pid}`,
  issuer,
  oauthClientId: id,
  oauthClientSecret: secret(id),
  scopes: ["email", "profile", "groups"],
  groupsClaim: "groups",
  createsAccounts: true,
  roles: [{ group: "books", role: role("Accountant") }, { group: "audit", role: role("Auditor") }],
  ...more,
});
const CREATE = "mutation($input: IdentityProviderCreateInput!) { identityProviderCreate(input: $input) { identityProvider { id handle redirectUri } userErrors { field message } } }";
async function setUp(id, more) {
  const { identityProviderCreate: made } = await ask(CREATE, { input: settings(id, more) }, admin);
  hold(made.identityProvider, made);
  return made.identityProvider;
}
const rights = async (token) => (await ask("{ viewer { permissions } }", {}, token)).viewer.permissions;

for (const alg of ALGORITHMS) {
  await step(`a person comes in by an ID token signed with ${alg}`, async () => {
    const set = await setUp(`back-office-${alg}`);
    hold(set.redirectUri === redirect, set);
    people.rosa.email = `rosa-${alg.toLowerCase()}@outside.example`;
    const come = await comes(set.handle, "rosa");
    hold(come.accessToken && come.user.email === people.rosa.email, come);
    hold((await rights(await enter(come.accessToken))).includes("JOURNAL_POST"), "the group gives no right");
    const { sessions } = await ask("{ sessions { nodes { identityProvider client } totalCount } }", {}, come.accessToken);
    hold(sessions.nodes[0].identityProvider.startsWith("Suite") && sessions.nodes[0].client === client, sessions);
  });
}
const set = await setUp("back-office-RS256", { name: `Suite ${process.pid}` });
people.rosa.email = `rosa-${process.pid}@outside.example`;

await step("the request asks with PKCE by S256, state and nonce", async () => {
  const asked = new URL((await begin(set.handle)).url).searchParams;
  hold(asked.get("code_challenge_method") === "S256" && asked.get("code_challenge").length === 43, [...asked]);
  hold(asked.get("state") && asked.get("nonce") && asked.get("response_type") === "code" && asked.get("scope") === "openid email profile groups", [...asked]);
});
await step("another group is another role at the next sign-in", async () => {
  hold((await rights(await enter((await comes(set.handle, "rosa")).accessToken))).includes("JOURNAL_POST"), "not before");
  people.rosa.groups = ["audit"];
  const now = await rights(await enter((await comes(set.handle, "rosa")).accessToken));
  people.rosa.groups = ["books"];
  hold(now.includes("AUDIT_READ") && !now.includes("JOURNAL_POST"), now);
});
await step("the tokens go on like any other's", async () => {
  const come = await comes(set.handle, "rosa");
  const input = { refreshToken: come.refreshToken };
  const { tokenRefresh } = await ask("mutation($input: TokenRefreshInput!) { tokenRefresh(input: $input) { accessToken } }", { input });
  hold(await enter(tokenRefresh.accessToken), tokenRefresh);
});
await step("state, code and secret are good once and together", async () => {
  const [mine, thine] = [await begin(set.handle), await begin(set.handle)];
  const way = await atProvider(thine.url, "rosa");
  const { sent } = await back(way);
  hold(!(await complete(sent.get("signInCode"), mine.verifier)).accessToken, "another portal completed it");
  hold((await complete(sent.get("signInCode"), thine.verifier)).accessToken, "who began could not");
  hold(!(await complete(sent.get("signInCode"), thine.verifier)).accessToken, "it was completed twice");
  const again = await back(way);
  hold(again.status === 400 && !again.sent, again);
});
await step("an answer that names another issuer ends it", async () => {
  const way = new URL(await atProvider((await begin(set.handle)).url, "rosa"));
  hold(way.searchParams.get("iss") === issuer, way.href);
  way.searchParams.set("iss", "https://evil.example");
  hold((await back(way.href)).status === 400, "it was taken");
});
await step("who says no at the provider is told so at the portal", async () => {
  const { sent } = await back(await atProvider((await begin(set.handle)).url, "rosa", false));
  hold(sent.get("signInError") === "access_denied" && !sent.get("signInCode") && sent.get("from") === "suite", [...sent]);
});
await step("an address that is not verified lets nobody in", async () => {
  const come = await comes(set.handle, "max");
  hold(!come.accessToken && /verified/.test(come.userErrors[0].message), come);
});
await step("the provider's staff does not come in through a client's identity provider", async () => {
  const come = await comes(set.handle, "eve");
  hold(!come.accessToken && /not known here/.test(come.userErrors[0].message), come);
});
await step("how long ago somebody signed in there is asked for and checked", async () => {
  const aged = await setUp("aged", { maxAgeMinutes: 5 });
  const begun = await begin(aged.handle);
  hold(new URL(begun.url).searchParams.get("max_age") === "300", begun.url);
  people.rosa.email = `aged-${process.pid}@outside.example`;
  hold((await comes(aged.handle, "rosa")).accessToken, "not let in");
});
await step("a token signed with a shared secret is not taken", async () => {
  const come = await comes((await setUp("HS256")).handle, "rosa");
  hold(!come.accessToken && /was not good/.test(come.userErrors[0].message), come);
});
await step("a wrong secret gets nothing", async () => {
  const wrong = await setUp("back-office-ES256", { name: `Wrong ${process.pid}`, oauthClientSecret: "wrong" });
  const come = await comes(wrong.handle, "rosa");
  hold(!come.accessToken && /was not good/.test(come.userErrors[0].message), come);
});
await step("what is deleted lets nobody in", async () => {
  const gone = "mutation($id: ID!) { identityProviderDelete(input: { id: $id }) { identityProvider { state } userErrors { message } } }";
  const { identityProviderDelete } = await ask(gone, { id: set.id }, admin);
  hold(identityProviderDelete.identityProvider.state === "DELETED", identityProviderDelete);
  const input = { identityProvider: set.handle, returnTo: `${address}/graphiql`, challenge: "A".repeat(43) };
  hold((await ask(BEGIN, { input })).signInBegin.userErrors[0].code === "NOT_FOUND", "it begins");
});

// The provider's own staff, through an identity provider of the provider's own.
const PASSWORD = "correct-Horse-battery-9";
const owner = signIn.accessToken;
const { providerRoles } = await ask("{ providerRoles { id name } }", {}, owner);
const providerRole = (name) => providerRoles.find((one) => one.name === name).id;
const made = await ask(
  "mutation($input: StaffCreateInput!) { staffCreate(input: $input) { staffMember { id } userErrors { message } } }",
  { input: { email: people.sam.email, name: "Sam", password: PASSWORD, roles: [providerRole("Staff")] } },
  owner,
);
hold(made.staffCreate.staffMember, made);
const { staffIdentityProviderCreate: staffSet } = await ask(
  "mutation($input: StaffIdentityProviderCreateInput!) { staffIdentityProviderCreate(input: $input) { staffIdentityProvider { id handle redirectUri } userErrors { field message } } }",
  { input: settings("staff", { roles: [{ group: "boss", role: providerRole("Provider administrator") }] }) },
  owner,
);
const staff = staffSet.staffIdentityProvider;
const change = async (changes) => {
  const CHANGE = "mutation($input: StaffIdentityProviderUpdateInput!) { staffIdentityProviderUpdate(input: $input) { staffIdentityProvider { required state } userErrors { message } } }";
  const { staffIdentityProviderUpdate: changed } = await ask(CHANGE, { input: { id: staff.id, ...changes } }, owner);
  hold(changed.staffIdentityProvider, changed);
  return changed.staffIdentityProvider;
};
const byPassword = async (email, password) =>
  (await ask("mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }", { input: { email, password } })).signIn;
const manages = async (token) => (await rights(token)).includes("STAFF_MANAGE");

await step("a member of the staff comes in by a group that stands for a provider role", async () => {
  hold(staff.redirectUri === redirect, staffSet);
  const come = await comes(staff.handle, "sam");
  hold(come.accessToken && come.user.email === people.sam.email, come);
  hold(await manages(come.accessToken), "the group gives no right");
  hold((await rights(await enter(come.accessToken))).length > 0, "no right in a client");
  const known = await ask("{ staff(first: 100) { nodes { email outsideIdentities { subject identityProvider { id } } } } }", {}, owner);
  const { outsideIdentities } = known.staff.nodes.find((one) => one.email === people.sam.email);
  hold(outsideIdentities.length === 1 && outsideIdentities[0].subject === "sam" && outsideIdentities[0].identityProvider.id === staff.id, outsideIdentities);
});
await step("who leaves the group there loses the role here at the next sign-in", async () => {
  const before = (await comes(staff.handle, "sam")).accessToken;
  hold(await manages(before), "not before");
  people.sam.groups = [];
  const now = (await comes(staff.handle, "sam")).accessToken;
  people.sam.groups = ["boss"];
  hold(!(await manages(now)) && !(await manages(before)), "the role stays");
});
await step("somebody new gets an account by a group that counts, and by none that does not", async () => {
  const stranger = await comes(staff.handle, "nora");
  hold(!stranger.accessToken && /not known here/.test(stranger.userErrors[0].message), stranger);
  people.nora.groups = ["boss"];
  const come = await comes(staff.handle, "nora");
  hold(come.accessToken && (await manages(come.accessToken)), come);
});
await step("a client's person does not come in through the provider's identity provider", async () => {
  const other = await setUp("back-office-PS256", { name: `Other ${process.pid}` });
  people.rosa.email = `staff-rosa-${process.pid}@outside.example`;
  hold((await comes(other.handle, "rosa")).accessToken, "not let in by the client's");
  people.rosa.groups = ["books", "boss"];
  const come = await comes(staff.handle, "rosa");
  people.rosa.groups = ["books"];
  hold(!come.accessToken && /not known here/.test(come.userErrors[0].message), come);
});
await step("a client's identity provider gives no provider role, whatever its groups are called", async () => {
  const { identityProviderCreate: refused } = await ask(
    CREATE,
    { input: settings("back-office-PS256", { name: `Boss ${process.pid}`, roles: [{ group: "boss", role: providerRole("Provider administrator") }] }) },
    admin,
  ).catch(() => ({ identityProviderCreate: { userErrors: [{}] } }));
  hold(!refused.identityProvider && refused.userErrors.length === 1, refused);
});
await step("where it is required, a password does only for who could mend it", async () => {
  hold((await byPassword(people.sam.email, PASSWORD)).accessToken, "not before");
  hold((await change({ required: true })).required, "it is not required");
  const refused = await byPassword(people.sam.email, PASSWORD);
  hold(!refused.accessToken && /identity provider only/.test(refused.userErrors[0].message), refused);
  hold((await byPassword("admin@demo.example", "demo-Provider-4711")).accessToken, "who could mend it is locked out");
  hold((await comes(staff.handle, "sam")).accessToken, "nobody comes in");
  hold(!(await change({ required: false })).required, "it is still required");
});
await step("one that is shut signs out who came through it", async () => {
  const come = await comes(staff.handle, "sam");
  hold(await manages(come.accessToken), "not before");
  hold((await change({ enabled: false })).state === "DISABLED", "it is not disabled");
  const out = await rights(come.accessToken).then(() => false, (error) => /UNAUTHENTICATED/.test(error.message));
  hold(out, "the session goes on");
  const input = { identityProvider: staff.handle, returnTo: `${address}/graphiql`, challenge: "A".repeat(43) };
  hold((await ask(BEGIN, { input })).signInBegin.userErrors[0].code === "NOT_FOUND", "it begins");
});
http.close();
http.closeAllConnections();
end();
