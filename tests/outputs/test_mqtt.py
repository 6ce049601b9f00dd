"""Values, states and events on a real broker: in time, retained, and none missed by a restart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading

import pytest

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.notify.told_events import describer
from sensormon.outputs import outputs
from sensormon.outputs.outputs import outputs_of
from tests.outputs.conftest import Start
from tests.support.imported_files import file_of, take
from tests.support.mosquitto import Mosquitto
from tests.support.plant import batch_of
from tests.support.published import TEMP, spike, usual
from tests.support.subscriber import Subscriber

VALUE, STATE, EVENTS = (
    f"sensormon/tags/{TEMP}/value",
    f"sensormon/tags/{TEMP}/state",
    f"sensormon/events/{TEMP}",
)


def text(broker: Mosquitto, more: str = "") -> str:
    return f'[outputs.broker]\nkind = "mqtt"\nurl = "{broker.url}"\n{more}\n'


def test_a_reading_is_published_as_it_is_and_retained(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    now = monitor.clock.now()
    monitor.submit(batch_of((TEMP, 37.25), at=now))
    listener.wait(lambda: bool(listener.payloads(VALUE)))
    assert listener.objects(VALUE) == [
        {
            "tag": TEMP,
            "value": 37.25,
            "time": render(now),
            "quality": "Good",
            "quality_code": 0,
            "unit": "°C",
            "score": None,
            "expected": None,
            "lower": None,
            "upper": None,
            "is_anomaly": False,
        }
    ]
    bad = Reading(TEMP, now + SECOND, 36.5, Quality.BAD_SENSOR_FAILURE)
    monitor.submit(Batch.of([bad], source="test", received=now + SECOND))
    listener.wait(lambda: len(listener.payloads(VALUE)) == 2)
    last = listener.objects(VALUE)[-1]
    assert (last["value"], last["quality"], last["quality_code"]) == (36.5, "BadSensorFailure", 0x808C0000)
    late = Subscriber(broker, name="late")
    late.wait(lambda: bool(late.payloads(VALUE)))
    assert late.objects(VALUE) == [last]
    assert late.payloads("sensormon/status") == [b"online"]
    listener.close()
    late.close()


def test_a_late_reading_does_not_replace_a_newer_one(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    now = monitor.clock.now()
    monitor.submit(batch_of((TEMP, 37.2), at=now))
    listener.wait(lambda: len(listener.payloads(VALUE)) == 1)
    monitor.submit(batch_of((TEMP, 36.0), at=now - 5 * SECOND))
    monitor.submit(batch_of((TEMP, 37.3), at=now + SECOND))
    listener.wait(lambda: len(listener.payloads(VALUE)) == 2)
    assert [value["value"] for value in listener.objects(VALUE)] == [37.2, 37.3]
    listener.close()


def test_an_event_is_told_with_the_sentence_of_the_pages(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    listener.wait(lambda: bool(listener.payloads(STATE)))
    assert listener.objects(STATE) == [{"tag": TEMP, "state": "ok"}]
    usual(monitor)
    event = spike(monitor).first_id
    listener.wait(lambda: bool(listener.payloads(EVENTS)))
    opened = listener.objects(EVENTS)[0]
    assert (opened["kind"], opened["key"], opened["id"]) == ("opened", f"{event}-opened", event)
    assert (opened["value"], opened["number"], opened["severity"]) == ("48.00 °C", 48.0, "high")
    row = monitor.events.between([TEMP], 0, monitor.clock.now() + SECOND).iloc[0].to_dict()
    describe = describer(monitor.tags, monitor.detection.by_id(), monitor.stored, monitor.readings.verdicts)
    assert opened["why"] == describe(row).why
    listener.wait(lambda: listener.objects(STATE)[-1]["state"] == "flagged")
    assert listener.objects(STATE)[-1]["why"] == opened["why"]

    monitor.actions.record([event], "acknowledge", "Ana")
    listener.wait(lambda: len(listener.payloads(EVENTS)) == 2)
    acknowledged = listener.objects(EVENTS)[1]
    assert (acknowledged["kind"], acknowledged["state"]) == ("acknowledged", "acknowledged")
    later = [(TEMP, 37.0 + 0.1 * (row % 5)) for row in range(20)]
    monitor.submit(batch_of(*later, at=monitor.clock.now() + SECOND))
    listener.wait(lambda: len(listener.payloads(EVENTS)) == 3)
    assert listener.objects(EVENTS)[2]["kind"] == "ended"
    listener.wait(lambda: listener.objects(STATE)[-1]["state"] == "ok")
    listener.close()


def test_what_happened_while_the_broker_was_away_comes_once_it_is_back(
    broker: Mosquitto, start: Start
) -> None:
    monitor = start(text(broker))
    health = outputs_of(monitor).health
    listener = Subscriber(broker, known=True)
    listener.wait(lambda: health()[0].link == "connected" and bool(listener.payloads(STATE)))
    broker.stop()
    listener.wait(lambda: health()[0].link == "waiting")
    assert outputs_of(monitor).problems()[0].startswith("Output broker is waiting: the connection was lost")
    usual(monitor)
    event = spike(monitor).first_id
    for row in range(5):
        monitor.submit(batch_of((TEMP, 37.0 + row / 10), at=monitor.clock.now() + row))
    listener.wait(lambda: health()[0].dropped >= 60)
    broker.start()
    listener.wait(lambda: any(told["id"] == event for told in listener.objects(EVENTS)))
    listener.wait(lambda: 37.4 in [value["value"] for value in listener.objects(VALUE)])
    assert len(listener.objects(VALUE)) <= 2, "the newest alone"
    assert health()[0].link == "connected"
    assert outputs_of(monitor).problems() == ()
    listener.close()


def test_a_broker_that_hangs_gets_the_newest_once_it_goes_on(broker: Mosquitto, start: Start) -> None:
    monitor = start(text(broker, 'what = ["values"]'))
    health = outputs_of(monitor).health
    listener = Subscriber(broker)
    listener.wait(lambda: bool(listener.payloads("sensormon/status")))
    broker.hang()
    now = monitor.clock.now()
    rows = [(TEMP, 37.0 + 0.1 * (row % 5)) for row in range(7_000)]
    monitor.submit(batch_of(*rows, (TEMP, 38.25), at=now, seconds=0.0001))
    listener.wait(lambda: health()[0].dropped >= 6_000)
    broker.go_on()
    listener.wait(lambda: bool(listener.objects(VALUE)) and listener.objects(VALUE)[-1]["value"] == 38.25)
    assert health()[0].published + health()[0].dropped >= 7_000, "every value is counted"
    listener.close()


def test_a_restart_tells_what_was_missed_and_nothing_twice(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    usual(monitor)
    first = spike(monitor).first_id
    listener.wait(lambda: bool(listener.payloads(EVENTS)))
    health = outputs_of(monitor).health
    listener.wait(lambda: health()[0].published == len(listener.messages))
    monitor = start("")  # the monitor goes on, nobody publishes
    usual(monitor, 20, "fermenter_ph", 7.0)
    usual(monitor, 60, "agitator_rpm", 400.0)
    second = spike(monitor, "agitator_rpm", 600.0).first_id
    monitor = start(text(broker))
    listener.wait(lambda: bool(listener.payloads("sensormon/events/agitator_rpm")))
    monitor.stop()
    told = [told["key"] for told in listener.objects(EVENTS)]
    assert told.count(f"{first}-opened") == 1
    assert listener.objects("sensormon/events/agitator_rpm")[0]["id"] == second
    assert listener.payloads("sensormon/status")[-1] == b"offline"
    listener.close()


def test_only_what_is_asked_for_is_published(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    more = 'prefix = "plant/a"\ntags = ["fermenter_*"]\nwhat = ["values"]\nretain = false\nversion = "5"'
    monitor = start(text(broker, more))
    now = monitor.clock.now()
    listener.wait(lambda: bool(listener.payloads("plant/a/status")))
    monitor.submit(batch_of(("agitator_rpm", 400.0), ("fermenter_ph", 7.0), at=now))
    listener.wait(lambda: bool(listener.payloads("plant/a/tags/fermenter_ph/value")))
    assert {topic for topic, *_ in listener.messages} == {
        "plant/a/status",
        "plant/a/tags/fermenter_ph/value",
    }
    late = Subscriber(broker, name="late")
    late.wait(lambda: bool(late.payloads("plant/a/status")))
    assert [topic for topic, *_ in late.messages] == ["plant/a/status"]
    listener.close()
    late.close()


def test_the_file_is_followed_and_a_removed_tag_is_cleared(broker: Mosquitto, start: Start) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    monitor.submit(batch_of((TEMP, 37.0), at=monitor.clock.now()))
    listener.wait(lambda: bool(listener.payloads(VALUE)))
    monitor.settings.outputs_file.write_text(text(broker, 'prefix = "other"'))
    listener.wait(lambda: bool(listener.payloads(f"other/tags/{TEMP}/value")))
    assert listener.payloads("sensormon/status")[-1] == b"offline"
    monitor.settings.outputs_file.write_text("[outputs.broker]\nkind = 'mqtt'\nurl = 3\n")
    listener.wait(lambda: bool(outputs_of(monitor).problems()))
    assert "url: a text is needed" in outputs_of(monitor).problems()[0]
    assert outputs_of(monitor).health()[0].link == "connected", "what was in force stays so"
    listener.close()


@pytest.mark.long
def test_the_broker_says_offline_after_a_kill(broker: Mosquitto, plant: Settings) -> None:
    plant.outputs_file.write_text(text(broker))
    listener = Subscriber(broker)
    environment = {
        "SENSORMON_DATA_DIR": str(plant.data_dir),
        "SENSORMON_TAGS": str(plant.tags),
        "SENSORMON_SOURCE": "none",
        "PATH": "/usr/bin:/bin",
    }
    process = subprocess.Popen([sys.executable, "-m", "sensormon", "collect"], env=environment)
    listener.wait(lambda: listener.payloads("sensormon/status") == [b"online"])
    process.send_signal(signal.SIGKILL)
    process.wait()
    listener.wait(lambda: listener.payloads("sensormon/status") == [b"online", b"offline"])
    listener.close()


def test_a_wrong_password_is_said_and_never_shown(
    tmp_path_factory: pytest.TempPathFactory, start: Start, plant: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    right = "right-one"
    broker = Mosquitto(tmp_path_factory.mktemp("closed"), users={"ada": right})
    secret = plant.data_dir / "broker.secret"
    secret.write_text("wr0ng-pass")
    secret.chmod(0o600)
    monitor = start(text(broker, 'user = "ada"\npassword_file = "broker.secret"'))
    listener = Subscriber(broker, user="ada", password=right)
    listener.wait(lambda: outputs_of(monitor).health()[0].link == "waiting")
    problem = outputs_of(monitor).problems()[0]
    assert "the broker refuses the connection: Not authorized" in problem
    assert "wr0ng" not in json.dumps([problem, caplog.text, str(outputs_of(monitor).config())])
    secret.write_text(right)
    plant.outputs_file.write_text(text(broker, 'user = "ada"\npassword_file = "./broker.secret"'))
    listener.wait(lambda: bool(listener.payloads("sensormon/status")))
    listener.close()
    broker.close()


def test_without_a_file_nothing_runs_and_no_library_is_loaded(plant: Settings) -> None:
    before = set(threading.enumerate())  # those of the monitor of another test may still be ending
    monitor = Monitor(plant, SystemClock())
    outputs.accompany(monitor)
    monitor.start()
    assert not [thread for thread in set(threading.enumerate()) - before if "output" in thread.name]
    assert outputs.NAME not in monitor.beside
    monitor.stop()
    code = (
        "import sys, sensormon.outputs.outputs\n"
        "assert not {'asyncua', 'paho'} & {name.split('.')[0] for name in sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_imported_readings_are_not_published(broker: Mosquitto, start: Start, plant: Settings) -> None:
    listener = Subscriber(broker)
    monitor = start(text(broker))
    listener.wait(lambda: bool(listener.payloads(STATE)))
    take(monitor, file_of(plant.data_dir / "history.csv", 300))
    monitor.submit(batch_of((TEMP, 37.0), at=monitor.clock.now()))
    spike(monitor, "agitator_rpm", 600.0)
    listener.wait(lambda: bool(listener.payloads("sensormon/tags/agitator_rpm/value")))
    assert [value["value"] for value in listener.objects(VALUE)] == [37.0]
    listener.close()
