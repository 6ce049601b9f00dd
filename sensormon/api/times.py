"""Times in the parameters of requests."""

from __future__ import annotations

from sensormon.api.problems import Problem
from sensormon.ingest.validation import EARLIEST, shown
from sensormon.model import timestamps


def time_in(name: str, text: str | None, default: int) -> int:
    """The time (µs UTC) in the parameter of this name, within what the store keeps; the default without one.

    Raises Problem (400) for anything but an ISO 8601 time.
    """
    if text is None:
        return default
    try:
        time = timestamps.parse(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError):
        raise Problem(
            400, "bad_time", f"{name}={shown(text)!r} is not an ISO 8601 time", "Try 2026-01-31T12:00:00Z"
        ) from None
    return min(max(time, EARLIEST), timestamps.FOREVER)
