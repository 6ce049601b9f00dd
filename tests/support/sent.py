"""Readings sent to a server over HTTP, up to now: steady ones, and such that are flagged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from tests.support.api import BEARER
from tests.support.server import Server


def send(server: Server, tag: str, *last: float, steady: int = 60, level: float = 7.0) -> None:
    """Send `steady` readings about the level and then these, one a second, the last one now."""
    values = [level + 0.01 * (place % 3) for place in range(steady)] + list(last)
    first = datetime.now(UTC) - timedelta(seconds=len(values) - 1)
    rows = [
        {"tag": tag, "timestamp": (first + timedelta(seconds=place)).isoformat(), "value": value}
        for place, value in enumerate(values)
    ]
    answer = httpx.post(f"{server.url}/api/ingest/batch", json=rows, headers=BEARER, timeout=30)
    assert answer.json()["accepted"] == len(rows), answer.text
