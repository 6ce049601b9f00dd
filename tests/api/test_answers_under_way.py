"""Viewers who ask the same at the same time wait for one answer, in one thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sensormon.api.few_threads import FewThreads
from sensormon.api.live import UnderWay


def test_viewers_who_ask_together_take_one_thread() -> None:
    under_way, all_asked, threads = UnderWay(), threading.Event(), []

    def make() -> tuple[bytes, dict[str, str]]:
        threads.append(threading.current_thread())
        assert all_asked.wait(10)
        return b"answer", {}

    async def ask() -> list[tuple[bytes, dict[str, str]]]:
        questions = [asyncio.create_task(under_way.of("board", make)) for _ in range(20)]
        other = await under_way.of("strip", lambda: (b"strip", {}))
        questions.pop().cancel()
        all_asked.set()
        return [other, *await asyncio.gather(*questions)]

    assert asyncio.run(ask()) == [(b"strip", {})] + [(b"answer", {})] * 19
    assert len(threads) == 1


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    under_way = UnderWay()

    def fail() -> tuple[bytes, dict[str, str]]:
        raise LookupError("no store")

    async def ask() -> list[object]:
        both = await asyncio.gather(*(under_way.of("board", fail) for _ in range(2)), return_exceptions=True)
        return [*both, await under_way.of("board", lambda: (b"answer", {}))]

    first, second, answer = asyncio.run(ask())
    assert isinstance(first, LookupError)
    assert isinstance(second, LookupError)
    assert answer == (b"answer", {})
    with pytest.raises(LookupError):
        asyncio.run(under_way.of("board", fail))


def test_different_questions_take_no_more_than_the_threads_given() -> None:
    under_way, threads, at_once = UnderWay(), FewThreads(2, "crowded"), [0, 0]
    counting, both = threading.Lock(), threading.Barrier(2)

    def make() -> tuple[bytes, dict[str, str]]:
        with counting:
            at_once[:] = at_once[0] + 1, max(at_once[1], at_once[0] + 1)
        both.wait(10)  # two are at work together, each time
        with counting:
            at_once[0] -= 1
        return b"answer", {}

    async def ask() -> list[tuple[bytes, dict[str, str]]]:
        return await asyncio.gather(*(under_way.of(number, make, threads) for number in range(10)))

    assert asyncio.run(ask()) == [(b"answer", {})] * 10
    assert at_once == [0, 2]
