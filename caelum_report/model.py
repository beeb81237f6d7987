"""The values that travel from config to store: what a fleet is made of, and what one run saw of it. No I/O, no clock.

Everything here is frozen. A failed or a skipped probe is a value like any other. Text in a `Probe` has already crossed
the boundary of `text`: it is visible, bounded and free of secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

Paper = Literal["a4", "letter"]


class Transport(StrEnum):
    STDIO = "stdio"
    HTTP = "http"  # Streamable HTTP
    SSE = "sse"  # HTTP+SSE of revision 2024-11-05, deprecated


class Era(StrEnum):
    """The specification's words: legacy revisions begin with `initialize`, modern ones are stateless."""

    LEGACY = "legacy"
    MODERN = "modern"


class Status(StrEnum):
    """What the report says of a server, worst first."""

    DOWN = "down"
    DEGRADED = "degraded"
    AUTH_WALLED = "auth-walled"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"
    UP = "up"

    @property
    def word(self) -> str:
        """At the beginning of a line: `Auth-walled`."""
        return self.value.capitalize()


class Failure(StrEnum):
    """Why a probe ended as it did. The words are a public contract."""

    OK = "ok"
    SPAWN_FAILED = "spawn-failed"
    EXITED = "exited"
    TIMEOUT = "timeout"
    PROTOCOL_ERROR = "protocol-error"
    UNSUPPORTED_VERSION = "unsupported-version"
    AUTH_REQUIRED = "auth-required"
    TLS_ERROR = "tls-error"
    DNS_ERROR = "dns-error"
    CONNECT_ERROR = "connect-error"
    REDIRECT_REFUSED = "redirect-refused"
    HTTP_4XX = "http-4xx"
    HTTP_5XX = "http-5xx"
    OVERSIZED = "oversized"
    CONFIG_ERROR = "config-error"
    SKIPPED = "skipped"
    INTERNAL_ERROR = "internal-error"


_WITHOUT_VERDICT: Final = {Failure.CONFIG_ERROR, Failure.SKIPPED, Failure.INTERNAL_ERROR}


def status_of(failure: Failure) -> Status:
    """The status that a failure alone implies; `degraded` and `maintenance` need more than one probe's outcome."""
    if failure is Failure.OK:
        return Status.UP
    if failure is Failure.AUTH_REQUIRED:
        return Status.AUTH_WALLED
    return Status.UNKNOWN if failure in _WITHOUT_VERDICT else Status.DOWN


# --- config ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budgets:
    """Bounds that no server can talk us out of. Seconds and bytes; PROMISES are made of these."""

    connect_seconds: float = 5.0
    request_seconds: float = 10.0
    server_seconds: float = 30.0
    first_start_seconds: float = 120.0  # of a launcher that may have to download: npx, uvx, pipx, bunx, docker
    run_seconds: float = 300.0
    probe_bytes: int = 8_000_000
    inflight_bytes: int = 64_000_000
    line_bytes: int = 4_000_000
    header_bytes: int = 64_000
    stderr_bytes: int = 4_096
    json_values: int = 200_000
    json_depth: int = 200
    number_digits: int = 30
    pages: int = 100
    tools: int = 2_000
    children: int = 64
    start_slot_seconds: float = 3.0
    end_seconds: float = 3.0  # EOF, then TERM, then KILL
    timings: int = 5  # short requests per snapshot that make the latency
    pdf_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Canary:
    """A tool call that proves the server does its work; named by the operator only."""

    tool: str
    arguments: str = "{}"  # JSON object


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window. `start` and `end` are aware; a repeated one comes every day or week of local time."""

    start: datetime
    end: datetime
    reason: str = ""
    weekly: bool = False
    daily: bool = False
    zone: str | None = None  # whose wall clock repeats it; None: the report's
    until: datetime | None = None  # no repetition begins from here on


@dataclass(frozen=True, slots=True)
class Tap:
    """Where `caelum-report tap` logs a server's calls, and under which name."""

    log: str
    name: str


@dataclass(frozen=True, slots=True)
class Server:
    """Where to look and what to tolerate. Values of `env`, `headers` and `url` are secret: never print them."""

    id: str  # the configured name, exactly
    slug: str
    transport: Transport
    command: str | None = None
    args: tuple[str, ...] = field(default=(), repr=False)
    cwd: str | None = None
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    url: str | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    endpoint: str = ""  # what may be shown: `npx + 3 arguments`, `https://host:443/mcp`
    sources: tuple[str, ...] = ()  # the files that name it
    fingerprint: str = ""  # what consent was given to: command, arguments, cwd, environment names, URL
    problem: str | None = None  # config-error: why the entry cannot be used
    skip: str | None = None  # skipped: `disabled`, `not approved: …`
    group: str | None = None
    owner: str | None = None
    depends_on: tuple[str, ...] = ()
    objective: float | None = None  # share of time to be up, 0..1
    latency_objective_seconds: float | None = None
    every_seconds: float | None = None
    connect_seconds: float | None = None
    request_seconds: float | None = None
    server_seconds: float | None = None
    canary: Canary | None = None
    maintenance: tuple[Window, ...] = ()
    risks: tuple[Note, ...] = ()  # facts about the entry itself: unpinned launcher, plain http, secret in plain text
    token_expires_at: datetime | None = None  # the first end of a JWT that it is given
    token_place: str = ""  # where that one stands: `header Authorization`
    watched: bool = False  # named by a watched file only: started after `approve`
    tap: Tap | None = None  # its entry runs it through `caelum-report tap`; command and args are its own
    host: str = ""  # the other machine whose bundle it came with; empty: this one

    @property
    def remote(self) -> bool:
        return self.transport is not Transport.STDIO


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of time to be up, of several servers together: the mean over their measured time."""

    name: str
    target: float  # 0..1
    servers: tuple[str, ...] = ()  # patterns of names; with `groups` either counts
    groups: tuple[str, ...] = ()
    period_days: int = 30


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody to ask beside the MCP servers themselves: a `[[source]]` block, or an environment name of its kind."""

    name: str
    kind: str  # prometheus, influxdb, redis, …
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)  # its kind's own, validated; may hold secrets
    endpoint: str = ""  # what may be shown
    timeout_seconds: float = 10.0
    problem: str | None = None  # why it cannot be asked


USAGE_SOURCES: Final = ("metrics", "tap", "host-log", "claude-code")  # what can say which tools were called, best first
USAGE_WORDS: Final = {
    "metrics": "metrics of servers and gateways",
    "tap": "tap logs",
    "host-log": "logs of MCP hosts",
    "claude-code": "Claude Code's transcripts",
}


@dataclass(frozen=True, slots=True)
class UsageSettings:
    """Where real calls may be read. Folders of transcripts and logs are there only where somebody agreed."""

    tap_logs: tuple[str, ...] = ()
    transcripts: tuple[str, ...] = ()  # folders of Claude Code
    otlp_files: tuple[str, ...] = ()  # patterns
    host_logs: tuple[str, ...] = ()  # folders of MCP hosts' logs
    precedence: tuple[str, ...] = USAGE_SOURCES  # of one server's sources the first counts; they are never added up


@dataclass(frozen=True, slots=True)
class FoundConfiguration:
    """An MCP host configuration that lies on this machine; its servers are counted, never started unasked."""

    host: str  # "Claude Code", "Cursor", …
    path: str
    servers: tuple[str, ...]
    problem: str | None = None


# --- collect --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """A small fact beside the main result. `code` is stable (`banner`, `stderr-flood`, `echoes-secret`), `text` is prose."""

    code: str
    text: str


STAGES: Final = ("dns", "connect", "tls", "http", "auth", "spawn", "handshake", "list", "ping", "canary")


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    UNUSED = "not used"  # dns over stdio, tls over plain http, canary where none is named


@dataclass(frozen=True, slots=True)
class Stage:
    """One rung of the ladder. `seconds` is None where nothing was measured."""

    name: str  # one of STAGES
    outcome: Outcome
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its server declares it. `schema` is canonical JSON; texts are visible and bounded, hashes are of the whole."""

    name: str
    title: str = ""
    description: str = ""
    schema: str = "{}"
    output_schema: str | None = None
    annotations: tuple[tuple[str, bool], ...] = ()  # destructiveHint, readOnlyHint, …
    bytes: int = 0  # of the declaration as JSON
    tokens: int = 0  # estimated: bytes / 4
    sha256: str = ""  # of the whole declaration, canonical JSON


@dataclass(frozen=True, slots=True)
class Surface:
    """What a server offers. Equal hashes mean that nothing was added, removed or reworded."""

    tools: tuple[Tool, ...]
    resources: tuple[str, ...]  # URIs, templates included
    prompts: tuple[str, ...]  # names
    sha256: str
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """The process tree of a started server, at its largest during the probe."""

    rss_bytes: int
    cpu_seconds: float
    threads: int
    open_files: int
    processes: int


@dataclass(frozen=True, slots=True)
class Instances:
    """Processes with the same command that people run on this host; counted passively."""

    count: int
    rss_bytes: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at one server gave."""

    server: str  # Server.id
    started_at: datetime
    failure: Failure
    status: Status
    reason: str = ""  # a sentence for a person; empty when ok
    stage: str | None = None  # where it failed
    stages: tuple[Stage, ...] = ()
    seconds: float = 0.0  # the server's own clock, waiting for a slot excluded
    timings_seconds: tuple[float, ...] = ()  # short requests, in order
    timing_method: str | None = None  # "ping" or "server/discover"
    era: Era | None = None
    era_certain: bool = True  # a legacy answer after an accident of the modern question proves nothing
    protocol_version: str | None = None
    supported_versions: tuple[str, ...] = ()
    server_name: str = ""
    server_version: str = ""
    capabilities: tuple[str, ...] = ()
    surface: Surface | None = None
    tool_order: str = ""  # hash of the order in which the tools came; a surface is sorted
    process: ProcessFigures | None = None
    instances: Instances | None = None
    stderr_lines: int = 0
    stderr_tail: str = ""
    exit_status: str | None = None  # "exit status 1", "signal 9 (SIGKILL)"
    certificate_expires_at: datetime | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system, or a block device's raw counters since boot."""

    name: str  # mount point
    device: str
    total_bytes: int
    used_bytes: int
    read_bytes: int | None = None  # counters of the device
    write_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """Raw counters of one interface since boot."""

    name: str
    sent_bytes: int
    received_bytes: int
    errors: int


@dataclass(frozen=True, slots=True)
class HostSample:
    """One reading of a host. Counters are raw; rates are derived from two samples and survive a reset."""

    host: str
    boot_at: datetime
    cpus: int
    cpu_percent: float | None  # over the run
    iowait_percent: float | None
    steal_percent: float | None
    load_1: float | None
    load_5: float | None
    load_15: float | None
    memory_total_bytes: int
    memory_available_bytes: int
    swap_total_bytes: int
    swap_used_bytes: int
    swap_in_bytes: int  # counters
    swap_out_bytes: int
    temperature_celsius: float | None
    temperature_label: str
    disks: tuple[Disk, ...]
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class OtherHost:
    """Another machine as its last bundle left it. Its servers are called `name@host` here."""

    name: str
    at: datetime  # of its last snapshot
    ahead_seconds: float  # how far its clock was before ours, as far as the bundle shows; 0: not ahead
    servers: tuple[Server, ...]
    sample: HostSample | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure that a source gave. It stands beside what probes measured and is never mixed with it."""

    subject: str  # whom it is about: a server's id, or the source's own name
    metric: str  # snake_case with its unit: used_memory_bytes
    value: float
    unit: str = ""
    counter: bool = False  # counts since some start; rates are derived and survive resets
    labels: tuple[tuple[str, str], ...] = ()
    at: datetime | None = None  # None: at the run's time
    # Of a counter, whether it began anew since the run before, as its source tells. None: whoever counts was started anew,
    # and does not tell whether this counter was.
    anew: bool | None = False


@dataclass(frozen=True, slots=True)
class LoggedError:
    """A kind of error that a log had since the run before. Its text is without numbers, names, addresses and secrets."""

    subject: str  # a server's id, or the source's own name
    text: str
    count: int
    first_at: datetime  # by the lines' own times where they have any, otherwise the run's; never later than the run
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source gave in one run; a failure is a value like any other."""

    source: str  # Source.name
    kind: str
    failure: Failure
    reason: str = ""  # a sentence for a person; empty when ok
    seconds: float = 0.0
    samples: tuple[Sample, ...] = ()
    notes: tuple[Note, ...] = ()
    errors: tuple[LoggedError, ...] = ()
    endpoint: str = ""  # what may be shown of where it was asked


@dataclass(frozen=True, slots=True)
class Usage:
    """Real calls of one tool that began within one hour, as one source saw them; figures to be added to those before."""

    hour: datetime
    server: str  # Server.id, or the name that the source knows where no server has it
    tool: str
    source: str  # one of USAGE_SOURCES
    calls: int
    errors: int
    seconds: float = 0.0  # of the calls whose duration is known, together
    max_seconds: float = 0.0
    buckets: tuple[tuple[int, int], ...] = ()  # bucket -> calls whose duration is known, ascending; see `buckets`


@dataclass(frozen=True, slots=True)
class CallCount:
    """What somebody has counted of one tool's real calls since some start; usage is what was added between two runs."""

    server: str
    tool: str
    calls: float
    errors: float = 0.0
    seconds: float | None = None  # together; None where nobody tells
    buckets: tuple[tuple[float, float], ...] = ()  # upper bound in seconds, calls up to there; the last one is infinity
    part: str = ""  # which of several that count the same tool: each begins anew by itself
    anew: bool = False  # it began since the run before, as its source tells


@dataclass(frozen=True, slots=True)
class Bookmark:
    """How far something that grows was read. Stored with the rows that were read up to there, or not at all."""

    source: str
    name: str  # within the source; never a path, for that may tell more than it should
    value: str  # empty: it is let go of


METHOD_VERSION: Final = 2  # raised when the same history would give other figures


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one run saw, failures included."""

    at: datetime  # the run's time, UTC
    host: str
    program_version: str
    method_version: int
    probes: tuple[Probe, ...]
    host_sample: HostSample | None
    readings: tuple[Reading, ...] = ()  # of the sources, in the order of the configuration
    usage: tuple[Usage, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()  # those that moved
    not_due: tuple[str, ...] = ()  # servers whose own cadence is longer than the run's
    network_down: bool = False  # every remote failed at dns or connect: ours, not theirs
    seconds: float = 0.0
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What the last runs left for the next probe of one server."""

    era: Era | None = None
    era_seen_at: datetime | None = None
    last_checked_at: datetime | None = None
    untried: bool = False  # skipped after that check: what it says may be of another command
    fingerprint: str = ""  # of the definition that was asked then
    status: Status | None = None
    checks: tuple[bool, ...] = ()  # the last 24 that gave a verdict, oldest first: did it answer?
    flapping: bool = False
    started_before: bool = False  # a launcher has downloaded what it needs
    surface_sha256: str | None = None
    tool_order: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The store's message to collect; light, without pandas."""

    servers: dict[str, Memory] = field(default_factory=dict)
    bookmarks: dict[tuple[str, str], str] = field(default_factory=dict)  # source and name -> value

    def of(self, server: str) -> Memory:
        return self.servers.get(server, Memory())
