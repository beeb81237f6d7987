"""Libraries that come with an extra: imported when a source needs one, and named when it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from caelum_report.model import Failure
from caelum_report.wire import Fault


def extra(module: str, package: str) -> Any:
    """The module, or the line that installs it as a `config-error`."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        line = "pip install 'caelum-report[sources]'"
        raise Fault(
            Failure.CONFIG_ERROR, f"this kind of source needs {package}, which is not installed: {line}"
        ) from None
