"""The spans of time that charts and shares are shown over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Range = Literal["day", "week", "month", "quarter", "year"]
RANGE_DAYS: Final[Mapping[Range, int]] = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
RANGES: Final = tuple(RANGE_DAYS)
RANGE_SPANS: Final[Mapping[str, str]] = {
    name: "24 hours" if days == 1 else f"{days} days" for name, days in RANGE_DAYS.items()
}
