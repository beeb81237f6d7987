"""What a value in caelum.toml may be: the types that the tables are made of, each with the words for who got it wrong."""

from __future__ import annotations

import re
import urllib.parse
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from . import units


def zone_name(value: object) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('a time zone such as "Europe/Berlin" or "UTC"') from None
    return str(value)


def site_address(value: object) -> str:
    try:
        parts = urllib.parse.urlsplit(value if isinstance(value, str) else "")
        good = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc and not parts.query
    except ValueError:
        good = False
    if not good or re.search(r"[\x00-\x20\x7f]", str(value)):
        raise ValueError('the address of the published site, such as "https://status.example.org/mcp/"')
    return str(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 300:
        raise ValueError("a short text")
    return value


def _variable(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("the name of an environment variable, without its value")
    return value


def _path(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("a path")
    return value


def _number(value: object, at_least: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise ValueError(f"a whole number, {at_least} or more")
    return value


Seconds = Annotated[float, BeforeValidator(units.seconds)]
Days = Annotated[int, BeforeValidator(units.days)]
Size = Annotated[int, BeforeValidator(units.size)]
Share = Annotated[float, BeforeValidator(units.share)]
Count = Annotated[int, BeforeValidator(_number)]
Text = Annotated[str, BeforeValidator(_text)]
Variable = Annotated[str, BeforeValidator(_variable)]
FilePath = Annotated[str, BeforeValidator(_path)]


class Table(BaseModel):
    # Built when it is first used, and a table within another as part of that: forty validators cost every start 40 ms.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def _metric(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,79}", value):
        raise ValueError("a name in small letters, digits and underscores, such as queue_length")
    return value


def _jmespath(value: object) -> str:
    import jmespath

    try:
        jmespath.compile(value if isinstance(value, str) else "")
    except jmespath.exceptions.JMESPathError:
        raise ValueError('a JMESPath expression such as "servers[].name" (https://jmespath.org)') from None
    return str(value)


def _pattern(value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= 1_000:
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError):
            pass
        else:
            return value
    raise ValueError("a regular expression as Python reads them, of 1,000 characters at most")


def _grafana_link(value: object) -> str:
    names = re.findall(r"\{([^{}]*)\}", str(value))
    if (
        not isinstance(value, str)
        or not re.fullmatch(r"/[!-~]{0,400}", value)
        or value.startswith("//")
        or not {*names} <= {"server", "host", "from", "to"}
    ):
        raise ValueError("a path that begins with /, in which {server}, {host}, {from} and {to} may stand")
    return value


GrafanaLink = Annotated[str, BeforeValidator(_grafana_link)]
MetricName = Annotated[str, BeforeValidator(_metric)]
JmesPath = Annotated[str, BeforeValidator(_jmespath)]
Pattern = Annotated[str, BeforeValidator(_pattern)]
