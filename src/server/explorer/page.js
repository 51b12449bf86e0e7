// GraphiQL with a sign-in bar above it.
//
// Tokens live in this page's memory. They are in sessionStorage only while the page reloads (see `pagehide`), so that
// a duplicated tab does not take the refresh token along: two tabs with the same one look like a theft.

const { React, ReactDOM, GraphiQL } = window;

const ENDPOINT = "/graphql";
const RELOADING = "backoffice:session";
// The secret of a sign-in through an identity provider, while the person is there.
const AWAY = "backoffice:verifier";
const UNSIGNED = "You are not signed in any more; please sign in again.";
// A token that is about to end is renewed before it is sent, in milliseconds.
const MARGIN_MS = 30_000;

const element = (id) => document.getElementById(id);
const form = element("sign-in");
const picker = element("client");
const dryRun = element("dry-run");
const outside = element("outside");
// `/graphiql?signIn=HANDLE` offers that identity provider; from there one comes back with a code.
const asked = new URL(location.href).searchParams;

/**
 * Who is signed in; null if nobody.
 *   email, refreshToken
 *   own      the token without a client: { token, ends }
 *   client   the client chosen, or null: { id, name, token, ends }
 */
let session = null;
// The renewal under way: a refresh token is good for one use, so two requests never use it at once.
let renewing = null;
let operations;
let schemaKnown = false;
let mounts = 0;

// ---- requests

/** The operations of a file, by name. Each begins after a blank line, with the comment above it. */
async function documents(file) {
  const response = await fetch(`/graphiql/${file}`);
  if (!response.ok) throw new Error(`${file} cannot be loaded (${response.status}).`);
  const named = new Map();
  for (const text of (await response.text()).split(/\n\n+(?=#|query|mutation)/)) {
    const name = /^(?:query|mutation) (\w+)/m.exec(text)?.[1];
    if (name) named.set(name, text.trim());
  }
  return named;
}

/** Sends one GraphQL request and gives the answer back, whatever it says. */
async function post(body, token, extra = {}) {
  const headers = new Headers({
    "Content-Type": "application/json",
    Accept: "application/graphql-response+json",
  });
  if (token) headers.set("Authorization", `Bearer ${token}`);
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
  });
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}, and not in JSON.`);
  }
  const unsigned =
    response.status === 401 || (answer.errors ?? []).some((error) => error.extensions?.code === "UNAUTHENTICATED");
  return { answer, unsigned };
}

/** The server said no, and would say it again: not a fault of the network or of the server. */
class Refused extends Error {}

/** Runs one of our own operations and gives its only field back. What goes wrong is thrown in the server's words. */
async function run(name, variables, token) {
  const { answer, unsigned } = await post({ query: operations.get(name), operationName: name, variables }, token);
  const sentences = (errors) => errors.map((error) => error.message).join(" ");
  if (unsigned) throw new Refused(sentences(answer.errors ?? []) || UNSIGNED);
  if (answer.errors?.length) throw new Error(sentences(answer.errors));
  const value = Object.values(answer.data ?? {})[0];
  if (value?.userErrors?.length) throw new Refused(sentences(value.userErrors));
  if (!value) throw new Error("The server gave no answer.");
  return value;
}

// ---- tokens

/** A token and when it ends, by the clock of this machine: only its lifetime is read, since the clocks may differ. */
function held(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    if (claims.exp > claims.iat) return { token, ends: Date.now() + (claims.exp - claims.iat) * 1000 };
  } catch {
    // Not readable: used until the server refuses it.
  }
  return { token, ends: Infinity };
}

const fresh = (holder) => holder?.token && holder.ends - Date.now() > MARGIN_MS;

/** The session's own token; `force` renews it though it seems good. */
async function ownToken(force = false) {
  if (!session) throw new Refused(UNSIGNED);
  if (!force && fresh(session.own)) return session.own.token;
  renewing ??= renew(session).finally(() => (renewing = null));
  return renewing;
}

async function renew(of) {
  try {
    const tokens = await run("TokenRefresh", { input: { refreshToken: of.refreshToken } });
    of.refreshToken = tokens.refreshToken;
    of.own = held(tokens.accessToken);
    return of.own.token;
  } catch (error) {
    // Anything but a refusal, and the sign-in may still be good.
    if (!(error instanceof Refused)) throw error;
    if (session === of) leave(UNSIGNED);
    throw new Refused(UNSIGNED);
  }
}

async function clientToken(client, force = false) {
  if (!force && fresh(client)) return client.token;
  const made = await run("ClientTokenCreate", { input: { client: client.id } }, await ownToken(force));
  Object.assign(client, held(made.accessToken));
  return client.token;
}

/** What GraphiQL's requests are sent with: the client's token, the own one, or none. */
async function currentToken(force = false) {
  if (!session) return null;
  return session.client ? clientToken(session.client, force) : ownToken(force);
}

/** Whether a request's operation changes something. */
function isMutation({ query, operationName }) {
  const kinds = [...query.matchAll(/^\s*(query|mutation|subscription)\b\s*(\w*)/gm)];
  const asked = operationName ? kinds.find(([, , name]) => name === operationName) : kinds[0];
  return asked?.[1] === "mutation";
}

/**
 * GraphiQL's way to the server. A mutation is tried only, unless the bar says otherwise, and is safe to repeat: these two
 * headers do not depend on a pane that can be emptied. What is typed into the headers pane goes before them.
 */
async function fetcher(body, { headers: typed = {} } = {}) {
  const safety = isMutation(body) && {
    ...(dryRun.checked && { "Dry-Run": "true" }),
    ...(session && { "Idempotency-Key": crypto.randomUUID?.() ?? `explorer-${Date.now()}` }),
  };
  const extra = { ...safety, ...typed };
  const before = session;
  const first = await post(body, await currentToken(), extra);
  if (!first.unsigned || !session || session !== before) return first.answer;
  // The token was refused, so nothing was done: once more with a new one.
  return (await post(body, await currentToken(true), extra)).answer;
}

// ---- the bar

function say(text = "", wrong = false) {
  element("message").textContent = text;
  element("message").classList.toggle("wrong", wrong);
}

/** Does something that takes a while and may fail. Meanwhile nothing else in the bar can be done. */
async function busy(text, work) {
  const controls = [...form.elements, picker, element("sign-out")];
  for (const control of controls) control.disabled = true;
  say(text);
  try {
    await work();
    say();
  } catch (error) {
    say(error.message, true);
  } finally {
    for (const control of controls) control.disabled = false;
  }
}

function showBar() {
  form.hidden = session !== null;
  element("signed-in").hidden = session === null;
  element("who").textContent = session?.email ?? "";
  picker.value = session?.client?.id ?? "";
}

async function enter(next, clientId) {
  session = next;
  picker.replaceChildren(new Option("no client (portfolio)", ""));
  showBar();
  if (!schemaKnown) mount();
  // 1,000 clients are more than anyone picks from a list.
  for (let after = null, page = 0; page < 10; page += 1) {
    const clients = await run("Clients", { after }, await ownToken());
    for (const { id, name } of clients.nodes) picker.add(new Option(name, id));
    if (!clients.pageInfo.hasNextPage) break;
    after = clients.pageInfo.endCursor;
  }
  if (clientId) await choose(clientId);
}

async function choose(id) {
  const option = [...picker.options].find((option) => option.value === id);
  const client = id && option ? { id, name: option.text } : null;
  try {
    if (client) await clientToken(client);
    if (session) session.client = client;
  } finally {
    // A refused client leaves the former one in force, and shown.
    showBar();
  }
}

function leave(reason = "") {
  session = null;
  form.elements.password.value = "";
  form.elements.totp.value = "";
  showBar();
  // Mounted anew, GraphiQL keeps its tabs but not the answers that the person who left was given.
  mount();
  say(reason, reason !== "");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const [email, password, totp] = ["email", "password", "totp"].map((name) => form.elements[name].value);
  busy("Signing in …", async () => {
    const input = { email: email.trim(), password };
    if (totp.trim()) input.totp = totp.replaceAll(" ", "");
    // A code is good once; a wrong one is of no more use either.
    form.elements.totp.value = "";
    const tokens = await run("SignIn", { input });
    form.elements.password.value = "";
    await enter({ email: input.email, refreshToken: tokens.refreshToken, own: held(tokens.accessToken), client: null });
  });
});

/** Sends the person to the identity provider. */
async function goOutside() {
  if (!crypto.subtle) throw new Error("This way in needs https.");
  const base64url = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const identityProvider = asked.get("signIn");
  const returnTo = `${location.origin}${location.pathname}?${new URLSearchParams({ signIn: identityProvider })}`;
  const begun = await run("SignInBegin", { input: { identityProvider, returnTo, challenge } });
  sessionStorage.setItem(AWAY, verifier);
  location.assign(begun.authorizationUrl);
}

/** Completes the sign-in of somebody who has come back from there. */
async function comeBack(code, error, verifier) {
  if (error) throw new Error(`The identity provider did not let you in (${error}).`);
  if (!verifier) throw new Error("This sign-in was not begun in this tab; please sign in again.");
  const { accessToken, refreshToken, client, user } = await run("SignInComplete", { input: { code, verifier } });
  await enter({ email: user.email, refreshToken, own: held(accessToken), client: null }, client);
}

outside.addEventListener("click", () => busy("Going to your identity provider …", goOutside));
picker.addEventListener("change", () => busy("Taking a token for the client …", () => choose(picker.value)));
element("sign-out").addEventListener("click", () => leave());

addEventListener("pagehide", () => {
  if (!session) return;
  const { email, refreshToken, client } = session;
  sessionStorage.setItem(RELOADING, JSON.stringify({ email, refreshToken, client: client?.id }));
});
// Back from the browser's cache of whole pages: the memory is still there.
addEventListener("pageshow", () => sessionStorage.removeItem(RELOADING));

// ---- GraphiQL

let tabs;
let root;

/** Shows GraphiQL, new from the ground: it reads the schema again. */
function mount() {
  mounts += 1;
  root.render(
    React.createElement(GraphiQL, {
      key: mounts,
      fetcher,
      defaultTabs: tabs,
      // What is typed here can be a client's data: it goes when the tab is closed.
      storage: sessionStorage,
      onSchemaChange: (schema) => (schemaKnown = Boolean(schema)),
    }),
  );
}

async function start() {
  // Taken before anything is awaited: the `pageshow` of this load empties it.
  const left = JSON.parse(sessionStorage.getItem(RELOADING) ?? "null");
  sessionStorage.removeItem(RELOADING);
  const verifier = sessionStorage.getItem(AWAY);
  sessionStorage.removeItem(AWAY);
  const [code, error] = [asked.get("signInCode"), asked.get("signInError")];
  outside.hidden = !asked.has("signIn");
  if (code || error) {
    // Good once, and nobody's business: it stays in no history.
    asked.delete("signInCode");
    asked.delete("signInError");
    history.replaceState(null, "", `${location.pathname}?${asked}`);
  }
  showBar();
  const [own, examples] = await Promise.all([documents("operations.graphql"), documents("examples.graphql")]);
  operations = own;
  const filled = {
    TrialBalance: { variables: { asOf: new Date().toISOString().slice(0, 10) } },
    CustomerCreate: {
      variables: { input: { number: "C-1", name: "Example Ltd", country: "DE" } },
    },
  };
  const shown = (value) => value && JSON.stringify(value, null, 2);
  tabs = [...examples].map(([name, query]) => ({
    query: `${query}\n`,
    variables: shown(filled[name]?.variables),
  }));
  root = ReactDOM.createRoot(element("graphiql"));
  if (code || error) {
    await busy("Signing in …", () => comeBack(code, error, verifier));
    if (mounts === 0) mount();
    return;
  }
  if (!left) return mount();
  const { email, refreshToken, client } = left;
  await busy("Signing in again …", async () => {
    session = { email, refreshToken, own: null, client: null };
    await ownToken();
    await enter(session, client);
  });
  if (mounts === 0) mount();
}

start().catch((error) => say(error.message, true));
