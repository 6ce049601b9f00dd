"""Calculated tags at work: live, over the history, after a restart, the same bits each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.readings import CALCULATED, Batch, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.calculated_runner import WAIT
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, Adopt, batch_of

TAGS = """
[tags.feed]
unit = "°C"
[tags.jacket]
unit = "°C"
[tags.off]
formula = "feed - jacket"
[tags.smooth]
formula = "mean(off, 10s) + delay(feed, 5s)"
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "calculated.toml"
    path.write_text(TAGS, encoding="utf-8")
    return path


@pytest.fixture
def here(settings: Settings, table: Path) -> Settings:
    return replace(settings, tags=table)


@pytest.fixture
def monitor(here: Settings, clock: ManualClock, adopt: Adopt) -> Monitor:
    monitor = adopt(Monitor(here, clock))
    monitor.calculated.runner.step()
    return monitor


def send(monitor: Monitor, clock: ManualClock, first: int, rows: int, *, step: int = 1) -> None:
    """A tick a second; the runner steps after every `step` ticks."""
    values = np.random.default_rng(1).normal(size=(first + rows, 2))[first:]
    for number, (feed, jacket) in enumerate(values.tolist(), first + 1):
        now = START + number * SECOND
        clock.advance((now - clock.now()) / SECOND)
        monitor.submit(batch_of(("feed", 37 + feed), ("jacket", 20 + jacket), at=now, seconds=0.0))
        if number % step == 0:
            monitor.calculated.runner.step()


def recorded(monitor: Monitor, tag: str) -> tuple[list[int], bytes]:
    """Seconds since the start and the bits of the values of this tag."""
    frame = monitor.readings.recent(0, [tag]).sort_values("time")
    seconds = (frame["time"].astype("int64") - START) // SECOND
    return seconds.tolist(), frame["value"].to_numpy().tobytes()


def as_history(monitor: Monitor, tag: str, since: int, until: int) -> tuple[list[int], bytes]:
    formula = monitor.calculated.check(tag, monitor.tags[tag].formula, 5.0)
    preview = monitor.calculated.preview(formula, START + since * SECOND - 1, START + until * SECOND)
    usable = np.isfinite(preview.values)
    seconds = (preview.times[usable] - START) // SECOND
    return seconds.tolist(), preview.values[usable].tobytes()


def test_each_tick_gives_a_value_which_is_scored_and_counted_as_calculated(
    monitor: Monitor, clock: ManualClock
) -> None:
    send(monitor, clock, 0, 120)
    seconds, _ = recorded(monitor, "off")
    assert seconds == list(range(1, 121))
    frame = monitor.readings.recent(0, ["off"])
    assert (frame["source"] == CALCULATED).all()
    assert frame["score"].notna().sum() > 50
    assert recorded(monitor, "smooth")[0] == list(range(6, 121))
    monitor.drain()
    ledger = monitor.ledger.now()
    assert ledger.balanced
    line = next(line for line in ledger.lines if line.source == CALCULATED)
    assert (line.received, line.stored) == (235, 235)


def test_live_values_are_the_bits_of_the_history_also_after_a_restart(
    here: Settings, monitor: Monitor, clock: ManualClock, adopt: Adopt
) -> None:
    send(monitor, clock, 0, 50, step=7)
    monitor.stop()
    again = adopt(Monitor(here, clock))
    again.drain()
    send(again, clock, 50, 40, step=3)
    again.stop()
    last = adopt(Monitor(here, clock))
    last.drain()
    last.calculated.runner.step()
    for tag, first in (("off", 1), ("smooth", 6)):
        seconds, bits = recorded(last, tag)
        assert seconds == list(range(first, 91))
        assert (seconds, bits) == as_history(last, tag, 1, 90)


def test_row_waits_for_its_other_tag_and_goes_without_it_only_after_a_while(
    monitor: Monitor, clock: ManualClock
) -> None:
    send(monitor, clock, 0, 3)
    clock.advance(1)
    at = clock.now()
    monitor.submit(batch_of(("feed", 40.0), at=at))
    monitor.calculated.runner.step()
    assert recorded(monitor, "off")[0] == [1, 2, 3]
    clock.advance(WAIT / SECOND / 2)
    monitor.submit(batch_of(("jacket", 10.0), at=at, source="other"))
    monitor.calculated.runner.step()
    assert monitor.readings.recent(0, ["off"])["value"].iloc[-1] == 30.0
    clock.advance(1)
    monitor.submit(batch_of(("feed", 41.0), at=clock.now()))
    clock.advance(WAIT / SECOND)
    monitor.calculated.runner.step()
    assert monitor.readings.recent(0, ["off"])["value"].iloc[-1] == 31.0


def test_old_or_bad_values_give_none_and_late_readings_change_nothing(
    monitor: Monitor, clock: ManualClock
) -> None:
    send(monitor, clock, 0, 3)
    clock.advance(1)
    bad = [Reading("feed", clock.now(), 50.0, Quality.BAD), Reading("jacket", clock.now(), 20.0)]
    monitor.submit(Batch.of(bad, source="test", received=clock.now()))
    monitor.calculated.runner.step()
    clock.advance(10)
    monitor.submit(batch_of(("jacket", 21.0), at=clock.now()))
    clock.advance(10)
    monitor.calculated.runner.step()
    assert recorded(monitor, "off")[0] == [1, 2, 3]
    before = recorded(monitor, "off")
    monitor.submit(batch_of(("feed", 99.0), at=START + 2 * SECOND))
    monitor.calculated.runner.step()
    assert recorded(monitor, "off") == before
    status = {line.tag: line for line in monitor.calculated.status()}["off"]
    assert (status.values, status.without, status.late) == (3, 2, 1)


def test_readings_of_a_calculated_tag_are_refused_from_outside(monitor: Monitor, clock: ManualClock) -> None:
    receipt = monitor.submit(batch_of(("off", 1.0), at=clock.now()))
    (rejection,) = receipt.processed.rejected
    assert str(rejection.reason) == "calculated"
    assert "its formula alone" in rejection.detail


def test_history_is_filled_once_in_order_and_a_second_run_finds_nothing(
    here: Settings, table: Path, clock: ManualClock, adopt: Adopt
) -> None:
    table.write_text(TAGS.partition("[tags.off]")[0], encoding="utf-8")
    monitor = adopt(Monitor(here, clock))
    send(monitor, clock, 0, 200, step=1_000)
    draft = monitor.tag_file.read()
    new = [
        Tag("off", "Off", "°C", formula="feed - jacket"),
        Tag("smooth", "Smooth", formula="mean(off, 10s) + delay(feed, 5s)"),
    ]
    monitor.tag_file.save(draft, draft.tags.with_tags(new), "Ada", ["added"])
    monitor.calculated.runner.step()
    send(monitor, clock, 200, 20)
    clock.advance(120)
    monitor.drain()
    reports = []
    for _ in range(2):
        job = monitor.calculated.start_history(["smooth", "off"], None, clock.now(), "Ada")
        assert monitor.jobs.wait(job, 60)
        assert job.problem is None
        reports.append(job.result)
    assert [(report.accepted, report.flagged < 60) for report in reports] == [(200 + 195, True), (0, True)]
    seconds, bits = recorded(monitor, "off")
    assert (seconds, bits) == as_history(monitor, "off", 1, 220)
    assert seconds == list(range(1, 221))
    assert recorded(monitor, "smooth")[0][0] == 6
    monitor.drain()
    assert monitor.ledger.now().balanced
    assert {entry.files[0] for entry in monitor.import_log.entries()} == {
        "formula of off",
        "formula of smooth",
    }


def test_history_of_a_chain_is_whole_though_the_database_lags(
    here: Settings, table: Path, clock: ManualClock, adopt: Adopt
) -> None:
    table.write_text(TAGS.partition("[tags.off]")[0], encoding="utf-8")
    monitor = adopt(Monitor(here, clock))
    send(monitor, clock, 0, 60, step=1_000)
    clock.advance(120)
    draft = monitor.tag_file.read()
    new = [Tag("off", "Off", formula="feed - jacket"), Tag("twice", "Twice", formula="2 * off")]
    monitor.tag_file.save(draft, draft.tags.with_tags(new), "Ada", ["added"])
    job = monitor.calculated.start_history(["off", "twice"], None, clock.now(), "Ada")
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None
    assert job.result.accepted == 120
    assert recorded(monitor, "twice")[0] == list(range(1, 61))


def test_readings_left_by_a_roll_up_give_no_history(monitor: Monitor, clock: ManualClock) -> None:
    send(monitor, clock, 0, 90)
    for number in range(91, 111):  # jumps, so that some readings are flagged and stay
        clock.advance(1)
        level = 300.0 * (number % 10 == 0)
        monitor.submit(batch_of(("feed", 37 + level), ("jacket", 20 - level), at=clock.now(), seconds=0.0))
        monitor.calculated.runner.step()
    clock.advance(3 * DAY / SECOND)
    monitor.drain()
    store = monitor.parts.store
    assert sum(store.retention.roll_up(due) for due in store.retention.due(clock.now(), 1)) > 200
    left = {tag: len(monitor.stored.frame([tag], 0, clock.now())) for tag in ("feed", "jacket")}
    assert min(left.values()) > 1, "flagged ones stay"
    draft = monitor.tag_file.read()
    slow = Tag("slow", "Slow", formula="mean(feed, 10s)")
    monitor.tag_file.save(draft, draft.tags.with_tags([slow]), "Ada", ["added"])
    job = monitor.calculated.start_history(["off", "slow"], None, clock.now(), "Ada")
    assert monitor.jobs.wait(job, 60)
    assert (job.problem, job.result.rows) == (None, 0), "means of flagged readings alone would be wrong"


def test_formula_that_cannot_be_used_is_refused_at_the_start_when_saved_and_when_applied(
    here: Settings, table: Path, monitor: Monitor, clock: ManualClock
) -> None:
    draft = monitor.tag_file.read()
    for formula, said in (
        ("feed + nope", "no tag 'nope'"),
        ("smooth + 1", "off → smooth → off"),
        ('unit(feed, "bar") - jacket', "cannot be subtracted"),
    ):
        tags = TagTable([replace(tag, formula=formula) if tag.name == "off" else tag for tag in draft.tags])
        with pytest.raises(UsageError, match=said):
            monitor.tag_file.save(draft, tags, "Ada", ["changed"])
    without = TagTable(tag for tag in draft.tags if tag.name != "jacket")
    with pytest.raises(UsageError, match="no tag 'jacket'"):
        monitor.tag_file.save(draft, without, "Ada", ["removed"])
    assert monitor.tag_file.read().tags["off"].formula == "feed - jacket"
    table.write_text(TAGS.replace("feed - jacket", "feed - "), encoding="utf-8")
    with pytest.raises(UsageError, match="Tag off: something is missing"):
        monitor.tag_file.apply(monitor.tag_file.read(), "Ada")
    assert monitor.tags["off"].formula == "feed - jacket", "an edit by hand that is wrong is not applied"
    monitor.stop()
    with pytest.raises(UsageError, match="Tag off: something is missing"):
        Monitor(here, clock)


def test_preview_of_a_long_span_says_its_resolution(monitor: Monitor, clock: ManualClock) -> None:
    send(monitor, clock, 0, 130, step=1_000)
    monitor.drain()
    formula = monitor.calculated.check("x", "feed - jacket", 5.0)
    preview = monitor.calculated.preview(formula, clock.now() - 30 * DAY, clock.now())
    assert preview.cell == 600 * SECOND
    assert preview.values[-1] == pytest.approx(17, abs=1)
