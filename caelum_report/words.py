"""Numbers and times as text, the same on every face: digits, a no-break space, the unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

NBSP: Final = "\u00a0"
THIN: Final = "\u202f"
NOTHING: Final = "–"
_SMALL: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def stage(name: str, timing_method: str | None) -> str:
    """A stage of the ladder as it went: the modern era has no ping and is asked to discover again."""
    return "discover again" if name == "ping" and timing_method == "server/discover" else name


def significant(value: float, digits: int = 3) -> str:
    """`value` to so many significant digits, without an exponent: 0.0853, 4.8, 519."""
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}"
    if "e" in text:
        text = f"{float(text):.0f}" if abs(value) >= 1 else f"{value:.{digits + 4}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def seconds(value: float | None) -> str:
    """A latency: 41 ms, 4.8 s, 0.35 ms, 2 min 10 s. Nobody measures a nanosecond: below a microsecond it says so."""
    if value is None:
        return NOTHING
    if value < 0:
        return f"−{seconds(-value)}"
    if 0 < value < 1e-6:
        return f"<{NBSP}0.001{NBSP}ms"
    if value < 0.9995:
        return f"{_short(value * 1000)}{NBSP}ms"
    if value < 120:
        return f"{_short(value)}{NBSP}s"
    return duration(value)


def _short(value: float) -> str:
    """Two significant digits below 10, whole numbers above."""
    return significant(value, 2) if abs(value) < 9.95 else _whole(value)


def duration(value: float) -> str:
    """A stretch of time in at most two units: 38 min, 1 h 5 min, 3 d 4 h."""
    minutes = round(value / 60)
    if value < 59.5:
        return f"{value:.0f}{NBSP}s"
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}{NBSP}h" + (f" {rest}{NBSP}min" if rest else "")
    days, hours = divmod(round(value / 3600), 24)
    return f"{days}{NBSP}d" + (f" {hours}{NBSP}h" if hours and days < 14 else "")


def amount(value: float) -> str:
    """How much time of a kind there was: `2 h`, or `none`."""
    return duration(value) if value >= 0.5 else "none"


def size(value: float | None) -> str:
    """Bytes by powers of two: 7.6 GiB."""
    if value is None:
        return NOTHING
    number, unit = size_parts(value)
    return f"{number}{NBSP}{unit}"


def size_parts(value: float) -> tuple[str, str]:
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    step = 0
    while abs(value) >= 1023.5 and step < len(units) - 1:
        value, step = value / 1024, step + 1
    return (_whole(value) if step == 0 else significant(value, 3 if value >= 100 else 2), units[step])


def percent(share: float | None, digits: int = 2) -> str:
    """A share of 1 as percent. Near 100 it is rounded down: only what was perfect reads 100 %."""
    if share is None:
        return NOTHING
    scale = 10**digits
    value = share * 100
    shown = int(value * scale + 1e-6) / scale if 99 <= value < 100 else round(value, digits)
    text = f"{shown:.{digits}f}"
    if "." in text and shown in (0, 100):
        text = text.split(".", maxsplit=1)[0]
    return f"{text.replace('-', '−')}{NBSP}%"


def count(value: float) -> str:
    """A whole number, thousands apart: 18 402."""
    return f"{round(value):,d}".replace(",", THIN).replace("-", "−")


def _whole(value: float) -> str:
    return f"{round(value)}".replace("-", "−")


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 server`, `3 servers`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def spelled(number: int, *beside: int) -> str:
    """Small numbers as words, for the verdict; as digits where a number `beside` it in the sentence needs them."""
    return _SMALL[number] if all(0 <= each < len(_SMALL) for each in (number, *beside)) else count(number)


def in_a_month(begun: datetime | None, at: datetime, zone: str) -> str:
    """`in 30 days`; of a history that is younger by more than a day `since 22 Nov 14:00`."""
    if begun is None or at - begun >= timedelta(days=29):
        return "in 30 days"
    return f"since {moment(begun, at, zone)}"


def quantity(value: float | None, unit: str) -> str:
    """A value in its metric's unit."""
    number, suffix = quantity_parts(value, unit)
    return f"{number}{NBSP}{suffix}" if suffix else number


def quantity_parts(value: float | None, unit: str) -> tuple[str, str]:
    """The number and its unit apart, for a large figure with a small unit."""
    if value is None:
        return NOTHING, ""
    if unit == "seconds":
        number, _, suffix = seconds(value).partition(NBSP)
        return number, suffix
    if unit == "bytes":
        return size_parts(value)
    if unit == "bytes/s":
        number, suffix = size_parts(value)
        return number, f"{suffix}/s"
    if unit == "percent":
        return percent(value / 100, 1 if abs(value) >= 10 else 2).removesuffix(f"{NBSP}%"), "%"
    if unit == "ratio":
        return percent(value).removesuffix(f"{NBSP}%"), "%"
    if unit == "celsius":
        return _whole(value), "°C"
    return (count(value) if float(value).is_integer() else significant(value)), "" if unit in {"", "count"} else unit


def chance(probability: float) -> str:
    """The chance that a finding is nothing."""
    if probability <= 0:
        return "certain"
    if probability < 0.001:
        return f"chance it is nothing below 0.1{NBSP}%"
    return f"chance it is nothing {significant(probability * 100, 2)}{NBSP}%"


def listing(items: Sequence[str], at_most: int = 3) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 4 more`."""
    if len(items) > at_most + 1:
        return f"{', '.join(items[:at_most])} and {len(items) - at_most} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def balance(worse: int, better: int) -> str:
    """Three worse, none better"""
    first = spelled(worse, better) if worse else "none"
    return f"{first.capitalize()} worse, {spelled(better, worse) if better else 'none'} better"


def opened(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def direction(name: str, servers: Sequence[str]) -> str:
    """Worse or Better; what is neither is Method where the report itself measures otherwise, Other of a server."""
    return "Other" if name == "method" and servers else name.capitalize()


def appended(detail: str) -> str:
    """`detail` as the end of a sentence: after a comma, unless it brings its own mark or begins with a preposition."""
    if not detail or detail[0] in ",;:.":
        return detail
    return f" {detail}" if detail.startswith(("at ", "after ", "for ", "since ", "(")) else f", {detail}"


# --- time -----------------------------------------------------------------------------------------------------------


def local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))


def clock(at: datetime, zone: str) -> str:
    """14:00"""
    return f"{local(at, zone):%H:%M}"


def day(at: datetime, zone: str) -> str:
    """22 Nov"""
    here = local(at, zone)
    return f"{here.day}{NBSP}{here:%b}"


def moment(at: datetime, now: datetime, zone: str) -> str:
    """13:22 today; otherwise 15 Nov 09:10."""
    return clock(at, zone) if local(at, zone).date() == local(now, zone).date() else dated(at, now, zone)


def dated(at: datetime, now: datetime, zone: str) -> str:
    """22 Nov 13:22, with the year when it is another one: for columns in which days meet."""
    return f"{day_in_its_year(at, now, zone)} {clock(at, zone)}"


def day_in_its_year(at: datetime, now: datetime, zone: str) -> str:
    """22 Nov, with the year when it is another one."""
    here, today = local(at, zone), local(now, zone)
    return day(at, zone) + (f"{NBSP}{here.year}" if here.year != today.year else "")


def since(at: datetime, now: datetime, zone: str) -> str:
    """since 13:22 (38 min); what began just now has no length"""
    lasted = (now - at).total_seconds()
    return f"since {moment(at, now, zone)}" + (f" ({duration(lasted)})" if lasted >= 1 else "")


def full_date(at: datetime, zone: str) -> str:
    """Sunday 22 November 2026"""
    here = local(at, zone)
    return f"{here:%A} {here.day} {here:%B %Y}"


def offset(at: datetime, zone: str) -> str:
    """+01:00"""
    delta = local(at, zone).utcoffset() or timedelta()
    total = int(delta.total_seconds()) // 60
    sign = "−" if total < 0 else "+"
    return f"{sign}{abs(total) // 60:02d}:{abs(total) % 60:02d}"


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, for machines: 2026-11-22T13:00:00Z"""
    return f"{at.astimezone(ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%SZ}"
