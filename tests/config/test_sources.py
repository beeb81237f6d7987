"""[[source]] blocks and the environment's addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import Options, explain, load, show
from caelum_report.config import check as check_configuration
from caelum_report.errors import UsageError
from caelum_report.model import Source

Write = Callable[..., Path]

BLOCK = """
[[source]]
name = "shop"
kind = "http-json"
url = "https://bob:${PASSWORD}@shop.example:8443/stats?key=${KEY}"
headers = { X-Team-Token = "${file:team}" }
timeout = "3s"
[[source.metric]]
name = "orders"
value = "orders.total"
counter = true
"""
ENVIRON = {"PASSWORD": "hunter22secret", "KEY": "key-of-the-shop-1"}


def sources(toml: Write, text: str, environ: dict[str, str] | None = None) -> tuple[Source, ...]:
    return load(Options(config=toml(text)), environ or {}, Path("/nobody")).sources


def test_a_block_is_filled_and_nothing_secret_of_it_is_shown(toml: Write, tmp_path: Path) -> None:
    toml("team-secret-77\n", "etc/team")
    options = Options(config=toml(BLOCK))
    config = load(options, ENVIRON, tmp_path)
    (source,) = config.sources
    assert (source.name, source.kind, source.timeout_seconds, source.problem) == ("shop", "http-json", 3.0, None)
    assert source.endpoint == "https://shop.example:8443/stats"
    assert source.options["url"] == "https://bob:hunter22secret@shop.example:8443/stats?key=key-of-the-shop-1"
    assert source.options["metric"][0]["counter"] is True
    assert {"hunter22secret", "key-of-the-shop-1", "team-secret-77"} <= set(config.secrets)
    told = [repr(config), show(options, ENVIRON, tmp_path), explain("source.shop", options, ENVIRON, tmp_path)]
    told.append(check_configuration(options, ENVIRON, tmp_path)[0])
    assert all(secret not in text for secret in config.secrets for text in told)
    assert "with the headers X-Team-Token" in told[1]


def test_an_unset_variable_is_that_sources_problem(toml: Write) -> None:
    assert [source.problem for source in sources(toml, BLOCK)] == ["url: the variable PASSWORD is not set"]


def test_an_address_below_the_gateway(toml: Write) -> None:
    text = '[[source]]\nname = "a"\nkind = "http-json"\nurl = "/stats"\n'
    (without,) = sources(toml, text)
    assert without.problem == "`url` begins with / and the variable CAELUM_BASE_URL is not set"
    environ = {"CAELUM_BASE_URL": "https://gate.example/api/", "CAELUM_API_KEY": "gateway-key-1"}
    (source,) = sources(toml, text, environ)
    assert (source.options["url"], source.options["token"]) == ("https://gate.example/api/stats", "gateway-key-1")
    (own,) = sources(toml, f'{text}user = "ada"\n', environ)
    assert own.options["token"] is None


def test_the_environment_alone_names_the_gateway(toml: Write) -> None:
    (source,) = sources(toml, "", {"CAELUM_BASE_URL": "http://127.0.0.1:8000", "CAELUM_API_KEY": "gateway-key-1"})
    assert (source.name, source.kind, source.endpoint) == ("api-gateway", "http-json", "http://127.0.0.1:8000/")
    assert sources(toml, "") == ()


@pytest.mark.parametrize("url", ["", "shop.example", "ftp://shop.example/", "http://", "http://a b/"])
def test_an_address_that_cannot_be_asked(toml: Write, url: str) -> None:
    (source,) = sources(toml, f'[[source]]\nname = "a"\nkind = "http-json"\nurl = "{url}"\n')
    assert source.problem


def test_a_source_about_nobody_is_noted(toml: Write, tmp_path: Path) -> None:
    text = '[[source]]\nname = "a"\nkind = "http-json"\nurl = "http://x/"\nserver = "githup"\n'
    notes = load(Options(config=toml(text)), {}, tmp_path).notes
    assert "the source a is about githup, which is not a server here" in [note.text for note in notes]


def test_explain_knows_the_keys_of_every_kind(toml: Write, tmp_path: Path) -> None:
    assert "the kinds are http-json" in explain("source", Options(), {}, tmp_path)
    assert "the server that its figures are about" in explain("source.server", Options(), {}, tmp_path)
    with pytest.raises(UsageError, match=r"did you mean `source\.timeout`"):
        explain("source.timout", Options(), {}, tmp_path)


def test_a_log_names_files_a_journal_or_a_preset(toml: Write, tmp_path: Path) -> None:
    text = """
[[source]]
name = "app"
kind = "log"
files = ["~/app.log*", "logs/*.jsonl", "/var/log/other.log"]
[[source]]
name = "hosts"
kind = "log"
preset = "claude-desktop"
[[source]]
name = "journal"
kind = "log"
journal = ["shop.service"]
[[source]]
name = "nothing"
kind = "log"
"""
    file = toml(text)
    app, hosts, journal, nothing = load(Options(config=file), {}, tmp_path).sources
    assert app.options["files"] == [f"{tmp_path}/app.log*", f"{file.parent}/logs/*.jsonl", "/var/log/other.log"]
    assert app.endpoint == "app.log*, *.jsonl, other.log"
    assert [name for name in hosts.options["files"] if name.endswith("/mcp*.log*")] == hosts.options["files"]
    assert (journal.endpoint, journal.problem) == ("journal of shop.service", None)
    assert nothing.problem == "it names neither `files` nor a `journal` nor a `preset`"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ('pattern = "("', "expected a regular expression as Python reads them, of 1,000 characters at most"),
        ("", "expected either `pattern`, or `where` or `value` for lines of JSON"),
        ('pattern = "a"\nwhere = "b"', "expected either `pattern`, or `where` or `value` for lines of JSON"),
        ('pattern = "a"\ngive = "max"', "expected a value to give the max of"),
    ],
)
def test_what_is_wrong_with_a_figure_of_a_log(toml: Write, metric: str, message: str) -> None:
    text = f'[[source]]\nname = "a"\nkind = "log"\nfiles = ["x"]\n[[source.metric]]\nname = "m"\n{metric}\n'
    with pytest.raises(UsageError) as caught:
        sources(toml, text)
    assert message in str(caught.value)


def test_an_engine_by_ssh_is_refused_and_one_by_tls_needs_its_key(toml: Write) -> None:
    block = '[[source]]\nname = "a"\nkind = "docker"\nurl = "{}"\n'
    (ssh,) = sources(toml, block.format("ssh://root@host.example"))
    assert ssh.problem is not None
    assert ssh.problem.startswith("ssh:// is not spoken: forward the engine's socket")
    (half,) = sources(toml, block.format("tcp://host.example:2376") + 'cert = "~/cert.pem"\n')
    assert half.problem == "`cert` needs its `key`"
    (whole,) = sources(toml, block.format("tcp://host.example:2376") + 'cert = "cert.pem"\nkey = "/etc/key.pem"\n')
    assert (whole.problem, whole.options["key"]) == (None, "/etc/key.pem")
    assert whole.options["cert"].endswith("/cert.pem")


@pytest.mark.parametrize("path", ["d/x", "//evil.example/", "/d/{user}", "/d/a b", "/d/\u202e"])
def test_a_link_to_a_dashboard_is_a_path(toml: Write, path: str) -> None:
    with pytest.raises(UsageError, match="expected a path that begins with /"):
        sources(toml, f'[[source]]\nname = "g"\nkind = "grafana"\nurl = "https://g.example"\nserver_link = "{path}"\n')
