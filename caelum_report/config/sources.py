"""[[source]] blocks and the environment's addresses become `Source`s: variables replaced, secrets known, endpoints shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from caelum_report.model import Source
from caelum_report.text import visible

from .endpoint import url_endpoint, url_problem
from .secrets import in_value
from .settings import Settings
from .variables import UnsetError, Variables, expand

if TYPE_CHECKING:
    from .source_tables import SourceTable

_SHORTEST_SECRET = 8


@dataclass(slots=True)
class _Filled:
    """A block's options with their variables replaced; the first trouble and every secret on the way are kept."""

    variables: Variables
    problem: str | None = None
    secrets: set[str] = field(default_factory=set)

    def value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return self.text(value, key)
        if isinstance(value, Mapping):
            return {name: self.value(part, name) for name, part in value.items()}
        if isinstance(value, Sequence):
            return [self.value(part, key) for part in value]
        return value

    def text(self, text: str, key: str) -> str:
        try:
            filled, secrets = expand(text, self.variables)
        except UnsetError as error:
            self.problem = self.problem or f"{visible(key, 80)}: {error}"
            return text
        self.secrets.update(secret for secret in (*secrets, *in_value(key, filled)) if len(secret) >= _SHORTEST_SECRET)
        return filled


def sources_of(settings: Settings, variables: Variables) -> tuple[tuple[Source, ...], set[str]]:
    """Every source, in the order of the file, then those that the environment alone names; and their secrets."""
    found, secrets = [], set[str]()
    for block in (*settings.toml.source, *_unwritten(settings, variables)):
        filled = _Filled(variables)
        said = block.model_dump(exclude={"name", "kind", "timeout"})
        options = _with_environment(block, filled.value(said, ""), variables, filled)
        if "files" in options:
            options["files"] = _files(options, settings)
        options |= {name: settings.placed(options[name]) for name in ("ca", "cert", "key") if options.get(name)}
        problem = filled.problem or _unusable(block, options)
        secrets |= filled.secrets
        found.append(
            Source(visible(block.name), _kind(block), options, _endpoint(options), block.timeout, problem=problem)
        )
    return tuple(found), secrets


def _files(options: Mapping[str, Any], settings: Settings) -> list[str]:
    """Patterns, absolute; those of a preset among them."""
    from .usage import host_log_folder

    said = [settings.placed(each) for each in options["files"]]
    if options["preset"] is None:
        return said
    folder = host_log_folder(options["preset"], settings)
    return [*said, f"{folder}/mcp*.log*" if options["preset"] == "claude-desktop" else f"{folder}/**/mcpServer*.log*"]


def _kind(block: SourceTable) -> str:
    return str(getattr(block, "kind"))  # noqa: B009 - a literal of its own in every table


def _unwritten(settings: Settings, variables: Variables) -> Iterator[SourceTable]:
    """A source for each kind whose address the environment gives and no block speaks of."""
    from .source_tables import ENVIRONMENT, QUERIED, SOURCE_TABLES

    names = {block.name for block in settings.toml.source}
    written = {_kind(block) for block in settings.toml.source}
    for kind, keys in ENVIRONMENT.items():
        if kind not in {*written, *names, *QUERIED} and variables.get(next(iter(keys.values()))):
            yield SOURCE_TABLES[kind].model_validate({"name": kind, "kind": kind})
    if not written & {"http-json"} and "api-gateway" not in names and variables.get("CAELUM_BASE_URL"):
        yield SOURCE_TABLES["http-json"].model_validate({"name": "api-gateway", "kind": "http-json", "url": "/"})


def _with_environment(
    block: SourceTable, options: dict[str, Any], variables: Variables, filled: _Filled
) -> dict[str, Any]:
    """What the block leaves to the variables of its kind; and the gateway before an address that begins with a slash."""
    from .source_tables import ENVIRONMENT

    for key, variable in ENVIRONMENT.get(_kind(block), {}).items():
        if options.get(key) is None and (value := variables.get(variable)):
            options[key] = filled.value(value, variable)
    url = options.get("url")
    if isinstance(url, str) and url.startswith("/"):
        base, api_key = variables.get("CAELUM_BASE_URL"), variables.get("CAELUM_API_KEY")
        if not base:
            filled.problem = filled.problem or "`url` begins with / and the variable CAELUM_BASE_URL is not set"
            return options
        options["url"] = filled.text(base.rstrip("/") + url, "url")
        if api_key and not options.get("token") and not options.get("user"):
            options["token"] = filled.text(api_key, "token")
    return options


def _unusable(block: SourceTable, options: Mapping[str, Any]) -> str | None:
    """Why it cannot be asked, as far as its options show."""
    from .source_tables import ENVIRONMENT, SCHEMES, HttpTable

    if "files" in options and not options["files"] and not options["journal"]:
        return "it names neither `files` nor a `journal` nor a `preset`"
    if "url" not in options:
        return None
    if options["url"] is None:
        variable = ENVIRONMENT.get(_kind(block), {}).get("url")
        return f"it has no `url`, and the variable {variable} is not set" if variable else "it has no `url`"
    if isinstance(block, HttpTable):
        return url_problem(options["url"])
    if options["url"].startswith("ssh://"):
        return (
            "ssh:// is not spoken: forward the engine's socket (ssh -L) and name that, or use tcp:// with certificates"
        )
    if options.get("cert") and not options.get("key"):
        return "`cert` needs its `key`"
    schemes = SCHEMES.get(_kind(block), ())
    if schemes and not _begins(options["url"], schemes):
        return f"`url` is no address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    return None


def _begins(url: str, schemes: Sequence[str]) -> bool:
    try:
        parts, _ = urlsplit(url), urlsplit(url).port
    except ValueError:
        return False
    return parts.scheme in schemes


def _endpoint(options: Mapping[str, Any]) -> str:
    """What may be shown of where it is."""
    if url := options.get("url"):
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return "an address that cannot be read"
        if parts.scheme in {"http", "https"}:
            return url_endpoint(url)
        shown = f"[{host}]" if ":" in host else host
        return visible(f"{parts.scheme}://{shown}{f':{port}' if port else ''}", 200)
    if tool := options.get("tool"):
        return visible(f"{options['server']}: {tool}", 200)
    if "files" in options:  # names only, for folders may tell more than they should
        units = [f"journal of {unit}" for unit in options["journal"]]
        return visible(", ".join([*(Path(file).name for file in options["files"]), *units]), 200)
    return ""
