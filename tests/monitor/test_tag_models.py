"""Models over several tags at work: trained on history, live to the last row, and whole after a restart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import BatchEntry
from sensormon.model.errors import JournalFull, UsageError
from sensormon.model.profiles import STEADY, Condition
from sensormon.model.readings import Batch, Processed, Scores, Verdicts, Withheld
from sensormon.model.settings import Settings
from sensormon.model.tag_models import SOURCE, TagModel
from sensormon.monitor.monitor import Monitor
from sensormon.stores.recent import RecentReadings
from tests.support.plant import START, batch_of

Adopt = Callable[[Monitor], Monitor]

TAGS = ("fermenter_temp", "fermenter_ph", "agitator_rpm")
ROWS = 600
FAR = START + 10**6 * SECOND


def rows_of(count: int, first: int = 0) -> np.ndarray:
    """Rows of three tags that go together, the same at every call."""
    shared = np.random.default_rng(3).normal(size=(first + count, 1))
    own = np.random.default_rng(4).normal(size=(first + count, 3))
    rows = np.array([37.0, 7.0, 450.0]) + np.array([0.2, 0.05, 10.0]) * (0.8 * shared + 0.6 * own)
    return rows[first:]


def send(monitor: Monitor, clock: ManualClock, rows: np.ndarray, first: int) -> None:
    """One tick a second."""
    for number, row in enumerate(rows.tolist(), first):
        now = START + number * SECOND
        clock.advance((now - clock.now()) / SECOND)
        monitor.submit(batch_of(*zip(TAGS, row, strict=True), at=now, seconds=0.0))


def trained(monitor: Monitor, *, kind: str = "spe", **options: int) -> TagModel:
    """A model of the first rows, in force."""
    wanted = TagModel("rig", kind, TAGS, 1.0, START, START + ROWS * SECOND, {}, **options)
    return monitor.tag_models.keep(monitor.tag_models.train(wanted), "Ada", "first model")


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock, adopt: Adopt) -> Monitor:
    """With a normal history of `ROWS` rows, stored."""
    monitor = adopt(Monitor(settings, clock))
    send(monitor, clock, rows_of(ROWS), 0)
    monitor.drain()
    return monitor


def scores_of(monitor: Monitor):
    return monitor.readings.recent(0, ["rig"])


def test_model_judges_each_row_once_and_records_its_score_as_a_reading(
    monitor: Monitor, clock: ManualClock
) -> None:
    trained(monitor)
    monitor.model_runner.step()
    for first in range(ROWS, ROWS + 100, 20):
        send(monitor, clock, rows_of(20, first), first)
        monitor.model_runner.step()
    frame = scores_of(monitor)
    seconds = (frame["time"].astype("int64") - START) // SECOND
    assert seconds.tolist() == list(range(ROWS, ROWS + 99))  # the last one waits for the next
    assert (frame["source"] == SOURCE).all()
    assert frame["value"].equals(frame["score"])
    assert frame["is_anomaly"].mean() < 0.05
    monitor.drain()
    ledger = monitor.ledger.now()
    assert ledger.total.difference == 0
    assert next(line for line in ledger.lines if line.source == SOURCE).stored == 99


def test_event_of_a_model_names_the_tag_responsible(monitor: Monitor, clock: ManualClock) -> None:
    trained(monitor)
    monitor.model_runner.step()
    rows = rows_of(40, ROWS)
    rows[10:30, 1] += 0.6
    send(monitor, clock, rows, ROWS)
    monitor.model_runner.step()
    monitor.drain()
    events = monitor.events.between(["rig"], START, FAR)
    assert len(events) >= 1
    peak = int(events["peak_id"].iloc[0])
    contributions = {name: own.score for name, own in monitor.readings.verdicts(peak).items()}
    assert set(contributions) == set(TAGS)
    assert max(contributions, key=contributions.__getitem__) == "fermenter_ph"
    assert sum(contributions.values()) == pytest.approx(events["score"].iloc[0])


def test_restart_goes_on_after_the_last_recorded_row(
    settings: Settings, monitor: Monitor, clock: ManualClock, adopt: Adopt
) -> None:
    trained(monitor)
    monitor.model_runner.step()
    send(monitor, clock, rows_of(30, ROWS), ROWS)
    monitor.model_runner.step()
    send(monitor, clock, rows_of(30, ROWS + 30), ROWS + 30)  # not judged before the end
    monitor.stop()
    again = adopt(Monitor(settings, clock))
    again.model_runner.step()
    send(again, clock, rows_of(10, ROWS + 60), ROWS + 60)
    again.model_runner.step()
    frame = scores_of(again)
    seconds = (frame["time"].astype("int64") - START) // SECOND
    assert seconds.tolist() == list(range(ROWS, ROWS + 69))
    assert frame["n"].tolist() == list(range(69))


def test_tag_of_a_model_is_shown_but_takes_no_readings(monitor: Monitor, clock: ManualClock) -> None:
    trained(monitor)
    assert monitor.tags["rig"].label == "Model rig"
    receipt = monitor.submit(batch_of(("rig", 0.5), at=clock.now()))
    assert [str(row.reason) for row in receipt.processed.rejected] == ["unknown_tag"]
    monitor.tag_models.remove("rig", "Ada")
    assert "rig" not in monitor.tags
    assert monitor.tag_models.standing() == ()


def test_table_of_tags_stays_the_same_while_no_model_changes(monitor: Monitor, clock: ManualClock) -> None:
    trained(monitor)
    before = monitor.tags
    clock.advance(60)  # the documents are read again
    monitor.model_runner.step()
    assert monitor.tags is before
    trained(monitor)
    assert monitor.tags is not before


def test_versions_count_and_a_name_or_tags_that_cannot_be_used_are_refused(monitor: Monitor) -> None:
    assert trained(monitor).version == 1
    assert trained(monitor).version == 2
    for name, tags in (
        ("fermenter_ph", TAGS),
        ("a b", TAGS),
        ("other", ("fermenter_ph",)),
        ("other", ("fermenter_ph", "fermenter_ph")),
        ("other", ("fermenter_ph", "nope")),
    ):
        with pytest.raises(UsageError):
            monitor.tag_models.train(TagModel(name, "spe", tags, 1.0, START, FAR, {}))


def test_rows_are_recorded_later_if_the_journal_refused_them(
    monitor: Monitor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(monitor)
    monitor.model_runner.step()
    send(monitor, clock, rows_of(20, ROWS), ROWS)
    journal = monitor.parts.journal
    monkeypatch.setattr(journal, "_quota_bytes", 1)
    with pytest.raises(JournalFull):
        monitor.model_runner.step()
    monkeypatch.undo()
    monitor.model_runner.step()
    seconds = (scores_of(monitor)["time"].astype("int64") - START) // SECOND
    assert seconds.tolist() == list(range(ROWS, ROWS + 19))


def test_model_is_trained_again_once_the_plant_was_steady_elsewhere(
    monitor: Monitor, clock: ManualClock
) -> None:
    trained(monitor, retrain_after=300)
    monitor.model_runner.step()
    moved = np.array([0.0, 0.8, 0.0])
    for first in range(ROWS, ROWS + 500, 100):
        send(monitor, clock, rows_of(100, first) + moved, first)
        monitor.model_runner.step()
    (model,) = monitor.tag_models.standing()
    assert model.version == 2
    assert model.reason == "300 rows were steady at a new state"
    assert model.since >= START + (ROWS - 1) * SECOND
    frame = scores_of(monitor)
    assert frame["is_anomaly"].iloc[:200].mean() > 0.7
    assert frame["is_anomaly"].iloc[-100:].mean() < 0.05


def test_stretch_that_drifts_is_refused_with_the_tag(monitor: Monitor, clock: ManualClock) -> None:
    rows = rows_of(ROWS, ROWS)
    rows[:, 1] += np.linspace(0.0, 0.6, ROWS)
    send(monitor, clock, rows, ROWS)
    monitor.drain()
    first = START + ROWS * SECOND
    drifting = TagModel("rig", "spe", TAGS, 1.0, first, first + ROWS * SECOND, {})
    with pytest.raises(UsageError, match="fermenter_ph"):
        monitor.tag_models.train(drifting)
    assert monitor.tag_models.standing() == ()


def test_change_of_a_set_point_is_no_event_under_its_condition(monitor: Monitor, clock: ManualClock) -> None:
    steady = Condition("agitator_rpm", STEADY, 100.0, settle=120.0)
    two = TagModel("rig", "recommended", TAGS[:2], 1.0, START, START + ROWS * SECOND, {}, condition=steady)
    monitor.tag_models.keep(monitor.tag_models.train(two), "Ada", "")
    monitor.model_runner.step()
    rows = rows_of(500, ROWS)
    rows[200:] += np.array([1.0, 0.0, 120.0])  # another set-point, and what goes with it
    for first in range(0, 500, 100):
        send(monitor, clock, rows[first : first + 100], ROWS + first)
        monitor.model_runner.step()
    frame = scores_of(monitor)
    assert frame["withheld"].iloc[200:320].eq(Withheld.CHANGE).all()
    assert frame["score"].iloc[200:260].max() > 1.0
    assert not frame["is_anomaly"].any()


def test_rows_are_not_judged_while_the_condition_is_not_met(monitor: Monitor, clock: ManualClock) -> None:
    running = Condition("agitator_rpm", ">", 300.0)
    model = TagModel("rig", "spe", TAGS[:2], 1.0, START, START + ROWS * SECOND, {}, condition=running)
    monitor.tag_models.keep(monitor.tag_models.train(model), "Ada", "")
    monitor.model_runner.step()
    rows = rows_of(60, ROWS)
    rows[20:40, 2] = 210.0
    send(monitor, clock, rows, ROWS)
    monitor.model_runner.step()
    seconds = (scores_of(monitor)["time"].astype("int64") - START) // SECOND - ROWS
    assert seconds.tolist() == [*range(20), *range(40, 59)]


def batch_entry(first_id: int, detectors: tuple[str, ...], rows: int) -> BatchEntry:
    """Readings judged by this many detectors."""
    nothing = np.zeros(rows)
    verdicts = Verdicts(
        ("p",),
        np.zeros(rows, np.uint8),
        detectors,
        np.zeros(rows, np.int8),
        np.ones(rows),
        np.zeros(rows, np.uint8),
        np.zeros((rows, len(detectors), 4)),
    )
    scores = Scores(np.arange(rows), nothing, nothing, nothing, nothing, np.zeros(rows, np.bool_), verdicts)
    batch = Batch(
        "test",
        START,
        ("a",),
        np.zeros(rows, np.int32),
        START + np.arange(rows),
        nothing,
        np.zeros(rows, np.uint32),
    )
    return BatchEntry(first_id, {"test": rows}, Processed(batch, scores, 1, ()))


def test_many_tags_of_a_model_do_not_widen_the_rows_of_others_in_memory() -> None:
    many = tuple(f"tag_{number}" for number in range(100))
    newest = RecentReadings()
    for number in range(0, 20_000, 1_000):
        newest.append(batch_entry(1 + 2 * number, ("zscore", "recommended"), 1_999))
        newest.append(batch_entry(2_000 + 2 * number, many, 1))
    table = pa.concat_tables(newest.chosen(None, 0, FAR).tables())
    assert table.num_rows == 40_000
    assert table.column("own").nbytes < 40_000 * 150
    assert len(newest.own([2_000])[2_000]) == 100
    assert len(newest.own([1])[1]) == 2
