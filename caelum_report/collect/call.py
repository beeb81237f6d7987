"""One tool call on a configured server, for whoever has a message for it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime

from caelum_report.configured import Config
from caelum_report.model import Canary, Memory, Server
from caelum_report.text import Redactor
from caelum_report.wire import Fault
from caelum_report.wire.process import adopt_orphans, kill_orphans, kill_strays

from . import canary
from .look import Run, begun, look_at
from .reach import reach
from .surface import list_everything


def call_tool(config: Config, name: str, wanted: Canary, at: datetime, seconds: float) -> str:
    """Calls a tool as a canary is called. What went wrong, a sentence without secrets; empty when the tool took it.

    No process of ours is left.
    """
    server = next((one for one in config.servers if one.id == name), None)
    if server is None:
        return f"no server is called {name}"
    if server.skip or server.problem:
        return f"{name} cannot be asked: {server.skip or server.problem}"
    mark, redactor = secrets.token_hex(8), Redactor(config.secrets)
    known = adopt_orphans() if not server.remote else set()
    try:
        return redactor.clean(asyncio.run(_call(begun(config, at, mark), server, wanted, seconds)))
    finally:
        if not server.remote:
            kill_strays(mark)
            kill_orphans(known)


async def _call(run: Run, server: Server, wanted: Canary, seconds: float) -> str:
    look = look_at(server, run, seconds)
    try:
        talk = await reach(look, Memory())
        greeting = look.greeting
        listing = await list_everything(talk, greeting.capabilities if greeting else {}, run.config.budgets)
        problem = await canary.call(talk, wanted, listing.tools)
    except canary.Refused as refused:
        return str(refused)
    except Fault as fault:
        return f"{fault.failure}: {fault.reason}"
    finally:
        await look.hang_up()
        look.allowance.release()
    return problem.replace("its canary tool ", "the tool ").replace("its canary", "the tool")
