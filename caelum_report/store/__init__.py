"""The history: snapshots in, frames out, roll-ups, retention, locks. One SQLite file, one writer, standard library.

NumPy comes in with a `maintain` that has something to roll up, pandas only with `history`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from caelum_report.configured import Config

from .alarms import (
    CHANGING,
    add_silence,
    alerts_since,
    cadence,
    end_silence,
    errand_of,
    errands_since,
    host_before,
    last_errand,
    put_out,
    record,
    record_try,
    save_watch,
    silences,
    unsent,
    usual,
    watch,
)
from .archive import keep, kept, make_room
from .backup import backup, restore
from .bundles import add_bundle
from .database import batch, damage, open_store
from .exports import EXPORTS, exported, has_samples
from .locks import deliver_lock, publish_lock, run_lock
from .memory import (
    agreed_to,
    approvals,
    fleet_at,
    latest_snapshot,
    remember,
    report_at,
    report_by_id,
    report_numbers,
    report_time,
    reports_since,
    seen_between,
)
from .pins import Held, Offer, held_servers, pin_surface, unpin_surface
from .readings import import_samples
from .replay import runs_since
from .rows import add_mark, add_run_steps, add_snapshot, approve, save_report
from .servers import StoredServer, forget_server, list_servers, rename_server, retire_server

if TYPE_CHECKING:
    from caelum_report.history import History

__all__ = [
    "CHANGING",
    "EXPORTS",
    "Held",
    "Offer",
    "StoredServer",
    "add_bundle",
    "add_mark",
    "add_run_steps",
    "add_silence",
    "add_snapshot",
    "agreed_to",
    "alerts_since",
    "approvals",
    "approve",
    "backup",
    "batch",
    "cadence",
    "damage",
    "deliver_lock",
    "end_silence",
    "errand_of",
    "errands_since",
    "exported",
    "fleet_at",
    "forget_server",
    "has_samples",
    "held_servers",
    "history",
    "host_before",
    "import_samples",
    "keep",
    "kept",
    "last_errand",
    "latest_snapshot",
    "list_servers",
    "maintain",
    "make_room",
    "open_store",
    "pin_surface",
    "publish_lock",
    "put_out",
    "record",
    "record_try",
    "remember",
    "rename_server",
    "report_at",
    "report_by_id",
    "report_numbers",
    "report_time",
    "reports_since",
    "restore",
    "retire_server",
    "run_lock",
    "runs_since",
    "save_report",
    "save_watch",
    "seen_between",
    "silences",
    "unpin_surface",
    "unsent",
    "usual",
    "watch",
]  # fmt: skip


def maintain(connection: sqlite3.Connection, at: datetime, config: Config) -> None:
    """Rolls up what closed before `at` and lets go what has grown old; see `retention`."""
    from . import retention

    retention.maintain(connection, at, config)


def history(connection: sqlite3.Connection, snapshot_id: int, metrics: Sequence[str] | None = None) -> History:
    """All that was known when the snapshot was stored, as frames; `metrics` are those whose roll-ups are read."""
    from . import frames

    return frames.history(connection, snapshot_id, metrics)
