"""The simulated fleet: 24 servers of the Caelum ecosystem, their tools, and how fast they are on a good day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from caelum_report.model import Era, Surface, Tool, Transport

HTTP, SSE, STDIO = Transport.HTTP, Transport.SSE, Transport.STDIO
LEGACY, MODERN = Era.LEGACY, Era.MODERN


@dataclass(frozen=True, slots=True)
class Member:
    """A server of the fleet. `tools` is a line of `noun: verb verb; …`; a word with an underscore is a whole name."""

    id: str
    group: str
    owner: str
    transport: Transport
    era: Era
    seconds: float  # median of a short request
    tools: str
    version: str = "1.4.2"
    objective: float | None = None
    latency_objective: float | None = None
    depends_on: tuple[str, ...] = ()
    canary: str | None = None
    rss_mib: int = 90
    port: int = 443
    resources: int = 0
    prompts: int = 0


FLEET: Final = (
    Member(
        "agentic-workflow", "Work", "Work team", STDIO, LEGACY, 0.106,
        "workflow: list get create run pause resume cancel delete; step: list get retry skip; diagram: render export; "
        "agent: list assign release; trigger: list create delete; run: list get compare explain",
        "2.1.0", 0.99, 0.4, ("ollama-pool-integration", "workflow-orchestration"), None, 140, prompts=3,
    ),
    Member(
        "analytics-metrics", "Intelligence", "Intelligence team", HTTP, MODERN, 0.31,
        "metric: list get record query compare; series: get aggregate resample; dashboard: list get export; "
        "alert: list create; report: create get schedule",
        "3.2.1", 0.995, 0.9, ("file-storage",), port=8441, resources=6,
    ),
    Member(
        "api-gateway", "Platform", "Platform team", HTTP, LEGACY, 0.045,
        "route: list get create update delete enable disable test; key: list create rotate revoke; "
        "service: list get register remove; policy: list get update; quota: list get update; cache: get purge; "
        "request: search get replay; certificate: list get; plugin: list get",
        "4.0.3", 0.995, 0.25, port=3000,
    ),
    Member(
        "business-intelligence-aggregation", "Intelligence", "Intelligence team", HTTP, LEGACY, 0.39,
        "report: list get create schedule delete; source: list get register remove refresh; kpi: list get compare forecast; "
        "dataset: list get query join export; cube: list get slice; insight: list get explain; segment: list get",
        "1.9.4", 0.995, 1.2, ("analytics-metrics",), port=8446, resources=4, prompts=2,
    ),
    Member(
        "caelum-report", "Reporting", "Platform team", STDIO, MODERN, 0.042,
        "get_report list_servers get_server list_findings", "0.1.0", rss_mib=31,
    ),
    Member(
        "cluster-communication", "Platform", "Platform team", HTTP, LEGACY, 0.071,
        "node: list get join drain; message: send broadcast search; topic: list create delete; lock: acquire release",
        "1.2.0", 0.995, 0.3, port=8443,
    ),
    Member(
        "code-analysis", "Work", "Work team", STDIO, LEGACY, 0.33,
        "file: analyse get; symbol: search get; reference: search; metric: list compare; smell: list explain; duplicate: search",
        "0.9.8", 0.99, 0.95, ("file-storage",), rss_mib=310,
    ),
    Member(
        "cross-device-notification", "Devices", "Devices team", SSE, LEGACY, 0.066,
        "notification: send schedule cancel list; device: list mute", "1.1.7", 0.995, depends_on=("device-orchestration",), port=8447,
    ),
    Member(
        "deployment-infrastructure", "Platform", "Platform team", STDIO, LEGACY, 0.17,
        "deployment: list get create rollback promote; environment: list get create delete; image: list get scan; "
        "secret: list rotate; log: search; health: check; preview_rollback diff_deployment pin_image",
        "2.6.0", 0.99, 0.36, rss_mib=120,
    ),
    Member(
        "device-orchestration", "Devices", "Devices team", HTTP, LEGACY, 0.155,
        "device: list get register remove update reboot locate; group: list create delete assign; command: send get cancel; "
        "firmware: list update; session: list end",
        "2.0.5", 0.995, 0.6, ("api-gateway",), "list_devices", port=8444,
    ),
    Member(
        "file-storage", "Platform", "Platform team", STDIO, MODERN, 0.03,
        "file: list get create update delete move copy search; folder: list create delete; share: create",
        "1.7.3", 0.995, rss_mib=48, resources=12,
    ),
    Member(
        "integration-testing", "Work", "Work team", STDIO, LEGACY, 0.25,
        "suite: list get run cancel; case: list get create skip; result: list get compare; fixture: list create delete",
        "1.0.9", 0.98, rss_mib=170,
    ),
    Member(
        "intelligence-hub", "Intelligence", "Intelligence team", HTTP, MODERN, 0.28,
        "insight: list get explain rank; topic: list get follow; question: ask refine; source: list get register; "
        "summary: create get compare",
        "2.3.0", 0.99, 1.0, ("knowledge-management",), port=8448, prompts=5,
    ),
    Member(
        "knowledge-management", "Intelligence", "Intelligence team", STDIO, MODERN, 0.19,
        "note: list get create update delete search; link: list create delete; collection: list get create; tag: list rename; "
        "graph: query export; snapshot: create",
        "1.5.5", 0.99, 0.4, ("file-storage",), rss_mib=150, resources=9, prompts=2,
    ),
    Member(
        "ollama-pool-integration", "Models", "Models team", STDIO, MODERN, 0.21,
        "list_models generate embed pull_model node_status unload_model; queue: get drain; node: list",
        "1.3.1", 0.99, 0.6, (), "list_models", 3400,
    ),
    Member(
        "opportunity-discovery", "Intelligence", "Intelligence team", STDIO, LEGACY, 0.42,
        "opportunity: list get score dismiss search; signal: list get; market: compare",
        "0.8.2", 0.98, 1.15, ("business-intelligence-aggregation",), rss_mib=210,
    ),
    Member(
        "performance-optimization", "Models", "Models team", STDIO, MODERN, 0.115,
        "profile: list get create compare; bottleneck: list explain; setting: list apply revert",
        "1.2.8", 0.99, rss_mib=110,
    ),
    Member(
        "project-intelligence", "Intelligence", "Intelligence team", STDIO, LEGACY, 0.3,
        "find_symbols; project: list get analyse compare; dependency: list explain; milestone: list get forecast; "
        "risk: list get; contributor: list",
        "2.9.0", 0.995, 0.62, ("code-analysis", "file-storage"), rss_mib=230, resources=3,
    ),
    Member(
        "security-compliance", "People", "Identity team", STDIO, LEGACY, 0.088,
        "policy: list get check; control: list get evidence; audit: list get export; exception: list create revoke; standard: list",
        "1.6.1", 0.99, rss_mib=95,
    ),
    Member(
        "security-management", "People", "Identity team", HTTP, MODERN, 0.097,
        "user: list get lock unlock; role: list get create delete assign revoke; token: list create revoke; session: list end; "
        "event: search get; secret: list rotate; finding: list dismiss",
        "2.2.2", 0.995, 0.5, ("user-profile",), port=8449,
    ),
    Member(
        "team-integration", "Work", "Work team", SSE, LEGACY, 0.128,
        "channel: list get create; message: send search; member: list get invite; calendar: list; task: list create",
        "1.3.3", 0.99, port=8450,
    ),
    Member(
        "user-profile", "People", "Identity team", HTTP, LEGACY, 0.083,
        "profile: list get update merge export delete; preference: get update; consent: list record revoke",
        "3.0.1", 0.995, 0.4, port=8442,
    ),
    Member(
        "voice-interface", "Devices", "Devices team", STDIO, LEGACY, 0.2,
        "voice: list get; speech: create transcribe cancel; wake_word get_session", "0.7.0", 0.98, rss_mib=260,
    ),
    Member(
        "workflow-orchestration", "Work", "Work team", HTTP, LEGACY, 0.138,
        "workflow: list get create update delete start pause resume cancel; run: list get retry; schedule: list create delete; "
        "event: list send; approval: list grant deny; template: list get",
        "2.4.4", 0.995, 0.6, ("api-gateway",), "list_workflows", port=8445,
    ),
)  # fmt: skip


# --- tools ----------------------------------------------------------------------------------------------------------

HTTPS: Final = {"business-intelligence-aggregation", "intelligence-hub", "security-management", "user-profile"}

_PAGE: Final = {"limit": "integer", "cursor": "string"}
_MANY: Final = {"list", "search"}
_VERBS: Final[dict[str, tuple[str, dict[str, str], tuple[str, ...]]]] = {
    # verb: what the tool says of itself, its arguments, which of them are required
    "list": ("Lists {many}, newest first, a page at a time.", _PAGE, ()),
    "search": ("Finds {many} by words and filters, best match first.", {"query": "string", **_PAGE}, ("query",)),
    "get": ("One {one} with everything that is known about it.", {"id": "string"}, ("id",)),
    "create": ("Makes a new {one} and returns its id.", {"name": "string", "options": "object"}, ("name",)),
    "update": ("Changes the named fields of one {one}; the others stay.", {"id": "string", "fields": "object"}, ("id", "fields")),
    "delete": ("Removes one {one} for good.", {"id": "string", "confirm": "boolean"}, ("id", "confirm")),
    "export": ("One {one} as a file.", {"id": "string", "format": "string"}, ("id",)),
    "compare": ("What differs between two {many}, the largest difference first.", {"left": "string", "right": "string"}, ("left", "right")),
    "explain": ("Why this {one} is as it is, with the evidence.", {"id": "string"}, ("id",)),
    "query": ("Runs a query over {many} and returns rows.", {"query": "string", "limit": "integer"}, ("query",)),
    "send": ("Sends one {one} to a target.", {"target": "string", "body": "string"}, ("target", "body")),
    "schedule": ("Runs one {one} at a time or on a calendar.", {"id": "string", "at": "string"}, ("id", "at")),
}  # fmt: skip
_OTHER: Final = ("{verb} one {one}.", {"id": "string", "reason": "string"}, ("id",))
_NAMED: Final[dict[str, tuple[str, dict[str, str], tuple[str, ...]]]] = {
    "list_models": ("Models the pool can serve now.", {"node": "string"}, ()),
    "generate": ("Text from a prompt.", {"prompt": "string", "model": "string", "stream": "boolean"}, ("prompt", "model")),
    "embed": ("Vectors for a list of texts.", {"texts": "array", "model": "string"}, ("texts",)),
    "pull_model": ("Fetches a model onto a node.", {"model": "string", "node": "string"}, ("model",)),
    "node_status": ("Load and memory of one node.", {"node": "string"}, ("node",)),
    "unload_model": ("Frees a model's memory.", {"model": "string", "node": "string"}, ("model",)),
    "find_symbols": ("Definitions by name or pattern, in every language of the project.", {"query": "string", "limit": "integer"}, ("query",)),
    "search_symbols": ("Definitions by name or pattern.", {"query": "string", "limit": "integer"}, ("query",)),
}  # fmt: skip
_DESTRUCTIVE: Final = {"delete", "remove", "revoke", "purge", "drain", "reboot", "unload"}
_READING: Final = {
    "list",
    "search",
    "get",
    "query",
    "compare",
    "explain",
    "export",
    "check",
    "find",
    "diff",
    "preview",
    "node",
}


def surface(member: Member) -> Surface:
    """What the server offers today."""
    return _surface(member.id, _tools(member.tools), member.resources, member.prompts)


def surface_before(member: Member) -> Surface:
    """What it offered before the contract change that `incidents` plants for it."""
    tools = {tool.name: tool for tool in _tools(member.tools)}
    match member.id:
        case "project-intelligence":
            del tools["find_symbols"]
            tools |= {name: _named(name) for name in ("search_symbols", "list_symbols")}
        case "ollama-pool-integration":
            description, properties, _ = _NAMED["generate"]
            tools["generate"] = _tool("generate", description, properties, ("prompt",))
        case "deployment-infrastructure":
            for name in ("preview_rollback", "diff_deployment", "pin_image"):
                del tools[name]
        case "knowledge-management":
            reworded = tools["search_notes"]
            tools["search_notes"] = _sealed(replace(reworded, description="Full-text search over notes."))
    return _surface(member.id, tuple(tools.values()), member.resources, member.prompts)


def _surface(name: str, tools: tuple[Tool, ...], resources: int, prompts: int) -> Surface:
    tools = tuple(sorted(tools, key=lambda tool: tool.name))
    uris = tuple(f"{name}://item/{number}" for number in range(1, resources + 1))
    names = ("brief", "summarise", "explain", "plan", "review")[:prompts]
    content = json.dumps([[tool.sha256 for tool in tools], uris, names])
    return Surface(tools, uris, names, hashlib.sha256(content.encode()).hexdigest())


@cache
def _tools(line: str) -> tuple[Tool, ...]:
    names: list[str] = []
    for part in line.split("; "):
        noun, colon, verbs = part.partition(": ")
        names += (
            [f"{verb}_{_plural(noun) if verb in _MANY else noun}" for verb in verbs.split()] if colon else part.split()
        )
    return tuple(map(_named, names))


def _named(name: str) -> Tool:
    if name in _NAMED:
        return _tool(name, *_NAMED[name])
    verb, _, noun = name.partition("_")
    description, properties, required = _VERBS.get(verb, _OTHER)
    one = noun.removesuffix("s").replace("_", " ") if verb in _MANY else noun.replace("_", " ")
    return _tool(name, description.format(verb=verb.capitalize(), one=one, many=_plural(one)), properties, required)


def _plural(noun: str) -> str:
    if noun.endswith("y") and not noun.endswith(("ay", "ey")):
        return f"{noun[:-1]}ies"
    return noun if noun.endswith("s") else f"{noun}s"


def _tool(name: str, description: str, properties: dict[str, str], required: tuple[str, ...]) -> Tool:
    verb = name.partition("_")[0]
    schema: dict[str, Any] = {"properties": {key: {"type": kind} for key, kind in properties.items()}, "type": "object"}
    if required:
        schema["required"] = list(required)
    annotations = {"destructiveHint": verb in _DESTRUCTIVE, "readOnlyHint": verb in _READING}
    return _sealed(
        Tool(name, description=description, schema=_canonical(schema), annotations=tuple(annotations.items()))
    )


def _sealed(tool: Tool) -> Tool:
    """With the size and the hash of its declaration."""
    declaration = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": json.loads(tool.schema),
        "annotations": dict(tool.annotations),
    }
    text = _canonical(declaration).encode()
    return replace(tool, bytes=len(text), tokens=len(text) // 4, sha256=hashlib.sha256(text).hexdigest())


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
