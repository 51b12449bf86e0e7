import { createClient } from "graphql-sse";
import { CUSTOMER, FOLLOW, address, ask, customer, end, hold, moment, signIn, step } from "./office.mjs";

const { token } = await signIn();
const open = (bearer = token, more = {}) =>
  createClient({ url: `${address}/graphql`, headers: { Authorization: `Bearer ${bearer}` }, retryAttempts: 0, ...more });
const kinds = ["CUSTOMER_CREATED"];

await step("a subscription hears of what happens", async () => {
  const events = open().iterate({ query: FOLLOW, variables: { kinds } });
  const first = events.next();
  await moment(1000);
  const made = await customer(token);
  const { value } = await first;
  hold(value.data.events.node.number === made.number, value);
  await events.return();
});
await step("resumeAfter loses nothing and repeats nothing over reconnects", async () => {
  const start = await ask("{ events(first: 1, orderBy: NEWEST) { nodes { cursor } } }", {}, token);
  let after = start.events.nodes[0].cursor;
  const expected = [];
  for (let n = 0; n < 20; n++) expected.push((await customer(token)).id);
  const seen = [];
  while (seen.length < expected.length) {
    const events = open().iterate({ query: FOLLOW, variables: { after, kinds } });
    for (let n = 0; n < 7 && seen.length < expected.length; n++) {
      const { value } = await events.next();
      seen.push(value.data.events.nodeId);
      after = value.data.events.cursor;
    }
    await events.return();
  }
  hold(JSON.stringify(seen) === JSON.stringify(expected), { seen, expected });
});
await step("Last-Event-ID goes on behind what was heard", async () => {
  const start = await ask("{ events(first: 1, orderBy: NEWEST) { nodes { cursor } } }", {}, token);
  const made = await customer(token);
  const client = open(token, { headers: { Authorization: `Bearer ${token}`, "Last-Event-ID": start.events.nodes[0].cursor } });
  const events = client.iterate({ query: FOLLOW, variables: { kinds } });
  const { value } = await events.next();
  hold(value.data.events.nodeId === made.id, value);
  await events.return();
});
await step("queries and mutations are one answer and the end", async () => {
  for (const request of [
    { query: "{ customers(first: 1) { totalCount } }" },
    { query: CUSTOMER, variables: { number: `S-${Date.now()}` } },
  ]) {
    const results = open().iterate(request);
    const { value } = await results.next();
    hold(value.data && !value.errors, value);
    hold((await results.next()).done, "more than one answer");
  }
});
await step("what cannot begin is refused", async () => {
  for (const [bearer, query] of [
    [token, "subscription { events { nonsense } }"],
    [token, "{ broken"],
    ["nonsense", FOLLOW],
  ]) {
    let refused;
    try {
      await open(bearer).iterate({ query }).next();
    } catch (error) {
      refused = error;
    }
    hold(refused, `${query} was taken`);
  }
});
await step("the session ends, and the stream with it", async () => {
  const short = await signIn();
  const events = open(short.token).iterate({ query: FOLLOW });
  const next = events.next();
  await moment(1000);
  await ask("mutation { signOut { __typename } }", {}, short.token);
  const { value } = await next;
  hold(value.errors[0].extensions.code === "UNAUTHENTICATED", value);
  hold((await events.next()).done, "it goes on");
});
end();
