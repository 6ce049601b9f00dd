"""What is wrong now: each tag once, worst first, what nobody is called for apart."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from sensormon.events.active import SHIFT, ActiveList, Kind, active
from sensormon.events.quiet import Reason
from sensormon.model.clock import HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.events import Severity
from sensormon.model.settings import Settings
from sensormon.model.status import Silence
from sensormon.monitor.monitor import Monitor
from tests.support.anomalies import usual
from tests.support.plant import START, batch_of

STATES = {
    "u": "unacknowledged",
    "r": "returned, unacknowledged",
    "a": "acknowledged",
    "s": "shelved",
}


def events(*rows: tuple[int, str, int, str, str, bool]) -> pd.DataFrame:
    """Events of (id, tag, minutes ago, severity, first letter of the state, over), as a reader gives them."""
    columns = ["id", "tag", "ago", "severity", "state", "over"]
    frame = pd.DataFrame(rows, columns=columns)
    start = pd.to_datetime(START - frame["ago"].astype("int64") * MINUTE, unit="us", utc=True)
    frame["start"] = frame["end"] = frame["acknowledged_at"] = start.dt.as_unit("us")
    frame["shelved_until"] = frame["start"] + pd.Timedelta(hours=9)
    frame["state"] = frame["state"].map(STATES)
    frame["acknowledged_by"], frame["who"], frame["note"] = "Ana", "Bo", "why"
    return frame


def now(frame: pd.DataFrame, *silent: tuple[str, float], problems: tuple[str, ...] = ()) -> ActiveList:
    silences = [Silence(tag, tag, seconds) for tag, seconds in silent]
    return active(frame, silences, problems, lambda *_: None, START)


def names(items: ActiveList) -> list[str]:
    return [item.tag or item.text for item in items.items]


def test_each_tag_is_on_the_list_once_with_its_worst_event() -> None:
    listed = now(
        events(
            (9, "a", 1, "low", "u", False),
            (7, "a", 3, "high", "r", True),
            (5, "a", 9, "medium", "a", True),
            (3, "b", 4, "low", "u", False),
        )
    )
    assert names(listed) == ["a", "b"]
    first, second = listed.items
    assert (first.severity, first.event, first.over) == (Severity.HIGH, 1, True)
    assert first.unacknowledged == (7, 9)
    assert first.calling == (7,), "nobody is called for a low one"
    assert (second.unacknowledged, second.calling) == ((3,), ())
    assert (listed.attention, listed.worst) == (2, Severity.HIGH)


def test_event_to_acknowledge_is_not_hidden_by_a_worse_one_that_is_acknowledged() -> None:
    listed = now(
        events(
            (9, "a", 1, "high", "a", False),
            (7, "a", 3, "medium", "u", False),
            (5, "a", 9, "medium", "r", True),
            (8, "b", 2, "high", "a", False),
            (6, "b", 4, "low", "u", False),
        )
    )
    first, second = sorted(listed.items, key=lambda item: item.tag)
    assert (first.severity, first.event, first.state) == (Severity.MEDIUM, 1, STATES["u"])
    assert (first.unacknowledged, first.calling, first.who) == ((5, 7), (5, 7), "")
    assert (second.severity, second.state, second.who) == (Severity.HIGH, "acknowledged", "Ana"), (
        "nobody is called for a low one"
    )
    assert (listed.worst, [item.tag for item in listed.items]) == (Severity.MEDIUM, ["b", "a"])


def test_worst_comes_first_then_what_nobody_has_acknowledged_then_the_newest() -> None:
    listed = now(
        events(
            (1, "low", 1, "low", "u", False),
            (2, "known", 1, "high", "a", False),
            (3, "earlier", 5, "high", "u", False),
            (4, "later", 2, "high", "u", False),
            (5, "back", 1, "high", "r", True),
        ),
        ("silent", 30.0),
        problems=("the store is away",),
    )
    assert names(listed) == ["the store is away", "later", "earlier", "back", "known", "silent", "low"]
    assert listed.attention == 6


def test_what_is_over_and_acknowledged_or_low_or_long_over_is_off_the_list() -> None:
    shift = SHIFT // MINUTE
    listed = now(
        events(
            (1, "a", 5, "high", "a", True),
            (2, "b", shift + 1, "high", "r", True),
            (3, "c", shift + 1, "high", "u", False),
            (4, "d", 5, "high", "a", False),
            (5, "e", 5, "low", "r", True),
        )
    )
    assert names(listed) == ["c", "d"]
    known = listed.items[1]
    assert (known.who, known.when, known.needs_attention) == ("Ana", START - 5 * MINUTE, False)
    assert listed.items[0].who == ""


def test_silent_tag_with_an_event_is_on_the_list_once() -> None:
    listed = now(
        events((1, "a", 5, "low", "u", False), (2, "b", 5, "high", "u", False)), ("a", 40.0), ("b", 30.0)
    )
    high, quiet = listed.items
    assert (high.tag, high.kind, high.silent) == ("b", Kind.EVENT, 30.0)
    assert (quiet.tag, quiet.kind, quiet.since) == ("a", Kind.SILENCE, START - 40 * SECOND)
    assert quiet.unacknowledged == (1,)


def test_quiet_tags_are_apart() -> None:
    until = Reason("maintenance", START, START + HOUR, "Ana", "CIP")
    frame = events(
        (1, "a", 5, "high", "u", False), (2, "b", 5, "low", "s", False), (3, "c", 5, "low", "u", False)
    )
    listed = active(frame, [Silence("d", "d", 9.0)], [], lambda tag, _: until if tag in "ad" else None, START)
    assert names(listed) == ["c"]
    assert [(item.tag, item.quiet) for item in listed.quiet] == [
        ("a", until),
        ("d", until),
        ("b", Reason("shelved", START - 5 * MINUTE, START - 5 * MINUTE + 9 * HOUR, "Bo", "why")),
    ]
    assert listed.worst is Severity.LOW


def test_one_shelved_event_does_not_hide_another_of_its_tag() -> None:
    listed = now(events((1, "a", 5, "high", "s", False), (2, "a", 2, "low", "u", False)))
    assert [(item.tag, item.severity, item.quiet) for item in listed.items] == [("a", Severity.LOW, None)]
    assert not listed.quiet


def test_nothing_wrong_is_an_empty_list() -> None:
    listed = now(events())
    assert listed == ActiveList()
    assert listed.worst is None


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


def test_the_list_is_of_what_the_monitor_has(monitor: Monitor, clock: ManualClock) -> None:
    monitor.submit(batch_of(*usual(60), *[("fermenter_ph", 8.5)] * 3, at=START - 63 * SECOND))
    monitor.drain()

    def listed() -> ActiveList:
        frame = monitor.events.between(None, START - HOUR, START + HOUR)
        return active(frame, (), (), monitor.quiet.why, clock.now())

    (item,) = listed().items
    assert (item.tag, item.severity, item.since) == ("fermenter_ph", Severity.HIGH, START - 3 * SECOND)
    monitor.actions.record(item.unacknowledged, "acknowledge", "Ana")
    monitor.actions.record(item.unacknowledged, "label", "Bo", label="true")
    (item,) = listed().items
    assert (item.who, item.unacknowledged) == ("Ana", ())
    monitor.shelved_tags.shelve(["fermenter_ph"], START + HOUR, "probe", "Ana")
    assert not listed().items
    assert listed().quiet[0].quiet == Reason("shelved", START, START + HOUR, "Ana", "probe")
