"""The history's tables. People may query them: every column says what it holds.

Times are whole microseconds since 1970 in UTC (`datetime(at / 1000000, 'unixepoch')` reads them), durations whole
microseconds with names that end in `_us`, sizes bytes. NULL means "not measured". A version of the schema is never
edited after a release: a change is a new function at the end of `MIGRATIONS`, and the same change in `TABLES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID: Final = 0x4361656C  # "Cael", in the file's header: tells our file from anybody else's


def _execute(database: Database, *statements: str) -> None:
    for statement in statements:
        database.execute(statement)


_PINS: Final = """CREATE TABLE pins (
    -- What people agreed to of a server's offer, in order; the latest word counts.
    id INTEGER PRIMARY KEY,
    server INTEGER NOT NULL REFERENCES servers,
    at INTEGER NOT NULL,
    surface TEXT REFERENCES surfaces     -- NULL: the pin was taken away
)"""

_FIRST_PROBES: Final = """CREATE TABLE first_probes (
    -- The probe that saw an incident first, put by when its row in `probes` went. Kept as long as its alert.
    alert INTEGER PRIMARY KEY REFERENCES alerts,
    at INTEGER NOT NULL,                 -- of its snapshot
    document TEXT NOT NULL               -- JSON: status, failure, stage, reason, stages with their times
)"""
_ERRORS_BY_SOURCE: Final = "CREATE INDEX log_errors_by_source ON log_errors (source)"
_USAGE_BY_HOUR: Final = "CREATE INDEX usage_by_hour ON usage (hour)"
ALERTS: Final = (
    """CREATE TABLE alerts (
    -- What a rule said of a subject, from its first sign to its end. Kept for ever; pending ones that came to nothing go.
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,                  -- its name in caelum.toml or among the defaults
    subject TEXT NOT NULL,               -- a server's name, a host, a mount point, an interface, a finding
    server TEXT,                         -- its name where it is about one
    severity TEXT NOT NULL,              -- critical | warning | info
    phase TEXT NOT NULL,                 -- pending | firing | resolved
    began_at INTEGER NOT NULL,           -- the run that saw it first
    fired_at INTEGER,                    -- when it had lasted as long as its rule asks
    resolved_at INTEGER,                 -- when it began to be good, known once that has lasted
    text TEXT NOT NULL,                  -- what was wrong, as last seen
    value REAL,                          -- the worst, in the metric's unit
    owner TEXT,
    runbook TEXT,
    cause INTEGER,                       -- the alert that explains this one
    told_at INTEGER,                     -- the run whose message named it; NULL: nobody was told
    flapping INTEGER NOT NULL            -- 1: it comes and goes, and stays open for that
)""",
    "CREATE INDEX alerts_by_phase ON alerts (phase, resolved_at)",
    """CREATE TABLE alert_tracks (
    -- What is counted from run to run for each rule and subject; only where something was bad in the last 24 checks.
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    seen TEXT NOT NULL,                  -- the last 24 checks, oldest first: 1 bad, 0 good
    checks INTEGER NOT NULL,             -- in a row that said the same as the last
    held_us INTEGER NOT NULL,            -- that they speak for
    checked_at INTEGER,
    alert INTEGER,                       -- the open one
    PRIMARY KEY (rule, subject)
) WITHOUT ROWID""",
    """CREATE TABLE silences (
    -- Somebody knows: an acknowledged alert, or a silence of names' patterns. Either ends by itself.
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    alert INTEGER,                       -- NULL: a silence
    rule TEXT NOT NULL,                  -- patterns; * is all
    subject TEXT NOT NULL
)""",
    """CREATE TABLE outbox (
    -- Every message on every way out. It is put here by the transaction that made it necessary; senders read only this.
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,                   -- what it is about; the same is never put here twice for one way out
    channel TEXT NOT NULL,               -- name of the way out
    kind TEXT NOT NULL,                  -- alerts | report | quiet | digest
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,               -- JSON: the message or the digest, or the report that it is made of
    tries INTEGER NOT NULL DEFAULT 0,
    tried_at INTEGER,
    error TEXT NOT NULL DEFAULT '',      -- of the last try
    sent_at INTEGER,                     -- NULL: the next run tries (again)
    waiting TEXT,                        -- JSON: of several recipients those who have it not yet; NULL: none has
    UNIQUE (channel, key)
)""",
    "CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL",
)


OWN_HOSTS: Final = "(SELECT id FROM hosts WHERE hosts.servers IS NULL)"  # this machine, by all names that it ever had

TABLES: Final = (
    """CREATE TABLE hosts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,           -- as configured; every other row hangs on one of these
    servers TEXT,                        -- JSON: what its last bundle said of its servers; NULL: no bundle, this machine
    ahead_us INTEGER NOT NULL DEFAULT 0  -- how far its clock was before ours when its last bundle came
)""",
    """CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of runs, even when the clock went back; never used twice
    at INTEGER NOT NULL,                 -- the run's time
    host INTEGER NOT NULL REFERENCES hosts,
    program_version TEXT NOT NULL,
    method_version INTEGER NOT NULL,     -- raised when the same history would give other figures
    took_us INTEGER NOT NULL,            -- of collecting
    network_down INTEGER NOT NULL,       -- 1: every remote server failed at dns or connect, so our own network was down
    not_due TEXT NOT NULL,               -- JSON: names of servers whose own cadence is longer than the run's
    notes TEXT NOT NULL                  -- JSON: [{"code", "text"}]
)""",
    "CREATE INDEX snapshots_by_time ON snapshots (host, at)",
    "CREATE INDEX snapshots_at ON snapshots (at)",
    """CREATE TABLE servers (
    -- Who they are, and what the last run left for the next one, so that a run reads one row a server.
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES hosts,
    name TEXT NOT NULL,                  -- the configured name, exactly; a rename changes it here and nowhere else
    first_seen_at INTEGER NOT NULL,
    retired_at INTEGER,                  -- NULL while in service
    state INTEGER REFERENCES states,     -- the stretch that lasts
    checked_at INTEGER,                  -- last time that it was really asked
    verdicts TEXT NOT NULL DEFAULT '',   -- the last 24 that gave a verdict, oldest first: 1 answered, 0 did not
    gaps TEXT NOT NULL DEFAULT '',       -- the last 12 intervals between its checks, in whole seconds
    flapping INTEGER NOT NULL DEFAULT 0,
    era TEXT,                            -- modern | legacy, as last seen
    era_seen_at INTEGER,
    started INTEGER NOT NULL DEFAULT 0,  -- 1: has answered before, so a launcher has downloaded what it needs
    surface TEXT REFERENCES surfaces,    -- what it offered last
    details INTEGER REFERENCES details,  -- of its last probe
    tool_order TEXT NOT NULL DEFAULT '', -- hash of the order in which it listed its tools last
    fingerprint TEXT NOT NULL DEFAULT '', -- of the definition that was asked then, as in `approvals`; empty: not known
    UNIQUE (host, name)
)""",
    """CREATE TABLE probes (
    -- One look at one server. Kept for `raw_days`.
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    server INTEGER NOT NULL REFERENCES servers,
    started_at INTEGER NOT NULL,         -- of this probe; charts and states use the snapshot's time
    status TEXT NOT NULL,                -- up | degraded | down | auth-walled | unknown | maintenance
    failure TEXT NOT NULL,               -- ok | timeout | exited | …
    stage TEXT,                          -- where it failed
    reason TEXT NOT NULL,                -- why, a sentence; empty when ok
    era TEXT,                            -- modern | legacy
    protocol_version TEXT,
    took_us INTEGER NOT NULL,            -- the server's own clock, waiting for a slot excluded
    dns_us INTEGER,                      -- one column a stage of the ladder, failed stages included
    connect_us INTEGER,
    tls_us INTEGER,
    http_us INTEGER,
    auth_us INTEGER,
    spawn_us INTEGER,
    handshake_us INTEGER,
    list_us INTEGER,
    ping_us INTEGER,
    canary_us INTEGER,
    latency_p50_us INTEGER,              -- of the short requests in `timings`
    latency_min_us INTEGER,
    latency_max_us INTEGER,
    latency_n INTEGER NOT NULL,
    timings TEXT,                        -- JSON: the short requests in order, in microseconds
    rss_bytes INTEGER,                   -- the process tree of the test instance, at its largest
    cpu_us INTEGER,
    threads INTEGER,
    open_files INTEGER,
    processes INTEGER,
    instances INTEGER,                   -- processes with the same command that people run on this host
    instances_rss_bytes INTEGER,
    instances_oldest_us INTEGER,
    tools INTEGER,                       -- counts of what it declares
    resources INTEGER,
    prompts INTEGER,
    tokens INTEGER,                      -- estimated cost of the declarations to a model
    surface TEXT REFERENCES surfaces,
    stderr_lines INTEGER NOT NULL,
    certificate_expires_at INTEGER,
    details INTEGER NOT NULL REFERENCES details,
    UNIQUE (snapshot, server)
)""",
    """CREATE TABLE details (
    -- What of a probe is read by people only; stored again when it differs from that of the probe before.
    id INTEGER PRIMARY KEY,
    server INTEGER NOT NULL REFERENCES servers,
    document TEXT NOT NULL               -- JSON: stages (their times are columns of `probes`), notes, names, stderr, …
)""",
    """CREATE TABLE host_samples (
    -- One reading of a host. Counters are raw, since boot; rates are derived and survive a reset. Kept for `raw_days`.
    snapshot INTEGER PRIMARY KEY REFERENCES snapshots,
    host INTEGER NOT NULL REFERENCES hosts,
    boot_at INTEGER NOT NULL,
    cpus INTEGER NOT NULL,
    cpu_percent REAL,                    -- busy share of all processors over the run
    iowait_percent REAL,
    steal_percent REAL,
    load_1 REAL,
    load_5 REAL,
    load_15 REAL,
    memory_total INTEGER NOT NULL,
    memory_available INTEGER NOT NULL,
    swap_total INTEGER NOT NULL,
    swap_used INTEGER NOT NULL,
    swap_in INTEGER NOT NULL,            -- counter
    swap_out INTEGER NOT NULL,           -- counter
    temperature REAL,                    -- °C, the hottest sensor
    temperature_label TEXT NOT NULL
)""",
    """CREATE TABLE disks (
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    host INTEGER NOT NULL REFERENCES hosts,
    name TEXT NOT NULL,                  -- mount point
    device TEXT NOT NULL,
    total INTEGER NOT NULL,
    used INTEGER NOT NULL,
    read INTEGER,                        -- counter of the device
    write INTEGER,                       -- counter of the device
    PRIMARY KEY (snapshot, name)
) WITHOUT ROWID""",
    """CREATE TABLE networks (
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    host INTEGER NOT NULL REFERENCES hosts,
    name TEXT NOT NULL,                  -- interface
    sent INTEGER NOT NULL,               -- counters
    received INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY (snapshot, name)
) WITHOUT ROWID""",
    """CREATE TABLE states (
    -- A stretch of one status and failure. Kept for ever, so that uptime can always be worked out anew.
    id INTEGER PRIMARY KEY,
    server INTEGER NOT NULL REFERENCES servers,
    start INTEGER NOT NULL,              -- the check that first saw it
    end INTEGER NOT NULL,                -- the last check that confirmed it; a hole in the checks ends a stretch
    first_snapshot INTEGER NOT NULL,
    last_snapshot INTEGER NOT NULL,
    status TEXT NOT NULL,
    failure TEXT NOT NULL,
    stage TEXT,                          -- as the first check saw it, like the reason
    reason TEXT NOT NULL,
    checks INTEGER NOT NULL
)""",
    "CREATE INDEX states_by_server ON states (server, start)",
    """CREATE TABLE surfaces (
    -- What servers offer: each different one once.
    sha256 TEXT PRIMARY KEY,             -- of the canonical declarations
    document BLOB NOT NULL               -- zlib-compressed JSON: tools, resources, prompts, instructions
) WITHOUT ROWID""",
    """CREATE TABLE surface_versions (
    -- When a server's offer changed, the first time included.
    server INTEGER NOT NULL REFERENCES servers,
    snapshot INTEGER NOT NULL REFERENCES snapshots, -- the first that saw it
    surface TEXT NOT NULL REFERENCES surfaces,
    PRIMARY KEY (server, snapshot)
) WITHOUT ROWID""",
    """CREATE TABLE sources (
    -- Who is asked beside the servers, and what the last run learned of them.
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES hosts,
    name TEXT NOT NULL,                  -- as configured
    kind TEXT NOT NULL,                  -- http-json | prometheus | … | import
    first_seen_at INTEGER NOT NULL,
    succeeded_at INTEGER,                -- last time that it gave what it was asked for
    failing_since INTEGER,               -- NULL while it does
    endpoint TEXT NOT NULL DEFAULT '',   -- what may be shown of where it was asked last
    UNIQUE (host, name)
)""",
    """CREATE TABLE readings (
    -- One source in one run, failures included. Kept for `raw_days`; the figures it gave are in `samples`.
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    source INTEGER NOT NULL REFERENCES sources,
    failure TEXT NOT NULL,               -- ok | timeout | auth-required | …
    reason TEXT NOT NULL,                -- why, a sentence; empty when ok
    took_us INTEGER NOT NULL,
    figures INTEGER NOT NULL,            -- how many it gave
    notes TEXT NOT NULL,                 -- JSON: [{"code", "text"}]
    PRIMARY KEY (snapshot, source)
) WITHOUT ROWID""",
    """CREATE TABLE series (
    -- What a figure is about.
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES hosts,
    server INTEGER REFERENCES servers,   -- NULL: of the host, or of what `subject` names
    source INTEGER REFERENCES sources,   -- NULL: measured by our own probe
    subject TEXT NOT NULL,               -- mount point, interface or what a source names; empty for a server and the host
    metric TEXT NOT NULL,                -- a name of the metrics table in the README, or the source's own
    labels TEXT NOT NULL DEFAULT '',     -- JSON object of what else tells a source's series apart; empty for none
    unit TEXT NOT NULL DEFAULT '',       -- of a source's series
    counter INTEGER NOT NULL DEFAULT 0,  -- 1: it counts since some start; roll-ups hold its rate a second
    UNIQUE (host, server, source, subject, metric, labels)
)""",
    """CREATE TABLE samples (
    -- What sources gave, counters raw. Kept for `raw_days`; a time is stored once, however often it is given.
    series INTEGER NOT NULL REFERENCES series,
    at INTEGER NOT NULL,                 -- the run's time, or the source's own for figures of the past
    value REAL NOT NULL,
    anew INTEGER NOT NULL DEFAULT 0,     -- 1: a counter that began since the sample before, as its source tells;
                                         -- 2: it may have, and growth since then is not known unless it went back
    PRIMARY KEY (series, at)
) WITHOUT ROWID""",
    """CREATE TABLE late_hours (
    -- Hours that got figures of the past and are not rolled up with them yet.
    at INTEGER PRIMARY KEY
)""",
    """CREATE TABLE log_errors (
    -- Kinds of errors that logs had: a line without its time, numbers, addresses, paths, quoted texts and secrets.
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES sources,
    server INTEGER REFERENCES servers,   -- NULL: of what `subject` names
    subject TEXT NOT NULL,               -- empty for a server
    text TEXT NOT NULL
)""",
    _ERRORS_BY_SOURCE,
    """CREATE TABLE log_error_counts (
    -- How often a run met a kind of error; after `raw_days` how often a day did. Kept for ever.
    error INTEGER NOT NULL REFERENCES log_errors,
    at INTEGER NOT NULL,                 -- the run's time, or the start of the UTC day
    count INTEGER NOT NULL,              -- lines
    first_at INTEGER NOT NULL,           -- by the lines' own times where they have any; never later than the run
    last_at INTEGER NOT NULL,
    PRIMARY KEY (error, at)
) WITHOUT ROWID""",
    """CREATE TABLE rollups (
    -- One UTC day of one series, kept for ever; the row of the running day grows with every hour that closes.
    -- Percentiles are nearest rank; those of a day come from the buckets and are within 2 %.
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series,
    at INTEGER NOT NULL,                 -- start of the day
    n INTEGER NOT NULL,                  -- measurements
    min REAL NOT NULL,                   -- in the metric's unit, like the next five
    mean REAL NOT NULL,
    max REAL NOT NULL,
    p5 REAL NOT NULL,
    p50 REAL NOT NULL,
    p95 REAL NOT NULL,
    buckets BLOB NOT NULL,               -- mergeable counts: pairs of int16 bucket, uint32 count, little-endian, by value
    hours BLOB,                          -- packed records: uint8 hour, uint32 n, float64 min mean max p5 p50 p95,
                                         -- uint16 pairs of `hour_buckets`; little-endian. NULL after `hourly_days`
    hour_buckets BLOB,                   -- the buckets of the hours, one after the other
    flat_hours BLOB,                     -- hours in which every measurement was the same: uint8 hour, uint32 n, float64
                                         -- value; a fifth of the size. NULL after `hourly_days`, like the two before
    UNIQUE (series, at)
)""",
    "CREATE INDEX rollups_at ON rollups (at)",
    """CREATE TABLE reports (
    -- The stored reports, each chained to the one before. Old ones are thinned: their document goes, the chain stays.
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,             -- r-20261122T1300Z-4217
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    at INTEGER NOT NULL,                 -- data to
    program_version TEXT NOT NULL,
    method_version INTEGER NOT NULL,
    sha256 TEXT NOT NULL,                -- of the JSON as it was published
    previous_sha256 TEXT,                -- of the report before; also inside the JSON
    purged_at INTEGER,                   -- the last `purge` that changed the document; NULL: as it was published
    purged_sha256 TEXT,                  -- of the JSON since then; `sha256` stays what it was published with
    document BLOB                        -- zlib-compressed JSON; NULL: thinned with age, or taken out by a purge
)""",
    "CREATE INDEX reports_by_snapshot ON reports (snapshot)",
    """CREATE TABLE forecasts (
    -- What reports foretold, and how it came out. Kept for a quarter after it fell due.
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series,
    report INTEGER NOT NULL REFERENCES reports, -- that made it
    due_at INTEGER NOT NULL,             -- the moment foretold; of a limit, the end of the foretold times
    level REAL NOT NULL,                 -- how often the interval should hold, 0 to 1
    lower REAL NOT NULL,                 -- in the metric's unit; of a limit unix seconds, like the next two and `actual`
    mean REAL NOT NULL,
    upper REAL NOT NULL,
    reaches REAL,                        -- the limit whose time is foretold; NULL: the value at due_at is
    naive REAL,                          -- what "as now" said; NULL for a limit
    widened REAL NOT NULL,               -- the factor by which the record had widened the interval
    scored_by INTEGER REFERENCES reports, -- the report that judged it; NULL while it waits
    held INTEGER,                        -- 1: the interval held; NULL where nothing was measured
    actual REAL                          -- what came; NULL where the limit was not reached in time
)""",
    "CREATE INDEX forecasts_due ON forecasts (due_at)",
    """CREATE TABLE run_steps (
    -- How a run went on after its report was stored; the next report shows it.
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,                  -- render, deliver
    took_us INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (snapshot, position)
) WITHOUT ROWID""",
    """CREATE TABLE run_notes (
    snapshot INTEGER NOT NULL REFERENCES snapshots,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (snapshot, position)
) WITHOUT ROWID""",
    """CREATE TABLE marks (
    -- Notes of people on every chart: a deployment, say.
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
)""",
    """CREATE TABLE approvals (
    -- What people agreed to have started.
    server TEXT PRIMARY KEY,             -- the configured name
    fingerprint TEXT NOT NULL,           -- of command, arguments, working folder, environment names and URL
    at INTEGER NOT NULL,
    shown TEXT NOT NULL DEFAULT '[]'     -- JSON: what they were shown, a line each, without secrets; empty: not known
) WITHOUT ROWID""",
    _PINS,
    """CREATE TABLE usage (
    -- Real calls, by the hour in which they began; after `hourly_days` by the UTC day. Sources are never added up.
    host INTEGER NOT NULL REFERENCES hosts,
    server TEXT NOT NULL,                -- the configured name, or the source's own where no server has it
    tool TEXT NOT NULL,
    source TEXT NOT NULL,                -- metrics | tap | host-log | claude-code
    hour INTEGER NOT NULL,               -- its start
    calls INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    total_us INTEGER NOT NULL,           -- of the calls whose duration is known, together
    max_us INTEGER NOT NULL,
    buckets BLOB NOT NULL,               -- of those durations in seconds, as in `rollups`
    PRIMARY KEY (host, server, tool, source, hour)
) WITHOUT ROWID""",
    _USAGE_BY_HOUR,
    """CREATE TABLE bookmarks (
    -- How far files and counters were read; committed with the rows that came from there.
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (source, name)
) WITHOUT ROWID""",
    """CREATE TABLE upkeep (
    -- How far the roll-ups and the retention have come.
    name TEXT PRIMARY KEY,               -- rolled_up: last snapshot id; raw_from, hours_from: what lies
                                         -- before is gone
    value INTEGER NOT NULL
) WITHOUT ROWID""",
    *ALERTS,
    _FIRST_PROBES,
)


def _table(name: str) -> str:
    return next(statement for statement in TABLES if statement.startswith(f"CREATE TABLE {name} ("))


def _with_sources(database: Database) -> None:
    """Series know their source; the constraint that tells them apart grew, so that table is made anew."""
    database.execute(_table("series").replace("TABLE series (", "TABLE series_anew ("))
    database.execute(
        "INSERT INTO series_anew (id, host, server, subject, metric) SELECT id, host, server, subject, metric FROM series"
    )
    database.execute("DROP TABLE series")
    database.execute("ALTER TABLE series_anew RENAME TO series")
    for name in ("sources", "readings", "samples", "late_hours"):
        database.execute(_table(name))


def _with_usage(database: Database) -> None:
    """Real calls, and how far their sources were read."""
    _execute(database, _table("usage"), _USAGE_BY_HOUR, _table("bookmarks"))


def add_forecasts(database: Database) -> None:
    """Before it, nobody remembered what was foretold."""
    _execute(database, _table("forecasts"), *(index for index in TABLES if "ON forecasts (" in index))


def _with_other_hosts(database: Database) -> None:
    """A host may be another machine, whose bundles say what its servers are."""
    database.execute("ALTER TABLE hosts ADD COLUMN servers TEXT")
    database.execute("ALTER TABLE hosts ADD COLUMN ahead_us INTEGER NOT NULL DEFAULT 0")


def _with_log_errors(database: Database) -> None:
    """Before it, no log was read."""
    _execute(database, _table("log_errors"), _ERRORS_BY_SOURCE, _table("log_error_counts"))


def _column(table: str, name: str, definition: str) -> Callable[[Database], None]:
    """Adds one; where a migration before has made the whole table it is there already."""

    def add(database: Database) -> None:
        if name not in database[table].columns_dict:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {definition}")

    return add


def _with_purges(database: Database) -> None:
    """Before it, a report was what it had been published as."""
    database.execute("ALTER TABLE reports ADD COLUMN purged_at INTEGER")
    database.execute("ALTER TABLE reports ADD COLUMN purged_sha256 TEXT")


# Each takes a schema one version further. sqlite-utils is imported only when one is due, it costs 0.45 s. `user_version`
# counts them, so a fresh database, which is made from TABLES directly, needs no second list of what was applied.
MIGRATIONS: Final[tuple[Callable[[Database], None], ...]] = (
    lambda database: _execute(database, _PINS),
    _with_sources,
    _with_usage,
    add_forecasts,
    lambda database: _execute(database, *ALERTS),
    _column("servers", "tool_order", "TEXT NOT NULL DEFAULT ''"),
    _with_other_hosts,
    _with_log_errors,
    _column("sources", "endpoint", "TEXT NOT NULL DEFAULT ''"),
    _column("outbox", "waiting", "TEXT"),  # before, a message that one recipient refused went to all of them again
    _with_purges,
    _column("samples", "anew", "INTEGER NOT NULL DEFAULT 0"),
    _column("servers", "fingerprint", "TEXT NOT NULL DEFAULT ''"),
    lambda database: _execute(database, _FIRST_PROBES),
    _column("approvals", "shown", "TEXT NOT NULL DEFAULT '[]'"),
)
