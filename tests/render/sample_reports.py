"""Reports as the analysis makes them, for looking at pages: the fleet of DESIGN's pictures, a well one, a first one,
a hostile one, a large one. Deterministic."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, date, datetime, timedelta

from caelum_report import document as d
from caelum_report.diagram import Diagram, Edge, Node
from caelum_report.metrics import METRICS
from caelum_report.model import Era, Failure, FoundConfiguration, Note, Outcome, Status, Tool, Transport
from caelum_report.text import slug, visible

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
DOWN, DEGRADED, AUTH, UNKNOWN, MAINTENANCE, UP = Status
SPANS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}

# name, status, why, days since the epoch of trouble -> state, up share, p95 seconds, tools, group
FLEET = (
    ("api-gateway", DOWN, "connect refused since 13:22", {19: DEGRADED, 0: DOWN}, 0.9981, None, 31, "Platform"),
    (
        "ollama-pool-integration",
        DEGRADED,
        "canary times out since 12:55",
        {12: DOWN, 7: DEGRADED, 6: DEGRADED, 0: DEGRADED},
        0.9912,
        4.8,
        9,
        "Models",
    ),
    ("device-orchestration", DEGRADED, "canary fails: needs api-gateway", {0: DEGRADED}, 0.9993, 0.212, 18, "Devices"),
    (
        "workflow-orchestration",
        DEGRADED,
        "canary fails: needs api-gateway",
        {18: DEGRADED, 0: DEGRADED},
        0.999,
        0.187,
        22,
        "Work",
    ),
    ("user-profile", AUTH, "401 since 13:00: key refused", {0: AUTH}, 0.9998, None, 11, "People"),
    (
        "voice-interface",
        UNKNOWN,
        "not asked since 08:00: host asleep",
        {20: DEGRADED, 8: None, 5: None, 0: None},
        0.994,
        None,
        7,
        "Devices",
    ),
    (
        "integration-testing",
        MAINTENANCE,
        "planned until 18:00",
        {14: MAINTENANCE, 0: MAINTENANCE},
        1.0,
        0.34,
        14,
        "Work",
    ),
    (
        "cluster-communication",
        UP,
        "recovered 13:05 after 55 min",
        {26: DOWN, 21: DEGRADED, 0: DOWN},
        0.9962,
        0.096,
        12,
        "Platform",
    ),
    ("project-intelligence", UP, "lost a tool at 13:00", {10: DEGRADED}, 0.9997, 0.402, 13, "Intelligence"),
    ("analytics-metrics", UP, "p95 −26 % since 12:00", {15: DEGRADED}, 0.9999, 0.31, 16, "Intelligence"),
    ("agentic-workflow", UP, "", {}, 1.0, 0.144, 24, "Work"),
    ("business-intelligence-aggregation", UP, "", {13: DEGRADED}, 0.9999, 0.518, 27, "Intelligence"),
    ("caelum-report", UP, "", {}, 1.0, 0.061, 4, "Reporting"),
    ("code-analysis", UP, "", {22: DEGRADED}, 0.9998, 0.69, 10, "Work"),
    ("cross-device-notification", UP, "", {}, 1.0, 0.088, 6, "Devices"),
    ("deployment-infrastructure", UP, "", {9: DEGRADED}, 0.9996, 0.233, 19, "Platform"),
    ("file-storage", UP, "", {}, 1.0, 0.041, 12, "Platform"),
    ("intelligence-hub", UP, "", {4: DEGRADED}, 0.9999, 0.377, 15, "Intelligence"),
    ("knowledge-management", UP, "", {}, 1.0, 0.265, 17, "Intelligence"),
    ("opportunity-discovery", UP, "", {28: DEGRADED, 17: DEGRADED}, 0.9995, 0.82, 8, "Intelligence"),
    ("performance-optimization", UP, "", {}, 1.0, 0.154, 9, "Models"),
    ("security-compliance", UP, "", {}, 1.0, 0.119, 13, "People"),
    ("security-management", UP, "", {}, 0.9999, 0.131, 21, "People"),
    ("team-integration", UP, "", {}, 1.0, 0.172, 11, "Work"),
)
FAILURES = {
    DOWN: Failure.CONNECT_ERROR,
    DEGRADED: Failure.OK,
    AUTH: Failure.AUTH_REQUIRED,
    UNKNOWN: Failure.SKIPPED,
    MAINTENANCE: Failure.OK,
    UP: Failure.OK,
}


def wave(index: int, seed: int) -> float:
    """A steady wobble between 0 and 1."""
    return (math.sin(index * 0.7 + seed) + math.sin(index * 1.9 + seed * 3) + 2) / 4


def points(days: float, level: float, seed: int, n: int = 96, jump: float = 1.0) -> d.Points:
    start, step = NOW.timestamp() - days * 86_400, days * 86_400 / n
    at = tuple(int(start + step * (index + 1)) for index in range(n))
    mid = tuple(level * (0.85 + 0.3 * wave(i, seed)) * (jump if i > n * 0.95 else 1) for i in range(n))
    return d.Points(
        at, mid, tuple(v * 0.8 for v in mid), tuple(v * (1.25 + 0.5 * wave(i, seed + 7)) for i, v in enumerate(mid))
    )


def chart(metric: str, name: d.Range, subject: str, level: float, seed: int, jump: float = 1.0) -> d.Chart:
    days = SPANS[name]
    unit = METRICS[metric].unit
    drawn = points(days, level, seed, jump=jump)
    before = points(days, level, seed + 11)
    return d.Chart(
        id=f"{metric}-{name}".replace("_", "-"),
        metric=metric,
        subject=subject,
        title=METRICS[metric].title,
        caption="It varies as it usually does. Median of the range beside that of the one before."
        if jump == 1
        else "Listing tools takes four times as long since 12:55. Median 3.9 s, before it 1.1 s.",
        range=name,
        start=NOW - timedelta(days=days),
        end=NOW,
        points=drawn,
        ghost=d.Points(before.at, before.mid),
        band="p5–p95" if unit == "seconds" else "min–max",
        limit=d.Limit(level * 2, "objective") if metric == "latency" else None,
        stats=(
            d.Stat("Last", drawn.mid[-1], unit),
            d.Stat("p50", level, unit),
            d.Stat("p95", level * 1.2, unit),
            d.Stat("Max", max(drawn.high), unit),
        ),
        marks=(d.Mark(NOW - timedelta(minutes=65), "host begins to swap", "host.html"),) if jump != 1 else (),
        spans=(d.StateSpan(NOW - timedelta(minutes=65), NOW, DEGRADED),) if jump != 1 else (),
        n=288,
        interval_seconds=days * 900.0,
    )


def stages(status: Status, remote: bool, scale: float) -> tuple[d.StageReport, ...]:
    used = ("dns", "connect", "tls", "http", "auth") if remote else ("spawn",)
    shares = {
        "dns": 4,
        "connect": 11,
        "tls": 38,
        "http": 52,
        "auth": 19,
        "spawn": 410,
        "handshake": 310,
        "list": 1100,
        "ping": 290,
        "canary": 840,
    }
    start, ended, result = 0.0, False, []
    for name in ("dns", "connect", "tls", "http", "auth", "spawn", "handshake", "list", "ping", "canary"):
        usual = shares[name] * scale / 1000
        if name in ("dns", "connect", "tls", "http", "auth", "spawn") and name not in used:
            result.append(d.StageReport(name, Outcome.UNUSED, None, None, None, False, ""))
        elif ended:
            result.append(d.StageReport(name, Outcome.NOT_REACHED, start, None, usual, False, ""))
        elif status is DOWN and name in ("connect", "spawn"):
            result.append(
                d.StageReport(name, Outcome.FAILED, start, 0.002, usual, False, "errno 111, connection refused")
            )
            ended = True
        elif status is AUTH and name == "auth":
            result.append(d.StageReport(name, Outcome.FAILED, start, usual, usual, False, "HTTP 401"))
            ended = True
        elif status is DEGRADED and name == "canary":
            result.append(d.StageReport(name, Outcome.FAILED, start, 10.0, usual, False, "list_models, limit 10 s"))
        else:
            slow = status is DEGRADED and name == "list"
            seconds = usual * (4.4 if slow else 1.05)
            detail = {"list": "9 tools, 2 pages", "handshake": "2026-07-28"}.get(name, "")
            result.append(d.StageReport(name, Outcome.OK, start, seconds, usual, slow, detail))
            start += seconds
    return tuple(result)


def strip(trouble: dict[int, Status | None], days: int = 90) -> tuple[d.Day, ...]:
    today = date(2026, 11, 22)
    result = []
    for back in range(days - 1, -1, -1):
        status = trouble.get(back, UP)
        result.append(
            d.Day(today - timedelta(days=back), status, None if status is None else 1.0, str(status or "no data"))
        )
    return tuple(result)


def tools(count: int, name: str) -> tuple[d.ToolReport, ...]:
    verbs = ("list_models", "generate", "embed", "pull_model", "node_status", "unload_model")
    made = []
    for index in range(count):
        title = verbs[index] if index < len(verbs) else f"tool_{index + 1}"
        tool = Tool(
            title,
            "",
            f"Does what {title.replace('_', ' ')} says for {name}",
            '{"type":"object"}',
            bytes=1240,
            tokens=310 + 7 * index,
        )
        made.append(
            d.ToolReport(tool, NOW - timedelta(days=60 - index), NOW - timedelta(days=3) if index == 1 else None)
        )
    return tuple(made)


def server(
    name: str,
    status: Status = UP,
    why: str = "",
    trouble: dict[int, Status | None] | None = None,
    share: float | None = 1.0,
    p95: float | None = 0.1,
    count: int = 5,
    group: str | None = None,
    *,
    seed: int = 1,
    charts: bool = True,
    history: bool = True,
) -> d.ServerReport:
    remote = seed % 2 == 0
    level = p95 or 0.12
    rungs = stages(status, remote, level / 1.1 if level < 2 else 1.0)
    jump = 3.6 if name == "ollama-pool-integration" else 1.0
    drawn: tuple[d.Chart, ...] = ()
    if charts:
        drawn = tuple(
            chart("latency", r, visible(name), level / max(jump, 1), seed, jump if r == "day" else 1.0)
            for r in d.RANGES
        )
        drawn += tuple(
            chart(m, r, visible(name), v, seed) for r in ("day", "week") for m, v in (("rss", 2e8), ("list", level))
        )
    return d.ServerReport(
        id=name,
        name=visible(name),
        slug=slug(name),
        host="caelum-01",
        transport=Transport.HTTP if remote else Transport.STDIO,
        endpoint="https://caelum-03:8443/mcp" if remote else "npx + 3 arguments",
        era=Era.MODERN if seed % 3 == 0 else Era.LEGACY,
        protocol_version="2026-07-28" if seed % 3 == 0 else "2025-06-18",
        supported_versions=("2026-07-28", "2025-11-25") if seed % 3 == 0 else (),
        status=status,
        failure=FAILURES[status],
        stage={DOWN: "connect" if remote else "spawn", AUTH: "auth"}.get(status),
        reason="" if status is UP else "Nothing listens at its address: connection refused.",
        lede="It answers as it usually does."
        if status is UP
        else "It answers, but lists its tools four times slower than usual and the canary call ends in timeout. Its memory is nearly used up.",
        why=why,
        since=NOW - timedelta(minutes=38) if status is not UP else NOW - timedelta(days=12),
        checked_at=NOW,
        checked_now=True,
        group=group,
        owner=f"{group} team" if group else None,
        server_name=visible(name),
        server_version="2.9.0",
        capabilities=("tools", "resources"),
        stages=rungs,
        total_seconds=sum(rung.seconds or 0 for rung in rungs),
        usual_total_seconds=sum(rung.usual_seconds or 0 for rung in rungs) if history else None,
        latency_now=d.Latency(level * 0.7, level, level * 1.2, 5) if p95 else None,
        latency_day=d.Latency(level * 0.7, level, level * 2, 1440) if p95 else None,
        latency_day_before=d.Latency(level * 0.7, level * 0.9, level * 2, 1440) if p95 and history else None,
        timing_method="server/discover" if seed % 3 == 0 else "ping",
        tools=tools(count, visible(name)),
        tokens=count * 380,
        resources=("file:///notes",),
        prompts=("summarise",),
        surface_sha256="9f2c61d0" * 8,
        rss_bytes=None if remote else 201_000_000,
        cpu_seconds=None if remote else 0.41,
        threads=None if remote else 11,
        open_files=None if remote else 23,
        processes=None if remote else 2,
        instances=None if remote else 3,
        instances_rss_bytes=None if remote else 512_000_000,
        instances_oldest_seconds=None if remote else 345_600.0,
        certificate_expires_at=NOW + timedelta(days=80) if remote else None,
        stderr_lines=3 if status is DOWN else 0,
        stderr_tail="node:events:497\nError: listen EADDRINUSE: address already in use 0.0.0.0:3000"
        if status is DOWN
        else "",
        exit_status="exit status 1" if status is DOWN else None,
        notes=(Note("banner", "printed 2 lines before its first answer"),) if status is DEGRADED else (),
        risks=(Note("unpinned", "npx runs whatever version is newest"),) if seed % 5 == 0 else (),
        uptime=tuple(
            d.Uptime(
                r, 86_400.0 * days * (share or 0), 86_400.0 * days * (1 - (share or 0)), 0.0, 2040.0, share, 24 * days
            )
            for r, days in SPANS.items()
        )
        if history
        else (),
        objective=0.995 if group else None,
        latency_objective_seconds=2.0 if group == "Models" else None,
        strip=strip(trouble or {}) if history else (),
        spark=points(1, level, seed, 48, jump) if p95 else d.Points(),
        episodes=tuple(
            d.Episode(
                state,
                FAILURES[state],
                NOW - timedelta(days=back, minutes=65),
                None if back == 0 else NOW - timedelta(days=back),
                3900.0,
                "list slow during a model pull",
            )
            for back, state in sorted((trouble or {}).items())
            if state is not None and state is not UP
        ),
        charts=drawn,
        contract=(),
        findings=(),
        depends_on=(),
        needed_by=(),
    )


def host() -> d.HostReport:
    stats = (
        d.Stat("CPU", 14.0, "percent", "8 cores, load 0.9"),
        d.Stat("Memory", 41.0, "percent", "12.9 of 31.3 GiB"),
        d.Stat("Disk /", 63.0, "percent", "172 GiB free"),
        d.Stat("Swap", 0.0, "percent", "of 8 GiB"),
        d.Stat("Temperature", 52.0, "celsius", "package"),
    )
    charts = tuple(
        chart(metric, name, "caelum-01", level, seed)
        for name in ("day", "week", "month")
        for seed, (metric, level) in enumerate(
            (("host_cpu", 14.0), ("host_memory", 41.0), ("host_load", 0.9), ("disk_read", 2e6))
        )
    )
    disks = (
        d.DiskReport("/", "/dev/sda1", 500 << 30, 315 << 30),
        d.DiskReport("/var", "/dev/sdb1", 100 << 30, 91 << 30),
    )
    return d.HostReport(
        "caelum-01",
        "Memory 41 %, processors 14 % busy; /var is 91 % full.",
        NOW - timedelta(days=40),
        8,
        stats,
        disks,
        charts,
    )


def diagram(servers: tuple[d.ServerReport, ...]) -> Diagram:
    nodes = [
        Node("report", "caelum-report", "report", None, None, "index.html"),
        Node("host", "caelum-01", "host", None, None, "host.html"),
    ]
    nodes += [Node(s.id, s.name, "server", s.status, s.group, f"servers/{s.slug}.html") for s in servers]
    edges = [Edge("report", s.id, "probes") for s in servers]
    edges += [Edge(s.id, other, "depends-on") for s in servers for other in s.depends_on]
    return Diagram(
        "architecture",
        "Architecture",
        "What this report asks, where it runs and what needs what.",
        tuple(nodes),
        tuple(edges),
    )


def run(number: int) -> d.RunReport:
    steps = (
        d.StepReport("collect", 41.0, "24 servers asked"),
        d.StepReport("store", 0.002, "24 rows"),
        d.StepReport("analyse", 0.8, "288 series"),
    )
    return d.RunReport(
        number, NOW, 41.2, steps, (Note("clock", "the clock is in step"),), 18_400_000, number, NOW - timedelta(days=90)
    )


def finding(
    id_: str, word: str, status: Status | None, title: str, who: str | None, minutes: int, **more: object
) -> d.Finding:
    return d.Finding(
        id=id_,
        kind=str(more.pop("kind", "state")),
        word=word,
        status=status,
        title=title,
        server=who,
        page=f"servers/{slug(who)}.html#stages" if who else "method.html#configurations",
        since=NOW - timedelta(minutes=minutes) if minutes else None,
        **more,  # type: ignore[arg-type]
    )


def fleet_report() -> d.Report:
    servers = tuple(server(*row, seed=index) for index, row in enumerate(FLEET, 1))
    findings = (
        finding(
            "f1",
            "Down",
            DOWN,
            "api-gateway refuses every connection",
            "api-gateway",
            38,
            owner="Platform team",
            evidence="8 of 8 probes",
            chance=0.0001,
            impact="device-orchestration and workflow-orchestration fail with it. 31 % of yesterday's tool calls went through it.",
            cause="Its process ended: port 3000 on caelum-01 is closed. Last line on stderr: “EADDRINUSE 0.0.0.0:3000”.",
            command="systemctl status caelum-api-gateway",
        ),
        finding(
            "f2",
            "Auth-walled",
            AUTH,
            "user-profile no longer accepts our key",
            "user-profile",
            60,
            owner="Identity team",
            evidence="12 of 12 probes",
            chance=0.0,
            impact="We cannot see whether it works. Not counted as down. Clients with their own key may be well.",
            cause="HTTP 401 began with the key rotation marked at 12:58.",
            command="caelum-report config explain CAELUM_API_KEY",
        ),
        finding(
            "f3",
            "Degraded",
            DEGRADED,
            "ollama-pool-integration lists its tools four times slower",
            "ollama-pool-integration",
            65,
            owner="Models team",
            evidence="n = 13 probes",
            chance=0.003,
            impact="List p95 went from 1.1 s to 4.8 s; the canary call ends in timeout after 10 s.",
            cause="Memory of its process reached 7.6 of 8 GiB; the host began to swap at 12:51.",
            command="caelum-report probe ollama-pool-integration",
        ),
        finding(
            "f4",
            "Contract",
            DEGRADED,
            "project-intelligence removed a tool that was in use",
            "project-intelligence",
            60,
            kind="contract",
            owner="Intelligence team",
            evidence="breaking",
            chance=0.0,
            impact="search_symbols is gone; 214 calls in the last 7 days came from 3 clients.",
            cause="Release 2.9.0 (surface hash changed). find_symbols is new and takes the same arguments.",
            command="caelum-report diff 4216 4217 --server project-intelligence",
        ),
        finding(
            "f5",
            "Configuration",
            None,
            "code-analysis runs whatever version npx finds",
            "code-analysis",
            0,
            kind="configuration",
            evidence="certain",
            needs_action=False,
        ),
    )
    contract = (
        d.ContractChange(
            NOW,
            4217,
            "project-intelligence",
            "breaking",
            "Tool removed: search_symbols",
            ('"search_symbols"',),
            ('"find_symbols"',),
            12,
        ),
        d.ContractChange(
            NOW - timedelta(days=19),
            3762,
            "ollama-pool-integration",
            "breaking",
            "generate: “model” became required",
            ('"required": ["prompt"]',),
            ('"required": ["prompt", "model"]',),
            12,
        ),
        d.ContractChange(
            NOW - timedelta(days=35),
            3384,
            "ollama-pool-integration",
            "additive",
            "Tools added: node_status, unload_model",
            (),
            (),
            550,
        ),
    )
    by_name = {
        "api-gateway": {"findings": ("f1",), "needed_by": ("device-orchestration", "workflow-orchestration")},
        "user-profile": {"findings": ("f2",)},
        "ollama-pool-integration": {"findings": ("f3",), "needed_by": ("agentic-workflow",), "contract": contract[1:]},
        "project-intelligence": {"findings": ("f4",), "contract": contract[:1]},
        "device-orchestration": {"depends_on": ("api-gateway",)},
        "workflow-orchestration": {"depends_on": ("api-gateway",)},
        "agentic-workflow": {"depends_on": ("ollama-pool-integration",)},
    }
    servers = tuple(dataclasses.replace(s, **by_name.get(s.id, {})) for s in servers)  # type: ignore[arg-type]

    def change(
        direction: str, who: tuple[str, ...], what: str, before: str, after: str, detail: str, evidence: str
    ) -> d.Change:
        page = f"servers/{who[0]}.html" if who else "method.html#run"
        return d.Change(direction, who, what, before, after, detail, evidence, page)  # type: ignore[arg-type]

    def goal(
        name: str, group: str, target: float, achieved: float, left: float, burn: float, spent: str
    ) -> d.ObjectiveReport:
        members = tuple(s.id for s in servers if s.group == group)
        return d.ObjectiveReport(
            name, members, target, achieved, left, burn, 2_592_000.0, 12_840.0, spent, "index.html#objectives"
        )

    return d.Report(
        id="r-20261122T1300Z-4217",
        number=4217,
        previous=d.ReportRef("r-20261122T1200Z-4216", 4216, NOW - timedelta(hours=1), "3b1f9a04" * 8),
        program_version="0.1.0",
        method_version=1,
        fleet="Caelum fleet",
        edition="internal",
        demo=False,
        zone=ZONE,
        host="caelum-01",
        site_url=None,
        at=NOW,
        period_start=NOW - timedelta(hours=1),
        compared_start=NOW - timedelta(hours=2),
        interval_seconds=3600.0,
        next_due=NOW + timedelta(hours=1),
        old_after=NOW + timedelta(hours=1, minutes=10),
        coverage=d.Coverage(23, 24, 0, 0.97, "23 of 24 asked, 97 % of samples"),
        verdict=d.Verdict(
            "Needs action",
            DOWN,
            "One server is down and three are degraded. One cause explains three of the four.",
            "api-gateway has refused connections since 13:22 and takes device-orchestration and workflow-orchestration with it. 17 of 24 servers are well.",
        ),
        tally=((DOWN, 1), (DEGRADED, 3), (AUTH, 1), (UNKNOWN, 1), (MAINTENANCE, 1), (UP, 17)),
        findings=findings,
        changes=(
            change("worse", ("api-gateway",), "State", "up", "down", "at 13:22", "8 of 8 probes"),
            change(
                "worse",
                ("device-orchestration", "workflow-orchestration"),
                "State",
                "up",
                "degraded",
                "at 13:25",
                "same cause as api-gateway",
            ),
            change("worse", ("user-profile",), "State", "up", "auth-walled", "at 13:00", "12 of 12 probes"),
            change(
                "worse", ("project-intelligence",), "Tools", "14", "13", "; search_symbols removed", "breaking, certain"
            ),
            change(
                "better", ("cluster-communication",), "State", "down", "up", "at 13:05, after 55 min", "11 of 11 probes"
            ),
            change(
                "better",
                ("analytics-metrics",),
                "Answer time, p95",
                "420 ms",
                "310 ms",
                "−26 %",
                "n = 12 and 288, p = 0.004",
            ),
            change("method", (), "Measurement", "start allowance for stdio 5 s", "10 s", "", "from this report on"),
            change(
                "better", ("file-storage",), "Answer time, p95", "44 ms", "41 ms", "−7 %", "n = 12 and 288, p = 0.03"
            ),
        ),
        objectives=(
            goal("Platform answers", "Platform", 0.995, 0.9941, -0.18, 3.1, "since 13:40 today"),
            goal("Models answer within 2 s", "Models", 0.99, 0.9912, 0.12, 2.4, "24–26 Nov"),
            goal("Devices answer", "Devices", 0.995, 0.9978, 0.56, 1.2, "after the period"),
            goal("Intelligence answers", "Intelligence", 0.995, 0.9996, 0.92, 0.3, "after the period"),
            goal("Work answers", "Work", 0.99, 0.9993, 0.93, 0.4, "after the period"),
        ),
        objectives_note="30 days to now, by time. 214 min excluded: maintenance 180, no data 34",
        looming=(
            d.Looming(
                "Memory of ollama-pool-integration reaches its 8 GiB limit",
                NOW + timedelta(days=1),
                NOW + timedelta(days=3),
                "23–25 Nov",
                "past forecasts of this kind: 7 of 9 hit",
                "servers/ollama-pool-integration.html#latency",
            ),
            d.Looming(
                "Certificate of business-intelligence-aggregation ends",
                NOW + timedelta(days=7, hours=10),
                NOW + timedelta(days=7, hours=10),
                "29 Nov, 23:59",
                "read from the certificate",
                "servers/business-intelligence-aggregation.html#about",
            ),
            d.Looming(
                "Disk /var on caelum-01 is full",
                NOW + timedelta(days=10),
                NOW + timedelta(days=17),
                "2–9 Dec",
                "past forecasts of this kind: 11 of 13 hit",
                "host.html",
            ),
        ),
        empty=d.Empty(),
        servers=servers,
        hosts=(host(),),
        contract=contract,
        architecture=diagram(servers),
        read_on=(
            d.ReadOn("Trends", "trends.html", "States and answer times of the fleet over 30 days."),
            d.ReadOn(
                "Architecture and data flow", "architecture.html", "Who needs whom, and what api-gateway takes with it."
            ),
            d.ReadOn("Host", "host.html", "CPU, memory, disks, network of caelum-01."),
            d.ReadOn("Changes", "changes.html", "338 tools, 92 100 tokens; 1 breaking change this week."),
            d.ReadOn("Method and this run", "method.html", "41 s, 23 of 24 asked, no collector failed."),
            d.ReadOn("Moods", "moods.html", "A page that does not exist."),
        ),
        found=(
            FoundConfiguration("Claude Code", "~/.claude.json", ("github", "postgres")),
            FoundConfiguration("Cursor", "~/.cursor/mcp.json", (), "not JSON: line 3, column 7"),
        ),
        run=run(4217),
        previous_run=dataclasses.replace(
            run(4216),
            at=NOW - timedelta(hours=1),
            steps=(
                *run(4216).steps,
                d.StepReport("render", 1.2, "61 files"),
                d.StepReport("deliver", 0.01, "exchanged"),
            ),
        ),
    )


def with_few_charts(report: d.Report, servers: int = 2) -> d.Report:
    """Charts of the first servers only: drawing them is most of the time of a site."""
    kept = report.servers[:servers]
    return dataclasses.replace(
        report, servers=(*kept, *(dataclasses.replace(one, charts=()) for one in report.servers[servers:]))
    )


def well_report() -> d.Report:
    report = fleet_report()
    unsteady = {
        "voice-interface": {14: DEGRADED, 5: None, 2: None},
        "ollama-pool-integration": {12: DOWN, 7: DEGRADED, 6: DEGRADED},
        "api-gateway": {19: DEGRADED},
    }
    rows = sorted(FLEET, key=lambda row: (row[0] not in unsteady, row[0]))
    servers = tuple(
        server(row[0], UP, "", unsteady.get(row[0], {}), 1.0, row[5] or 0.142, row[6], row[7], seed=index)
        for index, row in enumerate(rows, 1)
    )
    return dataclasses.replace(
        report,
        id="r-20261130T0600Z-4402",
        number=4402,
        coverage=d.Coverage(24, 24, 0, 1.0, "24 of 24 asked, 100 % of samples"),
        verdict=d.Verdict(
            "All is well",
            UP,
            "All 24 servers are well.",
            "Nothing needs you. The last incident ended on 24 November, 5 days and 16 hours ago.",
        ),
        tally=((UP, 24),),
        findings=(),
        changes=(),
        objectives=tuple(
            dataclasses.replace(o, achieved=o.target + 0.001, budget_left=0.41 + i / 10)
            for i, o in enumerate(report.objectives)
        ),
        looming=report.looming[2:],
        empty=d.Empty("Nothing.", "Nothing that stands out from chance, in 288 series tested."),
        servers=servers,
        architecture=diagram(servers),
        contract=(),
    )


def first_report() -> d.Report:
    own = server("caelum-report", UP, p95=0.006, count=4, seed=3, charts=False, history=False)
    own = dataclasses.replace(
        own,
        lede="This program's own server, over stdio. It shows what you will see of yours.",
        stages=tuple(
            dataclasses.replace(s, usual_seconds=None)
            if s.name != "canary"
            else d.StageReport("canary", Outcome.UNUSED, None, None, None, False, "")
            for s in own.stages
        ),
        group=None,
        owner=None,
        since=None,
    )
    return dataclasses.replace(
        fleet_report(),
        id="r-20261122T1300Z-1",
        number=1,
        previous=None,
        fleet="caelum-01",
        period_start=NOW,
        compared_start=None,
        interval_seconds=None,
        next_due=None,
        old_after=None,
        coverage=d.Coverage(1, 1, 27, None, "1 of 1 server asked; 27 more found, not asked"),
        verdict=d.Verdict(
            "First report",
            UP,
            "The one server asked is up, and the host has room.",
            "This is the first report. It knows one moment; comparisons begin with the second.",
        ),
        tally=((UP, 1),),
        findings=(
            finding(
                "s1",
                "Set-up",
                None,
                "Choose the servers to ask",
                None,
                0,
                kind="setup",
                evidence="27 servers are named in 3 configurations on this machine. None was started: that takes your consent.",
                impact="Claude Code 19, Cursor 6, VS Code 2",
                cause="Shows each entry, asks, writes caelum.toml.",
                command="caelum-report init",
            ),
            finding(
                "s2",
                "Set-up",
                None,
                "Have it made every hour",
                None,
                0,
                kind="setup",
                impact="Without a timer this page stays as it is.",
                cause="Prints the timer, to be read first; its help says how to install it.",
                command="caelum-report schedule",
            ),
        ),
        changes=(),
        objectives=(),
        objectives_note="",
        looming=(),
        empty=d.Empty(
            "",
            "Nothing to compare with yet. Begins with report #2.",
            "No objective is set. Add slo to a server in caelum.toml; figures begin after 24 hours.",
            "Forecasts begin after 7 days of history, and only where they prove right.",
        ),
        servers=(own,),
        hosts=(dataclasses.replace(host(), charts=()),),
        contract=(),
        architecture=diagram((own,)),
        run=dataclasses.replace(run(1), first_snapshot_at=NOW),
        previous_run=None,
    )


HOSTILE_NAMES = (
    "</script><script>alert(1)</script>",
    "\"onmouseover='alert(1)' x=\"",
    "{{ 7 * 7 }}{% raw %}",
    "a" * 300,
    "\u202egnp.exe",
    "=cmd|' /C calc'!A0",
    "index",
    "CON",
    "..",
    "",
    "Größe/../../etc",
    "]]><!--",
)


def slow_times(servers: tuple[d.ServerReport, ...], words: str = "It took longer.") -> d.Bottlenecks:
    """Two bottlenecks, one that lasts: of a server and of the host."""
    first = servers[0]
    suspects = (d.SuspectReport(words, "host.html", 0.7, words), d.SuspectReport(words, None, 0.3, words))
    of_server = d.BottleneckReport(
        "slow-1", words, NOW - timedelta(hours=2), None, words, first.id, "latency", f"servers/{first.slug}.html#latency",
        tuple(s.id for s in servers), 0.5, (words, words), suspects, "2 hours, 10 requests", words,
        next((c for c in first.charts if c.metric == "latency"), None),
    )  # fmt: skip
    of_host = dataclasses.replace(
        of_server, id="slow-2", server=None, end=NOW - timedelta(hours=1), page="host.html", chart=None
    )
    waits = tuple(
        d.WaitShare(words, s.id, f"servers/{s.slug}.html#latency", None, 0.1, 0.2, 0.4, 0.5, 168) for s in servers[:5]
    )
    return d.Bottlenecks(words, words, "", words, waits, (of_server, of_host))


RECORDS = (
    d.ForecastRecord("disk_used", "value", 0.9, 1240, 1091, 40, 0.31, 1.2, silent=False, sentence="the 90 % interval held 88 % of 1,240 points"),
    d.ForecastRecord("latency", "limit", 0.8, 12, 4, 0, None, 1.0, silent=True, sentence="4 of 12 dates held"),
)  # fmt: skip


def hostile_report() -> d.Report:
    nasty = "</title></textarea><img src=x onerror=alert(1)>\"'`${7*7}{{7*7}}"
    servers = tuple(
        dataclasses.replace(
            server(
                name, tuple(Status)[index % 6], nasty, {0: DOWN}, 0.5, 0.1, 3, nasty if index % 2 else None, seed=index
            ),
            lede=nasty,
            reason=nasty,
            endpoint=nasty,
            owner=nasty,
            server_name=nasty,
            stderr_tail=nasty + "\n" + "x" * 500,
            notes=(Note("banner", nasty),),
            tools=tuple(
                d.ToolReport(Tool(nasty, nasty, nasty * 5, '{"</script>":1}', tokens=5), None, None) for _ in range(2)
            ),
            findings=(f"h{index}",),
            depends_on=(HOSTILE_NAMES[0],),
        )
        for index, name in enumerate(HOSTILE_NAMES)
    )
    findings = tuple(
        dataclasses.replace(
            finding(f"h{index}", nasty, DOWN, nasty, s.id, 3),
            impact=nasty,
            cause=nasty,
            command=f"echo '{nasty}'",
            owner=nasty,
            evidence=nasty,
        )
        for index, s in enumerate(servers)
    )
    report = fleet_report()
    contract = tuple(d.ContractChange(NOW, 1, s.id, "suspicious", nasty, (nasty,), (nasty,), -3) for s in servers)
    return dataclasses.replace(
        report,
        fleet=nasty,
        verdict=d.Verdict(nasty, DOWN, nasty, nasty),
        tally=tuple((status, 2) for status in Status),
        servers=servers,
        findings=findings,
        contract=contract,
        changes=(
            d.Change(
                "worse", (HOSTILE_NAMES[3], HOSTILE_NAMES[0]), nasty, nasty, nasty, nasty, nasty, "javascript:alert(1)"
            ),
        ),
        bottlenecks=slow_times(servers, nasty),
        records=RECORDS,
        looming=(d.Looming(nasty, NOW, NOW, nasty, nasty, "https://example.org/x"),),
        read_on=(d.ReadOn(nasty, "javascript:alert(1)", nasty),),
        objectives=tuple(
            dataclasses.replace(o, name=nasty, spent_by=nasty, servers=(servers[0].id,)) for o in report.objectives[:1]
        ),
        architecture=diagram(servers),
    )


def large_report(count: int = 1000) -> d.Report:
    servers = []
    for index in range(count):
        status = DOWN if index < 4 else DEGRADED if index < 11 else UP
        made = server(
            f"server-{index:04d}",
            status,
            "connect refused" if status is DOWN else "",
            {0: status},
            0.999,
            0.1,
            4,
            f"Group {index % 9}",
            seed=index,
            charts=False,
        )
        servers.append(made)
    report = fleet_report()
    return dataclasses.replace(
        report,
        tally=((DOWN, 4), (DEGRADED, 7), (UP, count - 11)),
        verdict=dataclasses.replace(
            report.verdict,
            sentence="Four servers are down and seven are degraded.",
            lede=f"{count - 11} of {count} servers are well.",
        ),
        servers=tuple(servers),
        findings=(),
        changes=(),
        contract=(),
        architecture=diagram(tuple(servers[:20])),
    )
