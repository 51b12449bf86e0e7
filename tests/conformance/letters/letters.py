"""Letters from a template, set as PDF by the real program and read back."""

import hashlib
import io
import json
import struct
import sys
import time
import urllib.request
import zlib

from pypdf import PdfReader

address = sys.argv[1]
passed = failed = 0


def ask(query, variables=None, token=None):
    headers = {"content-type": "application/json", "accept": "application/graphql-response+json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/graphql", body, headers)) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer
    return answer["data"]


def change(field, kind, values, selection, token):
    query = f"mutation($input: {kind}Input!) {{ {field}(input: $input) {{ {selection} userErrors {{ field message }} }} }}"
    payload = ask(query, {"input": values}, token)[field]
    assert not payload["userErrors"], payload
    return payload


def sign_in():
    own = ask('mutation { signIn(input: {email: "accountant@demo.example", password: "demo-Ledger-4711"}) { accessToken } }')
    own = own["signIn"]["accessToken"]
    client = ask("{ clients(first: 1) { nodes { id name } } }", token=own)["clients"]["nodes"][0]
    taken = change("clientTokenCreate", "ClientTokenCreate", {"client": client["id"]}, "accessToken", own)
    return taken["accessToken"], client["name"]


def picture():
    """A PNG of 40 by 10 blue points."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\x1a\x3c\x6e" * 40 for _ in range(10))
    head = struct.pack(">IIBBBBB", 40, 10, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def upload(name, data, token):
    sha256 = hashlib.sha256(data).hexdigest()
    announced = {"name": name, "size": len(data), "sha256": sha256, "purpose": "ATTACHMENT"}
    made = change("fileUploadCreate", "FileUploadCreate", announced, "file { id } upload { url }", token)
    url = made["upload"]["url"]
    url = url if url.startswith("http") else address + url
    urllib.request.urlopen(urllib.request.Request(url, data, method="PUT")).close()
    change("fileUploadComplete", "FileUploadComplete", {"file": made["file"]["id"], "sha256": sha256}, "file { state }", token)
    return made["file"]["id"]


def typeset(entry, token):
    """The pages of a letter, as text, and how many pictures are in it."""
    job = change("correspondenceEntryTypeset", "CorrespondenceEntryTypeset", {"id": entry}, "job { id }", token)["job"]["id"]
    for _ in range(600):
        found = ask("query($id: ID!) { job(id: $id) { state error } }", {"id": job}, token)["job"]
        if found["state"] not in ("WAITING", "RUNNING"):
            break
        time.sleep(0.1)
    assert found["state"] == "SUCCEEDED", found
    query = "query($id: ID!) { correspondenceEntry(id: $id) { files { name mediaType downloadUrl } } }"
    file = ask(query, {"id": entry}, token)["correspondenceEntry"]["files"][-1]
    assert file["mediaType"] == "application/pdf", file
    url = file["downloadUrl"]
    with urllib.request.urlopen(url if url.startswith("http") else address + url) as response:
        reader = PdfReader(io.BytesIO(response.read()))
    return [page.extract_text() for page in reader.pages], sum(len(page.images) for page in reader.pages), reader.metadata


def check(name, good, shown):
    global passed, failed
    passed, failed = (passed + 1, failed) if good else (passed, failed + 1)
    print(f"ok: {name}" if good else f"FAILED: {name}: {shown!r}")


token, firm = sign_in()
stamp = str(time.time_ns())
look = {"senderLine": f"{firm}, Weg 1, 20095 Hamburg", "color": "#1a3c6e", "footer": "HRB 1234", "logo": upload("logo.png", picture(), token)}
change("letterBrandingUpdate", "LetterBrandingUpdate", look, "letterBranding { version }", token)
people = []
for name in ("Zoë Ünal", "Łukasz Ćwik"):
    values = {"number": f"L-{stamp}-{len(people)}", "name": name, "country": "DE", "street": "Gasse 2", "postalCode": "80331", "city": "München"}
    people.append(change("customerCreate", "CustomerCreate", values, "customer { id }", token)["customer"]["id"])
body = 'Guten Tag {{ recipient.name }},\n\n#read("/etc/passwd") *offen* sind {{ fields.sum }} $.\n\n' + "Das ist ein Absatz, der etwas sagt.\n\n" * 60
text = {"language": "de", "subject": "Rechnung {{ letter.number }}", "body": body}
template = change("letterTemplateCreate", "LetterTemplateCreate", {"code": f"l{stamp}"[:40], "name": "Letter", "texts": [text]}, "letterTemplate { id }", token)
values = {"template": template["letterTemplate"]["id"], "language": "de", "recipients": [{"customer": one} for one in people], "fields": [{"name": "sum", "value": "119,00"}]}
merged = change("letterMerge", "LetterMerge", values, "letterMerge { letters { id number } errors { message } }", token)["letterMerge"]
check("two letters and no error", len(merged["letters"]) == 2 and not merged["errors"], merged)
for letter, name in zip(merged["letters"], ("Zoë Ünal", "Łukasz Ćwik")):
    pages, pictures, about = typeset(letter["id"], token)
    first = pages[0]
    for part in (name, "Gasse 2", "80331 München", look["senderLine"], "Unser Zeichen", letter["number"], "HRB 1234", f"Guten Tag {name},", "offen* sind 119,00 $."):
        check(f"{letter['number']} says {part}", part in first, first)
    check("what a text says is not run", "root:" not in first and "#read(" in first, first)
    check("it has pages that are counted", len(pages) > 1 and f"Seite 2 / {len(pages)}" in pages[1], pages[1])
    check("nothing is lost between pages", sum(page.count("Das ist ein Absatz") for page in pages) == 60, pages)
    check("the logo is in it", pictures >= 1, pictures)
    check("the file knows its title", about.title == f"Rechnung {letter['number']}", about)


def signed():
    """The evidence sheet of a document that the accountant has signed: its PDF as text, the request, and the signed bytes' hash."""
    lease = b"%PDF-1.7 a lease of " + stamp.encode()
    kind = change("documentTypeCreate", "DocumentTypeCreate", {"name": f"Lease {stamp}"}, "documentType { id }", token)["documentType"]["id"]
    values = {"title": "Lease", "documentType": kind, "file": upload("lease.pdf", lease, token)}
    document = change("documentCreate", "DocumentCreate", values, "document { id }", token)["document"]["id"]
    version = ask("query($id: ID!) { document(id: $id) { currentVersion { id } } }", {"id": document}, token)["document"]["currentVersion"]["id"]
    me = ask("{ viewer { id } }", token=token)["viewer"]["id"]
    values = {"version": version, "title": f"Lease of {stamp}", "steps": [{"signers": [{"user": me}]}], "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))}
    request = change("signatureRequestCreate", "SignatureRequestCreate", values, "signatureRequest { id }", token)["signatureRequest"]["id"]
    change("signatureRequestSend", "SignatureRequestSend", {"id": request}, "signatureRequest { state }", token)
    task, sha256 = request.replace("sreq_", "stsk_"), hashlib.sha256(lease).hexdigest()
    change("signatureTaskOpen", "SignatureTaskOpen", {"id": task}, "signatureTask { state }", token)
    sign = {"id": task, "consent": True, "documentSha256": sha256, "name": "Zoë Łukasz Accountant", "words": "I agree"}
    change("signatureTaskSign", "SignatureTaskSign", sign, "signatureTask { state }", token)
    query = """query($id: ID!) { signatureRequest(id: $id) { evidenceSha256 evidencePdfSha256 evidencePdf { downloadUrl } }
        signatureEvents(signatureRequest: $id, first: 100) { nodes { kind hash } } }"""
    for _ in range(600):
        found = ask(query, {"id": request}, token)
        if found["signatureRequest"]["evidencePdf"]:
            break
        time.sleep(0.1)
    url = found["signatureRequest"]["evidencePdf"]["downloadUrl"]
    with urllib.request.urlopen(url if url.startswith("http") else address + url) as response:
        pdf = response.read()
    check("the PDF has the hash that is kept", hashlib.sha256(pdf).hexdigest() == found["signatureRequest"]["evidencePdfSha256"], found)
    reader = PdfReader(io.BytesIO(pdf))
    return reader, found, sha256


reader, found, sha256 = signed()
sheet = "\n".join(page.extract_text() for page in reader.pages)
for part in ("Zoë Łukasz Accountant", "I agree", sha256, found["signatureRequest"]["evidenceSha256"], look["senderLine"], "HRB 1234", "910/2014"):
    check(f"the evidence sheet says {part}", part in sheet, sheet)
hashes = [event["hash"] for event in found["signatureEvents"]["nodes"] if event["kind"] != "EVIDENCE"]
check("the evidence sheet has the hash of each event", len(hashes) >= 4 and all(one in sheet for one in hashes), sheet)
check("the evidence sheet has the logo", sum(len(page.images) for page in reader.pages) >= 1, None)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
