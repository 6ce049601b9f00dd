"""What a message's hand-over tells and keeps to itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sensormon.notify.carrier import ByTheFile
from sensormon.notify.config import Contact, Mail, NotifyConfig
from sensormon.notify.messages import Message
from sensormon.notify.ways.delivery import Outgoing
from tests.support.messages import message
from tests.support.receiver import Receiver, Request

LINK = "https://monitor.example/answer/" + "5f" * 24


def composed(told: Message, picture: bool) -> Outgoing:
    del picture
    return Outgoing(told.key, "subject", "text", "", None, {"link": LINK})


def carrier(receiver: Receiver, way: str, environment: Mapping[str, str]) -> ByTheFile:
    url = f"http://127.0.0.1:{receiver.port}{way}"
    config = NotifyConfig(contacts={"shift": Contact("shift", (url,), allow_private=True)})
    return ByTheFile(lambda: config, environment, composed)


def test_a_variable_in_a_way_stands_for_what_it_holds(receiver: Receiver) -> None:
    outcome = carrier(receiver, "/${HOOK}/alarm", {"HOOK": "s3cr3t-token"}).deliver(message(1))
    assert outcome.delivered
    assert receiver.received[0].path == "/s3cr3t-token/alarm"
    assert "s3cr3t" not in outcome.words


def test_a_variable_that_is_not_set_is_named_and_nothing_is_sent(receiver: Receiver) -> None:
    way = carrier(receiver, "/${HOOK}/alarm", {})
    outcome = way.deliver(message(1))
    assert not outcome.delivered
    assert "HOOK is not set" in outcome.words
    assert [*way.problems()] == [f"Contact shift cannot be reached by way 1: {outcome.words}"]
    assert not receiver.received


@pytest.mark.parametrize(
    "way",
    ["https://${HOOK}/alarm", "http://${HOOK}:9/alarm", "mailto:${HOOK}@plant.example", "gotify://${HOOK}/x"],
)
@pytest.mark.parametrize("held", ["s3cr3t.invalid", "127.0.0.1", "s3 cr3t:x@"])
def test_what_a_variable_holds_is_in_no_words_wherever_it_stands(way: str, held: str) -> None:
    config = NotifyConfig(
        Mail("smtp://mail.invalid:9", "monitor@plant.example"), {"shift": Contact("shift", (way,))}
    )
    told = ByTheFile(lambda: config, {"HOOK": held}, composed)
    assert held not in told.deliver(message(1)).words
    assert not [problem for problem in told.problems() if held in problem]


def test_a_link_that_a_server_echoes_is_not_kept(receiver: Receiver) -> None:
    def echo(request: Request) -> None:
        request.answer(400, receiver.received[-1].body)

    receiver.behaviour = echo
    outcome = carrier(receiver, "/alarm", {}).deliver(message(1))
    assert not outcome.delivered
    assert "5f5f" not in outcome.words
