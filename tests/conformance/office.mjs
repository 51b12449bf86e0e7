// The demo's accountant in the demo's first client, and steps that are counted.
export const address = process.argv[2];

export async function ask(query, variables = {}, token) {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json",
      "content-type": "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

/** A session of its own, so that ending it ends nobody else's. */
export async function signIn() {
  const input = { email: "accountant@demo.example", password: "demo-Ledger-4711" };
  const { signIn: own } = await ask(
    "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }",
    { input },
  );
  const { clients } = await ask("{ clients(first: 1) { nodes { id } } }", {}, own.accessToken);
  const client = clients.nodes[0].id;
  const taken = await ask(
    "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { message } } }",
    { input: { client } },
    own.accessToken,
  );
  return { token: taken.clientTokenCreate.accessToken, own: own.accessToken };
}

let last = 0;
export const CUSTOMER =
  "mutation($number: String!) { customerCreate(input: { number: $number, name: \"Conformance\", country: \"DE\" }) { customer { id number } userErrors { message } } }";

export async function customer(token) {
  const number = `C-${process.pid}-${Date.now()}-${last++}`;
  return (await ask(CUSTOMER, { number }, token)).customerCreate.customer;
}

export const FOLLOW = `subscription($after: String, $kinds: [EventKind!]) { events(resumeAfter: $after, kinds: $kinds) {
  kind cursor nodeId node { id ... on Customer { number } } } }`;

let passed = 0;
let failed = 0;
export async function step(name, work) {
  let timer;
  try {
    const late = new Promise((_, refuse) => (timer = setTimeout(() => refuse(new Error("it took too long")), 20_000)));
    await Promise.race([work(), late]);
    passed += 1;
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}: ${error?.message ?? JSON.stringify(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
export function hold(condition, otherwise) {
  if (!condition) throw new Error(typeof otherwise === "string" ? otherwise : JSON.stringify(otherwise));
}
export const moment = (ms = 500) => new Promise((done) => setTimeout(done, ms));
export function end() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
