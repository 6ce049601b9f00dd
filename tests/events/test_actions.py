"""Actions on events: checked, folded into states, kept over kills and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sensormon.events.actions import ACTIONS, State, action_frame, checked, standings
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import EventAction
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.events import events_of, flags
from tests.support.plant import START, batch_of
from tests.support.slow_events import Standing, slow_standings

FAR = START + 10**6 * SECOND
HOUR = 3600 * SECOND


def feed(monitor: Monitor, clock: ManualClock, seconds: int, *spikes: int) -> None:
    """A pH at rest around 7, one reading per second, that jumps to 8.5 at these seconds."""
    for i in range(seconds):
        clock.advance(1.0)
        value = 8.5 if i in spikes else 7.0 + 0.01 * (i % 3)
        monitor.submit(batch_of(("fermenter_ph", value), at=clock.now()))
    monitor.drain()


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    feed(running, clock, 200, 80, 81, 120, 198)
    yield running
    running.stop()


def states(monitor: Monitor) -> list[str]:
    """The states of all events, newest first."""
    return list(monitor.events.between(None, 0, FAR)["state"])


def test_each_event_has_a_row_and_the_last_is_open(monitor: Monitor, clock: ManualClock) -> None:
    frame = monitor.events.between(["fermenter_ph"], 0, FAR)
    assert frame["start"].is_monotonic_decreasing
    assert states(monitor) == ["unacknowledged", *["returned, unacknowledged"] * 2]
    assert frame["readings"].tolist() == [1, 1, 2]
    assert frame["severity"].tolist() == ["high", "medium", "high"]
    assert frame["value"].tolist() == [8.5] * 3
    feed(monitor, clock, 12)
    assert states(monitor)[0] == "returned, unacknowledged"


def test_acknowledge_label_note_and_shelve_in_bulk(monitor: Monitor, clock: ManualClock) -> None:
    newest, middle, oldest = monitor.events.between(None, 0, FAR)["id"].tolist()
    monitor.actions.record([newest, oldest], "acknowledge", "Ana")
    monitor.actions.record([oldest], "label", "Bo", label="benign", note="cleaning")
    monitor.actions.record([middle], "shelve", "Ana", until=clock.now() + HOUR)
    before = monitor.events.between(None, 0, FAR)
    monitor.drain()
    frame = monitor.events.between(None, 0, FAR)
    assert frame.equals(before), "what is still in the journal only must show like what is stored"
    assert frame["state"].tolist() == ["acknowledged", "shelved", "acknowledged"]
    assert frame["label"].tolist() == ["", "", "benign"]
    assert frame["note"].tolist() == ["", "", "cleaning"]
    assert frame["who"].tolist() == ["Ana", "Ana", "Bo"]
    clock.advance(3601.0)
    assert states(monitor)[1] == "returned, unacknowledged"
    monitor.actions.record([newest], "unacknowledge", "Ana")
    assert states(monitor)[0] == "returned, unacknowledged"


def test_actions_survive_kill_restart_and_new_database(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    feed(first, clock, 100, 80)
    (event,) = first.events.between(None, 0, FAR)["id"]
    first.actions.record([event], "label", "Ana", label="true", note="pump")
    first.parts.loader.close()  # killed before it was loaded: nothing is drained
    first.parts.journal.close()
    first.parts.folder.release()
    second = Monitor(settings, clock)
    assert second.events.between(None, 0, FAR)["label"].tolist() == ["true"]
    second.drain()
    assert len(second.events.actions(0, event)) == 1
    second.stop()
    Path(settings.store_url).unlink()
    third = Monitor(settings, clock)
    third.drain()
    assert third.events.between(None, 0, FAR)[["label", "note", "who"]].to_numpy().tolist() == [
        ["true", "pump", "Ana"]
    ]
    third.stop()


def test_event_is_whole_wherever_the_span_begins(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, threshold=1.0), clock)
    feed(monitor, clock, 100, 60)
    feed(monitor, clock, 2500)
    feed(monitor, clock, 100, 30)
    whole = monitor.events.between(None, 0, FAR)
    assert whole["seconds"].max() > 2000
    for back in range(30, 2700, 331):
        part = monitor.events.between(None, clock.now() - back * SECOND, FAR)
        columns = ["id", "start", "end", "readings", "state"]
        assert part[columns].to_numpy().tolist() == whole[columns].head(len(part)).to_numpy().tolist()
        assert len(part) > 0
    monitor.stop()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"action": "delete"}, "there is no action 'delete'"),
        ({"event_ids": []}, "no event is chosen"),
        ({"event_ids": list(range(1, 10_003))}, "10,002 events are more than 10,000"),
        ({"event_ids": ["1; DROP"]}, "a whole number above 0"),
        ({"event_ids": [True]}, "a whole number above 0"),
        ({"who": "\x00 \n"}, "a name of 1 to 100 characters"),
        ({"who": "a" * 101}, "a name of 1 to 100 characters"),
        ({"action": "label", "label": "maybe"}, "there is no label 'maybe'"),
        ({"action": "note", "note": " "}, "the note is empty"),
        ({"note": "a" * 1001}, "1,001 characters"),
        ({"action": "shelve"}, "until a time to come"),
        ({"action": "shelve", "until": START - 1}, "until a time to come"),
        ({"action": "shelve", "until": 1 << 70}, "within a year"),
    ],
)
def test_invalid_action_is_refused_in_one_line(
    monitor: Monitor, changed: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        monitor.actions.record(**{"event_ids": [1], "action": "acknowledge", "who": "Ana", **changed})
    assert "\n" not in str(refused.value)
    assert monitor.actions.count == 0


def test_unstorable_text_is_cleaned() -> None:
    action = checked([3, 3], "note", "A\ud800na\x00", START, note="one\ntwo\x07")
    assert action == EventAction((3,), START, "A na", "note", note="one two")


def test_action_follows_its_reading_into_a_merged_event() -> None:
    actions = action_frame([(1, EventAction((70,), START, "Ana", "acknowledge"))])

    def acknowledged(*seconds: float) -> list[tuple[int, bool, str, int]]:
        events = events_of(flags(*seconds))
        stand = standings(*events.ids, actions)
        columns = (events.id, stand.acknowledged, stand.who, stand.acted)
        return list(zip(*(column.tolist() for column in columns), strict=True))

    assert acknowledged(50, 70) == [(50, False, "", 0), (70, True, "Ana", START)]
    assert acknowledged(50, 60, 70) == [(50, True, "Ana", START)]
    assert acknowledged(50) == [(50, False, "", 0)]
    assert acknowledged() == []


some_actions = st.lists(
    st.builds(
        EventAction,
        st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True).map(tuple),
        st.integers(START, START + 50),
        st.sampled_from(["Ana", "Bo"]),
        st.sampled_from(ACTIONS),
        st.sampled_from(["true", "false"]),
        st.sampled_from([0, START + HOUR]),
        st.sampled_from(["", "seen", "cleaned"]),
    ),
    max_size=12,
)


@options(max_examples=100)
@given(some_actions, st.permutations(range(2, 11)), st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_standings_match_the_slow_reference(
    acts: list[EventAction], ids: list[int], sizes: list[int]
) -> None:
    acts = [replace(act, time=START + place) for place, act in enumerate(acts)]  # oldest first
    edges = np.minimum(np.concatenate(([0], np.cumsum(sizes))), len(ids))
    readings = np.array(ids)[: edges[-1]]
    place = np.searchsorted(edges, np.arange(len(readings)), side="right") - 1
    event_of = dict(zip(readings.tolist(), place.tolist(), strict=True))
    expected = slow_standings(event_of, enumerate(acts))
    stand = standings(readings, edges, action_frame(enumerate(acts)))
    for event in range(len(edges) - 1):
        slow = expected.get(event, Standing())
        assert (stand.acknowledged[event], stand.label[event], stand.shelved_until[event]) == (
            slow.acknowledged,
            slow.label,
            slow.shelved_until,
        )
        assert (stand.note[event], stand.who[event], stand.acted[event]) == (slow.note, slow.who, slow.acted)


def test_shelving_hides_the_state_until_it_expires() -> None:
    events = events_of(flags(50))
    shelved = EventAction((50,), START, "Ana", "shelve", until=START + HOUR)
    stand = standings(*events.ids, action_frame([(1, shelved)]))

    def state(over: bool, now: int) -> str:
        return str(stand.states(np.array([over]), now)[0])

    assert state(True, START) == State.SHELVED
    assert state(True, START + HOUR) == State.RETURNED
    assert state(False, START + HOUR) == State.UNACKNOWLEDGED
