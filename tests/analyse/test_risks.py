"""Risks of configurations: facts, each with the edit or the command that mends it."""

from __future__ import annotations

import pytest

from caelum_report import analyse
from caelum_report.analyse.risks import RISKS
from caelum_report.document import Finding
from caelum_report.model import FoundConfiguration, Note

from .past import config, history, hourly, probe, server


def found(*risky: tuple[str, Note], **said: object) -> dict[str, Finding]:
    servers = tuple(server(name, risks=(note,), sources=("/home/ann/.cursor/mcp.json",)) for name, note in risky)
    seen = hourly(2, *(probe(name) for name, _ in risky))
    it = analyse.report(seen[-1], 2, history(seen), config(*servers, scheduled=True, **said), ())
    return {finding.id: finding for finding in it.findings}


@pytest.mark.parametrize("code", RISKS)
def test_every_risk_says_what_follows_and_what_to_write_instead(code: str) -> None:
    finding = found(("alpha", Note(code, "it is so")))[f"risk:{code}"]
    assert finding.title == f"alpha {RISKS[code].one}."
    assert (finding.needs_action, finding.status, finding.server) == (False, None, "alpha")
    assert finding.page == "servers/alpha.html#notes"
    assert finding.evidence == "alpha in /home/ann/.cursor/mcp.json"
    assert finding.impact
    assert finding.advice
    assert finding.cause == "It is so."


def test_one_kind_is_one_finding_however_many_have_it() -> None:
    note = Note("plain-http", "plain http beyond this machine")
    it = found(("alpha", note), ("beta", note), ("gamma", note))
    assert [name for name in it if name.startswith("risk:")] == ["risk:plain-http"]
    assert it["risk:plain-http"].title == "3 servers are asked over plain http."
    assert it["risk:plain-http"].server is None


def test_rights_are_mended_by_a_command() -> None:
    told = "what it runs can be changed by others: everybody can write /srv/my server.py (chmod o-w it)"
    assert (
        found(("alpha", Note("writable-program", told)))["risk:writable-program"].command
        == "chmod o-w '/srv/my server.py'"
    )
    secret = found(("alpha", Note("plain-text-secret", "API_KEY: the value stands in the file")))[
        "risk:plain-text-secret"
    ]
    assert secret.command == "chmod 600 /home/ann/.cursor/mcp.json"


def test_a_found_configuration_that_others_can_change_is_told() -> None:
    problem = "others can change it: everybody can write /home/ann/.cursor/mcp.json (chmod o-w it)"
    it = found(
        ("alpha", Note("plain-http", "plain")),
        found=(
            FoundConfiguration("Cursor", "/home/ann/.cursor/mcp.json", ("x",), problem),
            FoundConfiguration("Zed", "/home/ann/.config/zed/settings.json", (), "it cannot be read"),
        ),
    )
    (finding,) = [finding for name, finding in it.items() if name.startswith("writable:")]
    assert finding.title == "The configuration of Cursor can be changed by others."
    assert finding.command == "chmod o-w /home/ann/.cursor/mcp.json"
