"""Mails taken from Dovecot, by each way there is. Arguments: program, folder."""

import hashlib
import imaplib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request

PROGRAM, SCRATCH = sys.argv[1:3]
DOMAIN = "in.firm.example"
PASSWORD = 'p "a\\s%s: w@rd/ü?#'


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, holds, patience=90):
    begun = time.monotonic()
    while time.monotonic() - begun < patience:
        found = holds()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"not within {patience} s: {what}")


def reached(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class MailServer:
    """Dovecot on ports of its own, with a certificate that a CA of its own has signed."""

    def __init__(self):
        self.folder = os.path.join(SCRATCH, "dovecot")
        os.makedirs(self.folder, mode=0o755)
        self.ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
        self.authority = os.path.join(self.folder, "ca.pem")
        self.certificates()
        me = pwd.getpwuid(os.getuid()).pw_name
        owner = "mail" if os.getuid() == 0 else me
        accounts = "" if os.getuid() == 0 else (
            f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {me}\n"
            "service anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}\nservice pop3-login {\n  chroot =\n}\n"
        )
        mails = os.path.join(self.folder, "mails")
        os.makedirs(mails, mode=0o755)
        shutil.chown(mails, owner)
        with open(os.path.join(self.folder, "users"), "w") as users:
            for user in USERS:
                users.write(f"{user}:{{SHA256.HEX}}{hashlib.sha256(PASSWORD.encode()).hexdigest()}\n")
        os.chmod(os.path.join(self.folder, "users"), 0o644)
        listeners = "".join(
            f"service {kind}-login {{\n  inet_listener {kind} {{\n    port = {self.ports[kind]}\n  }}\n"
            f"  inet_listener {kind}s {{\n    port = {self.ports[kind + 's']}\n    ssl = yes\n  }}\n}}\n"
            for kind in ("imap", "pop3")
        )
        self.config = os.path.join(self.folder, "dovecot.conf")
        with open(self.config, "w") as config:
            config.write(
                f"protocols = imap pop3\nlisten = 127.0.0.1\nbase_dir = {self.folder}/run\nstate_dir = {self.folder}/state\n"
                f"log_path = {self.folder}/log\nssl = required\ndisable_plaintext_auth = yes\n"
                f"ssl_cert = <{self.folder}/cert.pem\nssl_key = <{self.folder}/key.pem\n"
                f"mail_location = maildir:{mails}/%u\nmail_uid = {owner}\nmail_gid = {owner}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n"
                f"auth_username_chars =\nauth_failure_delay = 0\npassdb {{\n  driver = passwd-file\n  args = {self.folder}/users\n}}\n"
                f"userdb {{\n  driver = static\n  args = uid={owner} gid={owner} home={mails}/%u\n}}\n"
                f"namespace inbox {{\n  inbox = yes\n}}\nmail_max_userip_connections = 100\n{listeners}{accounts}"
            )
        self.process = None
        self.start()

    def certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

        with open(os.path.join(self.folder, "ext"), "w") as extensions:
            extensions.write("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Story CA")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2", "-extfile", "ext")

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.config])
        until("the mail server", lambda: all(reached(port) for port in self.ports.values()))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def client(self, user):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.ports["imaps"], ssl_context=ssl.create_default_context(cafile=self.authority))
        client.authenticate("PLAIN", lambda _: f"\0{user}\0{PASSWORD}".encode())
        return client

    def deliver(self, user, *mails):
        client = self.client(user)
        for mail in mails:
            assert client.append("INBOX", None, None, mail)[0] == "OK"
        client.logout()

    def count(self, user, folder="INBOX", which="ALL"):
        client = self.client(user)
        try:
            if client.select(f'"{folder}"', readonly=True)[0] != "OK":
                return 0
            return len(client.search(None, which)[1][0].split())
        finally:
            client.logout()

    def url(self, scheme, user, more="", password=PASSWORD):
        name, secret = urllib.parse.quote(user, safe=""), urllib.parse.quote(password, safe="")
        return f"{scheme}://{name}:{secret}@localhost:{self.ports[scheme]}{more}"


class Office:
    """A Backoffice that is started anew for each mailbox."""

    def __init__(self, trusted):
        self.trusted = trusted
        self.data = os.path.join(SCRATCH, "data")
        os.makedirs(self.data, mode=0o755)
        self.process = None
        self.log = os.path.join(SCRATCH, "server.log")
        self.address = self.token = None

    def start(self, mailbox, trusted=True):
        out = open(os.path.join(SCRATCH, "server.out"), "w+b")
        log = open(self.log, "ab")
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CI", "SSL_CERT_FILE", "SSL_CERT_DIR")}
        environment |= {"BACKOFFICE_INBOUND_MAILBOX": mailbox, "BACKOFFICE_INBOUND_DOMAIN": DOMAIN}
        if trusted:
            environment["SSL_CERT_FILE"] = self.trusted
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data, "--log", "info"], stdout=out, stderr=log, env=environment
        )

        def said():
            assert self.process.poll() is None, open(self.log).read()
            out.seek(0)
            return re.search(rb"serves on (http://[0-9.:]+)", out.read())

        self.address = until("the server", said, 180).group(1).decode()
        own = self.ask('mutation { signIn(input: {email: "accountant@demo.example", password: "demo-Ledger-4711"}) { accessToken } }', token=None)
        own = own["signIn"]["accessToken"]
        client = self.ask("{ clients(first: 1) { nodes { id } } }", token=own)["clients"]["nodes"][0]["id"]
        taken = self.ask("mutation($id: ID!) { clientTokenCreate(input: {client: $id}) { accessToken } }", {"id": client}, own)
        self.token = taken["clientTokenCreate"]["accessToken"]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)

    def ask(self, query, variables=None, token=""):
        headers = {"content-type": "application/json", "accept": "application/graphql-response+json"}
        token = self.token if token == "" else token
        if token:
            headers["authorization"] = f"Bearer {token}"
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.address}/graphql", body, headers)) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        return answer["data"]

    def address_of_the_client(self):
        made = self.ask('mutation { inboundMailAddressCreate(input: {name: "Mails"}) { inboundMailAddress { address } userErrors { message } } }')
        return made["inboundMailAddressCreate"]["inboundMailAddress"]["address"]

    def register(self, word):
        """The subjects of what was registered, with the SHA-256 of their bytes, of those with that word."""
        found, after = {}, None
        while True:
            page = self.ask(
                "query($after: String) { correspondenceEntries(first: 100, after: $after, filter: {direction: {eq: IN}}) {"
                " pageInfo { hasNextPage endCursor } nodes { subject received { raw { downloadUrl } } } } }", {"after": after}
            )["correspondenceEntries"]
            for node in page["nodes"]:
                if word in node["subject"]:
                    url = node["received"]["raw"]["downloadUrl"]
                    found.setdefault(node["subject"], []).append(url if url.startswith("http") else self.address + url)
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]


USERS = ["one@firm.example", "two", "three", "four", "five", "six", "seven"]


def mail(to, subject, body="Hello\r\n", more=""):
    # As a server stores it: lines end in CR LF.
    return (
        f"From: Zoe <zoe@customer.example>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sun, 1 Mar 2026 10:00:00 +0100\r\n"
        f"Message-ID: <{subject.replace(' ', '.')}@customer.example>\r\n{more}\r\n{body}"
    ).encode()


def bodies():
    yield "Hello\r\n"
    yield ".\r\n..\r\n.dot\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\nb4 OK done\r\n+OK\r\n"
    yield "Grüße, Žluťoučký, 日本\r\n"
    yield "x" * 50_000 + "\r\n"
    yield "".join(f"line {number}\r\n" for number in range(300_000))
    yield "\r\n" * 2_000


def taken(server, office, scheme, user, more, word, is_left):
    """Mails of every shape come in whole, once, and go out of the way."""
    office.start(server.url(scheme, user, more))
    try:
        to = office.address_of_the_client()
        mails = {f"{word} {number}": mail(to, f"{word} {number}", body) for number, body in enumerate(bodies())}
        server.deliver(user, *mails.values())
        until(f"{word} are registered", lambda: len(office.register(word)) == len(mails))
        for subject, urls in office.register(word).items():
            with urllib.request.urlopen(urls[0]) as response:
                assert len(urls) == 1 and response.read() == mails[subject], f"{subject} came otherwise"
        until(f"{word} are out of the way", lambda: is_left(len(mails)))
        # The same once more changes nothing but where it lies.
        server.deliver(user, mails[f"{word} 0"])
        until("again out of the way", lambda: is_left(len(mails) + 1))
        assert {len(urls) for urls in office.register(word).values()} == {1}
    finally:
        office.stop()


def imap_encrypted_from_the_first_byte(server, office):
    user = "one@firm.example"
    taken(server, office, "imaps", user, "/INBOX?every=1", "First",
          lambda count: server.count(user) == 0 and server.count(user, "Done") == count)


def imap_by_starttls_into_a_folder_inside_another(server, office):
    taken(server, office, "imap", "two", "/INBOX?every=1&done=Mails%20of%202026", "Second",
          lambda count: server.count("two") == 0 and server.count("two", "Mails of 2026") == count)


def imap_that_only_flags(server, office):
    taken(server, office, "imaps", "three", "?every=1&done=", "Third",
          lambda count: server.count("three", which="UNSEEN") == 0 and server.count("three") == count)


def pop3_encrypted_from_the_first_byte(server, office):
    taken(server, office, "pop3s", "four", "?every=1", "Fourth", lambda count: server.count("four") == 0)


def pop3_by_stls(server, office):
    taken(server, office, "pop3", "five", "?every=1", "Fifth", lambda count: server.count("five") == 0)


def whoever_is_not_trusted_gets_no_password(server, office):
    before = os.path.getsize(office.log)
    for scheme in ("imaps", "imap", "pop3s", "pop3"):
        office.start(server.url(scheme, "six", "?every=1"), trusted=False)
        try:
            until(f"{scheme} is refused", lambda: "certificate is not valid" in open(office.log).read()[before:])
        finally:
            office.stop()
        before = os.path.getsize(office.log)
    log = open(os.path.join(server.folder, "log")).read()
    assert "user=<six>" not in log, "somebody has signed in"


def a_wrong_password_is_tried_once_and_told_nowhere(server, office):
    before = os.path.getsize(office.log)
    office.start(server.url("imaps", "six", "?every=1", password="wrong-secret"))
    try:
        until("it is refused", lambda: "refuses user and password" in open(office.log).read()[before:])
        time.sleep(3)
    finally:
        office.stop()
    said = open(office.log).read()
    assert said.count("refuses user and password") == 1 and "wrong-secret" not in said and PASSWORD not in said
    shown = subprocess.run([PROGRAM, "config", "--data-dir", office.data], capture_output=True, text=True,
                           env=os.environ | {"BACKOFFICE_INBOUND_MAILBOX": server.url("imaps", "six"), "BACKOFFICE_INBOUND_DOMAIN": DOMAIN})
    assert urllib.parse.quote(PASSWORD, safe="") not in shown.stdout + shown.stderr


def killed_in_the_middle_each_comes_once(server, office):
    for scheme, word in (("imaps", "Sixth"), ("pop3s", "Seventh")):
        mailbox = server.url(scheme, "seven", "?every=1")
        office.start(mailbox)
        to = office.address_of_the_client()
        office.stop()
        server.deliver("seven", *(mail(to, f"{word} {number}", "Hello\r\n" * 2_000) for number in range(60)))
        for pause in (0.3, 0.8, 1.5):
            office.start(mailbox)
            time.sleep(pause)
            office.stop(signal.SIGKILL)
        office.start(mailbox)
        try:
            # The mail server goes away and comes back meanwhile.
            server.stop()
            time.sleep(1)
            server.start()
            # Whoever was killed has its turn for a minute.
            until("all are taken", lambda: server.count("seven") == 0, 180)
            found = office.register(word)
            assert len(found) == 60 and {len(urls) for urls in found.values()} == {1}, {name: len(urls) for name, urls in found.items()}
        finally:
            office.stop()


STORIES = [
    imap_encrypted_from_the_first_byte,
    imap_by_starttls_into_a_folder_inside_another,
    imap_that_only_flags,
    pop3_encrypted_from_the_first_byte,
    pop3_by_stls,
    whoever_is_not_trusted_gets_no_password,
    a_wrong_password_is_tried_once_and_told_nowhere,
    killed_in_the_middle_each_comes_once,
]


def main():
    passed = failed = 0
    server = MailServer()
    office = Office(server.authority)
    try:
        for story in STORIES:
            try:
                story(server, office)
                passed += 1
                print(f"ok {story.__name__}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED {story.__name__}", flush=True)
                traceback.print_exc()
                if office.process and office.process.poll() is None:
                    office.stop()
    finally:
        server.stop()
    if failed:
        print(open(office.log).read()[-5000:])
        print(open(os.path.join(server.folder, "log")).read()[-3000:])
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
