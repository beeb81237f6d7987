"""The layers of settings: defaults, caelum.toml, the environment, options; a later one wins, and each knows where it stands."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from caelum_report.errors import UsageError
from caelum_report.model import Note
from caelum_report.text import visible
from caelum_report.words import listing

from .files import is_there, parse_toml, read_env_file, read_secret, read_text, shown

if TYPE_CHECKING:
    from .schema import CaelumToml


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None where it says nothing."""

    config: Path | None = None
    mcp_config: tuple[Path, ...] = ()
    db: Path | None = None
    output: Path | None = None
    pdf: bool | None = None
    fail_on: str | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that we know. `key` is the setting that it overrides; None: see `text`."""

    name: str
    key: str | None
    text: str = ""
    secret: bool = False


VARIABLES: Final = {
    variable.name: variable
    for variable in (
        Variable("CAELUM_FLEET", "fleet"),
        Variable("CAELUM_HOST", "host"),
        Variable("CAELUM_ZONE", "zone"),
        Variable("CAELUM_EVERY", "every"),
        Variable("CAELUM_STDIO_EVERY", "stdio_every"),
        Variable("CAELUM_DATABASE", "database"),
        Variable("CAELUM_OUTPUT", "output"),
        Variable("CAELUM_PUBLISH", "publish"),
        Variable("CAELUM_SITE_URL", "site_url"),
        Variable("CAELUM_PDF", "pdf"),
        Variable("CAELUM_PAPER", "paper"),
        Variable("CAELUM_FAIL_ON", "fail_on"),
        Variable("MCP_SERVERS_CONFIG_PATH", "mcp_configs"),
        Variable(
            "CAELUM_PING_URL",
            None,
            "a dead man's switch, asked after every published report; it alarms on silence",
            secret=True,
        ),
        Variable("CAELUM_CONFIG", None, "the caelum.toml to use"),
        Variable("CONFIGURATION_DIRECTORY", None, "systemd's folder, in which caelum.toml is looked for"),
        Variable("CREDENTIALS_DIRECTORY", None, "systemd's folder, in which variables that are not set are looked for"),
        Variable("STATE_DIRECTORY", None, "systemd's folder for the history, unless `database` is set"),
        Variable("DEBUG", None, "1, true, yes or on: as --verbose"),
        Variable("CAELUM_ANALYTICS_HOST", None, "accepted and not needed: a static site is served by any web server"),
        Variable("CAELUM_ANALYTICS_PORT", None, "accepted and not needed: a static site is served by any web server"),
        Variable("CAELUM_BASE_URL", None, "the API gateway: where the `url` of an http-json source begins with /"),
        Variable("CAELUM_API_KEY", None, "the API gateway's key, sent there as Authorization: Bearer", secret=True),
        Variable(
            "INFLUXDB_URL", None, "InfluxDB's address, for sources of the kinds influxdb, influxdb-health", secret=True
        ),
        Variable("INFLUXDB_TOKEN", None, "InfluxDB's token, for a source of kind influxdb", secret=True),
        Variable("INFLUXDB_ORG", None, "InfluxDB's organisation, for a source of kind influxdb"),
        Variable("INFLUXDB_BUCKET", None, "InfluxDB's bucket, for a source of kind influxdb"),
        Variable("REDIS_URL", None, "Redis' address, for a source of kind redis", secret=True),
        Variable("POSTGRES_URL", None, "PostgreSQL's address, for a source of kind postgresql", secret=True),
        Variable(
            "PROMETHEUS_URL",
            None,
            "Prometheus' address, for sources of the kinds prometheus, prometheus-health",
            secret=True,
        ),
        Variable("GRAFANA_URL", None, "Grafana's address, for a source of kind grafana", secret=True),
    )
}
_YES: Final = {"1", "true", "yes", "on"}
_NO: Final = {"0", "false", "no", "off", ""}
_OF_ONE_RUN: Final = {"DEBUG", "CREDENTIALS_DIRECTORY", "CAELUM_ANALYTICS_HOST", "CAELUM_ANALYTICS_PORT"}
PATHS: Final = ("database", "output")


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings, and what every layer said."""

    toml: CaelumToml
    file: Path | None
    text: str = field(repr=False)  # of the file
    said: Mapping[str, Any] = field(repr=False)  # what the file says
    from_environment: Mapping[str, Any] = field(repr=False)
    from_options: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)  # with the .env
    env_file: Path | None
    home: Path
    notes: tuple[Note, ...] = ()

    @property
    def folder(self) -> Path:
        """Where relative paths of the file start."""
        return self.file.parent if self.file is not None else Path.cwd()

    def placed(self, path: str) -> str:
        """A path that the file says, absolute."""
        return str(placed(path, self.home, self.folder))

    def layer(self, key: str) -> str:
        """The layer that won for a top-level key: option, environment, file or default."""
        layers = (("option", self.from_options), ("environment", self.from_environment), ("file", self.said))
        return next((name for name, values in layers if key in values), "default")

    def path(self, key: str) -> str:
        """A path setting, absolute: relative to the file that says it, or to the working folder."""
        value = str(getattr(self.toml, key))
        return str(placed(value, self.home, self.folder if self.layer(key) == "file" else Path.cwd()))

    @property
    def database(self) -> str:
        return self.path("database") if self.toml.database is not None else default_database(self.environ, self.home)

    @property
    def zone(self) -> str:
        return self.toml.zone or system_zone(self.environ)

    @property
    def host(self) -> str:
        return visible(self.toml.host or socket.gethostname(), 80) or "localhost"

    @property
    def watched_files(self) -> tuple[Path, ...]:
        start = self.folder if self.layer("mcp_configs") == "file" else Path.cwd()
        return tuple(placed(path, self.home, start) for path in self.toml.mcp_configs)


def settle(options: Options, environ: Mapping[str, str], home: Path) -> Settings:
    """Reads caelum.toml and lays the environment and the options over it."""
    from .judging import judge

    file = find_file(options, environ, home)
    text = read_text(file) if file is not None else ""
    said = parse_toml(file, text) if file is not None else {}
    env_file = file.with_name(".env") if file is not None else None
    if env_file is not None and is_there(env_file):
        environ = {**read_env_file(env_file), **environ}
    else:
        env_file = None
    over = _from_environment(environ)
    chosen = _from_options(options)
    origins = {VARIABLES[name].key or "": name for name in environ if name in VARIABLES and VARIABLES[name].key in over}
    origins |= {key: option for key, option in OPTION_OF.items() if key in chosen}
    toml = judge({**said, **over, **chosen}, origins, file, text)
    return Settings(toml, file, text, said, over, chosen, environ, env_file, home, _notes(environ))


def find_file(options: Options, environ: Mapping[str, str], home: Path) -> Path | None:
    """`--config`, $CAELUM_CONFIG, $CONFIGURATION_DIRECTORY, the XDG folder, /etc/caelum-report; never the working folder."""
    for said, path in (("--config", options.config), ("CAELUM_CONFIG", environ.get("CAELUM_CONFIG") or None)):
        if path is not None:
            file = placed(str(path), home, Path.cwd())
            if file.is_dir():
                raise UsageError(
                    f"{said}: {shown(file)} is a folder; name the file in it: {shown(file / 'caelum.toml')}"
                )
            if not is_there(file):
                raise UsageError(f"{said}: {shown(file)}: no such file; `caelum-report init` writes one")
            return file
    return next((file for file in usual_files(environ, home) if is_there(file)), None)


def usual_files(environ: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where caelum.toml is looked for when nobody names it, first to last."""
    folders = [Path(folder) for folder in environ.get("CONFIGURATION_DIRECTORY", "").split(":") if folder]
    folders += [Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "caelum-report", Path("/etc/caelum-report")]
    return tuple(folder / "caelum.toml" for folder in folders)


def placed(path: str, home: Path, start: Path) -> Path:
    """A path as people write it, absolute."""
    return (home / path[2:] if path == "~" or path.startswith("~/") else start / path).absolute()


# --- defaults that depend on the machine ----------------------------------------------------------------------------


def default_database(environ: Mapping[str, str], home: Path) -> str:
    """`history.sqlite` in $STATE_DIRECTORY or the XDG state folder."""
    if folder := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return str(Path(folder) / "history.sqlite")
    return str(Path(environ.get("XDG_STATE_HOME") or home / ".local/state") / "caelum-report" / "history.sqlite")


def system_zone(environ: Mapping[str, str], localtime: Path = Path("/etc/localtime")) -> str:
    """$TZ, or where /etc/localtime leads, or what /etc/timezone says, or UTC."""
    linked = os.path.realpath(localtime).partition("/zoneinfo/")[2]
    written = read_secret(localtime.with_name("timezone")) or ""
    for name in (environ.get("TZ", "").removeprefix(":"), linked, written.strip()):
        if name and _is_zone(name):
            return name
    return "UTC"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


# --- environment and options ----------------------------------------------------------------------------------------


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Settings that variables give; an empty variable says nothing."""
    read: dict[str, Callable[[str], Any]] = {
        "pdf": lambda value: {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}.get(value.lower(), value),
        "mcp_configs": lambda value: [path for path in value.split(os.pathsep) if path],
    }
    return {
        variable.key: read.get(variable.key, str)(environ[name])
        for name, variable in VARIABLES.items()
        if variable.key is not None and environ.get(name)
    }


OPTION_OF: Final = {"database": "--db", "output": "--output", "pdf": "--no-pdf", "fail_on": "--fail-on"}


def _from_options(options: Options) -> dict[str, Any]:
    said = {
        "database": str(options.db) if options.db is not None else None,
        "output": str(options.output) if options.output is not None else None,
        "pdf": options.pdf,
        "fail_on": options.fail_on,
    }
    return {key: value for key, value in said.items() if value is not None}


def decided(environ: Mapping[str, str], home: Path) -> list[str]:
    """The variables of a person's shell that say what a report is about: where configuration and history are, and settings."""
    usual = {"XDG_CONFIG_HOME": str(home / ".config"), "XDG_STATE_HOME": str(home / ".local/state")}
    return [
        name
        for name in (*usual, *VARIABLES)
        if environ.get(name) and name not in _OF_ONE_RUN and environ[name].rstrip("/") != usual.get(name)
    ]


def carried(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Of these what a timer's runs are told, so that they do not begin a history of their own and publish it over the site
    of this one. Secrets are not: they would stand in a crontab.
    """
    secret = {name for name, variable in VARIABLES.items() if variable.secret}
    return {name: environ[name] for name in decided(environ, home) if name not in secret}


def is_debug(environ: Mapping[str, str]) -> bool:
    return environ.get("DEBUG", "").lower() in _YES


def _notes(environ: Mapping[str, str]) -> tuple[Note, ...]:
    unneeded = [name for name in ("CAELUM_ANALYTICS_HOST", "CAELUM_ANALYTICS_PORT") if environ.get(name)]
    if not unneeded:
        return ()
    text = f"{listing(unneeded)}: accepted and not needed; a static site is served by any web server"
    return (Note("variable-unneeded", text),)
