"""A bounded JSON reader: strict UTF-8, no NaN, and neither depth nor values nor digits beyond the budget.

The limits are checked on the bytes, before Python objects are made of them: 4 MB of `[[],[],…` would be 100 MB of lists.
Every step is linear in C, for a long line must not hold up the other servers' stamps.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from math import isfinite
from typing import Any, Final

from caelum_report.model import Failure

from .fault import Fault, excerpt
from .limits import Allowance

_STRING: Final = re.compile(rb'"[^"]*"?')
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_LEVELS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def parse(data: bytes, allowance: Allowance) -> Any:
    """The JSON value that `data` is. Raises `Fault`: protocol-error for what is no JSON, oversized for what is too much."""
    budgets = allowance.budgets
    if data.count(b"[") + data.count(b"{") > budgets.json_depth or data.count(b",") > 1000:
        structure = _STRING.sub(b"", data.replace(b"\\\\", b"").replace(b'\\"', b""))
        brackets = structure.translate(None, _NO_BRACKETS)
        opened = brackets.count(b"[") + brackets.count(b"{")
        allowance.take_values(structure.count(b",") + opened + 1)
        if len(brackets) > 2 * opened:
            raise Fault(Failure.PROTOCOL_ERROR, f"not JSON (brackets that were never opened): {excerpt(data)}")
        if max(accumulate(_LEVELS[byte] for byte in brackets), default=0) > budgets.json_depth:
            raise Fault(Failure.PROTOCOL_ERROR, f"JSON nested deeper than {budgets.json_depth} levels")
    else:
        allowance.take_values(data.count(b",") + data.count(b"[") + data.count(b"{") + 1)
    try:
        return json.loads(
            data.decode("utf-8"),
            parse_constant=_no_constant,
            parse_int=lambda text: int(_bounded(text, budgets.number_digits)),
            parse_float=lambda text: _finite(_bounded(text, budgets.number_digits)),
        )
    except UnicodeDecodeError as error:
        raise Fault(Failure.PROTOCOL_ERROR, f"not UTF-8 at byte {error.start}: {excerpt(data)}") from None
    except (ValueError, RecursionError) as error:
        raise Fault(Failure.PROTOCOL_ERROR, f"not JSON ({_why(error)}): {excerpt(data)}") from None


def canonical(value: Any) -> str:
    """The same value is the same text: sorted keys, no spaces, nothing escaped that needs no escape."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _bounded(text: str, digits: int) -> str:
    # 8: sign, point, exponent
    if len(text) > digits + 8 or (len(text) > digits and sum(map(str.isdigit, text)) > digits):
        raise ValueError(f"a number of more than {digits} digits")
    return text


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError("a number too large to hold")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
