"""The caelum.toml that `init` writes: the files it found, the PATH it saw, and every other setting as a comment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from caelum_report.errors import UsageError
from caelum_report.model import FoundConfiguration
from caelum_report.text import visible
from caelum_report.words import listing

from .files import shown

_TEMPLATE = """\
# caelum-report: what to ask, and how often. `caelum-report config check` reads this file; `config explain KEY` says more.

fleet = {fleet}
zone = {zone}
# every = "1h"                  # how often a report is meant to be made; gaps are judged by it
# stdio_every = "15m"           # stdio servers are started at most this often
# output = "/var/www/mcp"       # the published site; from here, or absolute
# site_url = "https://status.example.org/mcp/"
# fail_on = "needs-action"      # exit status 6 when something needs action
# pass_env = ["NODE_EXTRA_CA_CERTS"]   # names only; the values stay in the environment or in .env beside this file

# Watched: a new or changed server in these files waits for `caelum-report approve`.
mcp_configs = [
{configs}]
# trust = "file"                # no waiting: whoever can edit those files may start servers as you

# The PATH that servers are started with; cron's is short.
path = {path}

# Facts that an mcp.json cannot say, by the server's name; with `command` or `url`, a server of its own.
# [[server]]
# name = "github"
# group = "Developers"
# owner = "ada@example.org"
# objective = "99.5 %"
# latency_objective = "500ms"
# depends_on = ["gateway"]
# every = "1d"
# canary = {{ tool = "get_me", arguments = {{}} }}
# maintenance = [{{ start = 2027-01-03T02:00:00, end = 2027-01-03T03:00:00, weekly = true, reason = "backup" }}]
#
# [[server]]
# name = "gateway"
# url = "https://mcp.example.org/mcp"
# headers = {{ Authorization = "Bearer ${{GATEWAY_TOKEN}}" }}
"""


def initial_toml(found: Sequence[FoundConfiguration], *, fleet: str, zone: str, path: str) -> str:
    """The text of a first caelum.toml that watches the configurations found. Those that cannot be read are comments."""
    configs = "".join(_line(each) for each in found)
    path = os.pathsep.join(dict.fromkeys(path.split(os.pathsep)))
    return _TEMPLATE.format(fleet=quoted(fleet), zone=quoted(zone), path=quoted(path), configs=configs)


def _line(found: FoundConfiguration) -> str:
    names = listing([visible(name, 40) for name in found.servers], 6)
    comment = f"{found.host}: {found.problem or names}"
    disabled = "# " if found.problem or not _is_text(found.path) else ""
    return f"  {disabled}{quoted(found.path)},  # {visible(comment, 400)}\n"


def _is_text(text: str) -> bool:
    return not re.search(r"[\ud800-\udfff]", text)


def quoted(text: str) -> str:
    """A TOML string."""
    plain = re.sub(r"[\ud800-\udfff]", "\ufffd", text)
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")


def initial_file(environ: Mapping[str, str], home: Path) -> Path:
    """Where `init` writes: $CAELUM_CONFIG, or the XDG folder."""
    if said := environ.get("CAELUM_CONFIG"):
        return Path(said).absolute()
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "caelum-report" / "caelum.toml"


def write_initial(text: str, file: Path) -> None:
    """Writes `file`, for its owner's eyes only. An existing file is never replaced."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        raise UsageError(f"{shown(file)}: is there already; edit it, or move it away first") from None
    except OSError as error:
        raise UsageError(f"{shown(file)}: cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
