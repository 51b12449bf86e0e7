// A client of some seventy lines: what is needed between fetch and the generated types.
import type { TypedDocumentString } from "./generated/graphql.js";

/** The answer of the server, by GraphQL over HTTP. */
interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string; requestId?: string } }[];
}

/** The request was not run, or one of its fields failed. */
export class RequestFailed extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** To be named when asking the provider about it. */
    readonly requestId?: string,
  ) {
    super(`${code}: ${message}`);
  }
}

/** The server refused what the caller can mend. */
export class Refused extends Error {
  constructor(readonly reasons: readonly { code: string; message: string }[]) {
    super(reasons.map((reason) => reason.message).join(" "));
  }
}

export interface Options {
  /** The same key and body again give the stored answer: safe to repeat after a network fault. */
  idempotencyKey?: string;
}

export class Backoffice {
  /** Whether the last answer was the stored one of an earlier request. */
  replayed = false;

  constructor(
    private readonly address: string,
    private readonly token?: string,
  ) {}

  withToken(token: string): Backoffice {
    return new Backoffice(this.address, token);
  }

  async ask<Data, Variables>(
    document: TypedDocumentString<Data, Variables>,
    variables: Variables,
    options: Options = {},
  ): Promise<Data> {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
    };
    if (this.token) headers["authorization"] = `Bearer ${this.token}`;
    if (options.idempotencyKey) headers["idempotency-key"] = options.idempotencyKey;
    const body = JSON.stringify({ query: document.toString(), variables });
    for (let attempt = 1; ; attempt += 1) {
      const response = await fetch(`${this.address}/graphql`, { method: "POST", headers, body });
      // The server is busy, or this caller asks too much: it says how long to wait.
      const wait = response.headers.get("retry-after");
      if (wait && attempt < 5 && (response.status === 429 || response.status === 503)) {
        await new Promise((done) => setTimeout(done, Number(wait) * 1000));
        continue;
      }
      const answer = (await response.json()) as Answer<Data>;
      const error = answer.errors?.[0];
      if (error) throw new RequestFailed(error.extensions?.code ?? "UNKNOWN", error.message, error.extensions?.requestId);
      if (!answer.data) throw new RequestFailed("UNKNOWN", `no answer (${response.status})`);
      this.replayed = response.headers.get("idempotency-replayed") === "true";
      return answer.data;
    }
  }
}

/** What a mutation gave; throws what was refused. */
export function settled<Payload extends { userErrors: readonly { code: string; message: string }[] }>(
  payload: Payload | null | undefined,
): Payload {
  if (!payload) throw new Error("The server gave no payload.");
  if (payload.userErrors.length > 0) throw new Refused(payload.userErrors);
  return payload;
}

/** A value that has to be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`There is no ${what}.`);
  return value;
}
