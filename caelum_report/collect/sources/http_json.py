"""JSON over HTTP, mapped to figures; without mappings, whether it answers."""

from __future__ import annotations

from caelum_report.model import Failure
from caelum_report.wire import HttpFault

from .asking import Answer, Asking
from .fetch import fetch, fetch_json
from .mapping import mapped


async def ask(asking: Asking) -> Answer:
    options = asking.source.options
    if options["metric"]:
        return mapped(asking, await fetch_json(asking, options["url"]))
    try:
        await fetch(asking, options["url"])
    except HttpFault as fault:
        if fault.failure is not Failure.HTTP_4XX:  # a gateway need not have a page at its root: it answers
            raise
    return Answer()
