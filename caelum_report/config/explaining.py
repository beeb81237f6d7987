"""The configuration in words: what each setting is and which layer won, whether all is well, what a server would start.

Values of the environment, headers, arguments that are keys and URLs never appear; names do.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from caelum_report.configured import Config
from caelum_report.errors import UsageError
from caelum_report.model import Server
from caelum_report.nearest import nearest
from caelum_report.text import Redactor, visible
from caelum_report.words import listing, plural

from . import source_words
from .files import shown
from .loading import resolved
from .places import places
from .reference import UNSET
from .secrets import secret_arguments
from .settings import OPTION_OF, VARIABLES, Options, Settings, Variable, settle, usual_files
from .units import duration

if TYPE_CHECKING:
    from .fields import Table

_TABLES: Final = ("retention", "archive", "budgets", "usage")
_IN_DAYS: Final = {"retention.raw", "retention.hourly", "archive.hourly", "archive.daily"}
_DURATIONS: Final = {"every", "stdio_every", "connect", "request", "server", "first_start", "run", "pdf"}


# --- check and show -------------------------------------------------------------------------------------------------


def check(options: Options, environ: Mapping[str, str], home: Path) -> tuple[str, bool]:
    """What is in use, and every entry that cannot be, with what to do about it; and whether all can be used.

    UsageError where the configuration itself is broken.
    """
    settings = settle(options, environ, home)
    config = resolved(settings, options)
    problems = [server.problem for server in config.servers] + [source.problem for source in config.sources]
    broken = sum(problem is not None for problem in problems)
    verdict = f"{plural(broken, 'entry', 'entries')} cannot be used" if broken else "good"
    lines = [f"{_where(settings)}: {verdict}"]
    sources = f", {plural(len(config.sources), 'source')}" if config.sources else ""
    lines.append(
        f"{plural(len(config.servers), 'server')}{sources}, history in {shown(config.database)}, site in {shown(config.output)}"
    )
    for server in config.servers:
        place = shown(server.sources[0]) if server.sources else "caelum.toml"
        lines += _trouble(visible(server.id, 80), server.problem, f"mend its entry in {place}")
        if server.skip:
            lines.append(f"  {visible(server.id, 80)}: {server.skip}")
        lines += [f"  {visible(server.id, 80)}: {risk.text}" for risk in server.risks]
    for source in config.sources:
        lines += _trouble(f"source {source.name}", source.problem, "mend its [[source]] in caelum.toml")
    lines += [f"  note: {note.text}" for note in config.notes]
    return "\n".join(lines), not broken


_UNSET: Final = re.compile(r"the variable (\S+) is not set")


def _trouble(who: str, problem: str | None, otherwise: str) -> Iterator[str]:
    """An entry that cannot be used, and what to do."""
    if problem is None:
        return
    yield f"  {who}: {problem}"
    unset = _UNSET.search(problem)
    yield "      " + (
        f"set {unset[1]} in the environment of the runs, or in a .env beside caelum.toml; "
        f"see: caelum-report config explain {unset[1]}"
        if unset
        else otherwise
    )


def show(options: Options, environ: Mapping[str, str], home: Path) -> str:
    """The resolved configuration in the manner of caelum.toml, with the layer of each value; secrets by name only."""
    from . import dashboard_tables, edition_tables

    settings = settle(options, environ, home)
    config = resolved(settings, options)
    lines = [f"# {_where(settings)}"]
    lines += [_setting(settings, key) for key in _plain_keys()]
    for name in _TABLES:
        lines += ["", f"[{name}]", *(_setting(settings, f"{name}.{key}") for key in _keys(name))]
    for server in config.servers:
        lines += ["", *_server(server, config)]
    for source in config.sources:
        lines += ["", *source_words.written(source, config)]
    for dashboard in config.dashboards:
        lines += ["", *dashboard_tables.written(dashboard)]
    for edition in config.editions:
        lines += ["", *edition_tables.written(edition)]
    for found in config.found:
        lines += ["", f"# found, not read: {found.host}, {shown(found.path)} ({plural(len(found.servers), 'server')})"]
    return "\n".join(lines)


def _where(settings: Settings) -> str:
    if settings.file is not None:
        beside = f" and {shown(settings.env_file)}" if settings.env_file else ""
        return f"{shown(settings.file)}{beside}"
    return "no caelum.toml; `caelum-report init` writes one"


def _plain_keys() -> Iterator[str]:
    from .schema import LISTS, CaelumToml

    yield from (key for key in CaelumToml.model_fields if key not in {*_TABLES, *LISTS})


def _keys(table: str) -> Iterator[str]:
    from .schema import TABLES, keys_of

    yield from keys_of(TABLES[table]) if table in TABLES else ()


def _setting(settings: Settings, key: str) -> str:
    layer = _layer(settings, key)
    name = key.rpartition(".")[2]
    value = _effective(settings, key)
    return f"{name} = {value}  # {layer}" if value else f"# {name}: {_unset(key)}"


def _server(server: Server, config: Config) -> Iterator[str]:
    yield "[[server]]"
    yield f"name = {json.dumps(visible(server.id), ensure_ascii=False)}"
    if server.sources:
        yield f"# from {', '.join(shown(source) for source in server.sources)}"
    yield from (f"# {line}" for line in describe(server, config))
    for key, value in (("group", server.group), ("owner", server.owner), ("objective", server.objective)):
        if value is not None:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    if server.depends_on:
        yield f"depends_on = {json.dumps(server.depends_on, ensure_ascii=False)}"
    if server.problem or server.skip:
        yield f"# {server.problem or server.skip}"
    if server.watched:
        yield "# of a watched file: started after `caelum-report approve`"


def describe(server: Server, config: Config) -> tuple[str, ...]:
    """What a server would start or contact, for somebody who is to approve it."""
    redactor = Redactor(config.secrets)
    lines = []
    if server.command is not None:
        args = list(server.args)
        for index, secret in secret_arguments(server.args):
            args[index] = args[index].replace(secret, "[redacted]")
        lines.append(f"runs {redactor.clean(shlex.join((server.command, *args)), 2000)}")
        if server.cwd:
            lines.append(f"in {redactor.clean(server.cwd, 500)}")
    elif server.url is not None:
        lines.append(f"asks {server.endpoint} over {server.transport}")
    for what, pairs in (("with the variables", server.env), ("with the headers", server.headers)):
        if pairs:
            lines.append(f"{what} {', '.join(visible(name, 80) for name, _ in pairs)}")
    return tuple(lines)


# --- explain --------------------------------------------------------------------------------------------------------


def explain(key: str, options: Options, environ: Mapping[str, str], home: Path) -> str:
    """What a key or an environment variable means, what each layer says of it, and which one won."""
    settings = settle(options, environ, home)
    if key in VARIABLES and VARIABLES[key].key is None:
        return _explain_variable(VARIABLES[key], settings)
    key = (VARIABLES[key].key or key) if key in VARIABLES else key
    servers = {server.id: server for server in resolved(settings, options).servers} if _is_server(key) else {}
    name = re.sub(r"^server\.?", "", key)
    if name in servers:
        config = resolved(settings, options)
        return "\n".join(_server(servers[name], config))
    table, _, field = name.rpartition(".")
    if _is_server(key) and field in _keys(table or "server"):
        return f"{key}: {_table(table or 'server').model_fields[field].description}\n  each [[server]] says it for itself; `config show` prints them"
    if key == "source" or key.startswith("source."):
        return source_words.explained(key.partition(".")[2], resolved(settings, options))
    if (told := _of_a_list(key)) is not None:
        return told
    if key.isupper() and key not in VARIABLES and (told := _foreign_variable(key, settings, options)):
        return told
    valid = [*_plain_keys(), *(f"{table}.{each}" for table in _TABLES for each in _keys(table))]
    if key not in valid:
        raise UsageError(
            f"{visible(key, 80)}: is not a key{_did_you_mean(key, [*valid, *VARIABLES, *(f'server.{each}' for each in servers)])}"
        )
    return "\n".join(_explained(settings, key))


def _of_a_list(key: str) -> str | None:
    """A key of the blocks of which there may be several, such as `rule.for`."""
    from .schema import LISTS, TABLES, keys_of

    table, _, field = key.partition(".")
    if table not in LISTS or table not in TABLES or table == "server" or field not in keys_of(TABLES[table]):
        return None
    return f"{key}: {keys_of(TABLES[table])[field].description}\n  each [[{table}]] says it for itself"


def _foreign_variable(name: str, settings: Settings, options: Options) -> str:
    """A variable that is no setting of ours; servers' entries may use it. Its value is never shown."""
    if settings.environ.get(name):
        return f"{visible(name, 80)}: set; no setting of ours, an entry may use it as ${{{visible(name, 80)}}}"
    wanting = [s.id for s in resolved(settings, options).servers if f"variable {name} is not set" in (s.problem or "")]
    if not wanting:
        return ""
    needed = listing([visible(each, 80) for each in wanting], 10)
    return f"{visible(name, 80)}: not set, and needed by {needed}\n  set it in the environment of the run, or in .env beside caelum.toml"


def _is_server(key: str) -> bool:
    return key == "server" or key.startswith("server.")


def _did_you_mean(key: str, valid: list[str]) -> str:
    whole = {each.rpartition(".")[2]: each for each in valid} | {each: each for each in valid}
    near = nearest(key, whole)
    return f"; did you mean `{visible(whole[near], 80)}`?" if near else f"; the keys are {', '.join(valid[:20])}, …"


def _explained(settings: Settings, key: str) -> Iterator[str]:
    table, name = _table_of(key), key.rpartition(".")[2]
    value = _effective(settings, key) or _unset(key)
    yield f"{key} = {value}"
    yield f"  {table.model_fields[name].description}"
    yield f"  from: {_place(settings, key)}"
    option = OPTION_OF.get(key)
    if option:
        said = settings.from_options.get(key)
        yield f"  option       {option}: {_written(name, said) if said is not None else 'not given'}"
    variable = next((each.name for each in VARIABLES.values() if each.key == key), None)
    if variable:
        said = settings.from_environment.get(key)
        yield f"  environment  {variable}: {_written(name, said) if said is not None else 'not set'}"
    if settings.file is None:
        yield f"  file         none; looked for in {', '.join(shown(file) for file in usual_files(settings.environ, settings.home))}"
    else:
        at = places(settings.text).get(tuple(key.split(".")))
        said = _said(settings.said, key)
        yield f"  file         {shown(settings.file)}{f':{at[0]}' if at else ''}: {_written(name, said) if said is not None else 'does not set it'}"
    yield f"  default      {_written(name, _default(key), in_days=key in _IN_DAYS) or _unset(key)}"


def _explain_variable(variable: Variable, settings: Settings) -> str:
    value = settings.environ.get(variable.name)
    if not value:
        state = "not set"
    elif variable.secret:
        state = "set (its value is secret)"
    else:
        state = f"set to {visible(Redactor().redact(value), 200)}"
    return f"{variable.name}: {state}\n  {variable.text}"


def _table_of(key: str) -> type[Table]:
    return _table(key.rpartition(".")[0])


def _table(name: str) -> type[Table]:
    from .schema import TABLES

    return TABLES[name]


def _layer(settings: Settings, key: str) -> str:
    """The layer whose value is used."""
    layer = settings.layer(key.partition(".")[0])
    return "default" if layer == "file" and _said(settings.said, key) is None else layer


def _place(settings: Settings, key: str) -> str:
    """Where exactly the value that is used stands."""
    layer = _layer(settings, key)
    if layer == "option":
        return f"option {OPTION_OF[key]}"
    if layer == "environment":
        return f"environment {next(each.name for each in VARIABLES.values() if each.key == key)}"
    if layer == "file":
        at = places(settings.text).get(tuple(key.split(".")), (1, 1))
        return f"{shown(settings.file or '')}:{at[0]}:{at[1]}"
    return layer


def _said(said: Mapping[str, Any], key: str) -> Any:
    value: Any = said
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _default(key: str) -> Any:
    from .schema import default_of

    return default_of(_table_of(key), key.rpartition(".")[2])


def _effective(settings: Settings, key: str) -> str:
    """The value in use as it would stand in caelum.toml, paths absolute; "" where it is worked out at run time."""
    computed = {
        "database": settings.database,
        "output": settings.path("output"),
        "zone": settings.zone,
        "host": settings.host,
    }
    computed["fleet"] = settings.toml.fleet or settings.host
    if key in computed:
        return _written(key, computed[key])
    value: Any = settings.toml
    for part in key.split("."):
        value = getattr(value, part)
    return _written(key.rpartition(".")[2], value, in_days=key in _IN_DAYS)


def _unset(key: str) -> str:
    return UNSET.get(key, "not set")


def _written(name: str, value: Any, *, in_days: bool = False) -> str:
    if value is None or (name == "path" and value == ""):
        return ""
    if isinstance(value, float) and name in _DURATIONS:
        return f'"{duration(value)}"'
    if in_days:
        return f'"{value}d"'
    return visible(json.dumps(value, ensure_ascii=False, default=str), 4000)
