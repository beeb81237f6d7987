"""Templates of ways out: `{title}` and its siblings in strings become the message's own words. No code, no format language."""

from __future__ import annotations

import re
from typing import Any, Final

from caelum_report.mail import WORDS, Mail

_WORD: Final = re.compile(rf"\{{({'|'.join(WORDS)})\}}")


def filled(template: Any, mail: Mail, site: str) -> Any:
    """The template with the message's words in place of `{title}`, `{text}`, …; other braces stay as they are."""
    if isinstance(template, str):
        return _WORD.sub(lambda match: site if match[1] == "site" else str(getattr(mail, match[1])), template)
    if isinstance(template, list):
        return [filled(one, mail, site) for one in template]
    if isinstance(template, dict):
        return {key: filled(one, mail, site) for key, one in template.items()}
    return template
