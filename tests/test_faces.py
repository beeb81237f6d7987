"""Page 1 says the same in its seven parts, in the same order, on every face of one build."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import html5lib
import pytest

from caelum_report import codec, words
from caelum_report.document import Report, ServerReport
from caelum_report.render import marks, report_mail
from caelum_report.render.pages.view import uptime_of

FACES = ("index.html", "report.pdf", "report.md", "mail.html", "mail.txt")


def squashed(text: str) -> str:
    """Without space and case: lines break where there is room, and headings of a plain text are in capitals."""
    return re.sub(r"\s", "", text).lower()


def text_of_html(page: str) -> str:
    tree = html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False)
    for parent in tree.iter():
        for child in [
            child for child in parent if child.tag in {"head", "style", "script"} or str(child.tag).endswith("svg")
        ]:
            child.text, child.tail = "", child.tail
            child[:] = []
    return "".join(tree.itertext())


def text_of_pdf(path: Path) -> str:
    asked = ["pdftotext", "-raw", "-l", "3", str(path), "-"]
    return subprocess.run(asked, capture_output=True, encoding="utf-8", check=True).stdout


def text_of_markdown(page: str) -> str:
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", page.replace("&amp;", "&").replace("|", " ").replace("*", ""))


@pytest.fixture(scope="module")
def report(demo_site: Path) -> Report:
    return codec.from_json((demo_site / "report.json").read_bytes())


@pytest.fixture(scope="module")
def faces(demo_site: Path, report: Report) -> dict[str, str]:
    mail = report_mail(report, None)
    made = {
        "index.html": text_of_html((demo_site / "index.html").read_text("utf-8")),
        "report.md": text_of_markdown((demo_site / "report.md").read_text("utf-8")),
        "mail.html": text_of_html(mail.html.partition("<body")[2].partition("</div>")[2]),  # what follows the preview
        "mail.txt": mail.text,
    }
    if shutil.which("pdftotext"):
        made["report.pdf"] = text_of_pdf(demo_site / "report.pdf")
    return {name: squashed(text) for name, text in made.items()}


def headings(report: Report) -> list[str]:
    assert report.previous is not None
    changed = f"Changed since #{report.previous.number}"
    return ["Needs action", changed, "SLO and budget", "Looming", "Fleet, worst first", "Read on"]


def figures(report: Report) -> list[list[str]]:
    """What each part has to say, from the report itself."""
    names = {server.id: server.name for server in report.servers}
    zone = report.zone
    actions = [finding for finding in report.findings if finding.needs_action][:5]
    return [
        [
            *(report.verdict.sentence, report.verdict.lede, report.coverage.sentence, words.clock(report.at, zone)),
            *(f"{number} {marks.TALLY_WORDS[status]}" for status, number in report.tally),
        ],
        [
            said
            for one in actions
            for said in (
                *(one.title, one.evidence, one.impact, one.cause, one.wrong_if, one.command or "", one.owner or ""),
                words.since(one.since, report.at, zone) if one.since else "",
                words.chance(one.chance) if one.chance is not None else "",
            )
        ],
        [
            said
            for change in report.changes[:7]
            for said in (*(names[one] for one in change.servers), f"{change.before} → {change.after}", change.evidence)
        ],
        [
            said
            for one in report.objectives[:3]
            for said in (
                *(one.name, words.percent(one.achieved), words.percent(one.target, 1), one.spent_by),
                "" if one.burn_24h is None else f"{one.burn_24h:.1f}×",
            )
        ],
        [said for one in report.looming[:3] for said in (one.what, one.when, one.record)],
        [],  # by row, below
        [said for one in report.read_on for said in (one.title, one.fact)],
    ]


def parts(face: str, report: Report) -> list[str]:
    """Its text cut at the headings, each sought after the one before; the first after the facts of the verdict."""
    at = [0, face.index(squashed(headings(report)[0]), face.index(squashed(report.coverage.sentence)))]
    for heading in headings(report)[1:]:
        at.append(face.index(squashed(heading), at[-1] + 1))
    return [face[start:end] for start, end in zip(at, [*at[1:], len(face)], strict=True)]


def rows(report: Report) -> Iterator[tuple[ServerReport, str, str]]:
    for server in report.servers:
        p95 = server.latency_day.p95 if server.latency_day else None
        yield server, marks.up_share(uptime_of(server, "month")), words.seconds(p95)


@pytest.mark.parametrize("name", FACES)
def test_every_face_says_the_seven_parts_in_order_with_the_same_figures(
    faces: dict[str, str], report: Report, name: str
) -> None:
    if name not in faces:
        pytest.skip("needs pdftotext: apt-get install -y poppler-utils")
    said = parts(faces[name], report)
    for number, (part, expected) in enumerate(zip(said, figures(report), strict=True), 1):
        missing = [figure for figure in expected if squashed(figure) not in part]
        assert missing == [], f"part {number} of {name}"


@pytest.mark.parametrize("name", FACES)
def test_every_face_gives_each_server_the_same_share_and_p95(faces: dict[str, str], report: Report, name: str) -> None:
    if name not in faces:
        pytest.skip("needs pdftotext: apt-get install -y poppler-utils")
    fleet = parts(faces[name], report)[5]
    missing = [
        server.name
        for server, share, p95 in rows(report)
        if not re.search(
            rf"{re.escape(squashed(server.name))}.{{0,90}}?{re.escape(squashed(share))}.{{0,20}}?{re.escape(squashed(p95))}",
            fleet,
        )
    ]
    assert missing == []
