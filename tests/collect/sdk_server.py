"""Real servers, by the MCP SDK: `python sdk_server.py stdio|stdio-legacy|http|http-json|http-stateless|sse`.

The remote ones print their port and end with their standard input.
"""

import os
import socket
import sys
import threading

import anyio
from mcp.server import MCPServer
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server

server = MCPServer("sdk zoo", version="4.5.6", instructions="Be kind to the animals.", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool(title="Feed an animal")
def feed(animal: str, kilograms: float = 1.0) -> str:
    """Feeds one animal. Änimals äre hungry. 🦁"""
    return f"{animal} ate {kilograms}"


@server.resource("zoo://map")
def zoo_map() -> str:
    return "here be lions"


@server.resource("zoo://animal/{name}")
def animal(name: str) -> str:
    return name


@server.prompt()
def greet(name: str) -> str:
    """Greets."""
    return f"hello {name}"


async def legacy_only() -> None:
    low = server._lowlevel_server
    async with stdio_server() as (reading, writing), low.lifespan(low) as state:
        await serve_loop(low, reading, writing, lifespan_state=state)


def over_http(kind: str) -> None:
    import uvicorn

    app = (
        server.sse_app()
        if kind == "sse"
        else server.streamable_http_app(json_response=kind == "http-json", stateless_http=kind == "http-stateless")
    )
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])


kind = sys.argv[1]
if kind == "stdio":
    server.run()
elif kind == "stdio-legacy":
    anyio.run(legacy_only)
else:
    over_http(kind)
