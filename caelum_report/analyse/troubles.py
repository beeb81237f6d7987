"""What is wrong with a server, in words: as a title, in a table's cell, and with its likely cause."""

from __future__ import annotations

import re
from typing import Final

from caelum_report import text, words
from caelum_report.model import Failure, Outcome, Status

from .expiries import ended_token
from .facts import Facts, Standing
from .uptime import run_before

_HTTP_STATUS: Final = re.compile(r"\bHTTP \d{3}\b")
_UNSET: Final = re.compile(r"\bvariable ([^\s,;:]+) is not set")
_VARIABLE: Final = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b")


def title(facts: Facts, standing: Standing) -> str:
    """Who does what now."""
    name, reason = standing.name, standing.reason.lower()
    root = facts.roots.get(standing.id)
    if root is not None:
        return f"{name} fails with {facts.by_id[root].name}."
    match standing.failure:
        case Failure.OK:
            return _degraded_title(standing)
        case Failure.CONNECT_ERROR if "refused" in reason:
            return f"{name} refuses every connection."
        case Failure.CONNECT_ERROR:
            return f"{name} cannot be reached."
        case Failure.DNS_ERROR:
            return f"The host name of {name} is not found."
        case Failure.TLS_ERROR if "expired" in reason:
            return f"The certificate of {name} has expired."
        case Failure.TLS_ERROR:
            return f"{name} offers no TLS that we can trust."
        case Failure.TIMEOUT if standing.stage in {"list", "ping", "canary"}:
            return f"{name} starts to answer, but not in time at its {standing.stage}."
        case Failure.TIMEOUT:
            return f"{name} does not answer in time."
        case Failure.EXITED if standing.stage in {"list", "ping", "canary"}:
            return f"{name} ends while we ask it."
        case Failure.EXITED:
            return f"{name} ends before it answers."
        case Failure.SPAWN_FAILED:
            return f"{name} cannot be started."
        case Failure.PROTOCOL_ERROR:
            return f"{name} answers against the protocol."
        case Failure.UNSUPPORTED_VERSION:
            return f"{name} speaks no protocol version that we know."
        case Failure.REDIRECT_REFUSED:
            return f"{name} sends us to another address."
        case Failure.HTTP_5XX:
            return f"{name} answers with server errors."
        case Failure.HTTP_4XX if "404" in reason:
            return f"{name} is not found at its address."
        case Failure.HTTP_4XX:
            return f"{name} rejects our request."
        case Failure.OVERSIZED:
            return f"{name} sends more than we accept."
        case Failure.AUTH_REQUIRED if _answered_before(facts, standing):
            return f"{name} no longer accepts our key. Not counted as down."
        case Failure.AUTH_REQUIRED:
            return f"{name} asks for a key. Not counted as down."
        case _:
            return f"{name} is {standing.status.value}."


def _degraded_title(standing: Standing) -> str:
    name, reason = standing.name, standing.reason.lower()
    failed = _failed_stages(standing)
    if "canary" in failed:
        return f"{name} answers, but its canary call fails."
    if "changed between" in reason:
        return f"{name} comes and goes."
    if "objective" in reason or "slow" in reason:
        return f"{name} answers slower than its objective."
    if "list" in failed:
        return f"{name} does not list all that it declares."
    return f"{name} answers, but not all of it works."


def _failed_stages(standing: Standing) -> list[str]:
    return [stage.name for stage in standing.probe.stages if stage.outcome is Outcome.FAILED] if standing.probe else []


def _answered_before(facts: Facts, standing: Standing) -> bool:
    before = run_before(facts.ledger, standing.index)
    return before is not None and before[0] in {Status.UP, Status.DEGRADED}


def short(standing: Standing) -> str:
    """The trouble in a few words, for a table."""
    reason = standing.reason.lower()
    match standing.failure:
        case Failure.CONNECT_ERROR if "refused" in reason:
            return "connect refused"
        case Failure.CONNECT_ERROR:
            return "no connection"
        case Failure.DNS_ERROR:
            return "no such host"
        case Failure.TLS_ERROR:
            return "certificate expired" if "expired" in reason else "TLS fails"
        case Failure.TIMEOUT:
            return f"{standing.stage} times out" if standing.stage else "times out"
        case Failure.EXITED:
            code = standing.probe.exit_status if standing.probe else None
            return f"ends, {text.brief(code, 40)}" if code else "ends"
        case Failure.SPAWN_FAILED:
            return "does not start"
        case Failure.PROTOCOL_ERROR:
            return "breaks the protocol"
        case Failure.UNSUPPORTED_VERSION:
            return "unknown version"
        case Failure.REDIRECT_REFUSED:
            return "redirects away"
        case Failure.HTTP_4XX | Failure.HTTP_5XX:
            answer = _HTTP_STATUS.search(standing.reason)
            return answer.group() if answer else "HTTP errors"
        case Failure.OVERSIZED:
            return "sends too much"
        case Failure.AUTH_REQUIRED:
            return "key refused"
        case Failure.OK if "canary" in _failed_stages(standing):
            return "canary call fails"
        case Failure.OK if "changed between" in reason:
            return "comes and goes"
        case Failure.OK if "objective" in reason:
            return "slower than its objective"
        case Failure.CONFIG_ERROR if (variable := missing_variable(standing)) is not None:
            return f"{variable} is not set"
        case _:
            return text.brief(standing.reason.removeprefix("it ").partition(":")[0], 60)


def cause(facts: Facts, standing: Standing) -> str:
    """What the probe saw: the failed dependency, how the process ended and its last words, else the reason."""
    root = facts.roots.get(standing.id)
    if root is not None:
        below = facts.by_id[root]
        when = f" since {words.moment(below.since, facts.at, facts.zone)}" if below.since else ""
        return f"It depends on {below.name}, which is down{when}."
    parts = [sentence(standing.reason)]
    if standing.failure is Failure.AUTH_REQUIRED:
        parts.append(ended_token(facts, standing))
    probe = standing.probe
    if probe and probe.exit_status and probe.exit_status not in standing.reason and standing.failure is not Failure.OK:
        parts.append(f"It ended with {text.brief(probe.exit_status, 60)}.")
    last = _last_line(probe.stderr_tail) if probe and standing.failure is not Failure.OK else ""
    if last and last not in standing.reason and "it said:" not in standing.reason:
        parts.append(f"Last line on stderr: “{last}”.")
    return " ".join(filter(None, parts))


def _last_line(stderr: str) -> str:
    """The last line that says something; of a traceback that is its exception."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return text.brief(lines[-1], 160) if lines else ""


def sentence(reason: str) -> str:
    reason = text.brief(reason.strip(), 240)
    first = reason.partition(" ")[0]
    if first.isalpha() and first.islower():
        reason = reason[0].upper() + reason[1:]
    return reason if not reason or reason[-1] in ".!?…)”" else f"{reason}."


def missing_variable(standing: Standing) -> str | None:
    """The environment variable that a reason or the last words of a server name."""
    said = [standing.reason, standing.probe.stderr_tail if standing.probe else ""]
    found = (pattern.search(part) for pattern in (_UNSET, _VARIABLE) for part in said)
    return next((match.group(1) for match in found if match), None)
