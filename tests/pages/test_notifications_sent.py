"""The Notifications page: tests that are sent, what a rule would have sent, and the log of messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import Role
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify.messages import Kind, Message, MessageState, Try
from sensormon.notify.notifications import notifications_of
from sensormon.stores.entries import AuditQuery
from sensormon.ui.notify_forecast import AT_A_TIME, KIND
from tests.support.pages import show
from tests.support.pages import text as markdown
from tests.support.people import visit_of, with_accounts
from tests.support.plant import START, Adopt, batch_of
from tests.support.receiver import Receiver, Request

FAR = 2 * START


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def plant(
    settings: Settings,
    adopt: Adopt,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    receiver: Receiver,
) -> Monitor:
    """A monitor in the mode `users` whose contact is a webhook that runs; an administrator looks."""
    monitor = adopt(Monitor(replace(settings, access="users"), clock))
    token = with_accounts(monitor)[Role.ADMINISTRATOR]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    monitor.settings.notify_file.write_text(
        f'[contacts.shift]\nways = ["http://127.0.0.1:{receiver.port}/T0K3N"]\n'
        "allow_private = true\ngroup = 0\n"
        '[rules.all]\nto = ["shift"]\n[rules.cold]\ntags = ["cold*"]\nto = ["shift"]\n'
    )
    clock.advance(1.0)
    return monitor


def text(app: AppTest) -> str:
    return markdown(app).replace("\\", "")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    return app


def test_test_is_handed_over_and_its_answer_shown(plant: Monitor, receiver: Receiver) -> None:
    app = press(show("notifications", notify="Contacts"), "contact-test-shift")
    (request,) = receiver.received
    assert request.json["kind"] == "test"
    assert request.headers["idempotency-key"] == request.json["key"]
    assert f"✓ taken by http://127.0.0.1:{receiver.port}/…: 200 OK" in text(app)
    newest = plant.access.audit.read(AuditQuery(0, FAR))[0]
    assert (newest.subject, newest.who) == ("test to shift", "Ada")
    assert "T0K3N" not in f"{newest}"
    log = show("notifications", notify="Messages")
    table = next(frame.value for frame in log.dataframe if "Answer" in frame.value)
    assert table[["To", "Kind", "State"]].values.tolist() == [["shift", "test", "sent"]]


@pytest.mark.usefixtures("plant")
def test_tests_by_one_way_are_no_flood(clock: ManualClock, receiver: Receiver) -> None:
    app = press(show("notifications", notify="Contacts"), "contact-test-shift")
    app = press(app, "contact-test-shift")
    assert "shift was sent a test by this way a moment ago" in text(app)
    press(show("notifications", notify="Contacts"), "contact-test-shift")
    assert len(receiver.received) == 1
    clock.advance(10)
    press(show("notifications", notify="Contacts"), "contact-test-shift")
    assert len(receiver.received) == 2


@pytest.mark.usefixtures("plant")
def test_refused_test_shows_what_the_server_said(receiver: Receiver) -> None:
    def refuses(request: Request) -> None:
        request.answer(403, b"no such hook: T0K3N")

    receiver.behaviour = refuses
    app = press(show("notifications", notify="Contacts"), "contact-test-shift")
    assert "✕ not taken by" in text(app)
    assert "403 Forbidden: no such hook: …" in text(app)
    assert "T0K3N" not in text(app)
    log = text(show("notifications", notify="Messages"))
    assert "0 failed" in log, "whoever sent it has seen the answer"


def test_ways_that_look_the_same_are_told_apart(
    plant: Monitor, clock: ManualClock, receiver: Receiver
) -> None:
    ways = [f"http://127.0.0.1:{receiver.port}/{token}" for token in ("T0K3N", "*T1*")]
    plant.settings.notify_file.write_text(f"[contacts.shift]\nways = {ways}\nallow_private = true\n")
    clock.advance(1.0)
    app = show("notifications", notify="Contacts")
    assert not app.exception, app.exception
    (menu,) = app.get("menu_button")
    first, second = menu.proto.options
    assert first != second
    assert "T1" not in first + second


def test_rule_is_tried_on_the_last_week_before_it_is_saved(plant: Monitor, clock: ManualClock) -> None:
    clock.advance(3_600)
    at = clock.now()
    values = [7.0 + 0.01 * (i % 3) for i in range(60)]
    values[55] = 8.9
    plant.submit(batch_of(*(("fermenter_ph", value) for value in values), at=at))
    plant.drain()
    clock.advance(600)
    app = show("notifications", rule="all")
    press(app, "forecast")
    assert "1 message</b> on 1 event" in text(app)
    assert "Alarm load" in text(app)
    table = next(frame.value for frame in app.dataframe if "Message" in frame.value)
    assert table["To"].tolist() == ["shift"]
    assert "Fermenter pH" in table["Message"].iloc[0]
    tags = next(each for each in app.multiselect if each.key and each.key.endswith("-tags"))
    tags.set_value(["agitator_rpm"]).run()
    assert "1 message</b>" not in text(app), "what was found belongs to another rule"
    press(app, "forecast")
    assert "No message: no event of the last week" in text(app)
    assert 'tags = ["agitator_rpm"]' not in plant.settings.notify_file.read_text()


def test_few_rules_are_tried_at_once(plant: Monitor) -> None:
    gate = threading.Event()
    jobs = [plant.jobs.start(KIND, "a rule", lambda _: gate.wait(30), alone=False) for _ in range(AT_A_TIME)]
    app = press(press(show("notifications"), "rule-edit-all"), "forecast")
    assert "Others are trying rules" in text(app)
    gate.set()
    for job in jobs:
        plant.jobs.wait(job, 30)
    assert "No message: no event" in text(press(app, "forecast"))


def failed(monitor: Monitor, key: str) -> Message:
    """A dead letter."""
    attempt = Try(monitor.clock.now(), 0, False, "550 no such user")
    message = Message(
        key, Kind.HEALTH, "all", "shift", monitor.clock.now(), text="The database is away.", condition="store"
    )
    return message.tried(attempt, MessageState.FAILED)


def test_dead_letter_is_on_top_and_sent_again(plant: Monitor) -> None:
    outbox = notifications_of(plant).outbox
    outbox.add([failed(plant, "k1")])
    app = show("notifications", notify="Messages")
    assert "1 message that nobody took" in text(app)
    assert "550 no such user" in text(app)
    press(app, "again-k1")
    assert [message.key for message in outbox.waiting()] == ["k1"]
    assert "1 message waiting" in text(app)
    newest = plant.access.audit.read(AuditQuery(0, FAR))[0]
    assert (newest.who, newest.after) == ("Ada", "sent again")


def test_log_is_filtered_by_state(plant: Monitor) -> None:
    outbox = notifications_of(plant).outbox
    outbox.add([failed(plant, "k1"), replace(failed(plant, "k2"), state=MessageState.SENT)])
    app = show("notifications", notify="Messages")
    assert len(next(frame.value for frame in app.dataframe if "Answer" in frame.value)) == 2
    next(group for group in app.get("button_group") if group.key == "log-state").set_value("sent").run()
    table = next(frame.value for frame in app.dataframe if "Answer" in frame.value)
    assert table["State"].tolist() == ["sent"]


def test_viewer_reads_the_log_and_cannot_send_again(plant: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    notifications_of(plant).outbox.add([failed(plant, "k1")])
    token = with_accounts(plant)[Role.VIEWER]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    app = show("notifications", notify="Messages")
    assert "550 no such user" in text(app)
    assert app.button(key="again-k1").disabled
    assert show("notifications", notify="Contacts").button(key="contact-test-shift").disabled
