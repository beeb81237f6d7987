"""What servers offered over time; each different surface is stored once."""

from __future__ import annotations

import sqlite3
from typing import Final

_VERSIONS: Final = 100  # a server: one that rewords its tools at every call must not fill the disk


def thin(connection: sqlite3.Connection) -> None:
    crowded = connection.execute(
        "SELECT server FROM surface_versions GROUP BY server HAVING count(*) > ?", (_VERSIONS,)
    ).fetchall()
    for (server,) in crowded:
        connection.execute(
            """DELETE FROM surface_versions WHERE server = ? AND snapshot NOT IN (
                SELECT snapshot FROM surface_versions WHERE server = ? ORDER BY snapshot DESC LIMIT ?)""",
            (server, server, _VERSIONS),
        )
    if crowded:
        drop_unused(connection)


def drop_unused(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE probes SET surface = NULL WHERE surface NOT IN (SELECT surface FROM surface_versions)")
    connection.execute(
        """DELETE FROM surfaces WHERE sha256 NOT IN (SELECT surface FROM surface_versions)
            AND sha256 NOT IN (SELECT surface FROM servers WHERE surface IS NOT NULL)
            AND sha256 NOT IN (SELECT surface FROM pins WHERE surface IS NOT NULL)"""
    )
