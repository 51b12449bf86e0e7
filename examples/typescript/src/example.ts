// Sign in, take a client's token, issue an invoice once although it is sent twice, page through the invoices.
import { randomUUID } from "node:crypto";

import { Backoffice, Refused, present, settled } from "./backoffice.js";
import {
  ClientsDocument, CreateInvoiceDocument, InvoicesDocument, IssueInvoiceDocument, MasterDataDocument, SignInDocument,
  TakeClientTokenDocument, type InvoicesQuery,
} from "./generated/graphql.js";

const address = process.argv[2] ?? "http://127.0.0.1:8080";
const anyone = new Backoffice(address);

// 1. Sign in. The token is good for ten minutes and for no client yet.
const signedIn = settled(
  (await anyone.ask(SignInDocument, { input: { email: "accountant@demo.example", password: "demo-Ledger-4711" } })).signIn,
);
const staff = anyone.withToken(present(signedIn.accessToken, "token"));

// 2. Take a token for one client: with it one sees this client and nobody else.
const { clients } = await staff.ask(ClientsDocument, {});
const nordwind = present(clients.nodes.find((client) => client.name.startsWith("Nordwind")), "client Nordwind");
const taken = settled((await staff.ask(TakeClientTokenDocument, { input: { client: nordwind.id } })).clientTokenCreate);
const books = staff.withToken(present(taken.accessToken, "token for the client"));
console.log(`working for ${nordwind.name}`);

// 3. An invoice: a draft first.
const master = await books.ask(MasterDataDocument, { customer: "10001", account: "4400", tax: "U19" });
const line = {
  description: "Consulting",
  quantity: "3",
  unitPrice: "80.00",
  account: present(master.accounts.nodes[0], "account").id,
  taxCode: present(master.taxCodes.nodes[0], "tax code").id,
};
const customer = present(master.customers.nodes[0], "customer").id;
const created = settled(
  (await books.ask(CreateInvoiceDocument, { input: { customer, lines: [line] } }, { idempotencyKey: randomUUID() })).invoiceCreate,
);
const draft = present(created.invoice, "draft");

// 4. Issue it, and send the same request again as after a broken connection: it is issued once, and answered twice.
const idempotencyKey = randomUUID();
const input = { id: draft.id, expectedVersion: draft.version };
const first = settled((await books.ask(IssueInvoiceDocument, { input }, { idempotencyKey })).invoiceIssue);
const again = settled((await books.ask(IssueInvoiceDocument, { input }, { idempotencyKey })).invoiceIssue);
const issued = present(first.invoice, "invoice");
if (!books.replayed || again.invoice?.number !== issued.number) throw new Error("The invoice was issued twice.");
console.log(`issued ${issued.number} over ${issued.gross.amount} ${issued.gross.currency}, due on ${issued.dueDate}`);
if (issued.gross.amount !== "285.60") throw new Error(`3 × 80.00 and 19 % are 285.60, not ${issued.gross.amount}`);

// 5. What can be mended is told with its code, and thrown by `settled`.
try {
  settled((await books.ask(IssueInvoiceDocument, { input })).invoiceIssue);
  throw new Error("It was issued a second time.");
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(`refused, as it should be: ${error.message}`);
}

// 6. Page through all invoices, two at a time.
const seen = new Set<string>();
for (let after: string | null = null; ; ) {
  const { invoices }: InvoicesQuery = await books.ask(InvoicesDocument, { after });
  for (const invoice of invoices.nodes) {
    if (seen.has(invoice.id)) throw new Error("An invoice came twice.");
    seen.add(invoice.id);
  }
  if (!invoices.pageInfo.hasNextPage) break;
  after = present(invoices.pageInfo.endCursor, "cursor");
}
if (!seen.has(issued.id)) throw new Error("The new invoice is not among them.");
console.log(`${seen.size} invoices`);
