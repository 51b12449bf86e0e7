// Everything that has been done to JSON Web Tokens elsewhere, done to ours: each forged token has to be nobody's.
import { createHmac, generateKeyPairSync, sign } from "node:crypto";

const server = process.argv[2];
let passed = 0;
let failed = 0;
const check = (what, good, told = "") => {
  if (good) passed++;
  else {
    failed++;
    console.log(`FAILED ${what} ${told}`);
  }
};

async function ask(query, token, variables = {}) {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${server}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text), challenge: response.headers.get("www-authenticate") };
}

const SIGN_IN = "mutation($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { accessToken refreshToken } }";
const signIn = async (email, password) => (await ask(SIGN_IN, undefined, { email, password })).body.data.signIn;
const accountant = await signIn("accountant@demo.example", "demo-Ledger-4711");
const portal = await signIn("portal@nordwind.example", "demo-Portal-4711");
const clients = (await ask("{ clients(first: 10) { nodes { id name } } }", accountant.accessToken)).body.data.clients.nodes;
const enter = async (token, client) =>
  (await ask("mutation($client: ID!) { clientTokenCreate(input: { client: $client }) { accessToken userErrors { code } } }", token, { client }))
    .body.data.clientTokenCreate;
const client = clients.find((one) => one.name.startsWith("Nordwind"));
const other = clients.find((one) => one.id !== client.id);
const good = (await enter(accountant.accessToken, client.id)).accessToken;

const decode = (part) => JSON.parse(Buffer.from(part, "base64url"));
const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const [head, body, signature] = good.split(".");
const header = decode(head);
const claims = decode(body);
const jwks = await (await fetch(`${server}/.well-known/jwks.json`)).json();
const jwk = jwks.keys.find((key) => key.kid === header.kid);
const publicBytes = Buffer.from(jwk.x, "base64url");

const READ = "{ customers(first: 1) { nodes { id } } }";
const works = await ask(READ, good);
check("the good token works", works.status === 200 && !works.body.errors, works.text);

// A key of the attacker's own.
const own = generateKeyPairSync("ed25519");
const ownJwk = own.publicKey.export({ format: "jwk" });
const signedByOwn = (changed, payload = claims) => {
  const message = `${encode({ ...header, ...changed })}.${encode(payload)}`;
  return `${message}.${sign(null, Buffer.from(message), own.privateKey).toString("base64url")}`;
};
const mac = (secret, changed, hash = "sha256") => {
  const message = `${encode({ ...header, ...changed })}.${encode(claims)}`;
  return `${message}.${createHmac(hash, secret).update(message).digest("base64url")}`;
};
const keepSignature = (changed, payload = body) => `${encode({ ...header, ...changed })}.${typeof payload === "string" ? payload : encode(payload)}.${signature}`;
const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), publicBytes]).toString("base64")}\n-----END PUBLIC KEY-----\n`;

const forged = {};
// No signature at all.
for (const alg of ["none", "None", "NONE", "nOnE", "", null, "NULL"]) {
  forged[`alg ${alg} without a signature`] = `${encode({ ...header, alg })}.${body}.`;
  forged[`alg ${alg} with the old signature`] = keepSignature({ alg });
  forged[`alg ${alg} in two parts`] = `${encode({ ...header, alg })}.${body}`;
}
forged["alg missing"] = `${encode({ typ: header.typ, kid: header.kid })}.${body}.${signature}`;
forged["the good header without a signature"] = `${head}.${body}.`;
// Algorithm confusion: the public key taken for a shared secret.
for (const [name, secret] of Object.entries({
  "raw bytes": publicBytes,
  "base64url of them": jwk.x,
  "the JWK": JSON.stringify(jwk),
  "the JWK set": JSON.stringify(jwks),
  PEM: pem,
  "PEM without its last line feed": pem.trim(),
  "the empty secret": "",
  "the word secret": "secret",
  "its own kid": header.kid,
})) {
  for (const [alg, hash] of [["HS256", "sha256"], ["HS384", "sha384"], ["HS512", "sha512"], ["EdDSA", "sha256"]]) {
    forged[`${alg} with ${name} as its key`] = mac(secret, { alg }, hash);
  }
}
for (const alg of ["RS256", "PS256", "ES256", "ES256K", "Ed25519", "EdDSA ", "eddsa", ["EdDSA"], 1]) {
  forged[`alg ${JSON.stringify(alg)}`] = keepSignature({ alg });
}
// Keys that come with the token, or from where it says.
forged["a foreign key under our kid"] = signedByOwn({});
forged["a foreign key under its own kid"] = signedByOwn({ kid: "mine" });
forged["the key in the header (jwk)"] = signedByOwn({ jwk: ownJwk });
forged["the key in the header under our kid"] = signedByOwn({ jwk: { ...ownJwk, kid: header.kid } });
for (const url of ["http://127.0.0.1:9/jwks.json", "https://evil.example/jwks.json", `${server}/.well-known/jwks.json`, "file:///etc/passwd"]) {
  forged[`jku ${url}`] = signedByOwn({ jku: url });
  forged[`x5u ${url}`] = signedByOwn({ x5u: url });
  forged[`good signature, jku ${url}`] = keepSignature({ jku: url });
}
forged["x5c"] = signedByOwn({ x5c: ["MIIB"] });
forged["x5t"] = signedByOwn({ x5t: "AAAA" });
forged["crit"] = keepSignature({ crit: ["exp"] });
forged["b64 false"] = keepSignature({ b64: false, crit: ["b64"] });
forged["zip"] = keepSignature({ zip: "DEF" });
for (const kid of ["unknown", "", "../../../../../dev/null", "/dev/null", "/proc/self/environ", "' OR 1=1 --", "x' UNION SELECT 'a", "https://evil.example/key", "\u0000", "a".repeat(2000), 1, ["a"], { a: 1 }, null, true]) {
  forged[`kid ${JSON.stringify(kid).slice(0, 40)}`] = keepSignature({ kid });
  forged[`kid ${JSON.stringify(kid).slice(0, 40)}, own key`] = signedByOwn({ kid });
}
forged["HMAC with the empty key of kid /dev/null"] = mac("", { alg: "HS256", kid: "/dev/null" });
// Another kind of token.
for (const typ of ["JWT", "logout+jwt", "AT+JWT", "", null]) forged[`typ ${typ}`] = keepSignature({ typ });
forged["a refresh token"] = accountant.refreshToken;
forged["a refresh token of the portal's user"] = portal.refreshToken;
forged["a service key"] = "bos_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
// Claims that nobody has signed.
const later = Math.floor(Date.now() / 1000) + 86400;
for (const [what, changed] of Object.entries({
  "another client": { tid: other.id.split("_")[1] },
  "no client": { tid: undefined },
  "another person": { sub: "00000000000070008000000000000001" },
  "another session": { sid: "00000000000070008000000000000001" },
  "a longer life": { exp: later },
  "an end that is over": { exp: 1 },
  "a beginning to come": { nbf: later },
  "another audience": { aud: "another" },
  "a list of audiences": { aud: ["another", claims.aud] },
  "no audience": { aud: undefined },
  "another issuer": { iss: "https://evil.example" },
  "no issuer": { iss: undefined },
  "no end": { exp: undefined },
  "another kind": { kind: "service" },
  "more rights": { scope: "identity.staff.manage" },
})) {
  forged[`${what}, old signature`] = keepSignature({}, { ...claims, ...changed });
  forged[`${what}, own key`] = signedByOwn({}, { ...claims, ...changed });
  forged[`${what}, none`] = `${encode({ ...header, alg: "none" })}.${encode({ ...claims, ...changed })}.`;
}
// Words twice, broken forms, other spellings of the same bytes.
forged["alg twice"] = `${encode(`{"alg":"none","typ":"at+jwt","kid":"${header.kid}","alg":"EdDSA"}`)}.${body}.${signature}`;
forged["tid twice"] = `${head}.${encode(JSON.stringify(claims).replace("{", `{"tid":"${other.id.split("_")[1]}",`))}.${signature}`;
forged["a signature of zeros"] = `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`;
const swapped = Buffer.from(signature, "base64url");
swapped[63] ^= 0x80;
forged["a signature with its last bit turned"] = `${head}.${body}.${swapped.toString("base64url")}`;
// S + L of an Ed25519 signature is another signature to a careless verifier.
const order = 2n ** 252n + 27742317777372353535851937790883648493n;
const bytes = Buffer.from(signature, "base64url");
let s = 0n;
for (let i = 63; i >= 32; i--) s = (s << 8n) | BigInt(bytes[i]);
s += order;
for (let i = 32; i < 64; i++) {
  bytes[i] = Number(s & 255n);
  s >>= 8n;
}
forged["a malleated signature"] = `${head}.${body}.${bytes.toString("base64url")}`;
forged["padding"] = `${head}.${body}.${signature}==`;
forged["a fourth part"] = `${good}.x`;
forged["JSON instead of three parts"] = JSON.stringify({ payload: body, protected: head, signature });
forged["an encrypted one"] = `${encode({ ...header, enc: "A256GCM", alg: "dir" })}..AAAA.AAAA.AAAA`;
forged["nothing"] = "";
forged["words"] = "null";
forged["very long"] = "a".repeat(9000);
forged["very deep"] = `${encode("[".repeat(2500))}.${body}.${signature}`;
for (let cut = 10; cut < good.length; cut += 40) forged[`cut at ${cut}`] = good.slice(0, cut);

const INSIDE = /panicked|src\/|postgres|diesel|kid|EdDSA|signature/i;
for (const [what, token] of Object.entries(forged)) {
  const { status, text, body: answer, challenge } = await ask(READ, token);
  const code = answer.errors?.[0]?.extensions?.code;
  check(what, status === 401 && code === "UNAUTHENTICATED" && !("data" in answer) && challenge === "Bearer", `${status} ${text}`);
  if (INSIDE.test(text)) check(`${what}: says too much`, false, text);
}
// Not even beside the good one.
for (const value of [`Bearer ${good}, Bearer ${good}`, `Bearer ${good} x`, `Basic ${good}`, good, `bearer\t${good}`]) {
  const response = await fetch(`${server}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json", authorization: value },
    body: JSON.stringify({ query: READ }),
  });
  check(`authorization: ${value.slice(0, 12)}…`, [400, 401].includes(response.status), String(response.status));
}
// Nor in any other place.
for (const [place, url, headers] of [
  ["the address", `${server}/graphql?access_token=${good}&query=${encodeURIComponent(READ)}`, {}],
  ["a cookie", `${server}/graphql?query=${encodeURIComponent(READ)}`, { cookie: `access_token=${good}; authorization=Bearer ${good}` }],
  ["another header", `${server}/graphql?query=${encodeURIComponent(READ)}`, { "x-access-token": good, "proxy-authorization": `Bearer ${good}` }],
]) {
  const response = await fetch(url, { headers: { accept: "application/graphql-response+json", ...headers } });
  check(`the token in ${place}`, response.status === 401, String(response.status));
}
// A person's token opens no other person's doors: the portal's user is not let into the other client.
const refused = await enter(portal.accessToken, other.id);
check("the portal's user takes no token for another client", !refused.accessToken && refused.userErrors.length > 0, JSON.stringify(refused));
// What was signed out is out, whatever its token says.
const doomed = await signIn("accountant@demo.example", "demo-Ledger-4711");
const doomedToken = (await enter(doomed.accessToken, client.id)).accessToken;
check("signing out", (await ask("mutation { signOut { userErrors { code } } }", doomedToken)).status === 200);
for (const [what, token] of [["the session's token", doomed.accessToken], ["its client's token", doomedToken]]) {
  check(`${what} after signing out`, (await ask("{ viewer { name } }", token)).status === 401);
}
const renewed = await ask("mutation($token: String!) { tokenRefresh(input: { refreshToken: $token }) { accessToken userErrors { code } } }", undefined, { token: doomed.refreshToken });
check("its refresh token after signing out", renewed.body.data.tokenRefresh.accessToken === null, renewed.text);
// An access token is no refresh token, and a refresh token counts once.
for (const token of [good, accountant.accessToken, "x"]) {
  const answer = await ask("mutation($token: String!) { tokenRefresh(input: { refreshToken: $token }) { accessToken userErrors { code } } }", undefined, { token });
  check("an access token as a refresh token", answer.body.data.tokenRefresh.accessToken === null, answer.text);
}
check("the good token still works", (await ask(READ, good)).status === 200);
check("the published keys hold no private part", jwks.keys.every((key) => !("d" in key)));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
