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
// The other mode: one stream for everything.
const single = (bearer = token) => {
  const asked = [];
  const fetchFn = async (url, init) => {
    const answer = await fetch(url, init);
    asked.push(`${init.method ?? "POST"} ${answer.status}`);
    return answer;
  };
  return { client: open(bearer, { singleConnection: true, fetchFn }), asked };
};
await step("operations of all kinds share a single connection", async () => {
  const { client, asked } = single();
  const follow = client.iterate({ query: FOLLOW, variables: { kinds } });
  const first = follow.next();
  const other = client.iterate({ query: FOLLOW, variables: { kinds } });
  const second = other.next();
  await moment(1500);
  const results = client.iterate({ query: "{ customers(first: 1) { totalCount } }" });
  hold((await results.next()).value.data.customers.totalCount >= 0, "no answer");
  hold((await results.next()).done, "more than one answer");
  const written = client.iterate({ query: CUSTOMER, variables: { number: `O-${Date.now()}` } });
  const { number } = (await written.next()).value.data.customerCreate.customer;
  for (const heard of [await first, await second]) hold(heard.value.data.events.node.number === number, heard.value);
  // One goes, the other goes on.
  await other.return();
  await moment();
  const next = follow.next();
  const made = await customer(token);
  hold((await next).value.data.events.node.number === made.number, "the other does not go on");
  await follow.return();
  await moment();
  client.dispose();
  const count = (wanted) => asked.filter((one) => one === wanted).length;
  hold(count("PUT 201") === 1 && count("GET 200") === 1 && count("POST 202") === 4 && count("DELETE 200") >= 1, asked);
});
await step("what cannot begin in a single connection is refused", async () => {
  for (const [bearer, query] of [
    [token, "subscription { events { nonsense } }"],
    [token, "{ broken"],
    ["nonsense", FOLLOW],
  ]) {
    let refused;
    try {
      await single(bearer).client.iterate({ query }).next();
    } catch (error) {
      refused = error;
    }
    hold(refused, `${query} was taken`);
  }
});
await step("the session ends, and a single connection with it", async () => {
  const short = await signIn();
  const { client } = single(short.token);
  const events = client.iterate({ query: FOLLOW });
  const next = events.next();
  await moment(1000);
  await ask("mutation { signOut { __typename } }", {}, short.token);
  const { value } = await next;
  hold(value.errors[0].extensions.code === "UNAUTHENTICATED", value);
  hold((await events.next()).done, "it goes on");
  client.dispose();
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
