"""What is counted and measured in lines: counts that go on from run to run, and values of what is new."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from statistics import fmean
from typing import Any, Final

from .lines import Line
from .watch import Watch

BOOKMARK: Final = "counted"
_MOST: Final = 200  # figures of a source, each with its labels
_MOST_VALUES: Final = 100_000  # of one figure in a run
_LABEL: Final = 100  # characters
_COUNTERS: Final = {"count", "sum"}

Key = tuple[str, str, tuple[tuple[str, str], ...]]  # subject, metric, labels
Found = tuple[str, float | None, dict[str, str]]  # subject, value, labels


class Figures:
    """Counts since the first run, and what the values of this run are."""

    def __init__(self, metrics: list[dict[str, Any]], before: str | None, watch: Watch) -> None:
        self._metrics = {metric["name"]: metric for metric in metrics}
        self._watch = watch
        self._patterns = {name: re.compile(m["pattern"]) for name, m in self._metrics.items() if m["pattern"]}
        self._paths = {name: _compiled(m) for name, m in self._metrics.items() if not m["pattern"]}
        self._totals = _totals(before)
        self._values: dict[Key, list[float]] = {}
        self.left_out = 0

    def count(self, subject: str, name: str, labels: Mapping[str, str] | None = None, by: float = 1) -> None:
        key = (subject, name, tuple(sorted((labels or {}).items())))
        if key in self._totals or len(self._totals) < _MOST:
            self._totals[key] = self._totals.get(key, 0.0) + by
        else:
            self.left_out += 1

    def read(self, line: Line) -> None:
        """Every figure that the line has. The patterns are the configuration's, the line is somebody else's."""
        for name, metric in self._metrics.items():
            if self._watch.given_up:
                return
            found = self._watch.bounded(lambda name=name: self._found(name, line))  # type: ignore[misc]
            if found is None:
                continue
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
        values = self._values.setdefault(key, [])
        if len(values) < _MOST_VALUES:
            values.append(value)

    def _found(self, name: str, line: Line) -> Found | None:
        if name in self._patterns:
            match = self._patterns[name].search(line.text)
            return None if match is None else _of_groups(match.groupdict())
        return _of_json(self._metrics[name], self._paths[name], line.said)

    def samples(self) -> Iterator[tuple[str, str, float, str, bool, dict[str, str]]]:
        for (subject, name, labels), total in self._totals.items():
            unit = self._metrics[name]["unit"] if name in self._metrics else ""
            yield subject, name, total, unit or "count", True, dict(labels)
        for (subject, name, labels), values in self._values.items():
            metric = self._metrics[name]
            yield subject, name, _given(metric["give"], values), metric["unit"], False, dict(labels)

    def kept(self) -> str:
        return json.dumps([[*key[:2], list(key[2]), total] for key, total in self._totals.items()])


def _given(word: str, values: list[float]) -> float:
    if word == "last":
        return values[-1]
    if word == "max":
        return max(values)
    if word == "mean":
        return fmean(values)
    ordered = sorted(values)
    share = int(word.removeprefix("p")) / 100
    return ordered[math.ceil(share * len(ordered)) - 1]  # nearest rank


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


def _totals(before: str | None) -> dict[Key, float]:
    rows = json.loads(before) if before else []
    return {(subject, name, tuple((key, text) for key, text in labels)): total for subject, name, labels, total in rows}
