"""Messages for readers of an edition: its own report, words, pages and PDF, each searched for what is internal before it goes.

Their ids differ from those of the internal ones: mail programs drop what they have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from caelum_report.alerting import Notice
from caelum_report.configured import Config
from caelum_report.digest import Digest
from caelum_report.document import Report
from caelum_report.editions import Edition
from caelum_report.mail import Mail

from .digest import digest_mail
from .editions import edition_of
from .leaks import refuse_mail
from .mail import quiet_mail, report_mail
from .mail_notice import notice_mail
from .printing import digest_paper, paper


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads, and what they must not see: all of the internal report and of the configuration but what has an alias."""

    edition: Edition
    config: Config
    latest: Report | None

    def may_have(self, mail: Mail, ours: Callable[[], Mail]) -> Mail:
        """Raises `DeliveryError` where it holds anything internal; what is in `ours`, which is about nobody, is our own word."""
        refuse_mail(self.edition, mail, self.latest, self.config, ours)
        return replace(mail, id=f"{mail.id}:{self.edition.name}", diagram="")


def reader_report_mail(report: Report, readers: Readers, pdf: bytes | None, *, quiet: bool) -> Mail:
    """`report` is the internal one, `pdf` the edition's."""

    def made(told: Report, attached: bytes | None) -> Mail:
        return quiet_mail(told) if quiet else report_mail(told, attached)

    def ours() -> Mail:
        from .specimen import edition_of_specimen, specimen

        own = edition_of(specimen(report), edition_of_specimen(readers.edition))
        return made(own, paper(own, readers.config.budgets.pdf_seconds) if pdf else None)

    return readers.may_have(made(edition_of(report, readers.edition), pdf), ours)


def reader_notice_mail(notice: Notice, key: str, readers: Readers, ours: Notice) -> Mail:
    return readers.may_have(notice_mail(notice, key), lambda: notice_mail(ours, ""))


def reader_digest_mail(digest: Digest, readers: Readers, pdf: bytes | None, at: datetime) -> Mail:
    def ours() -> Mail:
        nobody = replace(digest, servers=(), outages=(), objectives=())
        made = digest_paper(nobody, readers.config.budgets.pdf_seconds) if pdf else None
        return digest_mail(nobody, made if isinstance(made, bytes) else None, at)

    return readers.may_have(digest_mail(digest, pdf, at), ours)
