"""What a collector of OpenTelemetry is sent by a server. Arguments: program, folder."""

import base64
import gzip
import http.server
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROGRAM, SCRATCH = sys.argv[1:3]
PASSWORD = "demo-Ledger-4711"
EMAIL = "accountant@demo.example"
# What only the caller knows, and nobody else is to be told.
SECRETS = ["Personal Name 8151", "K-8151", "agent-8151", PASSWORD, EMAIL, "Bearer"]


def until(condition, otherwise, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(otherwise() if callable(otherwise) else otherwise)


class Collector:
    """Takes spans, or lets whoever brings them wait."""

    def __init__(self):
        self.spans, self.bodies, self.resources, self.lock = [], [], [], threading.Lock()
        self.hang = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if outer.hang:
                    time.sleep(30)
                    return
                assert self.path == "/v1/traces", self.path
                assert self.headers["content-type"] == "application/x-protobuf", self.headers["content-type"]
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                request = ExportTraceServiceRequest.FromString(body)
                with outer.lock:
                    outer.bodies.append(body)
                    for of in request.resource_spans:
                        outer.resources.append({a.key: a.value.string_value for a in of.resource.attributes})
                        for scope in of.scope_spans:
                            outer.spans.extend(scope.spans)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def all(self):
        with self.lock:
            return list(self.spans)

    def of(self, trace):
        return [span for span in self.all() if span.trace_id.hex() == trace]

    def requests(self):
        return [span for span in self.all() if span.kind == Span.SPAN_KIND_SERVER]

    def whole(self, trace):
        """The request's span of a trace, once it has come, and those in it."""
        def came():
            spans = self.of(trace)
            tops = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
            return (tops, [span for span in spans if span.kind != Span.SPAN_KIND_SERVER]) if tops else None
        tops, inner = until(came, f"no span of the trace {trace}")
        time.sleep(0.6)  # what else might come of it
        assert len([span for span in self.of(trace) if span.kind == Span.SPAN_KIND_SERVER]) == 1, tops
        return tops[0], [span for span in self.of(trace) if span.kind != Span.SPAN_KIND_SERVER]


class Server:
    def __init__(self, endpoint):
        self.data = os.path.join(SCRATCH, "data")
        os.makedirs(self.data, mode=0o755, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "CI")}
        environment.update(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="200", OTEL_EXPORTER_OTLP_TIMEOUT="2000")
        self.log = open(os.path.join(SCRATCH, "server.log"), "wb")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data-dir", self.data, "--log", "warn",
             "--credential-rate", "1000000,1000000000", "--client-rate", "1000000,1000000000"],
            stdout=subprocess.PIPE, stderr=self.log, env=environment, text=True)
        for line in self.process.stdout:
            found = re.search(r"http://\S+", line)
            if found:
                self.address = found.group()
                break
        else:
            raise AssertionError("the server does not start")
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()

    def send(self, query, variables=None, token=None, headers=None, name=None):
        body = {"query": query, "variables": variables or {}}
        if name:
            body["operationName"] = name
        request = urllib.request.Request(
            f"{self.address}/graphql", data=json.dumps(body).encode(),
            headers={"content-type": "application/json", "accept": "application/json", "user-agent": "agent-8151", **(headers or {})})
        if token:
            request.add_header("authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def ask(self, *arguments, **more):
        answer = json.loads(self.send(*arguments, **more))
        assert "errors" not in answer, answer
        return answer["data"]

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024

    def sql(self, statement):
        """A session of PostgreSQL's superuser that runs this and stays as it is until it is closed."""
        socket = next(os.path.join(folder, name) for folder, _, names in os.walk(self.data) for name in names if name.startswith(".s.PGSQL") and not name.endswith(".lock"))
        port = socket.rsplit(".", 1)[1]
        session = subprocess.Popen(
            ["psql", "-X", "-q", "-h", os.path.dirname(socket), "-p", port, "-U", "postgres", "backoffice"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write(f"{statement};\n\\echo done\n")
        session.stdin.flush()
        assert session.stdout.readline().strip() == "done", "the statement was not run"
        return session

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def attributes(span):
    return {a.key: a.value.string_value for a in span.attributes}


def what(span):
    """What a request's span says was asked for."""
    told = attributes(span)
    return f"{told.get('graphql.operation.type')} {told.get('graphql.field')}"


def fresh():
    trace, parent = os.urandom(16).hex(), os.urandom(8).hex()
    return trace, parent, {"traceparent": f"00-{trace}-{parent}-01"}


collector = Collector()
server = Server(collector.endpoint)
signed_in = server.ask("mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }", {"input": {"email": EMAIL, "password": PASSWORD}})
own = signed_in["signIn"]["accessToken"]
client = server.ask("{ clients(first: 1) { nodes { id } } }", token=own)["clients"]["nodes"][0]["id"]
token = server.ask("mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken } }", {"input": {"client": client}}, token=own)["clientTokenCreate"]["accessToken"]
claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
SECRETS += [own, token, own.split(".")[2], token.split(".")[2]]
LOOK = "query Look($first: Int) { customers(first: $first) { nodes { id name } } }"
CREATE = "mutation($number: String!, $name: String!) { customerCreate(input: { number: $number, name: $name, country: \"DE\" }) { customer { id } userErrors { message } } }"
made = server.ask(CREATE, {"number": "K-8151", "name": "Personal Name 8151"}, token=token)["customerCreate"]["customer"]["id"]


def a_request_is_one_trace_with_the_database_in_it():
    trace, parent, headers = fresh()
    started = time.time_ns()
    server.ask(LOOK, {"first": 2}, token=token, headers=headers, name="Look")
    top, inner = collector.whole(trace)
    told = attributes(top)
    assert what(top) == "query customers", told
    assert top.parent_span_id.hex() == parent, top.parent_span_id.hex()
    assert told["graphql.operation.name"] == "Look" and told["graphql.operation.type"] == "query", told
    assert claims["tid"].replace("-", "").endswith(told["client.id"].replace("-", "")), (told, claims["tid"])
    assert re.fullmatch(r"[0-9a-f-]{36}", told["request_id"]), told
    assert top.status.code == Status.STATUS_CODE_UNSET and "error.type" not in told, top
    assert started <= top.start_time_unix_nano < top.end_time_unix_nano <= time.time_ns(), top
    names = [span.name for span in inner]
    assert "door" in names and "rows" in names and "commit" in names, names
    for span in inner:
        assert span.kind == Span.SPAN_KIND_CLIENT and attributes(span)["db.system.name"] == "postgresql", span
        within = {other.span_id for other in inner} | {top.span_id}
        assert span.parent_span_id in within, span
        assert top.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= top.end_time_unix_nano, span
    rows = next(span for span in inner if span.name == "rows" and "Customer" in attributes(span).get("of", ""))
    assert rows.end_time_unix_nano > rows.start_time_unix_nano
    resource = collector.resources[-1]
    assert resource["service.name"] == "backoffice" and resource["service.version"], resource


def requests_without_a_trace_are_traces_of_their_own():
    before = len(collector.requests())
    for _ in range(5):
        server.ask("{ vendors(first: 1) { nodes { id } } }", token=token)
    until(lambda: len(collector.requests()) >= before + 5, "they did not come")
    time.sleep(0.6)
    new = collector.requests()[before:]
    assert len(new) == 5 and len({span.trace_id for span in new}) == 5, new
    assert all(what(span) == "query vendors" and not span.parent_span_id for span in new), new
    # What the server does for itself every second belongs to no request, and is not told.
    time.sleep(2.5)
    tops = {span.trace_id for span in collector.requests()}
    assert {span.trace_id for span in collector.all()} <= tops, "spans without a request"


def broken_names_of_a_trace_do_no_harm():
    for wrong in ["nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "00-xyz", "x" * 5000]:
        server.ask("{ viewer { __typename } }", token=token, headers={"traceparent": wrong})


def mistakes_of_callers_are_named_and_are_no_failures_of_the_server():
    for query, variables, code in [
        ("{ broken", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nonsense }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ]:
        trace, _, headers = fresh()
        server.send(query, variables, token=token, headers=headers)
        top, _ = collector.whole(trace)
        assert attributes(top)["error.type"] == code and top.status.code == Status.STATUS_CODE_UNSET, top
    trace, _, headers = fresh()
    server.send("{ customers { nodes { id } } }", headers=headers)
    top, inner = collector.whole(trace)
    assert attributes(top)["error.type"] == "UNAUTHENTICATED" and attributes(top)["client.id"] == "nobody" and not inner, top


def a_failure_of_the_server_is_one():
    held = server.sql("BEGIN; LOCK TABLE finance.customer IN ACCESS EXCLUSIVE MODE")
    try:
        trace, _, headers = fresh()
        answer = server.send(LOOK, {"first": 2}, token=token, headers=headers)
    finally:
        held.stdin.close()
        held.wait()
    assert "TIMEOUT" in answer, answer
    top, inner = collector.whole(trace)
    assert attributes(top)["error.type"] == "TIMEOUT" and top.status.code == Status.STATUS_CODE_ERROR, top
    waited = max(span.end_time_unix_nano - span.start_time_unix_nano for span in inner if span.name == "rows")
    assert waited > 7e9, waited


def a_change_and_a_stream_are_traced_as_well():
    trace, _, headers = fresh()
    server.ask("mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"Personal Name 8151\" }) { userErrors { message } } }", {"id": made}, token=token, headers=headers)
    top, inner = collector.whole(trace)
    assert what(top) == "mutation customerUpdate" and "commit" in [span.name for span in inner], (top, inner)
    trace, parent, headers = fresh()
    answer = server.send(LOOK, {"first": 1}, token=token, headers={**headers, "accept": "text/event-stream"}, name="Look")
    assert "event: complete" in answer, answer
    top, inner = collector.whole(trace)
    assert what(top) == "query customers" and top.parent_span_id.hex() == parent and inner, top


def nothing_personal_and_no_token_is_told():
    with collector.lock:
        everything = b"".join(collector.bodies)
    assert len(everything) > 1000
    for secret in SECRETS:
        assert secret.encode() not in everything, f"{secret} is told"


def one_second(seconds=4):
    """The median duration of requests, and how many there were, with four callers at once."""
    took, lock, end = [], threading.Lock(), time.monotonic() + seconds

    def call():
        own = []
        while time.monotonic() < end:
            at = time.monotonic()
            server.ask(LOOK, {"first": 2}, token=token)
            own.append(time.monotonic() - at)
        with lock:
            took.extend(own)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return statistics.median(took), len(took)


def a_collector_that_hangs_or_is_away_slows_nobody_and_costs_no_memory():
    one_second()
    usual, _ = one_second()
    collector.hang = True
    hanging, count = one_second()
    settled = server.resident()
    again, more = one_second(12)
    grown = server.resident() - settled
    print(f"  median {usual * 1000:.1f} ms; with a hanging collector {hanging * 1000:.1f} and {again * 1000:.1f} ms;"
          f" {grown / 1e6:.1f} MB more after {more} requests")
    assert max(hanging, again) < 3 * usual + 0.02, (usual, hanging, again)
    assert count + more > 600, "too few to tell"
    assert grown < 16e6, grown
    collector.server.shutdown()
    collector.server.server_close()
    away, _ = one_second()
    assert away < 3 * usual + 0.02, (usual, away)


def a_server_that_is_told_to_stop_does_not_wait_for_it():
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 20


passed = failed = 0
for story in [
    a_request_is_one_trace_with_the_database_in_it,
    requests_without_a_trace_are_traces_of_their_own,
    broken_names_of_a_trace_do_no_harm,
    mistakes_of_callers_are_named_and_are_no_failures_of_the_server,
    a_failure_of_the_server_is_one,
    a_change_and_a_stream_are_traced_as_well,
    nothing_personal_and_no_token_is_told,
    a_collector_that_hangs_or_is_away_slows_nobody_and_costs_no_memory,
    a_server_that_is_told_to_stop_does_not_wait_for_it,
]:
    try:
        story()
        passed += 1
        print(f"ok: {story.__name__}", flush=True)
    except Exception:
        failed += 1
        print(f"FAILED: {story.__name__}\n{traceback.format_exc()}", flush=True)
if server.process.poll() is None:
    server.process.kill()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
