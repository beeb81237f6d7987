"""Our own bounded MCP wire: JSON-RPC over stdio, Streamable HTTP and HTTP+SSE, stamped at every stage.

Whatever a server sends, memory stays flat and a deadline holds. What goes wrong is a `Fault` with a class of
`model.Failure`; texts in it are raw and have yet to cross the boundary of `text`.
"""

from __future__ import annotations

from .fault import Fault, HttpFault
from .jsonrpc import Channel, Inbox, Reply, RpcError
from .limits import Allowance, Pool

__all__ = ["Allowance", "Channel", "Fault", "HttpFault", "Inbox", "Pool", "Reply", "RpcError"]
