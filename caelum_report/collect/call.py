"""One tool call on a configured server, for whoever has a message for it."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from datetime import datetime

from caelum_report.model import Canary, Config, Memory, Server
from caelum_report.text import Redactor
from caelum_report.wire import Allowance, Fault, Pool
from caelum_report.wire.process import adopt_orphans, kill_orphans, kill_strays

from . import canary
from .boundary import Boundary
from .ladder import Ladder
from .look import Look, Run
from .reach import reach
from .room import Clock, Room
from .surface import list_everything


def call_tool(config: Config, name: str, wanted: Canary, at: datetime, seconds: float) -> str:
    """Calls a tool as a canary is called. What went wrong, a sentence without secrets; empty when the tool took it. No process of ours is left."""
    server = next((one for one in config.servers if one.id == name), None)
    if server is None:
        return f"no server is called {name}"
    if server.skip or server.problem:
        return f"{name} cannot be asked: {server.skip or server.problem}"
    mark, redactor = secrets.token_hex(8), Redactor(config.secrets)
    known = adopt_orphans() if not server.remote else set()
    try:
        return redactor.clean(asyncio.run(_call(_run(config, at, mark), server, wanted, seconds)))
    finally:
        if not server.remote:
            kill_strays(mark)
            kill_orphans(known)


def _run(config: Config, at: datetime, mark: str) -> Run:
    since = time.perf_counter()
    return Run(
        config=config,
        at=at,
        room=Room(config.budgets, os.cpu_count() or 1),
        pool=Pool(config.budgets),
        redactor=Redactor(config.secrets),
        mark=mark,
        elapsed=lambda: time.perf_counter() - since,
    )


async def _call(run: Run, server: Server, wanted: Canary, seconds: float) -> str:
    config = run.config
    look = Look(
        server=server,
        run=run,
        clock=Clock(seconds),
        ladder=Ladder(server),
        allowance=Allowance(config.budgets, run.pool),
        boundary=Boundary(run.redactor),
    )
    try:
        talk = await reach(look, Memory())
        greeting = look.greeting
        listing = await list_everything(talk, greeting.capabilities if greeting else {}, config.budgets)
        problem = await canary.call(talk, wanted, listing.tools)
    except canary.Refused as refused:
        return str(refused)
    except Fault as fault:
        return f"{fault.failure}: {fault.reason}"
    finally:
        await look.hang_up()
        look.allowance.release()
    return problem.replace("its canary tool ", "the tool ").replace("its canary", "the tool")
