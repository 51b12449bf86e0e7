"""Runs the shell blocks of README in one shell, in their order, and looks at what they print."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

server, root, scratch = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
held = broken = 0


def check(name, good, seen=""):
    global held, broken
    held, broken = held + bool(good), broken + (not good)
    print(f"{'ok    ' if good else 'FAILED'} {name}" + ("" if good else f"\n{seen}"), flush=True)


def blocks(section):
    """The shell blocks of a section, each with the heading or bold sentence that it stands under."""
    text = (root / "README.md").read_text()
    text = re.search(rf"^## {section}\n(.*?)(?=^## )", text, re.S | re.M).group(1)
    for found in re.finditer(r"^```sh\n(.*?)^```", text, re.S | re.M):
        before = text[: found.start()]
        # The sentence may go on in the next line.
        titles = re.findall(r"^(?:\*\*(.+?)\*\*|### (.+))", before, re.M)
        yield "".join(titles[-1]) if titles else "helpers", found.group(1)


class Shell:
    """One shell for all blocks, as one terminal would be."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, block):
        # Pasted, a line is read by the shell itself; what it runs must not read the lines after it.
        self.process.stdin.write(block + "\necho '--- end of block'\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "--- end of block\n":
                return "".join(lines)
            lines.append(line)
        raise SystemExit(f"the shell ended: {''.join(lines)}")


def answers(output):
    """The JSON answers among what was printed."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def refusals(answer):
    """What an answer refuses, wherever it stands."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from value if key in ("errors", "userErrors", "fileErrors") and value else refusals(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from refusals(value)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


EXPECTED = {
    "helpers": r"\A\Z",
    "The administrator signs in": r"\Acli_[0-9a-f]{32}\n\Z",
    "He grants it": r'"grant":{"id":"grt_',
    "The accountant imports": r'(?s)"created":(\d\d+).*"created":\1\b',
    "Customers, vendors": r'(?s)("created":[1-9]\d*.*){3}',
    "The bank account": r'(?s)"bankAccount":{"id":.*"created":[1-9]',
    "Tax codes": r'"gross":{"amount":"1725.00","currency":"EUR"}.*"190.00".*"35.00"',
    "The customer has paid": r'(?s)"openAmount":{"amount":"1725.00"}.*"matched":true',
    "The statements": r'"debit":{"amount":"([\d.]+)"},"credit":{"amount":"\1"}',
    "The month is closed": r'(?s)"softLockOn":"2026-01-31".*"code":"',
    "The portfolio": r'(?s)"actorName".*"unmatchedBankLines".*"accessToken":null',
    "Yesterday": r'(?s)"approvalPolicy":{"id":"apol_.*"state":"OPEN"',
    "The morning queue": r'"title":"Enter the bill of the landlord","clientName":"First Client GmbH".*"totalCount":1}.*"total":1',
    "The approval": r'(?s)"bill":null.*"explanation":"1,190.00 EUR: band 1, above 1,000.00.".*"title":"Bill RENT-02.*"APPROVED".*"POSTED".*"DONE"',
    "The document": r'(?s)"READY".*"documentSearch":{"nodes":\[{"document":{"title":"Contract of the hall"}}',
    "The letter": r'(?s)"number":"OUT-.*"mail":{"state":"(QUEUED|SENT)"}',
    "The appointment": r'(?s)"startsAt":"20.*"appointment":null.*is taken on',
    "Who may": r'"grant":{"id":"grt_',
    "The endpoint": r"\A\Z",
    "An invoice is issued": r'(?s)"number":"INV-.*"state":"(SUCCEEDED|PENDING|SENDING)"',
    "Files": r'"state":"READY"',
    "Mail": r'(?s)"accepted":true.*Message-ID',
    "Lists to files": r'"state":"(QUEUED|RUNNING|SUCCEEDED)"',
}
REFUSED = ("The month is closed", "The portfolio", "The approval", "The appointment")

folder = pathlib.Path(tempfile.mkdtemp(prefix="readme.", dir=scratch or None))
(folder / "demo").symlink_to(root / "demo")
data = pathlib.Path(scratch or "/nowhere") / "data"
(folder / "backoffice-data").symlink_to(data)
port, shell, receiver, walked = free_port(), Shell(folder), None, set()
for title, block in [*blocks("The story in ten steps"), *blocks("A day at the provider"), *blocks("Integrate")]:
    block = block.replace("http://127.0.0.1:8080", server).replace(":9000", f":{port}").replace(", 9000)", f", {port})")
    if "script/server" in block:
        continue  # it runs already
    if block.rstrip().endswith("python3 receiver.py"):
        shell.run(block.rstrip().removesuffix("python3 receiver.py"))
        heard = open(folder / "heard", "w+")
        receiver = subprocess.Popen([sys.executable, "receiver.py"], cwd=folder, stdout=heard)
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        continue
    if title == "Mail" and not data.exists():
        continue  # the folder of another's server
    output = shell.run(block)
    expected = next((known for known in EXPECTED if known in title), None)
    if expected is None:
        check(f"{title}: what it has to say is known", False, output)
        continue
    walked.add(expected)
    check(f"{title}: says what it should", re.search(EXPECTED[expected], output), output)
    if expected not in REFUSED:
        refused = [refusal for answer in answers(output) for refusal in refusals(answer)]
        check(f"{title}: nothing is refused", not refused, refused)

told = ""
for _ in range(300):
    told = (folder / "heard").read_text() if receiver else ""
    if "verified" in told:
        break
    time.sleep(0.1)
check("the receiver verifies the webhook of the issued invoice", '"type":"invoice.issued"' in told.replace(" ", "")
      and "verified" in told and "REFUSED" not in told, told)
missing = [known for known in EXPECTED if known not in walked and not (known == "Mail" and not data.exists())]
check("every step of the text was walked", not missing, missing)
if receiver:
    receiver.kill()
print(f"{held} passed, {broken} failed")
sys.exit(broken > 0)
