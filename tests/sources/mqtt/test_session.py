"""What a session keeps over lost connections, and what it acknowledges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from sensormon.model.source_health import Link
from sensormon.sources.mqtt import waiting
from sensormon.sources.mqtt.refusals import ended
from sensormon.sources.mqtt.session import Broker, Will, broker_of
from tests.support.mosquitto import Device, Mosquitto, binary
from tests.support.mqtt_listener import Listener, until
from tests.support.server import free_port

pytestmark = pytest.mark.skipif(binary() is None, reason="no Mosquitto: apt-get install mosquitto")

EVERYTHING = [("#", 1)]
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


def account(mosquitto: Mosquitto, version: str = "5", **more: object) -> Broker:
    return replace(broker_of(mosquitto.url, "monitor", version=version), **more)


@contextmanager
def listening(broker: Broker, password: str = "", fail_on: str = "") -> Iterator[Listener]:
    listener = Listener(broker, EVERYTHING, password=password, fail_on=fail_on)
    yield listener
    listener.stop()


@contextmanager
def started(folder: Path, **more: object) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(folder, **more)
    yield mosquitto
    mosquitto.close()


@VERSIONS
def test_what_is_published_while_away_comes_in_order(mosquitto: Mosquitto, version: str) -> None:
    broker, device = account(mosquitto, version), Device(mosquitto)
    with listening(broker) as listener:
        listener.until_connected()
        device.flush(device.publish("a/b", "0"))
        until(lambda: listener.payloads == ["0"])
        assert listener.stop() < 1
    for number in range(1, 1_000):
        info = device.publish("a/b", str(number))
    device.flush(info)
    with listening(broker) as listener:
        until(lambda: len(listener.arrived) == 999)
        assert listener.payloads == [str(number) for number in range(1, 1_000)]
        assert {(message.topic, message.qos, message.retain) for message in listener.arrived} == {
            ("a/b", 1, False)
        }
        assert listener.health.link is Link.CONNECTED
    device.close()


@VERSIONS
def test_what_was_not_handled_is_not_acknowledged(mosquitto: Mosquitto, version: str) -> None:
    device = Device(mosquitto)
    with listening(account(mosquitto, version), fail_on="bad") as listener:
        listener.until_connected()
        device.flush(device.publish("good", "1"))
        until(lambda: listener.payloads == ["1"])
        device.flush(device.publish("bad", "2"))
        until(lambda: listener.ended)
        assert isinstance(listener.raised, RuntimeError)
    with listening(account(mosquitto, version)) as listener:
        until(lambda: listener.payloads == ["2"])
    device.close()


@VERSIONS
def test_a_broker_that_restarts_gets_its_acknowledgements_later(mosquitto: Mosquitto, version: str) -> None:
    device = Device(mosquitto)
    with listening(account(mosquitto, version)) as listener:
        listener.until_connected()
        listener.gate.clear()
        device.flush(device.publish("a", "held back"))
        device.flush(device.publish("a", "too"))
        mosquitto.stop()
        until(lambda: "nothing listens there" in str(listener.health.trouble))
        assert listener.health.link is Link.WAITING
        mosquitto.start()
        listener.gate.set()
        until(lambda: len(listener.publishers) == 2)
        device.flush(device.publish("a", "afterwards"))
        until(lambda: "afterwards" in listener.payloads)
        assert listener.payloads == ["held back", "too", "afterwards"], "handled before: only acknowledged"
    with listening(account(mosquitto, version)) as listener:
        listener.until_connected()
        device.flush(device.publish("a", "last"))
        until(lambda: listener.payloads == ["last"])
    device.close()


def test_memory_is_bounded_while_nothing_can_be_handled(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_MESSAGES", 1_000)
    device = Device(mosquitto)
    with listening(account(mosquitto, "3.1.1", keepalive=1)) as listener:
        listener.until_connected()
        listener.gate.clear()
        for number in range(5_000):
            info = device.publish("a", str(number))
        device.flush(info)
        until(lambda: listener.health.link is Link.WAITING)
        assert "the broker keeps what comes" in str(listener.health.trouble)
        assert len(listener.session._waiting._entries) <= 1_600
        listener.gate.set()
        until(lambda: len(listener.arrived) >= 5_000)
        assert listener.payloads == [str(number) for number in range(5_000)]
    device.close()


def test_other_threads_publish_and_learn_what_became_of_it(mosquitto: Mosquitto) -> None:
    with listening(account(mosquitto)) as listener:
        listener.until_connected()
        deliveries = [listener.session.publish("out", str(n).encode(), n % 2) for n in range(500)]
        assert all(delivery.wait(10) for delivery in deliveries)
        until(lambda: len(listener.arrived) == 500)
        mosquitto.hang()
        late = listener.session.publish("out", b"late", 1)
        assert not late.wait(0.05)
        assert not late.lost
        mosquitto.go_on()
        assert late.wait(10)


def test_the_last_will_is_published_after_a_death_and_not_after_a_farewell(mosquitto: Mosquitto) -> None:
    will = Will("state", b"gone", 1)
    with listening(replace(account(mosquitto), client_id="watcher")) as watcher:
        watcher.until_connected()
        with listening(account(mosquitto, will=will)) as listener:
            listener.until_connected()
        second = Listener(account(mosquitto, will=will), [])
        second.until_connected()
        second.session._connection._client.socket().shutdown(2)
        until(lambda: watcher.payloads == ["gone"])
        second.stop()


def test_a_retained_value_comes_once_and_is_marked(mosquitto: Mosquitto) -> None:
    device = Device(mosquitto)
    device.flush(device.publish("a", "old", retain=True))
    with listening(account(mosquitto)) as listener:
        until(lambda: [message.retain for message in listener.arrived] == [True])
        device.flush(device.publish("a", "new", retain=True))
        until(lambda: [message.retain for message in listener.arrived] == [True, False])
        mosquitto.stop()
        mosquitto.start()
        until(lambda: len(listener.publishers) == 2)
    with listening(account(mosquitto)) as listener:
        device.flush(device.publish("a", "newest"))
        until(lambda: listener.payloads == ["newest"])
        assert listener.arrived[0].resumed
    device.close()


USERS = {"line": "right"}


@pytest.mark.parametrize(
    ("version", "user", "password"), [("5", "line", "mistyped"), ("3.1.1", "line", "mistyped"), ("5", "", "")]
)
def test_a_wrong_password_is_said_and_not_shown(
    tmp_path: Path, version: str, user: str, password: str
) -> None:
    with (
        started(tmp_path / "m", users=USERS) as mosquitto,
        listening(account(mosquitto, version, user=user), password) as listener,
    ):
        until(lambda: listener.health.link is Link.FAILED)
        assert "not authorised" in listener.health.trouble.what
        assert "mistyped" not in str(listener.health)


RULES = {
    "defaultACLAccess": {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    },
    "anonymousGroup": "everybody",
    "groups": [{"groupname": "everybody", "roles": [{"rolename": "reader"}]}],
    "roles": [
        {
            "rolename": "reader",
            "acls": [{"acltype": "subscribePattern", "topic": "allowed/#", "priority": 0, "allow": True}],
        }
    ],
    "clients": [],
}
"""Of Mosquitto's plugin, since its plain access lists grant every subscription."""


@VERSIONS
def test_a_refused_subscription_is_said_and_the_others_go_on(tmp_path: Path, version: str) -> None:
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("this Mosquitto has no plugin for access lists")
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    with started(tmp_path / "m", more=(f"plugin {plugin}", f"plugin_opt_config_file {rules}")) as mosquitto:
        broker, device = account(mosquitto, version), Device(mosquitto)
        some = Listener(broker, [("allowed/#", 1), ("forbidden/#", 1)]).until_connected()
        device.publish("allowed/a", "1")
        until(lambda: some.payloads == ["1"])
        assert some.health.link is Link.CONNECTED
        assert some.health.detail == "1 of 2 subscriptions"
        assert "the broker refuses the subscription of 'forbidden/#'" in some.health.trouble.what
        some.stop()
        none = Listener(replace(broker, client_id="other"), [("forbidden/#", 1)])
        until(lambda: none.health.link is Link.FAILED)
        assert "refuses the subscription" in none.health.trouble.what
        none.stop()
        device.close()


def test_a_lower_qos_than_asked_for_is_said(tmp_path: Path) -> None:
    with (
        started(tmp_path / "m", more=("max_qos 0",)) as mosquitto,
        listening(account(mosquitto)) as listener,
    ):
        until(lambda: listener.health.trouble is not None)
        assert "the broker grants '#' with QoS 0 only" in listener.health.trouble.what


def test_a_known_user_is_let_in(tmp_path: Path) -> None:
    with (
        started(tmp_path / "m", users=USERS) as mosquitto,
        listening(account(mosquitto, user="line"), "right") as listener,
    ):
        listener.until_connected()


def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    own = authority.issue_cert("monitor@plant.example")
    own.private_key_pem.write_to_path(tmp_path / "own.key")
    own.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    with started(tmp_path / "m", authority=authority, client_certificates=True) as mosquitto:
        files = {"certificate_file": tmp_path / "own.pem", "key_file": tmp_path / "own.key"}
        ca_file = mosquitto.folder / "authority.pem"
        with listening(account(mosquitto, ca_file=ca_file, **files)) as listener:
            listener.until_connected()
            assert listener.session.publish("a", b"x" * 300_000, 1).wait(10)
            until(lambda: [len(message.payload) for message in listener.arrived] == [300_000])
        for changed, words in (
            ({"ca_file": None}, "the broker's certificate is not trusted"),
            ({"certificate_file": None, "key_file": None}, ""),
            ({"ca_file": tmp_path / "own.key"}, "cannot be read as certificates"),
            ({"tls": False}, "the broker ended the connection without an answer"),
        ):
            broker = replace(account(mosquitto, ca_file=ca_file, **files), client_id="other", **changed)
            with listening(broker) as listener:
                until(lambda: listener.health.trouble is not None)
                assert words in listener.health.trouble.what
                assert not listener.publishers


def test_a_plain_port_is_not_taken_for_tls(mosquitto: Mosquitto) -> None:
    with listening(account(mosquitto, tls=True)) as listener:
        until(lambda: listener.health.trouble is not None)
        assert "TLS" in listener.health.trouble.hint


def test_what_is_no_broker_is_said() -> None:
    with listening(Broker("127.0.0.1", free_port(), "monitor")) as listener:
        until(lambda: listener.health.link is Link.WAITING)
        assert "nothing listens there" in listener.health.trouble.what
        assert listener.stop() < 1


def test_two_clients_with_the_same_id_are_told_of_each_other(mosquitto: Mosquitto) -> None:
    with listening(account(mosquitto)) as listener, listening(account(mosquitto)):
        until(lambda: "another client may have the id 'monitor'" in str(listener.health.trouble))


def test_a_broker_that_says_who_took_over_is_believed() -> None:
    error = ended("Session taken over", True, Broker("plant.example", 1883, "monitor"))
    assert "another client with the id 'monitor' has taken over" in str(error)


def test_a_payload_beyond_all_measure_is_cut(mosquitto: Mosquitto) -> None:
    device = Device(mosquitto)
    with listening(account(mosquitto)) as listener:
        listener.until_connected()
        device.flush(device.publish("a", bytes(3 << 20)))
        until(lambda: [len(message.payload) for message in listener.arrived] == [waiting.LARGEST + 1])
    device.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://broker:1883",
        "mqtt://",
        "mqtt://user:secret@broker",
        "mqtt://broker:0x10",
        "mqtt://broker:99999",
        "mqtt://broker/topic",
        "broker",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        broker_of(url, "monitor")
    assert "secret" not in str(refusal.value)


def test_urls_have_usual_ports() -> None:
    assert broker_of("mqtt://plant.example", "m").place == "mqtt://plant.example:1883"
    assert broker_of("mqtts://[::1]", "m").place == "mqtts://[::1]:8883"
    with pytest.raises(ValueError, match="mqtts://"):
        broker_of("mqtt://plant.example", "m", ca_file=Path("ca.pem"))
