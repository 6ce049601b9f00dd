"""The outbox: durable when it says so, each key once, the same in every process, with a log of all tries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.access.roles import Act, Role
from sensormon.model.clock import DAY, MINUTE, ManualClock
from sensormon.model.errors import Forbidden, JournalError, UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import Message, MessageState
from sensormon.notify.outbox import KEPT, Outbox
from sensormon.notify.trying import Outcome, after
from sensormon.stores.entries import AuditQuery
from tests.support.access import ADMIN, full_journal, person
from tests.support.messages import message, outbox_of
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL

TAKEN = Outcome(True, "250 queued as 4711")
REFUSED = Outcome(False, "404 Not Found", lasting=True)


@pytest.fixture
def running(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    """A monitor that was not started."""
    monitor = Monitor(replace(settings, journal_quota=1), clock)
    yield monitor
    monitor.stop()


@pytest.fixture
def outbox(running: Monitor) -> Outbox:
    return outbox_of(running)


def test_what_was_added_is_there_after_a_kill_stored_or_not(
    settings: Settings, clock: ManualClock, running: Monitor
) -> None:
    outbox = outbox_of(running)
    outbox.add([message(1)])
    running.drain()
    outbox.add([message(2, events=3)])
    outbox.record(after(message(1), TAKEN, 1, clock.now()))
    running.parts.journal.close()  # as after a kill: nothing more is stored
    running.parts.store.close()
    running.stop()
    again = Monitor(settings, clock)
    known = outbox_of(again).messages()
    again.stop()
    assert known == {
        message(1).key: after(message(1), TAKEN, 1, clock.now()),
        message(2).key: message(2, events=3),
    }


def test_a_key_that_is_known_is_left_alone(outbox: Outbox, clock: ManualClock) -> None:
    assert outbox.add([message(1), message(1)]) == [message(1)]
    sent = after(message(1), TAKEN, 1, clock.now())
    outbox.record(sent)
    assert outbox.add([message(1), message(2)]) == [message(2)]
    assert outbox.messages()[sent.key] == sent


def test_what_waits_is_due_in_the_order_in_which_it_was_made(outbox: Outbox) -> None:
    later = replace(message(2), due=START + MINUTE)
    outbox.add([message(3), later, message(1)])
    assert outbox.due(START) == [message(1), message(3)]
    assert outbox.due(START + MINUTE) == [message(1), later, message(3)]


def test_the_log_has_the_newest_first_with_the_servers_answer(outbox: Outbox, clock: ManualClock) -> None:
    outbox.add([message(1), message(2, contact="boss"), message(3)])
    outbox.record(after(message(1), TAKEN, 1, clock.now()), after(message(3), REFUSED, 1, clock.now()))
    assert [each.key for each in outbox.log(2)] == [message(3).key, message(2, contact="boss").key]
    assert [each.contact for each in outbox.log(9, contacts=["boss"])] == ["boss"]
    (sent,) = outbox.log(9, states=[MessageState.SENT])
    assert [attempt.words for attempt in sent.tries] == ["250 queued as 4711"]
    assert [each.key for each in outbox.failed()] == [message(3).key]
    assert [each.key for each in outbox.log(9, before=message(2).created)] == [message(1).key]
    counts = outbox.counts()
    assert (counts.waiting, counts.sent, counts.failed, counts.oldest) == (1, 1, 1, message(2).created)


def test_only_who_may_sends_a_dead_letter_again_and_the_audit_trail_says_who(
    outbox: Outbox, running: Monitor, clock: ManualClock
) -> None:
    outbox.add([message(1)])
    with pytest.raises(UsageError, match="no such message"):
        outbox.send_again(ADMIN, message(1).key)
    outbox.record(after(message(1), REFUSED, 1, clock.now()))
    with pytest.raises(Forbidden):
        outbox.send_again(person(Role.ENGINEER), message(1).key)
    assert outbox.due(clock.now()) == []
    clock.advance(60)
    outbox.send_again(ADMIN, message(1).key)
    (again,) = outbox.due(clock.now())
    assert (again.key, again.attempts, len(again.tries)) == (message(1).key, 1, 1)
    records = running.access.audit.read(AuditQuery(0, FOREVER, acts=(str(Act.MANAGE_NOTIFICATIONS),)))
    assert sorted((record.who, bool(record.failure)) for record in records) == [
        ("Jana", True),
        ("root", False),
        ("root", False),
        ("root", True),
    ]
    assert after(again, REFUSED, 1, clock.now()).state is MessageState.FAILED
    assert after(again, TAKEN, 1, clock.now()).state is MessageState.SENT


def test_nothing_counts_as_kept_that_the_journal_did_not_take(outbox: Outbox, settings: Settings) -> None:
    with full_journal(settings.data_dir), pytest.raises(JournalError):
        outbox.add([message(1)])
    assert dict(outbox.messages()) == {}
    assert outbox.add([message(1)]) == [message(1)]


def test_old_messages_are_forgotten_by_their_last_change(
    outbox: Outbox, running: Monitor, clock: ManualClock
) -> None:
    running.drain()
    outbox.add([message(1), message(2)])
    clock.advance(DAY / 1e6)
    outbox.record(after(message(2), TAKEN, 1, clock.now()))
    clock.advance((KEPT - DAY / 2) / 1e6)
    assert list(outbox.messages()) == [message(2).key]
    assert outbox.waiting() == []


def test_a_message_of_a_newer_version_is_left_alone(running: Monitor, clock: ManualClock) -> None:
    outbox = outbox_of(running)
    outbox.add([message(1)])
    documents = running.parts.collector
    (entry,) = documents.waiting_documents()
    (document,) = entry.documents
    foreign = replace(document, key="new", content={**document.content, "kind": "smoke signal"})
    documents.keep(replace(entry, documents=(foreign,)))
    clock.advance(10)
    assert list(outbox.messages()) == [message(1).key]


def test_processes_on_one_store_see_each_others_messages(
    postgresql: PostgreSQL, tmp_path: Path, settings: Settings, clock: ManualClock
) -> None:
    url = postgresql.new_database()
    monitors = [Monitor(replace(settings, data_dir=tmp_path / name, store=url), clock) for name in "ab"]
    first, second = (outbox_of(monitor) for monitor in monitors)
    first.add([message(1)])
    assert dict(second.messages()) == {}
    monitors[0].drain()
    clock.advance(10)
    assert second.add([message(1)]) == []
    sent = after(message(1), TAKEN, 1, clock.now())
    second.record(sent)
    monitors[1].drain()
    first.look_again()
    assert dict(first.messages()) == {sent.key: sent}
    for monitor in monitors:
        monitor.stop()


def test_what_another_process_planned_late_does_not_undo_a_hand_over(
    outbox: Outbox, running: Monitor, clock: ManualClock
) -> None:
    outbox.add([message(1)])
    (entry,) = running.parts.collector.waiting_documents()
    sent: Message = after(message(1), TAKEN, 1, clock.now())
    outbox.record(sent)
    ahead = replace(entry.documents[0], time=clock.now() + MINUTE)
    running.parts.collector.keep(replace(entry, documents=(ahead,)))
    clock.advance(90)
    assert outbox.messages()[sent.key] == sent
    assert outbox.waiting() == []


def test_without_the_store_the_messages_known_count(
    outbox: Outbox, running: Monitor, clock: ManualClock
) -> None:
    running.drain()
    outbox.add([message(1)])
    running.parts.store.close()
    clock.advance(60)
    assert (outbox.waiting(), outbox.is_read) == ([message(1)], True)


def test_before_the_store_was_ever_read_the_messages_of_the_journal_count_and_are_said_to_be_no_more(
    outbox: Outbox, running: Monitor, clock: ManualClock
) -> None:
    running.drain()
    outbox.add([message(1)])
    running.drain()
    running.parts.store.close()
    other = outbox_of(running)
    assert [*other.add([message(2)])] == [message(2)]
    assert (other.waiting(), other.is_read) == ([message(2)], False)
    clock.advance(60)
    running.drain()
    running.parts.store.open()
    clock.advance(60)
    assert ({*other.messages()}, other.is_read) == ({message(1).key, message(2).key}, True)
