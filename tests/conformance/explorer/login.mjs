// An identity provider in a few lines: whoever is sent to it is the demo's accountant.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function login(email) {
  const asked = new Map();
  let issuer;
  const http = createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    const say = (value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    if (url.pathname.startsWith("/.well-known/")) {
      return say({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["EdDSA"],
      });
    }
    if (url.pathname === "/jwks") return say({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "EdDSA" }] });
    if (url.pathname === "/authorize") {
      const code = `code-${asked.size}`;
      asked.set(code, url.searchParams.get("nonce"));
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.searchParams.set("state", url.searchParams.get("state"));
      back.searchParams.set("code", code);
      return response.writeHead(302, { location: back.href }).end();
    }
    let form = "";
    for await (const text of request) form += text;
    const now = Math.floor(Date.now() / 1000);
    const nonce = asked.get(new URLSearchParams(form).get("code"));
    const claims = { iss: issuer, aud: "explorer", sub: "1", email, email_verified: true, nonce, iat: now, exp: now + 60 };
    const signed = `${part({ alg: "EdDSA", kid: "one" })}.${part(claims)}`;
    const token = `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
    say({ access_token: "none", token_type: "Bearer", id_token: token });
  });
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  issuer = `http://127.0.0.1:${http.address().port}`;
  return { issuer, close: () => (http.close(), http.closeAllConnections()) };
}
