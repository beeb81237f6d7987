"""A read-only tool of a configured server, called once a run, and its result mapped to figures.

The operator named the tool; still it is not called where it says that it destroys something, or that it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caelum_report import words
from caelum_report.collect import canary
from caelum_report.collect.look import look_at
from caelum_report.collect.reach import reach
from caelum_report.collect.surface import hints, list_everything
from caelum_report.model import Canary, Failure, Server
from caelum_report.nearest import did_you_mean
from caelum_report.wire import Fault
from caelum_report.wire.jsontext import canonical, parse

from .asking import Answer, Asking
from .mapping import mapped


async def ask(asking: Asking) -> Answer:
    server = _server(asking)
    look = look_at(server, asking.run, asking.source.timeout_seconds, asking.allowance)
    try:
        talk = await reach(look, asking.remembered.of(server.id))
        declared = look.greeting.capabilities if look.greeting else {}
        listing = await list_everything(
            talk, {"tools": declared["tools"]} if "tools" in declared else {}, asking.run.config.budgets
        )
        options = asking.source.options
        tool = next((tool for tool in listing.tools if tool.get("name") == options["tool"]), None)
        if tool is None:
            raise Fault(Failure.PROTOCOL_ERROR, _no_tool(server, options["tool"], listing.tools))
        said = dict(hints(tool))
        if said.get("destructiveHint") or said.get("readOnlyHint") is False:
            which = "destructiveHint" if said.get("destructiveHint") else "that it is not read-only"
            raise Fault(Failure.SKIPPED, f"not called: {options['tool']} declares {which}")
        result = await canary.result(talk, Canary(options["tool"], canonical(options["arguments"])), tool)
    finally:
        await look.hang_up()
    return mapped(asking, _document(result, asking))


def _no_tool(server: Server, wanted: str, tools: Iterable[Mapping[str, Any]]) -> str:
    names = [str(tool.get("name")) for tool in tools]
    return f"{server.id} offers no tool {wanted}{did_you_mean(wanted, names) or f'; it offers {words.listing(names)}'}"


def _server(asking: Asking) -> Server:
    name = asking.source.options["server"]
    server = next((server for server in asking.run.config.servers if server.id == name), None)
    if server is None:
        raise Fault(Failure.CONFIG_ERROR, f"no server {name} is configured")
    if server.problem or server.skip:
        failure = Failure.CONFIG_ERROR if server.problem else Failure.SKIPPED
        raise Fault(failure, f"its server cannot be asked: {server.problem or server.skip}")
    return server


def _document(result: dict[str, Any], asking: Asking) -> Any:
    """The structured content, or else the JSON of the first text."""
    if result.get("isError") is True:
        raise Fault(Failure.PROTOCOL_ERROR, f"the tool failed: {canary.first_text(result)}")
    if (structured := result.get("structuredContent")) is not None:
        return structured
    return parse(canary.first_text(result).encode("utf-8", "replace"), asking.allowance)
