"""JSON over HTTP, mapped to figures; without mappings, whether it answers."""

from __future__ import annotations

from dataclasses import replace

from caelum_report.model import Failure
from caelum_report.wire import HttpFault

from .asking import Answer, Asking
from .fetch import fetch, fetch_json
from .mapping import mapped
from .mcp_calls import in_words, of_contextforge


async def ask(asking: Asking) -> Answer:
    options = asking.source.options
    if options["metric"] or options["preset"]:
        document = await fetch_json(asking, options["url"])
        calls = of_contextforge(document, asking) if options["preset"] else None
        answer = mapped(asking, document)
        told = in_words(calls, [options["preset"]]) if options["preset"] else ()
        return replace(answer, notes=(*answer.notes, *told), calls=calls)
    try:
        await fetch(asking, options["url"])
    except HttpFault as fault:
        if fault.failure is not Failure.HTTP_4XX:  # a gateway need not have a page at its root: it answers
            raise
    return Answer()
