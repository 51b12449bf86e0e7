"""Sign in, take a client's token, issue an invoice once although it is sent twice, page through the invoices.

    pip install -r requirements.txt
    python example.py http://127.0.0.1:8080     # the server of script/server with its demo
"""

import sys
import uuid
from decimal import Decimal
from pathlib import Path

from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXTransport

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
# Every document is held against the schema before it is sent: a field that does not exist is found here.
SCHEMA = (Path(__file__).parents[2] / "schema.graphql").read_text()

SIGN_IN = gql("mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { code message } } }")
CLIENTS = gql("{ clients(first: 100) { nodes { id name } } }")
CLIENT_TOKEN = gql(
    "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { code message } } }"
)
MASTER_DATA = gql(
    """query($customer: String!, $account: String!, $tax: String!) {
      customers(first: 1, filter: {number: {eq: $customer}}) { nodes { id } }
      accounts(first: 1, filter: {code: {eq: $account}}) { nodes { id } }
      taxCodes(first: 1, filter: {code: {eq: $tax}}) { nodes { id } }
    }"""
)
CREATE = gql(
    """mutation($input: InvoiceCreateInput!) { invoiceCreate(input: $input) {
      invoice { id version } userErrors { code field message } } }"""
)
ISSUE = gql(
    """mutation($input: InvoiceIssueInput!) { invoiceIssue(input: $input) {
      invoice { id number dueDate gross { amount currency } } userErrors { code field message } } }"""
)
INVOICES = gql(
    """query($after: String) { invoices(first: 2, after: $after) {
      nodes { id number gross { amount currency } } pageInfo { hasNextPage endCursor } } }"""
)


class Refused(Exception):
    """What the caller can mend."""


def ask(document: GraphQLRequest, variables: dict | None = None, token: str | None = None, key: str | None = None) -> dict:
    """Sends a document. `key` makes it safe to send again: the same key and body give the stored answer."""
    headers = {"accept": "application/graphql-response+json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if key:
        headers["idempotency-key"] = key
    transport = HTTPXTransport(url=f"{ADDRESS}/graphql", headers=headers, timeout=60)
    with Client(transport=transport, schema=SCHEMA) as session:
        request = GraphQLRequest(document, variable_values=variables or {})
        answer = session.execute(request)
    ask.replayed = (transport.response_headers or {}).get("idempotency-replayed") == "true"
    payload = next(iter(answer.values()))
    if payload.get("userErrors"):
        raise Refused(" ".join(reason["message"] for reason in payload["userErrors"]))
    return answer


# 1. Sign in. The token is good for ten minutes and for no client yet.
sign_in = {"email": "accountant@demo.example", "password": "demo-Ledger-4711"}
staff = ask(SIGN_IN, {"input": sign_in})["signIn"]["accessToken"]

# 2. Take a token for one client: with it one sees this client and nobody else.
clients = ask(CLIENTS, token=staff)["clients"]["nodes"]
nordwind = next(client for client in clients if client["name"].startswith("Nordwind"))
books = ask(CLIENT_TOKEN, {"input": {"client": nordwind["id"]}}, token=staff)["clientTokenCreate"]["accessToken"]
print(f"working for {nordwind['name']}")

# 3. An invoice: a draft first.
found = ask(MASTER_DATA, {"customer": "10001", "account": "4400", "tax": "U19"}, token=books)
customer, account, tax = (found[name]["nodes"][0]["id"] for name in ("customers", "accounts", "taxCodes"))
line = {"description": "Consulting", "quantity": "3", "unitPrice": "80.00", "account": account, "taxCode": tax}
draft = ask(CREATE, {"input": {"customer": customer, "lines": [line]}}, token=books, key=str(uuid.uuid4()))["invoiceCreate"]["invoice"]

# 4. Issue it, and send the same request again as after a broken connection: it is issued once, and answered twice.
key, issue = str(uuid.uuid4()), {"input": {"id": draft["id"], "expectedVersion": draft["version"]}}
issued = ask(ISSUE, issue, token=books, key=key)["invoiceIssue"]["invoice"]
again = ask(ISSUE, issue, token=books, key=key)["invoiceIssue"]["invoice"]
assert ask.replayed and again["number"] == issued["number"], "the invoice was issued twice"
# Amounts are strings; Decimal keeps every cent.
assert Decimal(issued["gross"]["amount"]) == Decimal("285.60"), issued
print(f"issued {issued['number']} over {issued['gross']['amount']} {issued['gross']['currency']}, due on {issued['dueDate']}")

# 5. What can be mended is told.
try:
    ask(ISSUE, issue, token=books)
    raise AssertionError("it was issued a second time")
except Refused as reason:
    print(f"refused, as it should be: {reason}")

# 6. Page through all invoices, two at a time.
seen, after = set(), None
while True:
    page = ask(INVOICES, {"after": after}, token=books)["invoices"]
    for invoice in page["nodes"]:
        assert invoice["id"] not in seen, "an invoice came twice"
        seen.add(invoice["id"])
    if not page["pageInfo"]["hasNextPage"]:
        break
    after = page["pageInfo"]["endCursor"]
assert issued["id"] in seen, "the new invoice is not among them"
print(f"{len(seen)} invoices")
