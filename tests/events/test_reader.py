"""Events are those of all stored readings, whatever a reader holds and whatever has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from sensormon.analysis.versions import Versions
from sensormon.events import reader as reading
from sensormon.events.reader import EventReader
from sensormon.model.clock import DAY, HOUR, SECOND, ManualClock
from sensormon.model.entries import DetectorSettings, EventAction
from sensormon.model.events import Delays
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings
from tests.stores.conftest import new_store, store
from tests.support.changes import Changes
from tests.support.events import THRESHOLDS
from tests.support.plant import START
from tests.support.slow_events import slow_events, slow_over

__all__ = ["new_store", "store"]

FAR = START + 1000 * DAY
SETTINGS = {
    number: DetectorSettings(number, START, "environment", "zscore", {"threshold": threshold}, {})
    for number, threshold in THRESHOLDS.items()
}


@dataclass
class Written:
    """What a collector has written: the versions of its settings, and no action that is not stored."""

    settings: dict[int, DetectorSettings]

    def by_id(self) -> dict[int, DetectorSettings]:
        return self.settings

    def actions(self) -> Sequence[tuple[int, EventAction]]:
        return ()


def reader_of(store: Store, clock: ManualClock, delays: Delays) -> EventReader:
    written: Any = Written(SETTINGS)
    return EventReader(store, RecentReadings(), written, written, clock, delays)


@pytest.mark.parametrize(("seed", "most"), [(0, 100_000), (1, 100_000), (2, 60), (3, 25)])
def test_a_reader_that_has_looked_before_answers_like_a_new_one(
    store: Store, seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_FLAGS", most)
    monkeypatch.setattr("sensormon.stores.duckdb_summary.PIECE", 40)
    changes, delays = Changes(store, seed), Delays(on_readings=1 + seed % 2)
    clock = ManualClock(START)
    kept = reader_of(store, clock, delays)
    for _ in range(14):
        act = changes.step()
        clock.advance((changes.now - clock.now()) / SECOND)
        for tags, since, until in (
            (None, 0, FAR),
            (None, changes.now - HOUR, FAR),
            (["b"], changes.now - DAY, changes.now - HOUR),
            (["a", "c"], changes.now - 30 * SECOND, FAR),
        ):
            answer = kept.between(tags, since, until)
            fresh = reader_of(store, clock, delays).between(tags, since, until)
            pd.testing.assert_frame_equal(answer, fresh, obj=act)
            assert answer.attrs == fresh.attrs, act
            if answer.attrs["complete"]:
                check_slowly(answer, store, tags, since, until, clock.now(), delays)


def test_a_reader_sees_what_is_stored_late_and_what_is_removed(store: Store) -> None:
    changes, clock = Changes(store, 3), ManualClock(START)
    kept, seen = reader_of(store, clock, Delays()), []
    for _ in range(4):
        for act in (changes.load, changes.bring_in, changes.retry, changes.undo):
            act()
            clock.advance((changes.now - clock.now()) / SECOND)
            answer = kept.between(None, 0, FAR)
            pd.testing.assert_frame_equal(answer, reader_of(store, clock, Delays()).between(None, 0, FAR))
            seen.append(sum(map(len, answer["ids"])))
    assert any(later < before for before, later in pairwise(seen)), "an undo took flags away"


def check_slowly(
    answer: pd.DataFrame,
    store: Store,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    now: int,
    delays: Delays,
) -> None:
    """The answer has the events of all readings up to `until` that reach into the span."""
    rows = store.readings.frame(tags, 0, until)
    events = [event for event in slow_events(rows, Versions(SETTINGS), delays) if event.end >= since][::-1]
    assert answer["ids"].tolist() == [list(event.ids) for event in events]
    for name in ("id", "tag", "peak_id", "threshold", "severity", "detector", "profile"):
        assert answer[name].tolist() == [getattr(event, name) for event in events]
    assert answer["value"].tolist() == [event.peak_value for event in events]
    assert answer["start"].astype("int64").tolist() == [event.start for event in events]
    assert answer["end"].astype("int64").tolist() == [event.end for event in events]
    assert answer["over"].tolist() == [slow_over(event, now, None, delays) for event in events]
