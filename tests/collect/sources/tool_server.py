"""A real MCP server, by the SDK, whose tools give figures: `python tool_server.py` prints its port and ends with its standard input."""

import os
import socket
import sys
import threading

import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("figures", log_level="ERROR")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def queues(prefix: str = "") -> dict[str, list[dict[str, str | int]]]:
    """Queues and what waits in them."""
    return {"queues": [{"name": f"{prefix}mail", "waiting": 3}, {"name": f"{prefix}jobs", "waiting": 0}]}


@server.tool(structured_output=False)
def load() -> str:
    """The load, as JSON in a text."""
    return '{"load": 1.5}'


@server.tool(structured_output=False)
def chat() -> str:
    """Words."""
    return "the load is fine"


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def purge() -> int:
    """Removes everything."""
    raise SystemExit("never to be called")


@server.tool(annotations=ToolAnnotations(read_only_hint=False))
def write() -> int:
    """Writes."""
    raise SystemExit("never to be called")


@server.tool()
def fails() -> int:
    """Fails."""
    raise ValueError("no figures today")


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
app = server.streamable_http_app(json_response=True, stateless_http=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
