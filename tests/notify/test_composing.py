"""A message as a way gets it: words, payload, and for mail the picture of its first event."""

from __future__ import annotations

from datetime import UTC

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.notify.composing import PLAIN, composer, picture_of
from sensormon.notify.messages import Kind, Message, ToldEvent
from sensormon.notify.notifications import notifications_of
from sensormon.notify.trying import Outcome, after
from tests.support.plant import batch_of
from tests.support.telling import SPIKE


@pytest.fixture
def told(monitor: Monitor, clock: ManualClock) -> Message:
    """A message about an event whose readings are there."""
    monitor.submit(batch_of(*SPIKE, at=clock.now() - 60 * SECOND))
    readings = monitor.readings.recent(0)
    flagged = readings[readings["is_anomaly"]].iloc[-1]
    event = ToldEvent(
        id=int(flagged["id"]),
        tag="fermenter_temp",
        title="Fermenter temperature",
        began=int(micros(readings["time"])[-1]),
        value="48.00 °C",
        score=76.4,
        severity="high",
        why="48.00 °C lies 10.80 °C above the expected 37.20 °C",
    )
    return Message(
        "0" * 32,
        Kind.EVENT,
        "hot",
        "shift",
        clock.now(),
        events=(event,),
        covers=(event.id,),
        due=clock.now(),
    )


def test_mail_gets_the_picture_of_the_event_and_a_webhook_none(monitor: Monitor, told: Message) -> None:
    pytest.importorskip("matplotlib")
    compose = composer(notifications_of(monitor).links, picture_of(monitor))
    mail, hook = compose(told, True), compose(told, False)
    assert mail.picture is not None
    assert mail.picture.startswith(b"\x89PNG")
    assert "cid:chart" in mail.html
    assert hook.picture is None
    assert "cid:chart" not in hook.html
    assert hook.payload["key"] == told.key == mail.key
    assert "Fermenter temperature" in mail.subject


def test_after_some_tries_a_mail_goes_out_without_a_picture(monitor: Monitor, told: Message) -> None:
    compose = composer(notifications_of(monitor).links, picture_of(monitor))
    for _ in range(PLAIN):
        told = after(told, Outcome(False, "451 try again"), 1, monitor.clock.now())
    assert compose(told, True).picture is None


def test_an_event_of_a_tag_that_is_gone_has_no_picture(monitor: Monitor, told: Message) -> None:
    (event,) = told.events
    draw = picture_of(monitor)
    assert draw(ToldEvent(**{**vars(event), "tag": "gone"}), UTC) is None
    assert draw(ToldEvent(**{**vars(event), "began": 0}), UTC) is None
