"""What no well-behaved client does, while a well-behaved one goes on and is timed."""
import asyncio
import json
import os
import resource
import sys
import time
import urllib.parse

ADDRESS = urllib.parse.urlparse(sys.argv[1])
PID = os.environ.get("CONFORMANCE_SERVER_PID")
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
# As many as the issue asks for, if this machine lets one process have them.
CONNECTIONS = max(100, min(int(os.environ.get("HOSTILE_CONNECTIONS", "10000")), hard - 500))
HEAD = "POST /graphql HTTP/1.1\r\nhost: hostile\r\ncontent-type: application/json\r\naccept: application/graphql-response+json\r\n"
GOOD = json.dumps({"query": "{ __typename }"})

passed = failed = 0


def check(what, good, told=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what} {told}", flush=True)


async def connect():
    return await asyncio.open_connection(ADDRESS.hostname, ADDRESS.port)


async def hear(reader, seconds=20.0):
    """Everything until the other side closes or falls silent."""
    heard = b""
    try:
        async with asyncio.timeout(seconds):
            while True:
                piece = await reader.read(65536)
                if not piece:
                    return heard, True
                heard += piece
    except (TimeoutError, ConnectionError) as error:
        return heard, isinstance(error, ConnectionError)


async def once(data, seconds=20.0, half_close=False):
    reader, writer = await connect()
    try:
        writer.write(data.encode() if isinstance(data, str) else data)
        await writer.drain()
        if half_close:
            writer.write_eof()
    except ConnectionError:
        pass
    heard, closed = await hear(reader, seconds)
    writer.close()
    return heard.decode("latin-1"), closed


def status(heard):
    parts = heard.split(" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[0].startswith("HTTP/") else 0


class Witness:
    """One who behaves: asks one thing after the other on a connection of his own, and notes how long it takes."""

    def __init__(self):
        self.times = []
        self.wrong = []
        self.stopped = False

    async def run(self):
        request = f"{HEAD}content-length: {len(GOOD)}\r\n\r\n{GOOD}".encode()
        reader, writer = await connect()
        while not self.stopped:
            started = time.monotonic()
            try:
                async with asyncio.timeout(10):
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    body = await reader.readexactly(length)
                if b'"__typename"' not in body:
                    self.wrong.append(body[:200])
            except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
                self.wrong.append(repr(error))
                reader, writer = await connect()
            self.times.append(time.monotonic() - started)
            await asyncio.sleep(0.005)
        writer.close()

    def told(self, since=0):
        times = sorted(self.times[since:]) or [0.0]
        return f"{len(times)} answers, median {times[len(times) // 2] * 1000:.1f} ms, slowest {times[-1] * 1000:.0f} ms"


def memory_mb():
    if not PID:
        return 0.0
    with open(f"/proc/{PID}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


async def many_connections(witness):
    before, seen = memory_mb(), len(witness.times)
    held = []

    async def one(number):
        try:
            reader, writer = await connect()
        except OSError:
            return
        # A third says nothing, a third half of a head, a third half of a body.
        if number % 3 == 1:
            writer.write(b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-slow: ")
        elif number % 3 == 2:
            writer.write(f"{HEAD}content-length: 1000\r\n\r\n{{".encode())
        held.append((reader, writer))

    for start in range(0, CONNECTIONS, 250):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 250, CONNECTIONS))))
    check("many connections are taken", len(held) > CONNECTIONS * 0.9, f"{len(held)} of {CONNECTIONS}")
    during = memory_mb()
    new = [await once(f"{HEAD}content-length: {len(GOOD)}\r\nconnection: close\r\n\r\n{GOOD}") for _ in range(20)]
    check("others find a place beside them", all(status(heard) == 200 for heard, _ in new), str([status(heard) for heard, _ in new]))
    # Whoever says nothing is sent away by himself.
    ended = await asyncio.gather(*(hear(reader, 25) for reader, _ in held[:300]))
    check("the silent ones are sent away", sum(closed for _, closed in ended) > 290, f"{sum(closed for _, closed in ended)} of {len(ended)}")
    codes = {status(heard.decode("latin-1")) for heard, _ in ended if heard}
    check("with a word about time, or none", codes <= {408}, str(codes))
    for _, writer in held:
        writer.transport.abort()
    await asyncio.sleep(2)
    print(f"{len(held)} connections: {witness.told(seen)}; memory of the server {before:.0f} MB, {during:.0f} MB with them, {memory_mb():.0f} MB after", flush=True)
    check("memory stays bounded", not PID or during - before < 300, f"{before:.0f} MB to {during:.0f} MB")


async def lies():
    body = GOOD
    # More announced than sent, and then nothing: answered in the end, or closed; never hangs for good.
    started = time.monotonic()
    heard, closed = await once(f"{HEAD}content-length: {len(body) + 50}\r\n\r\n{body}", 25)
    check("fewer bytes than announced", status(heard) in (400, 408) or closed, heard[:200])
    check("and in good time", time.monotonic() - started < 22, f"{time.monotonic() - started:.0f} s")
    heard, closed = await once(f"{HEAD}content-length: {len(body) + 50}\r\n\r\n{body}", 20, half_close=True)
    check("the same, hung up behind it", closed, heard[:200])
    # Fewer announced than sent: what is left over is no second request of anybody.
    heard, _ = await once(f"{HEAD}content-length: 10\r\n\r\n{body}", 5)
    check("more bytes than announced", heard.count("HTTP/1.1 200") == 0, heard[:300])
    for what, lines in {
        "two lengths": "content-length: 5\r\ncontent-length: 25\r\n",
        "two equal lengths in one": "content-length: 25, 26\r\n",
        "a negative length": "content-length: -1\r\n",
        "a length with a plus": "content-length: +25\r\n",
        "a length of words": "content-length: many\r\n",
        "a length beyond numbers": "content-length: 99999999999999999999999\r\n",
        "a length in hexadecimal": "content-length: 0x19\r\n",
        "a length and chunks": "content-length: 25\r\ntransfer-encoding: chunked\r\n",
        "chunks twice": "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "an unknown coding": "transfer-encoding: gzip, chunked, identity\r\n",
        "a blank before the colon": "content-length : 25\r\n",
        "a folded line": "x-a: b\r\n c\r\ncontent-length: 25\r\n",
        "a zero in a name": "x-\0: b\r\ncontent-length: 25\r\n",
    }.items():
        heard, closed = await once(f"{HEAD}{lines}\r\n{body}", 6)
        fine = status(heard) in (400, 408, 411, 413, 501) or (closed and not heard)
        # What is meant is beyond doubt, or nothing runs.
        check(f"the head with {what}", fine or (status(heard) == 200 and heard.count("HTTP/1.1") == 1 and what in ("a blank before the colon",)), heard[:150])
    # A second request behind a doubtful first one is never answered as one of its own.
    smuggled = f"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n"
    heard, _ = await once(f"{HEAD}content-length: {len(smuggled)}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}", 6)
    check("smuggling", "backoffice_" not in heard, heard[:200])
    for what, chunks in {
        "a chunk of nonsense": "zz\r\nabc\r\n0\r\n\r\n",
        "a chunk without an end": "ffffffffffffffffff\r\n{",
        "a negative chunk": "-1\r\nx\r\n",
        "chunks shorter than said": "40\r\n{}\r\n0\r\n\r\n",
    }.items():
        heard, closed = await once(f"{HEAD}transfer-encoding: chunked\r\n\r\n{chunks}", 20)
        check(what, status(heard) in (400, 408, 413) or closed, heard[:150])


async def heads():
    for what, data in {
        "one line of 1 MB": "GET /graphql?query=" + "a" * (1 << 20) + " HTTP/1.1\r\nhost: x\r\n\r\n",
        "a header of 1 MB": f"{HEAD}x-large: {'a' * (1 << 20)}\r\n\r\n",
        "10,000 headers": HEAD + "".join(f"x-{number}: {number}\r\n" for number in range(10_000)) + "\r\n",
        "a method without an end": "A" * (1 << 20),
        "no HTTP": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100,
        "another protocol": "EHLO evil.example\r\nMAIL FROM:<a@b.example>\r\n",
        "HTTP of the future": "GET / HTTP/9.9\r\n\r\n",
        "HTTP/2 without asking": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    }.items():
        started = time.monotonic()
        heard, closed = await once(data, 14)
        check(what, (400 <= status(heard) < 600 and status(heard) != 500) or (closed and not heard), heard[:150])
        check(f"{what}: in good time", time.monotonic() - started < 13.5, f"{time.monotonic() - started:.1f} s")


async def slow():
    async def drip(data, pause, most):
        reader, writer = await connect()
        started = time.monotonic()
        hearing = asyncio.create_task(hear(reader, most))
        try:
            for byte in data.encode():
                if hearing.done():
                    break
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(pause)
        except ConnectionError:
            pass
        heard, closed = await hearing
        writer.close()
        return heard.decode("latin-1"), closed, time.monotonic() - started

    # A letter a second: a head has to be whole within 10 s, the next piece of a body to come within 15 s.
    (heard, closed, took), (body_heard, body_closed, body_took) = await asyncio.gather(
        drip(HEAD + "x-slow: " + "a" * 100, 0.5, 20),
        drip(f"{HEAD}content-length: 1000\r\n\r\n{{", 0.01, 25),
    )
    check("a slow head is cut off", (closed or status(heard) == 408) and took < 16, f"{heard[:100]} after {took:.0f} s")
    check("a body that stops is cut off", (body_closed or status(body_heard) == 408) and body_took < 22, f"{body_heard[:100]} after {body_took:.0f} s")
    heard, closed = await once(f"{HEAD}content-length: {len(GOOD)}\r\n\r\n{GOOD}", 6, half_close=True)
    check("half closed behind a whole request", closed, heard[:100])
    # Answers that nobody fetches do not pile up: a hundred requests in one breath, and the socket is not read.
    reader, writer = await connect()
    request = json.dumps({"query": "{ __schema { types { name description fields { name description } } } }"})
    try:
        async with asyncio.timeout(5):
            for _ in range(100):
                writer.write(f"{HEAD}content-length: {len(request)}\r\n\r\n{request}".encode())
                await writer.drain()
    except (TimeoutError, ConnectionError):
        pass
    await asyncio.sleep(3)
    check("answers that nobody reads", not PID or memory_mb() < 400, f"{memory_mb():.0f} MB")
    writer.transport.abort()


async def main():
    witness = Witness()
    watching = asyncio.create_task(witness.run())
    await asyncio.sleep(1)
    alone = witness.told()
    for name, attack in {"lies": lies(), "heads": heads(), "slow": slow(), "connections": many_connections(witness)}.items():
        seen = len(witness.times)
        await attack
        print(f"{name}: {witness.told(seen)}", flush=True)
        check(f"{name}: the witness is answered", not witness.wrong, str(witness.wrong[:3]))
        witness.wrong.clear()
        slowest = max(witness.times[seen:])
        check(f"{name}: the witness does not wait", slowest < 3, f"{slowest:.1f} s")
    witness.stopped = True
    await watching
    print(f"alone: {alone}")
    heard, _ = await once("GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 10)
    check("the server is ready", status(heard) == 200, heard[:100])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


asyncio.run(main())
