"""What the fuzzer has to know of this API: who asks, what its scalars look like, and what a fault of the server is.

Run by itself it prints a token of somebody who may do everything in the first demo client.
"""
import json
import os
import urllib.request

ADDRESS = os.environ["FUZZ_ADDRESS"]


def ask(query, token=None, **variables):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{ADDRESS}/graphql", body, headers)) as answer:
        return json.load(answer)["data"]


SIGN_IN = "mutation($e: String!, $p: String!) { signIn(input: { email: $e, password: $p }) { accessToken } }"
ENTER = "mutation($c: ID!) { clientTokenCreate(input: { client: $c }) { accessToken } }"


def sign_in(email, password, client=None):
    token = ask(SIGN_IN, e=email, p=password)["signIn"]["accessToken"]
    if client:
        token = ask(ENTER, token, c=client)["clientTokenCreate"]["accessToken"]
    return token


def first_client(token):
    return ask("{ clients(first: 1) { nodes { id } } }", token)["clients"]["nodes"][0]["id"]


def token():
    """A token of the accountant, after the administrator has given him every right of the client."""
    accountant = sign_in("accountant@demo.example", "demo-Ledger-4711")
    client = first_client(accountant)
    administrator = sign_in("admin@demo.example", "demo-Provider-4711", client)
    words = ask('{ __type(name: "Permission") { enumValues { name description } } }', administrator)
    rights = [word["name"] for word in words["__type"]["enumValues"] if "Held for the provider" not in word["description"]]
    role = ask(
        "mutation($n: String!, $p: [Permission!]!) { roleCreate(input: { name: $n, permissions: $p }) { role { id } userErrors { message } } }",
        administrator, n=f"Everything {os.getpid()}", p=rights,
    )["roleCreate"]["role"]
    user = ask("{ viewer { id } }", accountant)["viewer"]["id"]
    ask(
        'mutation($u: ID!, $r: ID!) { grantCreate(input: { user: $u, role: $r, effect: ALLOW, from: "2020-01-01" }) { grant { id } userErrors { message } } }',
        administrator, u=user, r=role["id"],
    )
    return sign_in("accountant@demo.example", "demo-Ledger-4711", client)


if __name__ == "__main__":
    print(token())
else:
    import schemathesis
    from hypothesis import strategies as st
    from schemathesis.graphql import nodes

    def texts(*examples):
        # Mostly what is right, so that the rules behind the form are reached; sometimes anything at all.
        known = st.sampled_from(examples)
        return st.one_of(known, known, known, st.text(max_size=40)).map(nodes.String)

    def known_ids():
        """Ids of what the client has, so that documents go deep."""
        accountant = sign_in("accountant@demo.example", "demo-Ledger-4711")
        me = sign_in("accountant@demo.example", "demo-Ledger-4711", first_client(accountant))
        lists = ["accounts", "customers", "vendors", "invoices", "bills", "bankAccounts", "bankLines", "taxCodes", "openItems", "journalEntries"]
        found = ask("{ " + " ".join(f"{name}(first: 10) {{ nodes {{ id }} }}" for name in lists) + " }", me)
        ids = [node["id"] for name in lists for node in found[name]["nodes"]]
        return ids + ["cus_0123456789abcdef0123456789abcdef", "", "x", "cus_", "inv_" + "f" * 32]

    schemathesis.graphql.scalar("ID", texts(*known_ids()))
    schemathesis.graphql.scalar("Decimal", texts("1", "0", "-1", "0.01", "119.00", "1e5", "99999999999999999999", "79228162514264337593543950335", "0.0000000001", "NaN"))
    schemathesis.graphql.scalar("Date", texts("2026-01-15", "2026-02-30", "0001-01-01", "9999-12-31", "2024-02-29", "262143-01-01"))
    schemathesis.graphql.scalar("DateTime", texts("2026-01-15T12:00:00Z", "2026-01-15T12:00:00+14:00", "9999-12-31T23:59:59Z", "2026-01-15T12:00:00", "0001-01-01T00:00:00Z"))
    schemathesis.graphql.scalar("CurrencyCode", texts("EUR", "USD", "JPY", "XXX", "eur"))
    schemathesis.graphql.scalar("CountryCode", texts("DE", "US", "ZZ", "de"))
    schemathesis.graphql.scalar("TimeZone", texts("Europe/Berlin", "UTC", "Mars/Olympus"))
    schemathesis.graphql.scalar("Iban", texts("DE89370400440532013000", "DE00370400440532013000"))
    schemathesis.graphql.scalar("Base64", texts("YQ==", "YSxiCjEsMgo=", "!"))
    schemathesis.graphql.scalar("Json", texts("{}"))

    COUNTS = open(os.environ["FUZZ_COUNTS"], "a", buffering=1)

    @schemathesis.check
    def no_server_fault(ctx, response, case):
        """The status, and the code of each error: refusals are the caller's business, faults are ours."""
        text = response.text
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        codes = [error.get("extensions", {}).get("code") for error in (answer or {}).get("errors", [])]
        wrong = None
        if answer is None:
            wrong = f"{response.status_code}: no JSON: {text[:200]}"
        elif response.status_code >= 500 or any(code in ("INTERNAL_SERVER_ERROR", "TIMEOUT", "UNAVAILABLE") for code in codes):
            wrong = f"{response.status_code} {codes}: {text[:300]}"
        elif any(code is None for code in codes):
            wrong = f"an error without a code: {text[:300]}"
        elif "data" not in answer and not codes:
            wrong = f"neither data nor errors: {text[:200]}"
        elif any(code in ("RATE_LIMITED", "UNAUTHENTICATED") for code in codes):
            wrong = f"the fuzzer was not let in: {codes}"
        name = case.operation.label
        if wrong:
            COUNTS.write(f"failed {name}: {wrong}\n".replace("\n", " ").rstrip() + "\n")
            raise AssertionError(wrong)
        COUNTS.write(f"passed {'errors' if codes else 'data'} {name}\n")
