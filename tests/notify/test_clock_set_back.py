"""The clock is set back by hours, or from a wrong year: what happens then is told all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Rule
from sensormon.notify.due import RulesSince
from sensormon.notify.notifications import Notifications, notifications_of
from tests.support.plant import batch_of
from tests.support.receiver import Receiver
from tests.support.telling import SPIKE, tell


@pytest.fixture
def running(settings: Settings, clock: ManualClock, receiver: Receiver) -> Iterator[Monitor]:
    """A monitor whose threads do not run; its contact gets a message an hour, and a heartbeat each day."""
    settings.data_dir.mkdir()
    (settings.data_dir / "notify.toml").write_text(
        f'[contacts.shift]\nways = ["http://127.0.0.1:{receiver.port}/hook"]\ngroup = 0\n'
        'limit = "1/hour"\nallow_private = true\n'
        '[rules.all]\nto = ["shift"]\n[rules.alive]\nheartbeat = 86400\nto = ["shift"]\n'
    )
    monitor = Monitor(settings, clock)
    yield monitor
    monitor.stop()


def spike(monitor: Monitor, notifications: Notifications, clock: ManualClock) -> None:
    monitor.submit(batch_of(*SPIKE, at=clock.now() - 60 * SECOND))
    monitor.drain()
    tell(notifications, clock)


def test_events_and_heartbeats_are_told_after_the_clock_was_set_back(
    running: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    clock.advance(400 * DAY / SECOND)
    notifications = notifications_of(running)
    tell(notifications, clock, 2)
    spike(running, notifications, clock)
    assert [request.json["kind"] for request in receiver.received] == ["health", "event"]
    clock.advance(-399.5 * DAY / SECOND)
    spike(running, notifications, clock)
    assert [request.json["kind"] for request in receiver.received[2:]] == ["event"]
    clock.advance(DAY / SECOND)
    tell(notifications, clock)
    assert [request.json["kind"] for request in receiver.received[3:]] == ["health"]
    told = [event["id"] for request in receiver.received for event in request.json["events"]]
    assert len(told) == len(set(told)) == 2


def test_a_message_planned_for_next_year_is_sent_now(
    running: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    notifications = notifications_of(running)
    clock.advance(400 * DAY / SECOND)
    receiver.behaviour = lambda request: request.answer(503, Retry_After="600")
    tell(notifications, clock, 2)
    spike(running, notifications, clock)
    clock.advance(-400 * DAY / SECOND)
    receiver.behaviour = lambda request: request.answer(204)
    before = len(receiver.received)
    tell(notifications, clock)
    assert {request.json["kind"] for request in receiver.received[before:]} == {"health", "event"}


def test_a_clock_a_little_ahead_in_another_process_changes_nothing(
    running: Monitor, clock: ManualClock
) -> None:
    rules = RulesSince(notifications_of(running).documents, clock)
    running.drain()
    seen = rules.of({"all": Rule("all", ("shift",))})
    clock.advance(-30)
    assert rules.of({"all": Rule("all", ("shift",))})["all"] == clock.now()
    clock.advance(60)
    assert rules.of({"all": Rule("all", ("shift",))}) == seen
