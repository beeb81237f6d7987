"""The one shell command that a finding ends with."""

from __future__ import annotations

import shlex

from caelum_report import text

from .facts import Facts


def command(facts: Facts, name: str, *words_before: str) -> str | None:
    """One shell command that ends with a server's name, on the host that asks it; None where a name cannot be typed."""
    server = facts.by_id[name].server if name in facts.by_id else None
    host = server.host if server else ""
    name = name.removesuffix(f"@{host}") if host else name
    if text.visible(name + host, 300) != name + host or not name:
        return None
    last = ["--", name] if name.startswith("-") else [name]
    typed = ["caelum-report", *words_before, *last]
    return shlex.join(["ssh", *(["--"] if host.startswith("-") else []), host, *typed] if host else typed)
