"""Answers by link: carried out once, on the message's own events, whatever ends in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.events.action_log import ActionLog
from sensormon.model.clock import DAY, HOUR, ManualClock
from sensormon.model.errors import JournalError, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify import answering as answering_module
from sensormon.notify.answering import Answering, answering_of, by_link
from sensormon.notify.links import LASTS, PATH, Link
from sensormon.notify.messages import Kind
from sensormon.notify.standing import standings_of
from sensormon.stores.entries import AuditQuery
from tests.support.access import full_journal
from tests.support.answers import URL, link_to, sent, spikes, told
from tests.support.plant import START
from tests.support.postgresql import PostgreSQL
from tests.support.together import Together

ADDRESS = "192.0.2.7"
Begin = Callable[[], Monitor]


@pytest.fixture
def begin(settings: Settings, clock: ManualClock) -> Iterator[Begin]:
    """Starts a monitor on the folder of the test; a further call is a start after a kill."""
    running: list[Monitor] = []

    def make() -> Monitor:
        for monitor in running:
            monitor.parts.journal.close()
            monitor.parts.store.close()
            monitor.parts.folder.release()
        running[:] = [Monitor(replace(settings, url=URL), clock)]
        return running[0]

    yield make
    running[0].stop()


@pytest.fixture
def monitor(begin: Begin) -> Monitor:
    return begin()


def secret(link: str) -> str:
    return link.removeprefix(PATH)


def given(answering: Answering, link: str, name: str = "acknowledge", note: str = "") -> bool:
    """Whether this answer was the one that was carried out."""
    result = answering.give(secret(link), name, note, ADDRESS)
    assert result is not None
    return result[1]


def states(monitor: Monitor) -> list[str]:
    """The states of all events, the oldest first."""
    return [str(state) for state in monitor.events.between(None, 0, START + 10 * HOUR)["state"]][::-1]


def acts(monitor: Monitor) -> list[tuple[str, str]]:
    """Who did what on events, in order."""
    frame = monitor.events.actions(0, 1 << 62)
    return list(zip(frame["who"], frame["action"], strict=True))


def test_answer_acts_on_the_message_s_events_alone_and_is_audited(monitor: Monitor) -> None:
    first, second, third = spikes(monitor, 45.0, 46.0, 47.0)
    link = link_to(monitor, sent(monitor, first, third))
    assert given(answering_of(monitor), link, note="pump\n restarted")
    assert [state.split(",")[-1].strip() for state in states(monitor)] == [
        "acknowledged",
        "unacknowledged",
        "acknowledged",
    ]
    (record,) = monitor.access.audit.read(AuditQuery(0, START + DAY))
    assert (record.who, record.role, record.act, record.address) == (
        "shift (by link)",
        "operator",
        "acknowledge",
        ADDRESS,
    )
    assert record.subject == f"2 events: {first}, {third}"
    assert record.after == "acknowledged: pump  restarted"
    assert second not in monitor.events.actions(0, 1 << 62)["reading"].tolist()


@pytest.mark.parametrize("other", ["acknowledge", "label-false"])
def test_second_answer_changes_nothing_and_says_whose_the_first_was(monitor: Monitor, other: str) -> None:
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    answering = answering_of(monitor)
    assert given(answering, link, "shelve-8h")
    monitor.clock.advance(60)  # type: ignore[attr-defined]
    assert not given(answering, link, other)
    assert not given(answering_of(monitor), link, other)
    assert acts(monitor) == [("shift (by link)", "shelve")]
    opened = answering.open(secret(link))
    assert opened is not None
    assert opened.given is not None
    assert (opened.given.who, opened.given.time, opened.given.until, opened.given.finished) == (
        "shift (by link)",
        START,
        START + 8 * HOUR,
        True,
    )


def test_all_links_of_a_message_count_as_one_and_other_messages_do_not(monitor: Monitor) -> None:
    (number,) = spikes(monitor, 45.0)
    message = sent(monitor, number)
    links = [link_to(monitor, message), link_to(monitor, message)]
    reminder = link_to(monitor, sent(monitor, number, name="reminder", kind=Kind.REMINDER, contact="boss"))
    assert links[0] != links[1]
    answering = answering_of(monitor)
    assert given(answering, links[1])
    assert not given(answering, links[0])
    assert given(answering, reminder, "label-true")
    assert acts(monitor) == [("shift (by link)", "acknowledge"), ("boss (by link)", "label")]


@pytest.mark.parametrize(("name", "note"), [("delete", ""), ("", ""), ("acknowledge", "x" * 1_001)])
def test_impossible_answer_is_refused_and_the_link_still_works(
    monitor: Monitor, name: str, note: str
) -> None:
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    answering = answering_of(monitor)
    with pytest.raises(UsageError):
        given(answering, link, name, note)
    assert acts(monitor) == []
    assert given(answering, link)


def test_expired_link_answers_nothing(monitor: Monitor, clock: ManualClock) -> None:
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    clock.advance(LASTS / 1e6)
    assert answering_of(monitor).give(secret(link), "acknowledge", "", ADDRESS) is None
    assert acts(monitor) == []


def test_answer_survives_a_kill_and_is_not_given_again(begin: Begin) -> None:
    monitor = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    assert given(answering_of(monitor), link)
    again = begin()
    assert not given(answering_of(again), link, "label-false")
    assert acts(again) == [("shift (by link)", "acknowledge")]


def test_answer_that_a_kill_cut_off_is_finished_by_the_next_try(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))

    class Killed(BaseException):
        """Ends the process."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ActionLog, "record", killed)
        with pytest.raises(Killed):
            given(answering_of(monitor), link, "label-true", "bearing")
    again = begin()
    answering = answering_of(again)
    opened = answering.open(secret(link))
    assert opened is not None
    assert opened.given is not None
    assert not opened.given.finished
    assert acts(again) == []
    assert not given(answering, link, "acknowledge", "something else")
    assert acts(again) == [("shift (by link)", "label")]
    (row,) = again.events.actions(0, 1 << 62).to_dict("records")
    assert (row["label"], row["note"]) == ("true", "bearing")
    assert not given(answering, link)
    assert len(acts(again)) == 1


def test_more_events_than_one_action_takes_are_acted_on_in_several(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering_module, "MOST_EVENTS", 2)
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0, 46.0, 47.0)))
    assert given(answering_of(monitor), link)
    assert len(acts(monitor)) == 3
    assert len(set(monitor.events.actions(0, 1 << 62)["number"])) == 2


def test_full_journal_leaves_the_link_to_be_used_again(
    monitor: Monitor, settings: Settings, clock: ManualClock
) -> None:
    monitor.stop()
    small = Monitor(replace(settings, url=URL, journal_quota=1), clock)
    link = link_to(small, sent(small, *spikes(small, 45.0)))
    answering = answering_of(small)
    with full_journal(Path(settings.data_dir)), pytest.raises(JournalError):
        given(answering, link)
    clock.advance(60)
    assert given(answering, link)
    assert acts(small) == [("shift (by link)", "acknowledge")]
    small.stop()


def test_answer_is_taken_while_the_store_is_away(begin: Begin) -> None:
    monitor = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    answering = answering_of(monitor)
    assert answering.open(secret(link)) is not None
    monitor.parts.store.close()
    assert given(answering, link)
    assert acts(begin()) == [("shift (by link)", "acknowledge")]


def test_contact_s_name_is_cut_to_what_a_record_holds() -> None:
    assert by_link(Link("k", "sh\x00ift\n", START, "UTC"), "").signature == "sh ift (by link)"
    person = by_link(Link("k", "c" * 300, START, "UTC"), "")
    assert person.signature.endswith("c (by link)")
    assert len(person.signature) == 100


@pytest.mark.long
def test_answer_through_one_process_is_known_to_another(
    settings: Settings, postgresql: PostgreSQL, tmp_path: Path, clock: ManualClock
) -> None:
    tags = Path(settings.tags).read_text()
    plant = Together(replace(settings, url=URL), postgresql.new_database(), tmp_path, clock)
    try:
        one, two = plant.start("one", tags), plant.start("two", tags)
        ids = spikes(one, 45.0)
        message = sent(one, *ids)
        answering = answering_of(two)
        assert answering.open("0" * 48) is None  # it has looked before there was a link
        link = link_to(one, message)
        plant.follow(one, two)
        opened = answering.open(secret(link), anew=True)
        assert opened is not None
        assert opened.given is None
        stopped = DrainsMeanwhile(one)
        clock.wait = stopped.wait  # type: ignore[method-assign]
        assert given(answering_of(one), link)
        assert stopped.drained  # it has waited until the store had the answer
        assert not given(answering, link, "label-false")
        opened = answering.open(secret(link))
        assert opened is not None
        assert opened.given is not None
        assert (opened.given.who, opened.given.finished) == ("shift (by link)", True)
        assert acts(two) == [("shift (by link)", "acknowledge")]
    finally:
        plant.stop()


class DrainsMeanwhile:
    """Stands for the loader's thread: stores what waits while somebody waits for it."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.drained = 0

    def wait(self, *_: object) -> bool:
        self._monitor.drain()
        self.drained += 1
        return False


def test_standing_is_that_of_the_event_now(monitor: Monitor, clock: ManualClock) -> None:
    first, second = spikes(monitor, 45.0, 46.0)
    events = (told(monitor, first), told(monitor, second))
    clock.advance(100)
    monitor.actions.record([second], "label", "Otto", label="false", note="cleaning")
    monitor.actions.record([second], "acknowledge", "Otto")
    monitor.actions.record([first], "acknowledge", "Ana")
    monitor.actions.record([first], "unacknowledge", "Ana")
    one, two = standings_of(monitor, events)
    assert (one.state, one.acknowledged_by, one.label) == ("returned, unacknowledged", "", "")
    assert (two.state, two.acknowledged_by, two.acknowledged) == (
        "acknowledged",
        "Otto",
        START + 100_000_000,
    )
    assert (two.label, two.note, two.peak, two.title) == ("false", "cleaning", "46.00 °C", events[1].title)
    assert "46.00 °C lies" in two.why
    assert two.latest.endswith("°C")


def test_standing_of_an_event_that_is_gone_is_what_the_message_said(monitor: Monitor) -> None:
    (number,) = spikes(monitor, 45.0)
    event = told(monitor, number, id=number + 1_000_000)
    (standing,) = standings_of(monitor, [event])
    assert (standing.state, standing.why, standing.peak) == ("", event.why, event.value)


def test_standing_without_the_store_is_what_the_message_said(monitor: Monitor) -> None:
    (number,) = spikes(monitor, 45.0)
    event = told(monitor, number)
    monitor.parts.store.close()
    (standing,) = standings_of(monitor, [event])
    assert (standing.state, standing.why, standing.peak) == ("", event.why, event.value)
