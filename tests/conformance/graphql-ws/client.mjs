import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { CUSTOMER, FOLLOW, address, ask, customer, end, hold, moment, signIn, step } from "./office.mjs";

const url = `${address.replace(/^http/, "ws")}/graphql`;
const { token } = await signIn();
const open = (more = {}) =>
  createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
    ...more,
  });
/** Results as they come, and how the operation ended. */
function follow(client, payload) {
  const heard = [];
  let wake = () => {};
  let outcome;
  let ended;
  const over = new Promise((done) => (ended = (how) => done((outcome = how))));
  const stop = client.subscribe(payload, {
    next: (result) => (heard.push(result), wake()),
    error: (error) => (ended({ error }), wake()),
    complete: () => (ended({ complete: true }), wake()),
  });
  const next = async () => {
    while (heard.length === 0 && !outcome) await new Promise((done) => (wake = done));
    if (heard.length === 0) throw new Error(`it ended: ${JSON.stringify(outcome)}`);
    return heard.shift();
  };
  return { next, stop, over };
}
const closedWith = async (talk) => {
  const socket = new WebSocket(url, "graphql-transport-ws");
  const closed = new Promise((done) => socket.on("close", (code) => done(code)));
  await new Promise((done) => socket.on("open", done));
  await talk(socket, (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)));
  return closed;
};

await step("a subscription hears of what happens", async () => {
  const client = open();
  const events = follow(client, { query: FOLLOW, variables: { kinds: ["CUSTOMER_CREATED"] } });
  await moment(1000);
  const made = await customer(token);
  const { data } = await events.next();
  hold(data.events.kind === "CUSTOMER_CREATED" && data.events.node.number === made.number, data);
  events.stop();
  hold((await events.over).complete, "stopping completes");
  await client.dispose();
});
await step("resumeAfter loses nothing and repeats nothing over reconnects", async () => {
  const client = open();
  const first = follow(client, { query: FOLLOW, variables: { kinds: ["CUSTOMER_CREATED"] } });
  await moment(1000);
  await customer(token);
  let after = (await first.next()).data.events.cursor;
  client.terminate();
  const expected = [];
  for (let n = 0; n < 20; n++) expected.push((await customer(token)).id);
  const seen = [];
  while (seen.length < expected.length) {
    const again = open();
    const events = follow(again, { query: FOLLOW, variables: { after, kinds: ["CUSTOMER_CREATED"] } });
    for (let n = 0; n < 7 && seen.length < expected.length; n++) {
      const { data } = await events.next();
      seen.push(data.events.nodeId);
      after = data.events.cursor;
    }
    again.terminate();
  }
  hold(JSON.stringify(seen) === JSON.stringify(expected), { seen, expected });
});
await step("queries and mutations are answered", async () => {
  // one connection for all of it: otherwise the next operation may meet the last one's connection while it closes
  const client = open({ lazyCloseTimeout: 2000 });
  const query = follow(client, { query: "{ customers(first: 1) { totalCount } }" });
  const before = (await query.next()).data.customers.totalCount;
  hold((await query.over).complete, "a query completes");
  const mutation = follow(client, { query: CUSTOMER, variables: { number: `W-${Date.now()}` } });
  hold((await mutation.next()).data.customerCreate.customer.id, "no customer");
  hold((await mutation.over).complete, "a mutation completes");
  const after = await ask("{ customers(first: 1) { totalCount } }", {}, token);
  hold(after.customers.totalCount === before + 1, after);
  await client.dispose();
});
await step("what is wrong with an operation is told, and the connection goes on", async () => {
  const client = open();
  for (const query of ["{ nonsense }", "{ broken", "subscription { events { nonsense } }", "subscription { events(kinds: [NO]) { id } }"]) {
    const { error } = await follow(client, { query }).over;
    hold(Array.isArray(error) && error[0].extensions.code && error[0].extensions.requestId, error ?? query);
  }
  hold((await follow(client, { query: "{ customers(first: 1) { totalCount } }" }).next()).data, "the connection is gone");
  await client.dispose();
});
await step("many subscriptions on one connection each hear", async () => {
  const client = open();
  const all = Array.from({ length: 20 }, () => follow(client, { query: FOLLOW, variables: { kinds: ["CUSTOMER_CREATED"] } }));
  await moment(1500);
  const made = await customer(token);
  for (const one of all) hold((await one.next()).data.events.nodeId === made.id, "another event");
  await client.dispose();
});
await step("the client's pings are answered", async () => {
  let ponged = false;
  const client = open({ lazy: false, keepAlive: 200, on: { pong: (received) => (ponged ||= received) } });
  await moment(1200);
  hold(ponged, "no pong");
  await client.dispose();
});
await step("4400: what is no message of the protocol", async () => {
  hold((await closedWith((_, say) => say("nonsense"))) === 4400, "another code");
});
await step("4401: an operation before the introduction", async () => {
  const code = await closedWith((_, say) => say({ id: "1", type: "subscribe", payload: { query: "{ viewer { id } }" } }));
  hold(code === 4401, `${code}`);
});
await step("4403: a token that is none", async () => {
  const client = open({ connectionParams: { Authorization: "Bearer nonsense" } });
  const { error } = await follow(client, { query: "{ viewer { id } }" }).over;
  hold(error?.code === 4403, `${error?.code}`);
});
await step("4406: another protocol", async () => {
  const socket = new WebSocket(url, "graphql-ws");
  const code = await new Promise((done) => (socket.on("close", done), socket.on("error", () => done(4406))));
  hold(code === 4406, `${code}`);
});
await step("4408: no introduction", async () => {
  hold((await closedWith(() => {})) === 4408, "another code");
});
const introduce = (say) => say({ type: "connection_init", payload: { Authorization: `Bearer ${token}` } });
await step("4409: an id that is in use", async () => {
  const code = await closedWith((_, say) => {
    introduce(say);
    for (let n = 0; n < 2; n++) say({ id: "same", type: "subscribe", payload: { query: FOLLOW } });
  });
  hold(code === 4409, `${code}`);
});
await step("4429: introduced twice", async () => {
  const code = await closedWith((_, say) => (introduce(say), introduce(say)));
  hold(code === 4429, `${code}`);
});
await step("4401: the session ends, also where nothing happens", async () => {
  const short = await signIn();
  let closed;
  const gone = new Promise((done) => (closed = done));
  const client = open({
    lazy: false,
    connectionParams: { Authorization: `Bearer ${short.token}` },
    on: { closed: (event) => closed(event.code) },
    onNonLazyError: () => {},
  });
  await moment(1000);
  await ask("mutation { signOut { __typename } }", {}, short.token);
  hold((await gone) === 4401, "another code");
  await client.dispose();
});
end();
