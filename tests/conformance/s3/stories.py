"""Stories of files in an S3 store, told through HTTP as a client would. Arguments: program, moto_server, folder."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import traceback

import boto3
from botocore.config import Config

PROGRAM, MOTO, SCRATCH = sys.argv[1:4]
BUCKET, PREFIX = "firm", "back/office"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Store:
    """The S3 server."""

    def __init__(self):
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        log = open(os.path.join(SCRATCH, "moto.log"), "wb")
        self.process = subprocess.Popen([MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log)
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="eu-central-1", aws_access_key_id="key",
            aws_secret_access_key="secret", config=Config(retries={"max_attempts": 1}),
        )
        until(lambda: reached(port), "the S3 server does not start")
        self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def objects(self):
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def parts(self):
        return self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def bytes(self, key):
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


class Server:
    """A Backoffice whose files lie in that store."""

    def __init__(self, store):
        self.store = store
        self.data = os.path.join(SCRATCH, "data")
        os.makedirs(self.data, mode=0o755, exist_ok=True)
        self.start()

    def start(self):
        out = open(os.path.join(SCRATCH, "server.out"), "w+b")
        log = open(os.path.join(SCRATCH, "server.log"), "ab")
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CI") and not name.startswith("AWS_")}
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data, "--log", "warn",
             "--file-store", f"s3://{BUCKET}/{PREFIX}", "--s3-endpoint", self.store.endpoint, "--s3-region", "eu-central-1",
             "--s3-access-key", "key"],
            stdout=out, stderr=log, env=environment | {"BACKOFFICE_S3_SECRET_KEY": "secret"},
        )

        def said():
            assert self.process.poll() is None, open(os.path.join(SCRATCH, "server.log")).read()
            out.seek(0)
            return re.search(rb"serves on http://([0-9.:]+)", out.read())

        self.address = until(said, "the server does not start", 120).group(1).decode()
        self.token = None
        self.sign_in()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            try:
                connection.request(method, path, body, headers or {})
            except ConnectionError:
                pass  # what is refused is not read to its end; the answer may be there already
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def ask(self, query, variables=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.token}"} if self.token else {})
        status, _, answer = self.request("POST", "/graphql", json.dumps({"query": query, "variables": variables or {}}), headers)
        answer = json.loads(answer)
        assert "errors" not in answer, (status, answer)
        return answer["data"]

    def sign_in(self):
        self.token = self.ask('mutation { signIn(input: {email: "accountant@demo.example", password: "demo-Ledger-4711"}) { accessToken } }')["signIn"]["accessToken"]
        client = self.ask("{ clients(first: 1) { nodes { id } } }")["clients"]["nodes"][0]["id"]
        self.token = self.ask("mutation($c: ID!) { clientTokenCreate(input: {client: $c}) { accessToken } }", {"c": client})["clientTokenCreate"]["accessToken"]
        self.client = client

    def announce(self, data, name="file.bin"):
        made = self.ask(
            "mutation($input: FileUploadCreateInput!) { fileUploadCreate(input: $input) { file { id } upload { url } userErrors { message } } }",
            {"input": {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "purpose": "ATTACHMENT"}},
        )["fileUploadCreate"]
        return made["file"]["id"], made["upload"]["url"]

    def complete(self, file, data):
        return self.ask(
            "mutation($input: FileUploadCompleteInput!) { fileUploadComplete(input: $input) { file { id state mediaType downloadUrl } userErrors { code } } }",
            {"input": {"file": file, "sha256": hashlib.sha256(data).hexdigest()}},
        )["fileUploadComplete"]

    def send(self, data):
        file, url = self.announce(data)
        status, _, answer = self.request("PUT", url, data)
        assert status == 204, (status, answer)
        return self.complete(file, data)["file"]


def reached(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def until(what, otherwise, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(otherwise)


def half(server, url, data, part):
    """Begins an upload and leaves it in the middle; gives the open connection."""
    host, port = server.address.split(":")
    one = socket.create_connection((host, int(port)))
    one.sendall(f"PUT {url} HTTP/1.1\r\nhost: test\r\ncontent-length: {len(data)}\r\n\r\n".encode())
    one.sendall(data[:part])
    return one


def a_small_file_comes_back_as_it_was(store, server):
    data = b"%PDF-1.7 small"
    file = server.send(data)
    assert (file["state"], file["mediaType"]) == ("READY", "application/pdf"), file
    status, headers, taken = server.request("GET", file["downloadUrl"])
    assert (status, taken) == (200, data)
    assert headers["content-disposition"].startswith("attachment") and headers["x-content-type-options"] == "nosniff"


def objects_lie_under_the_client_and_are_not_named_by_ids(store, server):
    before = set(store.objects())
    file = server.send(b"where does it lie")
    (key,) = set(store.objects()) - before
    assert re.fullmatch(rf"{PREFIX}/{server.client.split('_')[1]}/[0-9a-f]{{64}}", key), key
    assert file["id"].split("_")[1] not in key
    assert store.bytes(key) == b"where does it lie"


def a_large_file_goes_in_parts_and_comes_out_in_parts(store, server):
    data = os.urandom(12 * 1024 * 1024 + 77)
    file = server.send(data)
    status, headers, taken = server.request("GET", file["downloadUrl"])
    assert status == 200 and taken == data
    status, headers, taken = server.request("GET", file["downloadUrl"], headers={"range": "bytes=6000000-6000099"})
    assert status == 206 and taken == data[6000000:6000100], (status, headers)
    assert headers["content-range"] == f"bytes 6000000-6000099/{len(data)}"
    status, headers, taken = server.request("GET", file["downloadUrl"], headers={"range": "bytes=-5"})
    assert status == 206 and taken == data[-5:]
    assert store.parts() == []


def other_bytes_than_announced_are_not_kept(store, server):
    for size in (100, 11 * 1024 * 1024):
        before = store.objects()
        data = os.urandom(size)
        file, url = server.announce(data)
        status, _, answer = server.request("PUT", url, data[:-1] + bytes([data[-1] ^ 1]))
        assert status == 422, (status, answer)
        for body in (data + b"x", iter([data, b"x"])):
            try:
                status, _, answer = server.request("PUT", url, body)
                assert status == 413, (status, answer)
            except ConnectionError:
                pass  # cut off before the answer was heard
        assert server.complete(file, data)["userErrors"][0]["code"] == "STATE"
        assert store.objects() == before
        until(lambda: store.parts() == [], "parts of a refused upload are left")
        assert server.request("PUT", url, data)[0] == 204
        assert server.complete(file, data)["file"]["state"] == "READY"


def an_upload_that_breaks_off_leaves_no_parts(store, server):
    before = store.objects()
    data = os.urandom(12 * 1024 * 1024)
    _, url = server.announce(data)
    one = half(server, url, data, 8 * 1024 * 1024)
    until(store.parts, "no part came to the store")
    one.close()
    until(lambda: store.parts() == [], "parts of an upload that broke off are left")
    assert store.objects() == before


def the_same_upload_twice_at_once_is_one_object(store, server):
    before = len(store.objects())
    data = os.urandom(7 * 1024 * 1024)
    file, url = server.announce(data)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        wrong = pool.submit(server.request, "PUT", url, bytes(len(data)))
        both = [pool.submit(server.request, "PUT", url, data) for _ in range(2)]
        assert [one.result()[0] for one in both] == [204, 204] and wrong.result()[0] == 422
    status, _, taken = server.request("GET", server.complete(file, data)["file"]["downloadUrl"])
    assert status == 200 and taken == data and len(store.objects()) == before + 1


def a_forged_address_opens_nothing(store, server):
    address = server.send(b"secret")["downloadUrl"]
    for forged in (address[:-1] + ("A" if address[-1] != "A" else "B"), address[:-20], "/files/" + "A" * 150):
        assert server.request("GET", forged)[0] == 403, forged
    assert server.request("PUT", address, b"secret")[0] == 403


def bytes_that_vanish_from_the_store_are_not_taken_for_a_file(store, server):
    before = set(store.objects())
    file, url = server.announce(b"vanishing")
    assert server.request("PUT", url, b"vanishing")[0] == 204
    (key,) = set(store.objects()) - before
    store.client.delete_object(Bucket=BUCKET, Key=key)
    try:
        server.complete(file, b"vanishing")
        raise RuntimeError("completed without bytes")
    except AssertionError as error:
        assert "INTERNAL_SERVER_ERROR" in str(error)


def a_server_killed_in_the_middle_leaves_nothing_that_counts(store, server):
    before = store.objects()
    data = os.urandom(12 * 1024 * 1024)
    file, url = server.announce(data)
    one = half(server, url, data, 8 * 1024 * 1024)
    until(store.parts, "no part came to the store")
    server.kill()
    one.close()
    server.start()
    assert store.objects() == before
    assert server.complete(file, data)["userErrors"][0]["code"] == "STATE"
    status, _, answer = server.request("PUT", url, data)
    assert status == 204, (status, answer)
    assert server.complete(file, data)["file"]["state"] == "READY"


def backoffice(store, *arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CI") and not name.startswith("AWS_")}
    environment |= {
        "BACKOFFICE_FILE_STORE": f"s3://{BUCKET}/{PREFIX}", "BACKOFFICE_S3_ENDPOINT": store.endpoint,
        "BACKOFFICE_S3_REGION": "eu-central-1", "BACKOFFICE_S3_ACCESS_KEY": "key", "BACKOFFICE_S3_SECRET_KEY": "secret",
    }
    ran = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def a_backup_lists_what_the_bucket_has_to_keep_and_a_restore_looks_for_it(store, server):
    data = b"kept by the bucket"
    server.send(data)
    folder = os.path.join(SCRATCH, "backup")
    status, said = backoffice(store, "backup", folder, "--data-dir", server.data)
    assert status == 0 and f"s3://{BUCKET}/{PREFIX}" in said and "secrets.key" in said, said
    assert not os.path.exists(os.path.join(folder, "files"))
    listed = {one["key"]: one["sha256"] for one in json.load(open(os.path.join(folder, "manifest.json")))["objects"]}
    assert hashlib.sha256(data).hexdigest() in listed.values()
    assert all(f"{PREFIX}/{key}" in store.objects() for key in listed)
    status, said = backoffice(store, "check", "--files", "--data-dir", server.data)
    assert status == 0 and f"{len(listed)} files read, 0 not as" in said, said
    key = next(key for key, sum in listed.items() if sum == hashlib.sha256(data).hexdigest())
    store.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=data[::-1])
    status, said = backoffice(store, "restore", folder, "--data-dir", os.path.join(SCRATCH, "restored"))
    assert status != 0 and f"file {key}: other bytes than the database knows" in said, said
    store.client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}")
    status, said = backoffice(store, "check", "--files", "--data-dir", server.data)
    assert status != 0 and f"file {key}: missing in the store" in said, said


def without_the_store_the_server_says_so_and_lives(store, server):
    file = server.send(b"there")
    _, url = server.announce(b"never there")
    store.process.kill()
    store.process.wait()
    assert server.request("GET", file["downloadUrl"])[0] >= 500
    assert server.request("PUT", url, b"never there")[0] >= 500
    assert server.ask("{ viewer { name } }")["viewer"]["name"]


STORIES = [
    a_small_file_comes_back_as_it_was,
    objects_lie_under_the_client_and_are_not_named_by_ids,
    a_large_file_goes_in_parts_and_comes_out_in_parts,
    other_bytes_than_announced_are_not_kept,
    an_upload_that_breaks_off_leaves_no_parts,
    the_same_upload_twice_at_once_is_one_object,
    a_forged_address_opens_nothing,
    bytes_that_vanish_from_the_store_are_not_taken_for_a_file,
    a_server_killed_in_the_middle_leaves_nothing_that_counts,
    a_backup_lists_what_the_bucket_has_to_keep_and_a_restore_looks_for_it,
    without_the_store_the_server_says_so_and_lives,
]


def main():
    store = Store()
    server = None
    passed = failed = 0
    try:
        server = Server(store)
        for story in STORIES:
            try:
                story(store, server)
                passed += 1
                print(f"ok   {story.__name__.replace('_', ' ')}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {story.__name__.replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
    except Exception:
        failed += 1
        traceback.print_exc()
    finally:
        if server is not None:
            server.stop()
        if store.process.poll() is None:
            store.process.kill()
            store.process.wait()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
