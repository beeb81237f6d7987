"""Durations, sizes and shares as people write them in caelum.toml and in the environment."""

from __future__ import annotations

import re
from typing import Final

DURATION: Final = 'a duration such as "90s", "15m", "1h" or "1d"'
SIZE: Final = 'a size such as "8 MB" or a number of bytes'
SHARE: Final = 'a share such as "99.5 %" or 0.995'

_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_BYTES: Final = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|min|[smhdw])\s*")
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kKMG]?i?B|)")
_PERCENT: Final = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%")


def seconds(value: object) -> float:
    """`1h30m` in seconds; never nothing."""
    parts = list(_PART.finditer(value)) if isinstance(value, str) else []
    total = sum(float(part[1]) * _SECONDS[part[2]] for part in parts)
    if not isinstance(value, str) or "".join(part[0] for part in parts) != value or total <= 0:
        raise ValueError(DURATION)
    return total


def days(value: object) -> int:
    """`2w` in days; a part of a day does not count."""
    try:
        whole = int(seconds(value) // 86_400)
    except ValueError:
        whole = 0
    if whole < 1:
        raise ValueError('a duration of whole days such as "14d" or "52w"')
    return whole


def size(value: object) -> int:
    """`8 MB` in bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES or (total := int(float(match[1]) * _BYTES[match[2]])) < 1:
        raise ValueError(SIZE)
    return total


def share(value: object) -> float:
    """`99.5 %` as 0.995."""
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    number = float(match[1]) / 100 if match else value
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number <= 1:
        raise ValueError(SHARE)
    return round(float(number), 12)


def duration(value: float) -> str:
    """Seconds as they are written in caelum.toml: 5400 is `90m`."""
    for unit in ("d", "h", "m", "s"):
        if value >= _SECONDS[unit] and value % _SECONDS[unit] == 0:
            return f"{value / _SECONDS[unit]:.0f}{unit}"
    return f"{value * 1000:.0f}ms" if value < 1 else f"{value:g}s"
