"""The sender: kept before it is handed over, in order, by the next way, past servers that hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from sensormon.model.clock import HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.errors import StoreUnavailable
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify import flights
from sensormon.notify.carrier import ByTheFile
from sensormon.notify.config import Contact, NotifyConfig
from sensormon.notify.flights import in_a_thread
from sensormon.notify.messages import Kind, Message, MessageState
from sensormon.notify.outbox import Outbox
from sensormon.notify.sender import FOLLOW, IDLE, Sender
from sensormon.notify.ways.delivery import Outgoing
from sensormon.stores.leader import Alone, Leader
from tests.support.access import full_journal
from tests.support.messages import message, outbox_of
from tests.support.receiver import Behaviour, Receiver, Request, accepts

VARIABLE = "HOOK_SECRET"


class Planned:
    """A planner that plans what a test gives it."""

    def __init__(self) -> None:
        self.next: list[Message] = []
        self.alone: list[bool] = []
        self.started_over = 0
        self.problem = ""

    def plan(self, _now: int, alone: bool) -> Sequence[Message]:
        self.alone.append(alone)
        return self.next

    def start_over(self) -> None:
        self.started_over += 1


class Lock:
    """A leader whose answer a test sets; None stands for a store that does not answer."""

    def __init__(self, answer: bool | None = True) -> None:
        self.answer = answer

    def leads(self) -> bool:
        if self.answer is None:
            raise StoreUnavailable("it does not answer")
        return self.answer

    def holds(self) -> bool:
        return self.leads()

    def resign(self) -> None:
        self.answer = False


class Rig:
    """A sender of a monitor that was not started, on a clock moved by hand, with real receivers."""

    def __init__(self, monitor: Monitor, clock: ManualClock) -> None:
        self.monitor, self.clock = monitor, clock
        self.receivers: list[Receiver] = []
        self.contacts: dict[str, Contact] = {}
        self.planner = Planned()
        self.outbox: Outbox = outbox_of(monitor)
        self.environment: dict[str, str] = {}

    def contact(self, name: str, *behaviours: Behaviour) -> list[Receiver]:
        """A contact with a webhook for each of these behaviours."""
        receivers = [Receiver(behaviour) for behaviour in behaviours]
        self.receivers += receivers
        ways = tuple(f"http://127.0.0.1:{receiver.port}/hook" for receiver in receivers)
        self.contacts[name] = Contact(name, ways, allow_private=True)
        return receivers

    def sender(
        self,
        leader: Leader | None = None,
        threads: bool = False,
        is_shared: Callable[[str], bool] = lambda _: True,
    ) -> Sender:
        carrier = ByTheFile(lambda: NotifyConfig(contacts=self.contacts), self.environment, composed)
        launch = in_a_thread if threads else _in_place
        leads = leader or Alone()
        return Sender(self.outbox, leads, self.planner, carrier, self.clock, launch, is_shared=is_shared)

    def state(self, of: Message) -> Message:
        return self.outbox.messages()[of.key]


def composed(message: Message, _picture: bool) -> Outgoing:
    return Outgoing(message.key, "Temperature high", "39.2 °C", "", None, {"key": message.key})


def _in_place(run: Callable[[], None]) -> None:
    run()


@pytest.fixture
def rig(settings: Settings, clock: ManualClock) -> Iterator[Rig]:
    monitor = Monitor(replace(settings, journal_quota=1), clock)
    rig = Rig(monitor, clock)
    yield rig
    monitor.stop()
    for receiver in rig.receivers:
        receiver.close()


def keys(receiver: Receiver) -> list[str]:
    return [request.headers["idempotency-key"] for request in receiver.received]


def fails(status: int, **headers: str) -> Behaviour:
    return lambda request: request.answer(status, b"", **headers)


def steps(rig: Rig, sender: Sender, minutes: float, pace: float = 0.5) -> None:
    """Steps over this time, `pace` minutes apart."""
    for _ in range(round(minutes / pace)):
        sender.step()
        sender.step()  # what landed
        rig.clock.advance(60 * pace)


def test_a_planned_message_is_kept_handed_over_once_and_kept_as_sent(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.planner.next = [message(1)]
    sender = rig.sender()
    for _ in range(5):
        sender.step()
    assert keys(receiver) == [message(1).key]
    sent = rig.state(message(1))
    assert (sent.state, sent.attempts, sent.tries[0].words) == (MessageState.SENT, 1, "200 OK")
    assert rig.planner.started_over == 1


def test_nothing_is_handed_over_that_is_not_durable(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.planner.next = [message(1)]
    sender = rig.sender()
    with full_journal(rig.monitor.settings.data_dir):
        sender.step()
        assert keys(receiver) == []
        assert "journal" in sender.problem
    sender.step()
    assert keys(receiver) == [message(1).key]
    assert sender.problem == ""


def test_what_was_sent_but_cannot_be_kept_is_not_sent_again(rig: Rig) -> None:
    def fill(request: Request) -> None:
        filler.__enter__()
        request.answer(200)

    (receiver,) = rig.contact("shift", fill)
    filler = full_journal(rig.monitor.settings.data_dir)
    rig.outbox.add([message(1), message(2)])
    sender = rig.sender()
    for _ in range(5):
        sender.step()
        rig.clock.advance(60)
    assert keys(receiver) == [message(1).key]
    assert rig.state(message(1)).state is MessageState.WAITING
    filler.__exit__(None, None, None)
    receiver.behaviour = accepts
    for _ in range(3):
        sender.step()
    assert keys(receiver) == [message(1).key, message(2).key]


def test_messages_of_a_contact_arrive_in_order_past_failures(rig: Rig) -> None:
    answers = iter([500, 503, 200, 200, 200])
    (receiver,) = rig.contact("shift", lambda request: request.answer(next(answers)))
    rig.outbox.add([message(number) for number in (1, 2, 3)])
    steps(rig, rig.sender(), 5)
    first, second, third = (message(number).key for number in (1, 2, 3))
    assert keys(receiver) == [first, first, first, second, third]


def test_a_message_that_its_server_cannot_take_does_not_hold_up_the_others_for_long(rig: Rig) -> None:
    poison = message(1).key
    rig.contact(
        "shift",
        lambda request: request.answer(500 if request.headers["Idempotency-Key"] == poison else 200),
    )
    rig.outbox.add([message(1), message(2)])
    steps(rig, rig.sender(), 4)
    assert rig.state(message(2)).state is MessageState.SENT
    assert rig.state(message(1)).state is MessageState.WAITING


def test_what_waited_for_a_way_goes_out_when_it_works_again(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", fails(503))
    rig.outbox.add([message(1)])
    sender = rig.sender()
    steps(rig, sender, 90)
    assert rig.state(message(1)).due > rig.clock.now() + 30 * MINUTE
    receiver.behaviour = accepts
    rig.outbox.add([message(2, created=rig.clock.now())])
    steps(rig, sender, 1)
    assert [rig.state(message(number)).state for number in (1, 2)] == [MessageState.SENT] * 2


def test_the_next_way_is_tried_at_once_when_one_refuses_for_good(rig: Rig) -> None:
    first, second = rig.contact("shift", fails(404), accepts)
    rig.outbox.add([message(1)])
    sender = rig.sender()
    for _ in range(3):
        sender.step()
    assert keys(first) == keys(second) == [message(1).key]
    assert [attempt.way for attempt in rig.state(message(1)).tries] == [0, 1]


def test_nobody_takes_it_and_it_is_a_dead_letter_with_all_answers(rig: Rig) -> None:
    rig.contact("shift", fails(404), fails(410))
    rig.outbox.add([message(1)])
    sender = rig.sender()
    for _ in range(4):
        sender.step()
    (dead,) = rig.outbox.failed()
    assert [attempt.words for attempt in dead.tries] == ["404 Not Found", "410 Gone"]


def test_a_server_that_asks_for_time_is_left_alone_by_all_messages_of_the_contact(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", fails(429, Retry_After="240"))
    rig.outbox.add([message(1), message(2)])
    sender = rig.sender()
    steps(rig, sender, 3.5)
    assert keys(receiver) == [message(1).key]
    receiver.behaviour = accepts
    steps(rig, sender, 1.5)
    assert keys(receiver) == [message(1).key, message(1).key, message(2).key]


def test_a_contact_that_is_no_longer_in_the_file_makes_dead_letters(rig: Rig) -> None:
    rig.contact("shift", accepts)
    rig.outbox.add([message(1, contact="former")])
    sender = rig.sender()
    sender.step()
    rig.clock.advance(360)
    sender.step()
    (dead,) = rig.outbox.failed()
    assert "not in the file" in dead.tries[-1].words


def test_without_contacts_nothing_is_planned_asked_or_sent(rig: Rig) -> None:
    lock = Lock(None)
    sender = rig.sender(lock)
    assert sender.step() == IDLE
    assert rig.planner.alone == []
    assert sender.problem == ""


def test_a_secret_that_is_not_set_sends_nothing_and_says_which(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.contacts["shift"] = replace(rig.contacts["shift"], secret_env=VARIABLE)
    rig.outbox.add([message(1)])
    sender = rig.sender()
    sender.step()
    sender.step()
    assert keys(receiver) == []
    assert f"{VARIABLE} is not set" in rig.state(message(1)).tries[0].words
    rig.environment[VARIABLE] = "s3cr3t"
    steps(rig, sender, 12)
    assert receiver.received[0].headers["x-sensormon-signature"].startswith("sha256=")
    kept = str(rig.monitor.parts.collector.waiting_documents())
    assert "s3cr3t" not in kept
    assert "127.0.0.1" not in kept


def test_what_waits_goes_out_at_once_when_the_contact_is_corrected(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    right = rig.contacts["shift"]
    rig.contacts["shift"] = replace(right, allow_private=False)
    rig.outbox.add([message(1), message(2)])
    sender = rig.sender()
    sender.step()
    sender.step()
    assert "is this machine's own address" in rig.state(message(1)).tries[0].words
    rig.clock.advance(1)
    rig.contacts["shift"] = right
    for _ in range(4):
        sender.step()
    assert keys(receiver) == [message(1).key, message(2).key]


def test_a_message_waits_minutes_for_a_contact_that_is_not_in_the_file(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.contact("boss", accepts)
    shift = rig.contacts.pop("shift")
    rig.outbox.add([message(1)])
    sender = rig.sender()
    sender.step()
    rig.clock.advance(240)
    sender.step()
    assert rig.state(message(1)) == message(1)
    rig.contacts["shift"] = shift
    steps(rig, sender, 2)
    assert keys(receiver) == [message(1).key]


# -- several processes --------------------------------------------------------------


def test_a_process_that_does_not_lead_plans_and_sends_nothing_until_it_does(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.planner.next = [message(1)]
    lock = Lock(False)
    sender = rig.sender(lock)
    sender.step()
    lock.answer = True
    sender.step()
    assert rig.planner.alone == []
    rig.clock.advance(FOLLOW / SECOND)
    sender.step()
    assert (keys(receiver), rig.planner.started_over) == ([message(1).key], 1)


def test_the_lock_is_asked_again_before_each_hand_over(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)

    class Lost(Lock):
        """The lock is lost between the step and the hand-over."""

        def holds(self) -> bool:
            self.answer = False
            return False

    rig.outbox.add([message(1)])
    sender = rig.sender(Lost())
    sender.step()
    sender.step()
    assert keys(receiver) == []
    assert rig.state(message(1)) == message(1)
    assert sender.leading is False


def test_while_nobody_can_ask_who_leads_only_the_store_is_told_of(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.monitor.drain()
    ill = replace(
        message(3), kind=Kind.HEALTH, events=(), covers=(), condition="store:PostgreSQL", text="Away"
    )
    rig.outbox.add([message(1)])
    rig.planner.next = [message(2), ill]
    lock = Lock(None)
    sender = rig.sender(lock)
    sender.step()
    sender.step()
    assert keys(receiver) == [ill.key]
    assert set(rig.planner.alone) == {True}
    assert message(2).key not in rig.outbox.messages()
    lock.answer = True
    for _ in range(4):
        sender.step()
    assert keys(receiver) == [ill.key, message(1).key, message(2).key]


def test_the_next_message_waits_until_other_processes_can_know_of_the_last(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", accepts)
    rig.outbox.add([message(1), message(2)])
    known: set[str] = set()
    sender = rig.sender(is_shared=known.__contains__)
    for _ in range(4):
        sender.step()
    assert keys(receiver) == [message(1).key]
    known.add(message(1).key)
    sender.step()
    assert keys(receiver) == [message(1).key, message(2).key]


# -- servers that hang ------------------------------------------------------------------


def hangs(request: Request) -> None:
    request.pause(60)


def test_servers_that_hang_hold_up_neither_other_contacts_nor_the_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "SLOW", 0.1)
    for number in range(12):
        rig.contact(f"hanging_{number}", hangs)
    (receiver,) = rig.contact("shift", accepts)
    rig.outbox.add([message(1, contact=f"hanging_{number}") for number in range(12)])
    rig.outbox.add([message(2)])
    sender = rig.sender(threads=True)

    def is_sent() -> bool:
        sender.step()
        return rig.state(message(2)).state is MessageState.SENT

    wait_for(is_sent)
    began = time.monotonic()
    sender.finish()
    assert time.monotonic() - began < 2
    assert keys(receiver) == [message(2).key]


def wait_for(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(2_000):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not come about within 10 s")


def test_a_day_of_failures_ends_in_a_dead_letter(rig: Rig) -> None:
    (receiver,) = rig.contact("shift", fails(503))
    rig.outbox.add([message(1)])
    steps(rig, rig.sender(), 25 * HOUR / MINUTE, pace=5)
    assert [each.key for each in rig.outbox.failed()] == [message(1).key]
    assert len(set(keys(receiver))) == 1
    assert 20 < len(keys(receiver)) < 32
