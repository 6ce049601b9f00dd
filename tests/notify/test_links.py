"""Links in messages: not to be guessed, known by their digest alone, and worth nothing after a week."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormon.access.documents import Documents
from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.links import COLLECTION, LASTS, PATH, Link, Links, without_secrets
from sensormon.notify.messages import Kind, Message, ToldEvent
from tests.support.answers import URL, documents
from tests.support.plant import START

EVENT = ToldEvent(7, "ph", "pH", START, "8.9 pH", 5.2, "high", "Z-score: 8.9 pH lies far above.")
MESSAGE = Message("k1", Kind.EVENT, "hot", "shift", START, (EVENT,), (7,))


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    monitor = Monitor(settings, clock)
    yield monitor
    monitor.stop()


def secret_of(link: str) -> str:
    return link.removeprefix(URL + PATH)


def test_link_leads_to_its_message_and_contact(monitor: Monitor) -> None:
    links = Links(documents(monitor), f"{URL}/", monitor.clock)
    link = links.to(MESSAGE, "Europe/Prague")
    assert links.find(secret_of(link)) == Link("k1", "shift", START + LASTS, "Europe/Prague")
    assert links.to(MESSAGE) == link  # the next try of the same process
    assert Links(documents(monitor), URL, monitor.clock).find(secret_of(link)) is not None


def test_links_differ_between_messages_processes_and_days(monitor: Monitor, clock: ManualClock) -> None:
    links = Links(documents(monitor), URL, monitor.clock)
    other = Message("k2", Kind.REMINDER, "hot", "shift", START, (EVENT,), (7,))
    all_of_them = {links.to(MESSAGE), links.to(other), Links(documents(monitor), URL, clock).to(MESSAGE)}
    clock.advance(86_400)
    all_of_them.add(links.to(MESSAGE))
    assert len(all_of_them) == 4
    assert all(len(secret_of(link)) == 48 and secret_of(link).isalnum() for link in all_of_them)
    assert all(links.find(secret_of(link)) for link in all_of_them)


def test_link_expires(monitor: Monitor, clock: ManualClock) -> None:
    links = Links(documents(monitor), URL, clock)
    secret = secret_of(links.to(MESSAGE))
    clock.advance(LASTS / SECOND - 1)
    assert links.find(secret) is not None
    clock.advance(1)
    assert links.find(secret) is None
    assert links.find_anew(secret) is None


def test_changed_and_shortened_secrets_open_nothing(monitor: Monitor) -> None:
    links = Links(documents(monitor), URL, monitor.clock)
    secret = secret_of(links.to(MESSAGE))
    last = "1" if secret[-1] == "0" else "0"
    for wrong in (secret[:-1] + last, secret[:-1], secret + "0", secret + "\n", "", "0" * 48, "é" * 48):
        assert links.find(wrong) is None
        assert links.find_anew(wrong) is None
    assert links.find(secret) is not None


def test_nothing_on_disk_opens_a_link(monitor: Monitor, settings: Settings) -> None:
    links = Links(documents(monitor), URL, monitor.clock)
    secret = secret_of(links.to(MESSAGE))
    monitor.drain()
    files = [path for path in Path(settings.data_dir).rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    (document,) = documents(monitor).of(COLLECTION).values()
    assert secret not in repr(document)
    assert links.find(str(document.content["digest"])[:48]) is None
    assert links.find(document.key.ljust(48, "0")) is None


def test_no_link_without_a_base_or_without_events(monitor: Monitor) -> None:
    assert Links(documents(monitor), "", monitor.clock).to(MESSAGE) == ""
    links = Links(documents(monitor), URL, monitor.clock)
    assert links.to(Message("k3", Kind.HEALTH, "ill", "shift", START, text="The store is away.")) == ""
    assert links.to(Message("k4", Kind.TEST, "hot", "shift", START)) != ""


@pytest.mark.parametrize("form", ["/answer/{}", r"\/answer\/{}", "%2fanswer%2F{}", "https://m/answer/{}."])
def test_answer_of_a_server_gives_no_link_away(form: str) -> None:
    text = f"400 Bad Request: {form.format('3f' * 24)} was not expected"
    for words in (text, text[: text.find("3f") + 20]):
        hidden = without_secrets(words)
        assert "3f3f" not in hidden
        assert hidden.startswith("400 Bad Request: ")
    assert without_secrets("250 queued as 3f3f3f3f3f3f") == "250 queued as 3f3f3f3f3f3f"


def test_old_links_are_forgotten_but_not_those_that_work(monitor: Monitor, clock: ManualClock) -> None:
    links = Links(documents(monitor), URL, clock)
    links.to(MESSAGE)
    monitor.drain()
    clock.advance(9 * DAY / SECOND)
    assert documents(monitor).of(COLLECTION) != {}  # without an age everything is known
    aged = documents(monitor)
    Links(aged, URL, clock)
    assert aged.of(COLLECTION) == {}


def test_store_is_asked_once_a_second_however_many_secrets_are_tried(
    monitor: Monitor, clock: ManualClock
) -> None:
    asked: list[str] = []

    class Counted(Documents):
        def look_again(self, collection: str) -> None:
            asked.append(collection)
            super().look_again(collection)

    links = Links(Counted(monitor.parts.collector, monitor.parts.store.entries, clock), URL, clock)
    for number in range(50):
        assert links.find_anew(f"{number:048x}") is None
    assert len(asked) == 1
    late = Links(documents(monitor), URL, clock).to(MESSAGE)
    clock.advance(1)
    assert links.find_anew(secret_of(late)) is not None
