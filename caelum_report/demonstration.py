"""The demonstration: a simulated month goes through the real store, analysis and pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from . import pipeline, store, telling


def demo(at: datetime, database: Path, output: Path, *, pdf: bool = True, editions: bool = False) -> pipeline.Built:
    """A full site from a simulated month, through the real store, analysis and pages; `editions`: those beside it, too."""
    from . import demo as simulation
    from . import render as rendering

    config = replace(simulation.config(at), database=str(database), output=str(output), pdf=pdf)
    if editions:
        others = simulation.editions(str(output))
        config = replace(config, editions=tuple(replace(one, pdf=one.pdf and pdf) for one in others))
    month = list(simulation.snapshots(at))
    yesterday = sum(snapshot.at <= at - timedelta(days=1) for snapshot in month)
    with store.publish_lock(config.database):
        with store.open_store(config.database) as connection:
            for hours, text in simulation.NOTED:
                store.add_mark(connection, at - timedelta(hours=hours), text)
        for part in (month[:yesterday], month[yesterday:]):  # so that there is a report to compare with
            with store.open_store(config.database) as connection:
                snapshot_id = 0
                with store.batch(connection):
                    for snapshot in part:
                        snapshot_id = store.add_snapshot(connection, snapshot, config)
                        telling.judge(connection, snapshot, config)
                for name, hours in simulation.PINNED:
                    store.pin_surface(connection, name, at - timedelta(hours=hours))
                store.maintain(connection, part[-1].at, config)
            report = pipeline.analyse(config, snapshot_id, part[-1], pipeline.Stopwatch())
            if part[-1].at < at:  # so that there is a past report in the archive
                pipeline.archived(config, rendering.render(report, pdf=False), ())
        return pipeline.publish(config, report, snapshot_id)
