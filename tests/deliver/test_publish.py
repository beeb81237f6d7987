"""A site on real folders: whole or not at all, never over somebody else's files."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from caelum_report.deliver import publish
from caelum_report.deliver.ours import MARKER
from caelum_report.deliver.publish import way
from caelum_report.errors import PublishError, UsageError
from caelum_report.site import Site

ROOT = Path(__file__).parents[2]
MODES = ("auto", "exchange", "symlink", "in-place")


def site(report: str, **extra: str) -> Site:
    """Two pages that name their report and link to each other, an unchanging stylesheet, and `extra`."""
    pages = {
        "index.html": f'<a href="servers/a.html">{report}</a>',
        "servers/a.html": f'<a href="../index.html">{report}</a>',
        "static/style.css": "body { color: black }",
        **extra,
    }
    return Site(report, {path: content.encode() for path, content in pages.items()})


def shown(output: Path) -> dict[str, bytes]:
    """Every published file; the marker and a checkout's placeholder aside."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in output.rglob("*")
        if path.is_file() and path.name not in {MARKER, ".gitkeep"}
    }


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", MODES)
def test_the_second_site_replaces_the_first(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "reports"
    publish(site("r-1", **{"servers/old/week.html": "gone tomorrow"}), output, mode)
    second = site("r-2", **{"new.html": "here today"})
    how = publish(second, output, mode)
    assert how == mode or mode == "auto"
    assert shown(output) == dict(second.files)
    assert not (output / "servers/old").exists()
    beside = [entry.name for entry in tmp_path.iterdir() if entry.name != "reports"]
    assert len(beside) == (1 if output.is_symlink() else 0)


@pytest.mark.parametrize("mode", MODES)
def test_unchanged_files_keep_inode_and_time(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "reports"
    publish(site("r-1"), output, mode)
    os.utime(output / "static/style.css", ns=(1_000, 1_000))
    before = (output / "static/style.css").stat()
    publish(site("r-2"), output, mode)
    after = (output / "static/style.css").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_nlink) == (before.st_ino, 1_000, 1)
    assert b"r-2" in (output / "index.html").read_bytes()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, mode: str, umask: int) -> None:
    output = tmp_path / "www" / "reports"
    program = f"""
        import os; os.umask({umask})
        from pathlib import Path
        from caelum_report.deliver import publish
        from caelum_report.site import Site
        publish(Site("r-1", {{"index.html": b"x", "servers/a/week.html": b"y"}}), Path({str(output)!r}), {mode!r})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)
    folders = [tmp_path / "www", output, output / "servers", output / "servers/a"]
    files = [output / "index.html", output / "servers/a/week.html", output / MARKER]
    assert {mode_of(folder) for folder in folders} == {0o755}
    assert {mode_of(file) for file in files} == {0o644}


@pytest.mark.parametrize("mode", MODES)
def test_somebody_elses_files_are_refused_and_untouched(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "www"
    output.mkdir()
    (output / "index.html").write_text("my own page")
    (output / "thesis.txt").write_text("seven years")
    with pytest.raises(UsageError, match=r"holds what is not ours \(index\.html and thesis\.txt\)"):
        publish(site("r-1"), output, mode)
    assert shown(output) == {"index.html": b"my own page", "thesis.txt": b"seven years"}
    assert os.listdir(tmp_path) == ["www"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("foreign", ["notes.txt", "servers/notes.txt", "empty-folder/", "a-link"])
def test_a_file_put_into_our_site_later_is_refused_too(tmp_path: Path, mode: str, foreign: str) -> None:
    output = tmp_path / "reports"
    publish(site("r-1"), output, mode)
    if foreign.endswith("/"):
        (output / foreign).mkdir()
    elif foreign == "a-link":
        (output / foreign).symlink_to(tmp_path)
    else:
        (output / foreign).write_text("mine")
    with pytest.raises(UsageError, match=foreign.rstrip("/")):
        publish(site("r-2"), output, mode)
    assert os.path.lexists(output / foreign)
    assert b"r-1" in (output / "index.html").read_bytes()


@pytest.mark.parametrize("mode", ["auto", "exchange", "in-place"])
def test_the_placeholder_of_a_checkout_stays(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "reports"
    output.mkdir()
    (output / ".gitkeep").touch()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("/reports/*\n!/reports/.gitkeep\n")
    subprocess.run(["git", "-C", tmp_path, "add", "."], check=True)
    for report in ("r-1", "r-2", "r-3"):
        publish(site(report), output, mode)
        status = subprocess.run(
            ["git", "-C", tmp_path, "status", "--short"], check=True, capture_output=True, text=True
        )
        assert {line[:2] for line in status.stdout.splitlines()} == {"A "}
    assert (output / ".gitkeep").read_bytes() == b""
    assert shown(output) == dict(site("r-3").files)


def test_a_link_made_by_somebody_else_is_followed(tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    output = tmp_path / "reports"
    output.symlink_to("srv/caelum")
    for report in ("r-1", "r-2"):
        publish(site(report), output, "auto")
        assert output.is_symlink()
        assert output.readlink() == Path("srv/caelum")
        assert shown(tmp_path / "srv/caelum") == dict(site(report).files)


@pytest.mark.parametrize(
    "modes", [("symlink", "exchange"), ("exchange", "symlink"), ("symlink", "in-place"), ("symlink", "auto")]
)
def test_the_mode_may_change(tmp_path: Path, modes: tuple[str, str]) -> None:
    output = tmp_path / "reports"
    for report, mode in (("r-1", modes[0]), ("r-2", modes[1]), ("r-3", modes[1])):
        publish(site(report), output, mode)
        assert shown(output) == dict(site(report).files)
    assert len(list(tmp_path.iterdir())) == (2 if output.is_symlink() else 1)


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(UsageError, match="is a file"):
        publish(site("r-1"), tmp_path / "reports", "auto")
    with pytest.raises(PublishError):
        publish(site("r-1"), tmp_path / "reports" / "below", "auto")
    assert (tmp_path / "reports").read_text() == "a file"


def test_a_link_that_leads_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports").symlink_to("reports")
    with pytest.raises(UsageError, match="leads nowhere"):
        publish(site("r-1"), tmp_path / "reports", "auto")


@pytest.mark.parametrize("path", ["../escape.html", "/etc/motd", "servers//a.html", "a/./b", "a\0b", "", MARKER])
def test_no_path_leaves_the_site(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="plain relative paths"):
        publish(Site("r-1", {"index.html": b"", path: b""}), tmp_path / "reports", "auto")
    assert not list(tmp_path.iterdir())


def test_in_place_a_file_may_become_a_folder_and_back(tmp_path: Path) -> None:
    output = tmp_path / "reports"
    for extra in ({"archive": "a file"}, {"archive/1.html": "a page"}, {"archive": "a file again"}):
        publish(site("r-1", **extra), output, "in-place")
        assert shown(output) == dict(site("r-1", **extra).files)


# --- killed, full, read-only ----------------------------------------------------------------------------------------


def test_strays_of_killed_runs_go_and_other_folders_stay(tmp_path: Path) -> None:
    output = tmp_path / "reports"
    publish(site("r-1"), output, "exchange")
    proven = tmp_path / ".reports.build-0123abcd"
    shutil.copytree(output, proven)
    (tmp_path / ".reports.build-00000000").mkdir()  # killed before it wrote anything
    barely = tmp_path / ".reports.build-00000001"
    barely.mkdir()
    (barely / MARKER).write_bytes(b'{"program": "caelum-rep')  # killed while it wrote the marker
    unproven = tmp_path / ".reports.build-ffffffff"
    unproven.mkdir()
    (unproven / "notes.txt").write_text("mine")
    similar = tmp_path / ".reports.build-backup"
    similar.mkdir()
    publish(site("r-2"), output, "exchange")
    assert {entry.name for entry in tmp_path.iterdir()} == {"reports", unproven.name, similar.name}
    assert (unproven / "notes.txt").read_text() == "mine"


def kill_before_each_step(output: Path, mode: str) -> None:
    """Publish in a child that ends before its nth touch of the file system, for every n until one comes through."""
    publish(site("r-old"), output, mode)
    old, new = dict(site("r-old").files), dict(site("r-new").files)
    for steps in itertools.count(1):
        child = os.fork()
        if not child:
            left = itertools.count(steps, -1)

            def step(event: str, _: object, left: Iterator[int] = left) -> None:
                if event.startswith(("os.", "open", "ctypes.call_function")) and next(left) == 0:
                    os._exit(9)

            sys.addaudithook(step)
            publish(site("r-new"), output, mode)
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        files = {path: content for path, content in shown(output).items() if path in old}
        assert files in (old, new) or (
            mode == "in-place" and all(files[path] in (old[path], new[path]) for path in old)
        )
        builds = [
            entry
            for entry in output.parent.iterdir()
            if entry.is_dir() and not entry.is_symlink() and any(entry.iterdir())
        ]
        assert len(builds) <= 2
        if not killed:
            assert steps > 20
            return
        publish(site("r-old"), output, mode)
        assert shown(output) == old
        assert len(list(output.parent.iterdir())) == (2 if output.is_symlink() else 1)


@pytest.mark.parametrize(
    "mode", [mode if mode == "auto" else pytest.param(mode, marks=pytest.mark.slow) for mode in MODES]
)
def test_a_kill_before_any_step_leaves_a_whole_site_and_no_growing_strays(tmp_path: Path, mode: str) -> None:
    call = f"test_publish.kill_before_each_step(test_publish.Path({str(tmp_path / 'reports')!r}), {mode!r})"
    subprocess.run([sys.executable, "-c", f"from tests.deliver import test_publish; {call}"], cwd=ROOT, check=True)


@pytest.mark.parametrize("mode", MODES)
def test_a_disk_that_is_full_keeps_the_old_site(tmp_path: Path, mode: str) -> None:
    """A limit on the size of files stands in for the disk: the write fails in the middle of a page, as there."""
    output = tmp_path / "reports"
    publish(site("r-1"), output, mode)
    before = sorted(tmp_path.rglob("*"))
    program = f"""
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        from pathlib import Path
        from caelum_report.deliver import publish
        from caelum_report.errors import PublishError
        from caelum_report.site import Site
        try:
            publish(Site("r-2", {{"a.html": b"a", "index.html": b"x" * 6000}}), Path({str(output)!r}), {mode!r})
        except PublishError as error:
            print(error)
            raise SystemExit(error.exit_status)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False, capture_output=True, text=True)
    assert run.returncode == 4, run.stderr
    assert "File too large. The snapshot is stored and the old pages stay" in run.stdout
    assert sorted(tmp_path.rglob("*")) == before
    assert shown(output) == dict(site("r-1").files)


def in_mounts(script: str) -> str:
    """What Python prints in a mount namespace of its own; skips where this machine does not allow one."""
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("no private mount namespaces here (unshare -rm)")
    prelude = """
        import os, subprocess, sys
        from pathlib import Path
        from caelum_report.deliver import publish
        from caelum_report.deliver.publish import way
        from caelum_report.errors import PublishError
        from tests.deliver.test_publish import shown, site
        def mount(*arguments): subprocess.run(["mount", *map(str, arguments)], check=True)
    """
    run = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(script)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_mount_point_is_filled_in_place(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "source").mkdir()
    for arguments in ('"-t", "tmpfs", "tmpfs", output', '"--bind", root / "source", output'):
        printed = in_mounts(f"""
            root = Path({str(tmp_path)!r}); output = root / "reports"
            mount({arguments})
            for report in ("r-1", "r-2"):
                print(publish(site(report), output, "auto"))
                assert shown(output) == dict(site(report).files)
        """)
        assert printed.split() == ["in-place", "in-place"]
    assert b"r-2" in (tmp_path / "source/index.html").read_bytes()


def test_a_read_only_disk_keeps_the_old_site(tmp_path: Path) -> None:
    publish(site("r-1"), tmp_path / "reports", "auto")
    printed = in_mounts(f"""
        root = Path({str(tmp_path)!r})
        mount("--bind", root, root); mount("-o", "remount,bind,ro", root)
        for mode in ("auto", "exchange", "symlink", "in-place"):
            try:
                publish(site("r-2"), root / "reports", mode)
            except PublishError as error:
                print(error)
    """)
    assert printed.count("Read-only file system") == 4
    assert shown(tmp_path / "reports") == dict(site("r-1").files)


def test_a_real_disk_that_is_full_keeps_the_old_site(tmp_path: Path) -> None:
    printed = in_mounts(f"""
        root = Path({str(tmp_path)!r}); output = root / "reports"
        mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", root)
        for mode in ("exchange", "symlink", "in-place"):
            output = root / mode
            publish(site("r-1"), output, mode)
            before = sorted(root.rglob("*"))
            try:
                publish(site("r-2", **{{"big.html": "x" * 300_000}}), output, mode)
            except PublishError as error:
                print(error)
            assert sorted(root.rglob("*")) == before
            assert shown(output) == dict(site("r-1").files)
    """)
    assert printed.count("No space left on device") == 3


@pytest.mark.parametrize("mode", ["exchange", "symlink"])
def test_a_reader_sees_one_build_at_a_time(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "reports"
    publish(site("r-0"), output, mode)
    faults: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                page = (output / "index.html").read_text()
                if not page.startswith("<a href") or not page.endswith("</a>"):
                    faults.append(page)
                (output / "servers/a.html").stat()
            except OSError as error:
                faults.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 40):
        publish(site(f"r-{number}"), output, mode)
    done.set()
    reader.join()
    assert faults == []


def test_the_best_way_here_is_found_without_a_trace(tmp_path: Path) -> None:
    assert way(tmp_path / "reports", "auto") in {"exchange", "symlink"}
    assert way(tmp_path / "reports", "in-place") == "in-place"
    assert list(tmp_path.iterdir()) == []


def kept_in(folder: Path, **texts: str) -> dict[str, Path]:
    """Files of an archive, by their path in the site."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    return {f"archive/{name}": folder / name for name in texts}


@pytest.mark.parametrize("mode", MODES)
def test_what_is_kept_elsewhere_is_linked_and_outlives_every_swap(tmp_path: Path, mode: str) -> None:
    output = tmp_path / "reports"
    first = kept_in(tmp_path / "state", **{"r-1.html": "one"})
    publish(dataclasses.replace(site("r-1"), kept=first), output, mode)
    both = first | kept_in(tmp_path / "state", **{"r-2.html": "two"})
    publish(dataclasses.replace(site("r-2"), kept=both), output, mode)
    assert all(os.path.samefile(output / path, place) for path, place in both.items())
    publish(dataclasses.replace(site("r-3"), kept={"archive/r-2.html": both["archive/r-2.html"]}), output, mode)
    assert sorted(path for path in shown(output) if path.startswith("archive/")) == ["archive/r-2.html"]
    assert (tmp_path / "state" / "r-1.html").read_text() == "one"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs a second file system: /dev/shm")
def test_from_another_file_system_it_is_copied_once(tmp_path: Path, mode: str) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        output, kept = tmp_path / "reports", kept_in(Path(elsewhere) / "state", **{"r-1.html": "one"})
        publish(dataclasses.replace(site("r-1"), kept=kept), output, mode)
        copy = (output / "archive/r-1.html").stat()
        assert (output / "archive/r-1.html").read_text() == "one"
        assert mode_of(output / "archive/r-1.html") == 0o644
        publish(dataclasses.replace(site("r-2"), kept=kept), output, mode)
        assert (output / "archive/r-1.html").stat().st_ino == copy.st_ino
