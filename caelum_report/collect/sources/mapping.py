"""JSON to samples, by the JMESPath of `[[source.metric]]` blocks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from caelum_report.model import Failure, Sample
from caelum_report.wire import Fault
from caelum_report.wire.fault import excerpt

from .asking import Answer, Asking, without_number


def mapped(asking: Asking, document: Any, *, strict: bool = True) -> Answer:
    """The figures that a document holds. One that is missing is a note; when all of them are, it is not the document.

    Not `strict`: of a stream's messages each holds what it holds.
    """
    samples: list[Sample] = []
    missing: list[str] = []
    metrics = asking.source.options["metric"]
    for metric in metrics:
        found = list(_samples(asking, metric, document))
        samples += found
        if not found:
            missing.append(metric["name"])
    if strict and metrics and not samples:
        raise Fault(Failure.PROTOCOL_ERROR, f"none of its figures is in what it sent: {_start(document)}")
    return Answer(tuple(samples), without_number(missing, "It sent no number"))


def _samples(asking: Asking, metric: Mapping[str, Any], document: Any) -> Iterator[Sample]:
    items = search(metric["each"], document) if metric["each"] else [document]
    for item in items if isinstance(items, list) else []:
        value = number(search(metric["value"], item))
        if value is None:
            continue
        subject = search(metric["subject"], item) if metric["subject"] else None
        labels = ((name, search(path, item)) for name, path in metric["labels"].items())
        yield Sample(
            subject=subject if isinstance(subject, str) and subject else asking.subject,
            metric=metric["name"],
            value=value,
            unit=metric["unit"],
            counter=metric["counter"],
            labels=tuple((name, str(text)) for name, text in labels if isinstance(text, (str, int, float))),
        )


def search(path: str, document: Any) -> Any:
    """None where the expression meets something that it was not written for."""
    import jmespath

    with contextlib.suppress(jmespath.exceptions.JMESPathError):
        return jmespath.search(path, document)
    return None


def dig(value: Any, *keys: str) -> Any:
    """The value at a path of keys; None where something else stands there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def number(value: Any) -> float | None:
    """A number, or a text that is one; true and false are 1 and 0."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and len(value) <= 40:
        with contextlib.suppress(ValueError):
            return float(value)
    return None


def _start(document: Any) -> str:
    import json

    return excerpt(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
