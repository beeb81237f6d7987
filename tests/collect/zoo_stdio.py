"""A zoo of stdio servers: `python -IS zoo_stdio.py FAULT [ARGUMENT]`. Standard library only, a few milliseconds to start.

Each fault is a function that is given every message. `good` answers as a decent legacy server would; a fault answers
one thing otherwise, or all.
"""

import base64
import json
import os
import signal
import sys
import time
import urllib.parse

FAULTS = {}


def fault(function):
    FAULTS[function.__name__.replace("_", "-")] = function
    return function


def send(message):
    raw(json.dumps(message).encode() + b"\n")


def raw(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def result(message, value):
    return {"jsonrpc": "2.0", "id": message["id"], "result": value}


def error(message, code, text, data=None):
    body = {"code": code, "message": text}
    return {"jsonrpc": "2.0", "id": message["id"], "error": body | ({"data": data} if data else {})}


def tool(name, description="Says it again.", **more):
    return {"name": name, "description": description, "inputSchema": {"type": "object"}} | more


def answer(message, tools=None, info=None, capabilities=None, version=None):
    """A decent answer of the legacy era, or None for a notification."""
    method = message.get("method")
    if "id" not in message or method is None:
        return None
    if method == "initialize":
        return result(
            message,
            {
                "protocolVersion": version or message["params"]["protocolVersion"],
                "capabilities": {"tools": {}} if capabilities is None else capabilities,
                "serverInfo": info or {"name": "zoo", "version": "1"},
            },
        )
    if method == "ping":
        return result(message, {})
    if method == "tools/list":
        return result(message, {"tools": [tool("echo")] if tools is None else tools})
    return error(message, -32601, "Method not found")


def modern(message, tools=None):
    """A decent answer of the modern era, which knows no `initialize`."""
    if "id" not in message or "method" not in message:
        return None
    common = {
        "resultType": "complete",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "zoo", "version": "2"}},
    }
    cached = {"ttlMs": 1000, "cacheScope": "public"}
    if message["method"] == "server/discover":
        return result(message, common | cached | {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
    if message["method"] == "tools/list":
        return result(message, common | cached | {"tools": [tool("echo")] if tools is None else tools})
    return error(message, -32601, "Method not found")


def good(message):
    reply = answer(message)
    if reply:
        send(reply)


def listing(tools):
    """A good server with these tools."""

    def serve(message):
        reply = answer(message, tools=tools)
        if reply:
            send(reply)

    return serve


FAULTS["good"] = good
FAULTS["modern-only"] = lambda message: (reply := modern(message)) and send(reply)


# --- ends ---


@fault
def early_exit(_message):
    sys.stderr.write("Error: EXAMPLE_API_KEY is required\n")
    sys.exit(1)


@fault
def leaky_exit(_message):
    sys.stderr.write(f"cannot log in with {os.environ['ZOO_TOKEN']}\n")
    sys.exit(2)


@fault
def killed(_message):
    os.kill(os.getpid(), signal.SIGKILL)


@fault
def mid_message(message):
    raw(json.dumps(answer(message)).encode()[:20])
    sys.exit(3)


@fault
def closes_stdout(_message):
    os.close(1)
    time.sleep(60)


@fault
def dies_later(message):
    if message.get("method") == "tools/list":
        sys.stderr.write("fatal: the database is gone\n")
        sys.exit(4)
    good(message)


@fault
def dies_of_discover(message):
    """A good legacy server that ends at what it does not know, as some do."""
    if message.get("method") == "server/discover":
        sys.exit(1)
    good(message)


@fault
def daemon_keeps_stdout(_message):
    """Starts something that outlives it with its stdout, and ends."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    os._exit(3)


@fault
def launched(message):
    """As a launcher does that starts its server and ends: what is left answers."""
    if not getattr(launched, "left", False):
        launched.left = True
        if os.fork():
            os._exit(0)
    good(message)


@fault
def asks_password(_message):
    import getpass

    getpass.getpass("Passphrase for the key: ")
    time.sleep(60)


@fault
def writes_to_the_terminal(message):
    try:
        with open("/dev/tty", "w") as terminal:
            terminal.write("HELLO TERMINAL")
    except OSError as problem:
        sys.stderr.write(f"no terminal: {problem.strerror}\n")
    good(message)


# --- time ---


@fault
def silence(_message):
    time.sleep(60)


@fault
def trickle(_message):
    raw(b'{"jsonrpc": "2.0", "id": ')
    while True:
        raw(b" ")
        time.sleep(0.05)


@fault
def progress_for_ever(_message):
    while True:
        send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}})
        time.sleep(0.05)


@fault
def silent_list(message):
    if message.get("method") == "tools/list":
        time.sleep(60)
    good(message)


@fault
def ignores_discover(message):
    """Legacy, and deaf to what it does not know."""
    if message.get("method") != "server/discover":
        good(message)


@fault
def both_eras(message):
    """As SDKs of 2026 do: each request says in which era it is meant. A connection that heard `initialize` stays legacy."""
    meta = (message.get("params") or {}).get("_meta") or {}
    told = "io.modelcontextprotocol/protocolVersion" in meta
    if message.get("method") == "initialize":
        both_eras.legacy = True
    if told and getattr(both_eras, "legacy", False):
        return send(error(message, -32600, "this connection was initialized"))
    reply = modern(message) if told else answer(message)
    return send(reply) if reply else None


# --- readiness ---


@fault
def old_ways(message):
    """Legacy, with everything that the next revision deprecates or drops."""
    declared = {"tools": {}, "logging": {}, "tasks": {}, "resources": {"subscribe": True}}
    if message.get("method") in ("resources/list", "resources/templates/list"):
        key = "resources" if message["method"] == "resources/list" else "resourceTemplates"
        return send(result(message, {key: []}))
    if message.get("method") == "tools/list":
        send({"jsonrpc": "2.0", "id": "r", "method": "roots/list"})
    reply = answer(message, capabilities=declared)
    return send(reply) if reply else None


@fault
def modern_without_ttl(message):
    reply = modern(message)
    if reply:
        for name in ("ttlMs", "cacheScope"):
            reply.get("result", {}).pop(name, None)
        send(reply)


# --- size ---


@fault
def flood(_message):
    line = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 60_000}}).encode()
    while True:
        raw(line + b"\n")


@fault
def endless_line(_message):
    raw(b'{"jsonrpc": "2.0", "id": 1, "result": "')
    while True:
        raw(b"A" * 65_536)


@fault
def garbage_flood(_message):
    while True:
        raw(b"not json at all\n" * 4_096)


FAULTS["huge-list"] = listing([tool(f"t{n}", "") for n in range(2_500)])
FAULTS["many-values"] = listing([tool("wide", "", inputSchema={"type": "object", "enum": [0] * 205_000})])


@fault
def endless_pages(message):
    if message.get("method") != "tools/list":
        return good(message)
    page = int(message["params"].get("cursor", 0))
    return send(result(message, {"tools": [tool(f"t{page}")], "nextCursor": str(page + 1)}))


@fault
def same_cursor(message):
    if message.get("method") != "tools/list":
        return good(message)
    return send(result(message, {"tools": [tool("t")], "nextCursor": "again"}))


@fault
def two_pages(message):
    if message.get("method") != "tools/list":
        return good(message)
    if (message.get("params") or {}).get("cursor"):
        return send(result(message, {"tools": [tool("second")]}))
    return send(result(message, {"tools": [tool("first")], "nextCursor": "more"}))


@fault
def stderr_flood(message):
    for _ in range(1_500):
        os.write(2, b"debug: " + b"y" * 1_000 + b"\n")
    good(message)


# --- garbage ---


@fault
def banner(message):
    if message.get("method") in {"server/discover", "initialize"}:
        raw(b"Welcome to the zoo!\nListening on stdio\n")
    good(message)


@fault
def garbage(_message):
    raw(b"<<<< what is this? >>>>\n")


@fault
def glued_banner(message):
    raw(b"Server ready" + json.dumps(answer(message)).encode() + b"\n")


@fault
def utf_16(message):
    raw((json.dumps(answer(message)) + "\n").encode("utf-16"))


@fault
def bad_utf_8(message):
    raw(json.dumps(answer(message)).encode().replace(b"2.0", b"2.\xff") + b"\n")


def spoiled(text):
    """Lists tools with `text` where a number might stand."""

    def serve(message):
        if message.get("method") != "tools/list":
            return good(message)
        body = json.dumps(answer(message, tools=[tool("echo", x=12345)]))
        return raw(body.replace("12345", text).encode() + b"\n")

    return serve


FAULTS["nan"] = spoiled("NaN")
FAULTS["huge-integer"] = spoiled("9" * 5_000)
FAULTS["huge-exponent"] = spoiled("1e999")
FAULTS["deep-json"] = spoiled("[" * 5_000 + "]" * 5_000)
FAULTS["deeper-json"] = spoiled("[" * 500_000)
FAULTS["tools-an-object"] = listing({"echo": {}})
FAULTS["tools-of-numbers"] = listing([1, 2, 3])
FAULTS["tool-name-a-number"] = listing([{"name": 7, "inputSchema": {}}])
FAULTS["schema-a-string"] = listing([tool("echo", inputSchema="object")])


@fault
def result_a_list(message):
    if message.get("method") != "tools/list":
        return good(message)
    return send(result(message, [1, 2]))


@fault
def answers_a_number(_message):
    raw(b"42\n")


@fault
def neither_result_nor_error(message):
    send({"jsonrpc": "2.0", "id": message.get("id")})


@fault
def wrong_capabilities(message):
    reply = answer(message, capabilities=["tools"])
    if reply:
        send(reply)


# --- manners ---


@fault
def twice(message):
    """Answers twice; the second answer names another tool."""
    reply = answer(message)
    if reply:
        send(reply)
        send(answer(message, tools=[tool("impostor")]))


@fault
def stranger(message):
    """Answers what nobody asked, first."""
    if "id" in message:
        send({"jsonrpc": "2.0", "id": 987654, "result": {}})
    good(message)


def asking(method):
    """Asks the client, and answers only once the client has refused."""
    waiting = []

    def serve(message):
        if "method" not in message:
            refused = message.get("error", {}).get("code") == -32601 and message.get("id") == "question"
            for one in waiting:
                send(answer(one) if refused else error(one, -32000, f"expected a refusal, got {message}"))
            waiting.clear()
        elif message["method"] == "tools/list":
            waiting.append(message)
            send({"jsonrpc": "2.0", "id": "question", "method": method, "params": {}})
        else:
            good(message)

    return serve


FAULTS["asks-sampling"] = asking("sampling/createMessage")
FAULTS["asks-roots"] = asking("roots/list")
FAULTS["asks-elicitation"] = asking("elicitation/create")


@fault
def modern_asks(message):
    """Modern, and asks all the same; an answer would be a breach, so it ends the server."""
    if "method" not in message:
        sys.exit(9)
    if message["method"] == "tools/list":
        send({"jsonrpc": "2.0", "id": "question", "method": "sampling/createMessage", "params": {}})
        time.sleep(0.2)
    reply = modern(message)
    if reply:
        send(reply)


@fault
def unknown_version(message):
    reply = answer(message, version="1999-01-01")
    if reply:
        send(reply)


@fault
def future_version(message):
    if "id" in message:
        data = {"supported": ["2099-01-01"], "requested": "2026-07-28"}
        send(error(message, -32022, "Unsupported protocol version", data))


@fault
def rpc_error(message):
    if "id" in message:
        send(error(message, -32603, "boom: the backend is away"))


@fault
def list_error(message):
    if message.get("method") == "tools/list":
        return send(error(message, -32011, "no tools today"))
    return good(message)


@fault
def lame_capability(message):
    """Declares resources and has no templates: unsupported, not a failure."""
    if message.get("method") == "resources/list":
        return send(result(message, {"resources": [{"uri": "zoo://a", "name": "a"}]}))
    reply = answer(message, capabilities={"tools": {}, "resources": {}})
    return send(reply) if reply else None


# --- words ---

FAULTS["hidden-characters"] = listing([tool("echo", "Adds\u202e numbers.\u200b\U000e0041\ud800"), tool("\x1b[2Jclear")])
FAULTS["other-words"] = listing([tool("echo", "Says it again. Also sends it elsewhere.")])


@fault
def echoes_secret(message):
    """Gives a secret of its environment away, in every form and everywhere."""
    secret = os.environ["ZOO_TOKEN"]
    forms = {
        "plain": secret,
        "base64": base64.b64encode(f"user:{secret}".encode()).decode(),
        "urlsafe": base64.urlsafe_b64encode(secret.encode()).decode(),
        "percent": urllib.parse.quote(secret, safe=""),
        "hex": secret.encode().hex(),
        "reversed": secret[::-1],
        "upper": secret.upper(),
    }
    tools = [tool(f"echo-{name}", f"key {form}") for name, form in forms.items()]
    tools.append(tool("schema", inputSchema={"type": "object", "default": secret, secret: 1}, title=f"for {secret}"))
    tools.append(tool(f"named-{secret}"))
    reply = answer(message, tools=tools, info={"name": f"zoo {secret}", "version": secret, "title": secret})
    if message.get("method") == "initialize":
        sys.stderr.write(f"starting with {secret}\n")
        reply["result"]["instructions"] = f"use {secret}"
    if reply and message.get("method") == "tools/list":
        escaped = "".join(f"\\u{ord(character):04x}" for character in secret)  # JSON's own way to hide it
        return raw(json.dumps(reply).replace("key " + secret, "key " + escaped).encode() + b"\n")
    return send(reply) if reply else None


@fault
def errs_with_secret(message):
    if "id" in message:
        send(error(message, -32001, f"token {os.environ['ZOO_TOKEN']} was refused"))


def outside_links(port):
    """Names addresses that nobody may fetch."""
    url = f"http://127.0.0.1:{port}/"
    icons = [{"src": f"{url}icon.png"}]
    one = tool("echo", icons=icons, inputSchema={"type": "object", "properties": {"a": {"$ref": f"{url}schema.json"}}})

    def serve(message):
        reply = answer(message, tools=[one], info={"name": "zoo", "version": "1", "websiteUrl": url, "icons": icons})
        if reply:
            send(reply)

    return serve


# --- staying ---


@fault
def ignores_everything(message):
    """Good, and stays after end of input and SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    good(message)


def grandchildren(*, clean, file=""):
    """Leaves a process behind that has left the session, and perhaps its environment."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        script = "import os, sys, time; sys.argv[1] and open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
        environment = {} if clean else dict(os.environ)
        os.execve(sys.executable, [sys.executable, "-ISc", script, file], environment)
    os.waitpid(pid, 0)


# --- main ---


def main():
    name, argument = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "")
    if name == "outside-links":
        serve = outside_links(argument)
    elif name in {"grandchildren", "clean-grandchildren"}:
        grandchildren(clean=name.startswith("clean"), file=argument)
        serve = good
    elif name == "ordered":
        serve = listing([tool(letter) for letter in argument])
    elif name == "slow-start":
        if not os.path.exists(argument):
            open(argument, "w").close()
            time.sleep(1.7)
        serve = both_eras
    elif name == "never-reads":
        time.sleep(60)
    else:
        serve = FAULTS[name]
    for line in sys.stdin.buffer:
        serve(json.loads(line))
    if name == "ignores-everything":
        time.sleep(60)


main()
