"""Times in the parameters of requests."""

from __future__ import annotations

import re

from sensormon.api.problems import Problem
from sensormon.ingest.validation import EARLIEST, shown
from sensormon.model import timestamps

_LOST_PLUS = re.compile(r"(\d[Tt ]\d\d\S*) (\d\d(?::?\d\d)?)")
"""A time and an offset whose `+` was not escaped: a query has it as a space."""


def time_in(name: str, text: str | None, default: int) -> int:
    """The time (µs UTC) in the parameter of this name, within what the store keeps; the default without one.

    Raises Problem (400) for anything but an ISO 8601 time.
    """
    if text is None:
        return default
    try:
        time = timestamps.parse(_LOST_PLUS.sub(r"\1+\2", text))
    except (ValueError, OverflowError):
        raise Problem(
            400, "bad_time", f"{name}={shown(text)!r} is not an ISO 8601 time", "Try 2026-01-31T12:00:00Z"
        ) from None
    return min(max(time, EARLIEST), timestamps.FOREVER)
