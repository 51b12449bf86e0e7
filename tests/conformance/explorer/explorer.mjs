// What a person does with the explorer.
import { Browser } from "./browser.mjs";
import { login } from "./login.mjs";

const [address, program, profile] = process.argv.slice(2);
const browser = await Browser.open(program, profile);
let passed = 0;
let failed = 0;
async function step(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}: ${error.message}`);
  }
}
function hold(condition, otherwise) {
  if (!condition) throw new Error(otherwise);
}
const element = (id) => `document.getElementById(${JSON.stringify(id)})`;
const editor = (part) => `document.querySelector(".graphiql-${part}-editor .CodeMirror, .${part}-window .CodeMirror")?.CodeMirror`;
const silent = `${element("message")}.textContent === "" && !${element("client")}.disabled`;
const message = () => browser.value(`${element("message")}.textContent`);

/** Opens the tab of an example, which is named after its operation. */
async function open(name) {
  const tab = `[...document.querySelectorAll(".graphiql-tab-button")].find((tab) => tab.textContent.trim() === ${JSON.stringify(name)})`;
  await browser.until(`Boolean(${tab})`, `the tab ${name}`);
  await browser.value(`${tab}.click()`);
  await browser.until(`${editor("query")}?.getValue().includes(" ${name}")`, `the text of ${name}`);
}

/** Presses the button, and gives the answer. */
async function run() {
  // GraphiQL reads the name of the operation half a second after the last change.
  await new Promise((done) => setTimeout(done, 800));
  await browser.value(`${editor("result")}?.setValue("")`);
  await browser.value(`document.querySelector(".graphiql-execute-button").click()`);
  await browser.until(
    `(() => { try { return Boolean(JSON.parse(${editor("result")}.getValue())) } catch { return false } })()`,
    "an answer",
  );
  const answer = JSON.parse(await browser.value(`${editor("result")}.getValue()`));
  hold(!answer.errors, JSON.stringify(answer.errors));
  return answer.data;
}

await step("the page shows a sign-in", async () => {
  await browser.go(`${address}/graphiql`);
  await browser.until(`${element("sign-in")} && !${element("sign-in")}.hidden`, "the form");
  await browser.until(`Boolean(${editor("query")})`, "the editor");
});
await step("a wrong password is told", async () => {
  await browser.value(`(() => { const form = ${element("sign-in")};
    form.email.value = "accountant@demo.example"; form.password.value = "not-The-password-1"; form.requestSubmit() })()`);
  await browser.until(`${element("message")}.classList.contains("wrong")`, "a reason");
  hold(/password|sign/i.test(await message()), await message());
});
await step("sign in", async () => {
  await browser.value(`(() => { const form = ${element("sign-in")};
    form.email.value = "accountant@demo.example"; form.password.value = "demo-Ledger-4711"; form.requestSubmit() })()`);
  await browser.until(`!${element("signed-in")}.hidden && ${silent}`, "the bar");
  hold((await browser.value(`${element("who")}.textContent`)) === "accountant@demo.example", "another name is shown");
});
async function choose(name) {
  const named = `(option) => option.text.includes(${JSON.stringify(name)})`;
  await browser.until(`[...${element("client")}.options].some(${named})`, "the clients");
  await browser.value(`(() => { const picker = ${element("client")};
    picker.value = [...picker.options].find(${named}).value; picker.dispatchEvent(new Event("change")) })()`);
  await browser.until(silent, "the client's token");
  hold((await browser.value(`${element("client")}.selectedOptions[0].text`)).includes(name), "another client is chosen");
}
await step("choose a client", () => choose("Nordwind"));
// Every example runs as it stands, with the variables and headers that are filled in.
const examples = (await (await fetch(`${address}/graphiql/examples.graphql`)).text()).matchAll(/^(query|mutation) (\w+)/gm);
for (const [, kind, name] of examples) {
  await step(`the example ${name} runs`, async () => {
    // The portfolio is of all clients: it is looked at without choosing one.
    await choose(name === "Portfolio" ? "no client" : "Nordwind");
    await open(name);
    const before = browser.requests.size;
    const data = await run();
    const value = Object.values(data)[0];
    hold(value, "no answer");
    hold(!value.userErrors?.length, JSON.stringify(value.userErrors));
    if (kind === "mutation") {
      const sent = [...browser.requests.values()].slice(before).find((request) => request.postData?.includes(name));
      const headers = Object.keys(sent.headers).map((header) => header.toLowerCase());
      hold(headers.includes("idempotency-key") && headers.includes("dry-run"), `headers: ${headers}`);
    }
  });
}
await step("a query of one's own", async () => {
  await browser.value(`${editor("query")}.setValue('query Own { trialBalance(asOf: "2026-01-31") { rows { name balance { amount } } } }')`);
  await browser.until(`${editor("query")}.getValue().includes("Own")`, "the text");
  const { trialBalance } = await run();
  hold(trialBalance.rows.length > 3 && /^-?\d+\.\d\d$/.test(trialBalance.rows[0].balance.amount), JSON.stringify(trialBalance));
});
await step("what was tried has changed nothing", async () => {
  await browser.value(`${editor("query")}.setValue('query Tried { customers(first: 100) { nodes { number } } }')`);
  await browser.until(`${editor("query")}.getValue().includes("Tried")`, "the text");
  const { customers } = await run();
  hold(customers.nodes.length > 0 && customers.nodes.every(({ number }) => number !== "C-1"), JSON.stringify(customers));
});
await step("a mistake in a document is shown with its reason", async () => {
  await browser.value(`${editor("query")}.setValue("query Wrong { nothing }"); document.querySelector(".graphiql-execute-button").click()`);
  await browser.until(`${editor("result")}.getValue().includes("GRAPHQL_VALIDATION_FAILED")`, "the reason");
});
await step("the documentation opens", async () => {
  await browser.value(`[...document.querySelectorAll("button")].find((button) => /Documentation/i.test(button.ariaLabel ?? "")).click()`);
  await browser.until(`/Query/.test(document.querySelector(".graphiql-plugin")?.innerText ?? "")`, "the schema");
});
await step("a reload stays signed in", async () => {
  await browser.value("location.reload()");
  await browser.until(`${element("who")}?.textContent === "accountant@demo.example" && ${silent}`, "the name");
  await browser.until(`/Nordwind/.test(${element("client")}.selectedOptions[0]?.text)`, "the client");
});
await step("sign out forgets the answers", async () => {
  await browser.value(`${element("sign-out")}.click()`);
  await browser.until(`!${element("sign-in")}.hidden`, "the form");
  const left = await browser.value(`JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`);
  hold(!/eyJ|refreshToken/.test(left), "a token is left behind");
});
const provider = await login("accountant@demo.example");
await step("somebody comes in through an identity provider", async () => {
  const ask = async (query, input, token) => {
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json", ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await (await fetch(`${address}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables: { input } }) })).json();
    const value = Object.values(answer.data ?? {})[0];
    hold(value && !value.userErrors.length, JSON.stringify(answer));
    return value;
  };
  const admin = await ask("mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }", { email: "admin@demo.example", password: "demo-Provider-4711" });
  const input = { name: `Explorer ${process.pid}`, issuer: provider.issuer, oauthClientId: "explorer", oauthClientSecret: "secret" };
  const made = await ask("mutation($input: StaffIdentityProviderCreateInput!) { staffIdentityProviderCreate(input: $input) { staffIdentityProvider { id handle } userErrors { message } } }", input, admin.accessToken);
  const { id, handle } = made.staffIdentityProvider;
  await browser.go(`${address}/graphiql?signIn=${handle}`);
  await browser.until(`${element("outside")} && !${element("outside")}.hidden && ${silent} && Boolean(${editor("query")})`, "the button");
  await browser.value(`${element("outside")}.click()`);
  await browser.until(`${element("who")}?.textContent === "accountant@demo.example" && ${silent}`, "the name");
  const there = await browser.value("location.href");
  hold(there === `${address}/graphiql?signIn=${handle}`, `the code stands in the address: ${there}`);
  await choose("Nordwind");
  await open("Customers");
  hold((await run()).customers, "no answer");
  // A code that is brought to a tab that did not begin lets nobody in.
  await browser.value(`${element("sign-out")}.click()`);
  await browser.go(`${address}/graphiql?signIn=${handle}&signInCode=x`);
  await browser.until(`/not begun in this tab/.test(${element("message")}?.textContent)`, "the reason");
  await ask("mutation($input: StaffIdentityProviderDeleteInput!) { staffIdentityProviderDelete(input: $input) { userErrors { message } } }", { id }, admin.accessToken);
});
provider.close();
await step("no request left the machine", () => {
  const elsewhere = [...browser.requests.values()]
    .map((request) => request.url)
    .filter((url) => ![address, provider.issuer].some((here) => url.startsWith(`${here}/`)) && !/^(data|blob|about):/.test(url));
  hold(elsewhere.length === 0, elsewhere.join(", "));
  hold(browser.requests.size > 10, "the requests were not seen");
});
await step("the console stayed silent", () => {
  // The browser notes each answer that is not a success: that of the wrong document is one.
  const complaints = browser.complaints.filter((text) => !/^network: .*status of 400 .*\/graphql$/.test(text.trim()));
  hold(complaints.length === 0, complaints.join("\n"));
});
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
