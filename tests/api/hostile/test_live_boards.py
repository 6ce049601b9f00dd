"""Many whole boards at once: each is a day of readings in memory while it is made."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from sensormon.api import make_api
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.view.live_feed import LiveFeed
from tests.support.plant import Adopt

AT_ONCE = 12


def test_few_whole_boards_are_made_at_once_and_all_are_answered(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = adopt(Monitor(settings))
    (path,) = (f"/live/board?tag={tag.name}&span=86400" for tag in list(monitor.tags)[:1])
    lock, running, counts = threading.Lock(), [0], []
    board = LiveFeed.board

    def counted(feed: LiveFeed, *given: Any, **named: Any) -> Any:
        with lock:
            running[0] += 1
            counts.append(running[0])
        try:
            return board(feed, *given, **named)
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(LiveFeed, "board", counted)

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(make_api(lambda: monitor))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(*(client.get(path) for _ in range(AT_ONCE)))
        return [answer.status_code for answer in answers]

    assert asyncio.run(ask()) == [200] * AT_ONCE
    assert len(counts) == AT_ONCE
    assert max(counts) <= 2
