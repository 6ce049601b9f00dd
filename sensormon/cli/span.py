"""The options `--since` and `--until`."""

from __future__ import annotations

import argparse

from sensormon.ingest.validation import EARLIEST
from sensormon.model import timestamps
from sensormon.model.errors import UsageError


def span_of(options: argparse.Namespace) -> tuple[int, int]:
    """The span (µs UTC) that these options name; all times without them. Raises UsageError."""
    return _time(options.since, "--since", EARLIEST), _time(options.until, "--until", timestamps.FOREVER)


def _time(text: str | None, option: str, default: int) -> int:
    if text is None:
        return default
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not an ISO 8601 time", where=option, hint="Try 2026-01-31T12:00:00Z"
        ) from error
