"""A zoo of HTTP servers on raw sockets: `python zoo_http.py` prints its port. The first part of a path names the fault.

`GET /_log/FAULT` gives the requests that came for a fault, headers included, so that a test can see what was sent and
what never was. Standard library only.
"""

import asyncio
import gzip
import json
import os
import sys
from collections import defaultdict

FAULTS = {}
LOG = defaultdict(list)


def fault(function):
    FAULTS[function.__name__.replace("_", "-")] = function
    return function


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.parts = [part for part in path.split("?")[0].split("/") if part]
        try:
            self.message = json.loads(body)
        except ValueError:
            self.message = {}


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body)


def response(status, body=b"", *, kind="application/json", headers=()):
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def tool(name, description="Says it again.", **more):
    return {"name": name, "description": description, "inputSchema": {"type": "object"}} | more


def answer(message, tools=None):
    """A decent answer of the legacy era; None for a notification."""
    method, identifier = message.get("method"), message.get("id")
    if identifier is None or method is None:
        return None
    results = {
        "initialize": {
            "protocolVersion": message.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "http zoo", "version": "1"},
        },
        "ping": {},
        "tools/list": {"tools": [tool("echo")] if tools is None else tools},
    }
    if method in results:
        return {"jsonrpc": "2.0", "id": identifier, "result": results[method]}
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": -32601, "message": "Method not found"}}


def legacy(request, tools=None):
    """The whole HTTP answer of a decent legacy server, as bytes."""
    if request.method != "POST":
        return response(405)
    if request.message.get("method") == "server/discover":
        error = {"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32600, "message": "Missing session ID"}}
        return response(400, json.dumps(error).encode())
    reply = answer(request.message, tools)
    return response(202) if reply is None else response(200, json.dumps(reply).encode())


def at_list(request):
    return request.message.get("method") == "tools/list"


@fault
async def good(request, writer):
    writer.write(legacy(request))


@fault
async def sessions(request, writer):
    """Good, with a session id that has to come back; 404 without it."""
    if request.method == "DELETE":
        return writer.write(response(200))
    if request.message.get("method") == "initialize":
        reply = json.dumps(answer(request.message)).encode()
        return writer.write(response(200, reply, headers=["Mcp-Session-Id: s-1"]))
    if request.headers.get("mcp-session-id") != "s-1" and request.message.get("method") != "server/discover":
        return writer.write(response(404))
    return writer.write(legacy(request))


@fault
async def streamed(request, writer):
    """Good, and answers with an event stream, comments and notifications first."""
    reply = answer(request.message)
    if reply is None or request.message.get("method") == "server/discover":
        return writer.write(legacy(request))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "hello"}}
    text = f": comment\r\n\r\nevent: message\r\ndata: {json.dumps(note)}\r\n\r\nid: 7\ndata: {json.dumps(reply)}\n\n".encode()
    for start in range(0, len(text), 11):  # boundaries where nobody likes them
        part = text[start : start + 11]
        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
    return writer.write(b"0\r\n\r\n")


# --- time ---


@fault
async def silence(request, writer):
    await asyncio.sleep(60)


@fault
async def slow_head(request, writer):
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


@fault
async def slow_body(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@fault
async def endless_comments(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        writer.write(b": keep-alive\n\n")
        await writer.drain()
        await asyncio.sleep(0.05)


@fault
async def endless_interim(request, writer):
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


@fault
async def progress_for_ever(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    while True:
        note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
        writer.write(f"data: {json.dumps(note)}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(0.05)


@fault
async def only_202(request, writer):
    writer.write(response(202))


# --- size ---


async def pour(writer, block):
    while True:
        writer.write(block)
        await writer.drain()


@fault
async def flood(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    await pour(writer, b'[" lots of it "],' * 4_000)


@fault
async def declared_huge(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n")
    await pour(writer, b" " * 65_536)


@fault
async def event_flood(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 60_000}})
    await pour(writer, f"data: {note}\n\n".encode())


@fault
async def huge_event(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await pour(writer, b"data: " + b"x" * 60_000 + b"\n")


@fault
async def huge_header(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await pour(writer, b"X-Long: " + b"h" * 60_000 + b"\r\n")


@fault
async def endless_header(request, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await pour(writer, b"h" * 65_536)


@fault
async def gzip_bomb(request, writer):
    bomb = gzip.compress(b" " * 20_000_000)
    writer.write(response(200, bomb, headers=["Content-Encoding: gzip"]))


@fault
async def small_brotli(request, writer):
    writer.write(response(200, b"\x0b\x02\x80{}\x03", headers=["Content-Encoding: br"]))


@fault
async def endless_pages(request, writer):
    if not at_list(request):
        return writer.write(legacy(request))
    page = int(request.message["params"].get("cursor", 0))
    value = {"tools": [tool(f"t{page}")], "nextCursor": str(page + 1)}
    return writer.write(
        response(200, json.dumps({"jsonrpc": "2.0", "id": request.message["id"], "result": value}).encode())
    )


@fault
async def huge_list(request, writer):
    writer.write(legacy(request, [tool(f"t{n}", "") for n in range(2_500)]))


# --- garbage ---


@fault
async def html(request, writer):
    page = b"<!doctype html><title>Sign in</title><h1>Please sign in to the <b>portal</b></h1>"
    writer.write(response(200, page, kind="text/html"))


@fault
async def html_as_json(request, writer):
    writer.write(response(200, b"<html>oops</html>"))


@fault
async def truncated(request, writer):
    body = legacy(request)
    writer.write(body[: -len(body) // 6])
    writer.close()


@fault
async def truncated_list(request, writer):
    body = legacy(request)
    if at_list(request):
        writer.write(body[:-20])
        writer.close()
    else:
        writer.write(body)


@fault
async def bad_chunk(request, writer):
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nhello\r\n"
    )


@fault
async def not_http(request, writer):
    writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")


@fault
async def drops_calls(request, writer):
    """Good, but a call ends its connection without a word. What was called is logged as `called`."""
    if request.message.get("method") != "tools/call":
        return writer.write(legacy(request))
    LOG["called"].append(request.message["params"]["name"])
    return writer.close()


@fault
async def half_closes(request, writer):
    """Good, and says that the connection stays; then it closes its side of it."""
    writer.write(legacy(request))
    await writer.drain()
    writer.write_eof()


@fault
async def closes(request, writer):
    writer.close()


@fault
async def two_lengths(request, writer):
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n12345"
    )


@fault
async def bad_utf_8(request, writer):
    writer.write(legacy(request).replace(b"2.0", b"2.\xff"))


@fault
async def nan(request, writer):
    writer.write(legacy(request, [tool("echo", x=1)]).replace(b'"x": 1', b'"x":NaN'))


@fault
async def twice(request, writer):
    """An event stream with two answers to one id."""
    if not at_list(request):
        return writer.write(legacy(request))
    first, second = answer(request.message), answer(request.message, [tool("impostor")])
    body = "".join(f"data: {json.dumps(reply)}\n\n" for reply in (first, second)).encode()
    return writer.write(response(200, body, kind="text/event-stream"))


# --- statuses ---


@fault
async def status(request, writer):
    """/status/CODE"""
    code = int(request.parts[1])
    headers = []
    if code == 401:
        where = f"http://{request.headers['host']}/.well-known/oauth-protected-resource"
        headers = [f'WWW-Authenticate: Bearer resource_metadata="{where}"']
    writer.write(response(code, b'{"error": "no"}', headers=headers))


@fault
async def secret_status(request, writer):
    """Answers 500 and repeats what it was sent."""
    writer.write(response(500, f"you sent {request.headers.get('authorization')}".encode(), kind="text/plain"))


@fault
async def echoes_header(request, writer):
    token = request.headers.get("authorization", "")
    writer.write(legacy(request, [tool("echo", f"sends {token}")]))


@fault
async def redirect_same(request, writer):
    """/redirect-same/N redirects N times within its origin, and is good then."""
    left = int(request.parts[1])
    if left:
        writer.write(response(307, headers=[f"Location: /redirect-same/{left - 1}"]))
    else:
        writer.write(legacy(request))


@fault
async def redirect_loop(request, writer):
    writer.write(response(308, headers=["Location: /redirect-loop"]))


@fault
async def redirect_away(request, writer):
    """/redirect-away/PORT"""
    writer.write(response(307, headers=[f"Location: http://127.0.0.1:{request.parts[1]}/steal"]))


@fault
async def outside_links(request, writer):
    """/outside-links/PORT: names addresses that nobody may fetch."""
    url = f"http://127.0.0.1:{request.parts[1]}/"
    schema = {"type": "object", "properties": {"a": {"$ref": f"{url}schema.json"}}}
    writer.write(legacy(request, [tool("echo", icons=[{"src": f"{url}icon.png"}], inputSchema=schema)]))


# --- HTTP+SSE ---

STREAMS = []


def sse(name, endpoint):
    """A server of the deprecated transport: GET opens the stream, POST gives 202, answers come on the stream."""

    async def serve(request, writer):
        if request.method == "GET":
            queue = asyncio.Queue()
            STREAMS.append(queue)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            writer.write(f"event: endpoint\ndata: {endpoint(request, len(STREAMS) - 1)}\n\n".encode())
            await writer.drain()
            while True:
                writer.write(f"event: message\ndata: {json.dumps(await queue.get())}\n\n".encode())
                await writer.drain()
        reply = answer(request.message)
        writer.write(response(202, b"Accepted", kind="text/plain"))
        if reply:
            await STREAMS[int(request.parts[1])].put(reply)

    FAULTS[name] = serve


sse("sse-good", lambda request, number: f"/sse-good/{number}")
sse("sse-away", lambda request, number: f"http://127.0.0.1:{request.parts[1]}/steal")


@fault
async def sse_silent(request, writer):
    """Opens the stream and never names an endpoint."""
    if request.method == "GET":
        await endless_comments(request, writer)
    else:
        writer.write(response(405))


@fault
async def sse_deaf(request, writer):
    """Names an endpoint, accepts, never answers."""
    if request.method == "GET":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: endpoint\ndata: /sse-deaf\n\n")
        await asyncio.sleep(60)
    else:
        writer.write(response(202))


# --- main ---


async def serve(reader, writer):
    try:
        while not writer.is_closing():
            request = await read_request(reader)
            name = request.parts[0] if request.parts else ""
            if name == "_log":
                writer.write(response(200, json.dumps(LOG[request.parts[1]]).encode()))
            elif name not in FAULTS:
                LOG["unknown"].append([request.method, request.path, request.headers])
                writer.write(response(404, b"not found", kind="text/plain"))
            else:
                LOG[name].append([request.method, request.path, request.headers])
                await FAULTS[name](request, writer)
            await writer.drain()
    except (OSError, EOFError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)  # its parent has ended; closing would wait for visitors who never leave


asyncio.run(main())
