"""The machines that servers run on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .charts import Chart, Stat


@dataclass(frozen=True, slots=True)
class DiskReport:
    name: str
    device: str
    total_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class HostReport:
    name: str
    lede: str
    boot_at: datetime | None
    cpus: int
    stats: tuple[Stat, ...]
    disks: tuple[DiskReport, ...]
    charts: tuple[Chart, ...]
