"""What the host says of its room, and how its figures are compared."""

from __future__ import annotations

import pytest

from caelum_report import analyse
from caelum_report.analyse.charts import difference
from caelum_report.model import Disk

from .past import NOW, config, history, host_sample, probe, server, snapshot


@pytest.mark.parametrize(
    ("memory_left", "swapped", "disk_used", "sentence"),
    [
        (20, 0, 30, "It has memory and disk left: memory 38 % and disk / 30 % in use; CPU 100 % during the run."),
        (3, 2, 30, "It is nearly full: memory 91 %, swap 25 % and disk / 30 % in use; CPU 100 % during the run."),
        (20, 0, 88, "It is nearly full: memory 38 % and disk / 88 % in use; CPU 100 % during the run."),
        (20, 0, 92, "It is short of room: memory 38 % and disk / 92 % in use; CPU 100 % during the run."),
    ],
)
def test_the_room_is_said_as_it_is(memory_left: int, swapped: int, disk_used: int, sentence: str) -> None:
    sample = host_sample(
        cpu_percent=100.0,
        memory_available_bytes=memory_left * 2**30,
        swap_used_bytes=swapped * 2**30,
        disks=(Disk("/", "sda1", 100, disk_used),),
    )
    now = snapshot(NOW, probe(), host_sample=sample)
    it = analyse.report(now, 1, history([now]), config(server()), ())
    assert it.hosts[0].lede.replace("\u00a0", " ") == sentence


@pytest.mark.parametrize(
    ("cpu", "end"),
    [
        (20.0, "and the host has room."),
        (None, "and the host has room."),
        (100.0, "and the host has memory and disk left; its CPU was 100 % busy while we asked."),
    ],
)
def test_the_first_verdict_claims_no_room_of_a_processor_that_has_none(cpu: float | None, end: str) -> None:
    now = snapshot(NOW, probe(), host_sample=host_sample(cpu_percent=cpu))
    it = analyse.report(now, 1, history([now]), config(server()), ())
    assert it.verdict.sentence.replace("\u00a0", " ") == f"The one server asked is up, {end}"


@pytest.mark.parametrize(
    ("before", "after", "unit", "text"),
    [
        (0.1, 0.112, "seconds", " (+12 %)"),
        (44.0, 43.0, "celsius", " (−1 °C)"),
        (44.0, 44.3, "celsius", " (no difference)"),
        (81.7, 83.2, "percent", " (+1.5 points)"),
        (0.0, 5.0, "percent", " (+5.0 points)"),
        (0.0, 5.0, "seconds", ""),
    ],
)
def test_a_difference_is_said_in_what_can_be_compared(before: float, after: float, unit: str, text: str) -> None:
    assert difference(before, after, unit).replace("\u00a0", " ") == text
