"""JSON from a file that somebody else may have written or damaged, and the fields of such an object.

Everything that is wrong with it is a ValueError: also what `json.loads` accepts or reports otherwise,
NaN and Infinity, and nesting deeper than the interpreter follows. What it is not: a schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MOST = (1 << 63) - 1
"""The largest whole number that a column of a store holds."""


def read_json(text: str | bytes) -> Any:
    """The value in this text. Raises ValueError if it is not JSON."""
    try:
        return json.loads(text, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_object(text: str | bytes) -> dict[str, Any]:
    """The object in this text. Raises ValueError if it is none."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    return value


def whole(line: Mapping[str, Any], key: str, most: int = MOST) -> int:
    """The whole number of 0 to `most` under this key. Raises ValueError if there is none."""
    value = line.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{key} is not a whole number of 0 to {most}")
    return value


def words(line: Mapping[str, Any], key: str) -> str:
    """The text under this key. Raises ValueError if there is none, or it cannot be written as UTF-8."""
    value = line.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    value.encode()
    return value


def _refused(number: str) -> float:
    raise ValueError(f"{number} is not JSON")
