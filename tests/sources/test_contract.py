"""What every protocol promises, asked of each with a real server: see `sensormon.sources.connected`.

A protocol takes part with its rig, tests/support/rigs/KIND.py.
"""

from __future__ import annotations

import pkgutil
import resource
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.readings import is_good
from sensormon.model.source_health import Link
from tests.support import rigs
from tests.support.access import full_journal
from tests.support.bus import wait_until
from tests.support.contract import Line
from tests.support.rigs.rig import Rig, Sent

KINDS = sorted(module.name for module in pkgutil.iter_modules(rigs.__path__) if module.name != "rig")
AHEAD = 11 * MINUTE
"""A reading so far in the future (µs) is refused."""
HOUR = 3_600

Build = Callable[..., Line]


@pytest.fixture(params=KINDS)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """Starts a monitor with this protocol's source, connected to its server with so many tags."""
    opened: list[tuple[Line | None, Rig]] = []

    def begin(tags: int = 2) -> Line:
        rig = import_module(f"tests.support.rigs.{request.param}").Rig(tmp_path, tags)
        opened.append((None, rig))
        line = Line(rig, tmp_path)
        opened[-1] = (line, rig)
        line.start()
        return line

    yield begin
    for line, rig in opened:
        if line is not None:
            line.stop()
        rig.close()


def test_it_delivers_what_is_sent_good_and_bad(build: Build) -> None:
    line = build()
    line.deliver(Sent("tag_0", line.time(), 1.5), Sent("tag_1", line.time(), -2.25))
    if not line.rig.has_qualities:
        line.balances()
        return
    line.rig.send([Sent("tag_1", line.time(), 0.0, good=False)])
    wait_until(lambda: not is_good(line.frame()["quality"].to_numpy()).all())
    bad = line.frame()[~is_good(line.frame()["quality"].to_numpy())]
    assert set(bad["tag"].astype(str)) == {"tag_1"}
    assert set(bad["value"]) <= {-2.25, 0.0}, "with its own value, or the last usable one"
    line.deliver(Sent("tag_1", line.time(), 3.5))
    assert line.health().works
    line.balances()


def test_it_stops_within_a_second_and_starts_again(build: Build) -> None:
    line = build()
    line.deliver(Sent("tag_0", line.time(), 1.0))
    began = time.monotonic()
    line.switch(on=False)
    assert time.monotonic() - began < 1.5
    count = len(line.frame())
    assert line.health().link is Link.STOPPED
    line.switch(on=True)
    line.deliver(Sent("tag_0", line.time(), 2.0))
    assert len(line.frame()) > count
    line.balances()


def test_it_reconnects_and_a_gap_is_filled_or_shown(build: Build) -> None:
    line = build()
    line.deliver(Sent("tag_0", line.time(), 1.0))
    line.rig.go_away()
    wait_until(lambda: line.health().link is not Link.CONNECTED)
    wait_until(lambda: line.health().trouble is not None)
    line.rig.send([Sent("tag_0", line.time(), 2.0)])
    line.rig.come_back()
    wait_until(lambda: line.health().link is Link.CONNECTED, 60)
    line.deliver(Sent("tag_0", line.time(), 3.0))
    health = line.health()
    assert health.reconnects >= 1
    if line.rig.keeps:
        wait_until(lambda: 2.0 in line.values())
    else:
        wait_until(lambda: 2.0 in line.values() or line.health().gaps >= 1)
    line.balances()


def test_a_tag_that_nobody_knows_is_refused_and_counted(build: Build) -> None:
    line = build()
    line.deliver(Sent("tag_0", line.time(), 1.0), Sent("tag_1", line.time(), 1.5))
    line.forget("tag_1")
    line.rig.send([Sent("tag_1", line.time(), 7.0)])
    line.deliver(Sent("tag_0", line.time(), 2.0))
    wait_until(lambda: line.health().refused > 0)
    wait_until(lambda: line.refused().get("unknown_tag", 0) > 0)
    assert 7.0 not in line.values()
    line.balances()


def test_a_clock_that_is_ahead_is_refused_with_the_reason(build: Build) -> None:
    line = build()
    if not line.rig.has_times:
        pytest.skip("its values have no time of their own")
    line.deliver(Sent("tag_1", line.time(), 1.0))
    line.rig.send([Sent("tag_0", line.time() + AHEAD, 5.0)])
    line.deliver(Sent("tag_1", line.time(), 2.0))
    wait_until(lambda: line.refused().get("future_timestamp", 0) > 0)
    assert 5.0 not in line.values()
    line.balances()


def test_a_burst_of_ten_times_its_rate_is_taken_whole(build: Build) -> None:
    line = build()
    now = line.time()
    line.deliver(Sent("tag_0", now, 0.0))
    burst = [Sent("tag_0", now + step * SECOND // 100, float(step)) for step in range(1, 300)]
    if line.rig.has_times:
        line.deliver(*burst)
        assert line.taken("tag_0") >= 300
    else:
        line.rig.send(burst)
        wait_until(lambda: burst[-1].value in line.values())
    line.balances()


@pytest.mark.long
def test_a_thousand_tags(build: Build) -> None:
    line = build(1_000)
    now = line.time()
    line.rig.send([Sent(tag, now, float(number)) for number, tag in enumerate(line.rig.tags)])
    wait_until(lambda: {*map(float, range(1_000))} <= line.values(), 60)
    line.balances()


@pytest.mark.long
def test_after_a_kill_nothing_is_lost_that_was_acknowledged(build: Build) -> None:
    line = build()
    line.stop()
    sent: list[Sent] = []
    durable: set[float] = set()
    for life in range(3):
        process = line.process()
        for step in range(20):
            sent.append(Sent("tag_0", line.time(), life * 100.0 + step))
            line.rig.send(sent[-1:])
            if step == 10:
                line.until_more_is_journaled(durable)
        durable |= line.journaled()
        process.kill()
        process.wait()
    line.start()
    line.deliver(Sent("tag_0", line.time(), 999.0))
    assert durable <= line.values()
    if line.rig.keeps:
        wait_until(lambda: {each.value for each in sent} <= line.values(), 60)
        assert line.taken("tag_0") == len(sent) + 1, "nothing came twice"
    line.balances()


@pytest.mark.long
def test_memory_is_bounded_while_nothing_is_taken_for_an_hour(build: Build) -> None:
    line = build()
    if not line.rig.has_times:
        pytest.skip("a device without times keeps one value")
    now = line.time()
    line.deliver(Sent("tag_0", now - HOUR * SECOND, 0.0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hour = [Sent("tag_0", now + (step - HOUR) * SECOND, float(step)) for step in range(1, HOUR)]
    with full_journal(line.folder):
        taken = line.taken("tag_0")  # a birth may tell the value of before as well
        line.rig.send(hour)
        wait_until(lambda: line.health().trouble is not None)
        assert line.taken("tag_0") == taken
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 100, "MB"
    if line.rig.keeps:
        wait_until(lambda: line.taken("tag_0") == taken - 1 + HOUR, 60)
    line.balances()
