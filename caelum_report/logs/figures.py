"""What is counted and measured in lines: counts that go on from run to run, and values of what is new."""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from statistics import fmean
from typing import Any, Final

from .lines import Line
from .watch import Watch

BOOKMARK: Final = "counted"
_MOST: Final = 198  # figures of a source, each with its labels, beside its own two
_MOST_VALUES: Final = 4_000_000  # of all figures in a run, eight bytes each
_OWN: Final = ("log_lines", "log_errors")
_LABEL: Final = 100  # characters
_COUNTERS: Final = {"count", "sum"}

Key = tuple[str, str, tuple[tuple[str, str], ...]]  # subject, metric, labels
Found = tuple[str, float | None, dict[str, str]]  # subject, value, labels


class Figures:
    """Counts since the first run, and what the values of this run are."""

    def __init__(self, metrics: list[dict[str, Any]], before: str | None, watch: Watch) -> None:
        self._metrics = {metric["name"]: metric for metric in metrics}
        self._watch = watch
        self._finders = {name: _finder(metric) for name, metric in self._metrics.items()}
        self._totals, met = _before(before)
        self._met = set(self._metrics) if met is None else met
        self._values: dict[Key, array[float]] = {}
        self._held = 0
        self.left_out = self.values_left_out = 0

    def count(self, subject: str, name: str, labels: Mapping[str, str] | None = None, by: float = 1) -> None:
        key = (subject, name, tuple(sorted((labels or {}).items())))
        if key in self._totals or len(self._totals) < _MOST or name in _OWN:
            self._totals[key] = self._totals.get(key, 0.0) + by
        else:
            self.left_out += 1

    def read(self, line: Line) -> None:
        """Every figure that the line has. The patterns are the configuration's, the line is somebody else's."""
        for name, metric in self._metrics.items():
            if self._watch.given_up:
                return
            found = self._watch.bounded(self._finders[name], line)
            if found is None:
                continue
            self._met.add(name)
            subject, value, labels = found
            if metric["give"] == "count":
                self.count(subject, name, labels)
            elif value is not None and metric["give"] == "sum":
                self.count(subject, name, labels, value)
            elif value is not None:
                self._note(subject, name, labels, value)

    def _note(self, subject: str, name: str, labels: Mapping[str, str], value: float) -> None:
        key = (subject, name, tuple(sorted(labels.items())))
        if key not in self._values and len(self._values) >= _MOST:
            self.left_out += 1
            return
        if self._held >= _MOST_VALUES:
            self.values_left_out += 1
            return
        self._held += 1
        self._values.setdefault(key, array("d")).append(value)

    def never(self) -> list[str]:
        """Figures that no line since the first run had: a pattern that is mistyped, most likely."""
        return [name for name in self._metrics if name not in self._met]

    def samples(self) -> Iterator[tuple[str, str, float, str, bool, dict[str, str]]]:
        for (subject, name, labels), total in self._totals.items():
            unit = self._metrics[name]["unit"] if name in self._metrics else ""
            yield subject, name, total, unit or "count", True, dict(labels)
        for (subject, name, labels), values in self._values.items():
            metric = self._metrics[name]
            yield subject, name, _given(metric["give"], values), metric["unit"], False, dict(labels)

    def kept(self) -> str:
        totals = [[*key[:2], list(key[2]), total] for key, total in self._totals.items()]
        return json.dumps({"totals": totals, "met": sorted(self._met)})


def _given(word: str, values: Sequence[float]) -> float:
    if word == "last":
        return values[-1]
    if word == "max":
        return max(values)
    if word == "mean":
        return fmean(values)
    ordered = sorted(values)
    share = int(word.removeprefix("p")) / 100
    return ordered[math.ceil(share * len(ordered)) - 1]  # nearest rank


def _finder(metric: Mapping[str, Any]) -> Callable[[Line], Found | None]:
    if not metric["pattern"]:
        paths = _compiled(metric)
        return lambda line: _of_json(metric, paths, line.said)
    search = re.compile(metric["pattern"]).search

    def by_pattern(line: Line) -> Found | None:
        match = search(line.text)
        return None if match is None else _of_groups(match.groupdict())

    return by_pattern


def _of_groups(groups: Mapping[str, str | None]) -> Found:
    value = _number(groups.get("value"))
    labels = {name: text[:_LABEL] for name, text in groups.items() if text and name not in {"value", "subject"}}
    return groups.get("subject") or "", value, labels


def _of_json(metric: Mapping[str, Any], paths: Mapping[str, Any], said: Any) -> Found | None:
    """None where the line is no JSON, is not meant, or makes an expression meet what it was not written for."""
    import jmespath

    if said is None:
        return None
    with suppress(jmespath.exceptions.JMESPathError):
        if "where" in paths and not paths["where"].search(said):
            return None
        value = _number(paths["value"].search(said)) if "value" in paths else None
        if "value" in paths and value is None:
            return None
        subject = paths["subject"].search(said) if "subject" in paths else None
        labels = {name: paths[f"labels.{name}"].search(said) for name in metric["labels"]}
        shown = {name: str(text)[:_LABEL] for name, text in labels.items() if isinstance(text, str | int | float)}
        return subject if isinstance(subject, str) else "", value, shown
    return None


def _compiled(metric: Mapping[str, Any]) -> dict[str, Any]:
    import jmespath

    said = {key: metric[key] for key in ("where", "value", "subject") if metric[key]}
    said |= {f"labels.{name}": path for name, path in metric["labels"].items()}
    return {key: jmespath.compile(path) for key, path in said.items()}


def _number(value: object) -> float | None:
    if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= 40):
        with suppress(ValueError, OverflowError):
            number = float(value)
            return number if abs(number) < 1e300 else None  # infinity and NaN are none
    return None


def _before(kept: str | None) -> tuple[dict[Key, float], set[str] | None]:
    """The counts up to now, and which figures were ever met: None where an older program kept the counts alone."""
    said = json.loads(kept) if kept else {"totals": [], "met": []}
    rows, met = (said["totals"], set(said["met"])) if isinstance(said, dict) else (said, None)
    totals = {(subject, name, tuple((key, text) for key, text in labels)): n for subject, name, labels, n in rows}
    return totals, met
