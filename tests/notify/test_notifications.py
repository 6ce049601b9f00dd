"""Notifications of a monitor: from a reading to a message handed over, and what is said when that fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.access.roles import Act, Role
from sensormon.model.clock import ManualClock
from sensormon.model.errors import Forbidden, UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import Kind, MessageState
from sensormon.notify.notifications import accompany, failing, notifications_of
from sensormon.notify.sender import IDLE
from sensormon.notify.trying import Outcome, after
from sensormon.stores.entries import AuditQuery
from tests.support.access import ADMIN, person
from tests.support.messages import message
from tests.support.plant import START, batch_of
from tests.support.receiver import Receiver
from tests.support.telling import SPIKE, tell


@pytest.fixture
def running(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    """A monitor whose threads do not run, on a clock moved by hand."""
    settings.data_dir.mkdir()
    monitor = Monitor(settings, clock)
    yield monitor
    monitor.stop()


def write(folder: Path, receiver: Receiver, more: str = "") -> None:
    (folder / "notify.toml").write_text(
        f'[contacts.shift]\nways = ["http://127.0.0.1:{receiver.port}/hook"]\ngroup = 0\n'
        f'allow_private = true\n{more}[rules.all]\nto = ["shift"]\n'
    )


def test_an_event_is_told_once_with_why(running: Monitor, clock: ManualClock, receiver: Receiver) -> None:
    write(running.settings.data_dir, receiver)
    notifications = notifications_of(running)
    tell(notifications, clock, 2)
    running.submit(batch_of(*SPIKE, at=clock.now() - 60_000_000))
    running.drain()
    tell(notifications, clock)
    (request,) = receiver.received
    (event,) = request.json["events"]
    assert (request.json["kind"], request.json["contact"], event["tag"]) == (
        "event",
        "shift",
        "fermenter_temp",
    )
    assert event["value"] == 48.0
    assert "above the expected" in event["why"]
    (kept,) = notifications.outbox.log(9)
    assert (kept.state, kept.key) == (MessageState.SENT, request.headers["idempotency-key"])


def test_a_rule_switched_on_again_tells_nothing_that_ended_while_it_was_off(
    running: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    write(running.settings.data_dir, receiver)
    notifications = notifications_of(running)
    tell(notifications, clock, 2)
    file = running.settings.data_dir / "notify.toml"
    text = file.read_text()
    file.write_text(f"{text}on = false\n")
    tell(notifications, clock, 2)
    running.submit(batch_of(*SPIKE, at=clock.now() - 60_000_000))
    clock.advance(600)
    running.submit(batch_of(*SPIKE[:-1], at=clock.now() - 60_000_000))
    running.drain()
    tell(notifications, clock, 2)
    file.write_text(text)
    tell(notifications, clock, 2)
    assert receiver.received == []
    running.submit(batch_of(("fermenter_temp", 48.0), at=clock.now()))
    running.drain()
    tell(notifications, clock)
    assert [event["value"] for request in receiver.received for event in request.json["events"]] == [48.0]


def test_without_a_file_nothing_is_planned_read_or_said(running: Monitor, clock: ManualClock) -> None:
    notifications = notifications_of(running)
    running.submit(batch_of(*SPIKE, at=clock.now() - 60_000_000))
    running.drain()
    assert notifications.sender.step() == IDLE
    assert running.parts.collector.waiting_documents() == []
    status = notifications.status()
    assert (status.on, status.leading, status.problems) == (False, None, ())


def test_a_test_message_goes_to_the_contact_and_into_the_audit_trail(
    running: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    write(running.settings.data_dir, receiver)
    notifications = notifications_of(running)
    with pytest.raises(Forbidden):
        notifications.send_test(person(Role.ENGINEER), "shift")
    with pytest.raises(UsageError, match="no such contact"):
        notifications.send_test(ADMIN, "nobody")
    sent = notifications.send_test(ADMIN, "shift")
    tell(notifications, clock, 3)
    (request,) = receiver.received
    assert (request.json["kind"], request.json["key"]) == (str(Kind.TEST), sent.key)
    running.drain()
    records = running.access.audit.read(AuditQuery(0, FOREVER, acts=(str(Act.MANAGE_NOTIFICATIONS),)))
    assert {(record.who, bool(record.failure)) for record in records} == {("Jana", True), ("root", False)}


def test_a_contact_can_be_told_at_once_after_it_was_saved(running: Monitor, receiver: Receiver) -> None:
    notifications = notifications_of(running)
    assert not notifications.config().contacts, "looked a moment before"
    text = (
        f'[contacts.shift]\nways = ["http://127.0.0.1:{receiver.port}/hook"]\nallow_private = true\n'
        '[rules.all]\nto = ["shift"]\n'
    )
    notifications.file.save(notifications.file.read(), text, "root")
    outcome = notifications.carrier.deliver(replace(message(0), kind=Kind.TEST, contact="shift"))
    assert outcome.delivered, outcome.words


def test_a_file_that_is_wrong_is_said_in_the_status_and_nothing_else_changes(
    running: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    accompany(running)
    notifications = notifications_of(running)
    write(running.settings.data_dir, receiver)
    tell(notifications, clock, 1)
    (running.settings.data_dir / "notify.toml").write_text("[contacts.shift]\nways = 7\n")
    tell(notifications, clock, 2)
    (problem,) = running.status().impaired
    assert "ways: a list is needed" in problem
    assert running.status().problems == ()
    assert notifications.status().on, "what was in force stays so"


def test_a_way_without_its_secret_is_said_without_its_address(
    running: Monitor, clock: ManualClock, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    write(running.settings.data_dir, receiver, 'secret_env = "HOOK_SECRET"\n')
    notifications = notifications_of(running)
    tell(notifications, clock, 1)
    notifications.watch()
    (problem,) = notifications.problems()
    assert "HOOK_SECRET is not set" in problem
    assert str(receiver.port) not in problem


def test_looking_at_many_slow_ways_holds_no_message_up(running: Monitor, clock: ManualClock) -> None:
    pytest.importorskip("apprise")
    ways = [f"slack://unusable{place}" for place in range(6)]
    (running.settings.data_dir / "notify.toml").write_text(f"[contacts.shift]\nways = {ways}\n")
    notifications = notifications_of(running)
    tell(notifications, clock, 1)
    notifications.watch()
    first = len(notifications.problems())
    assert 0 < first < len(ways)
    for _ in ways:
        clock.advance(3)
        notifications.watch()
    assert len(notifications.problems()) == len(ways)


def test_a_contact_that_fails_for_long_is_named_with_the_last_answer() -> None:
    waiting, now = message(1), START
    for _ in range(3):
        waiting = after(waiting, Outcome(False, "503 Service Unavailable"), 1, now)
        now = waiting.due
    assert failing([waiting], START + 240_000_000) == []
    later = now + 600_000_000
    assert failing([waiting], later) == ["Messages to shift do not arrive: 503 Service Unavailable"]
    dead = after(message(2), Outcome(False, "404 Not Found", lasting=True), 1, later)
    assert failing([dead], later) == ["1 message of the last day reached nobody"]
    assert failing([replace(dead, tries=())], later) == []


def test_the_same_monitor_has_the_same_notifications(running: Monitor) -> None:
    assert notifications_of(running) is notifications_of(running)
