"""The outputs of outputs.toml, on the Pipeline page, in /health and in /metrics."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

import pytest

from sensormon.api import make_api
from sensormon.model.clock import MINUTE, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link, SourceTrouble
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.outputs import outputs_of
from sensormon.outputs.report import OutputHealth
from sensormon.ui.output_list import output_table, outputs_phrase
from tests.support.api import TOKEN, get
from tests.support.pages import show, text
from tests.support.plant import START, Adopt


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt, clock: ManualClock) -> Iterator[Monitor]:
    monitor = adopt(Monitor(replace(settings, token=TOKEN), clock))
    yield monitor
    outputs_of(monitor).stop()


def test_an_output_that_is_off_and_one_without_a_broker_are_listed(monitor: Monitor) -> None:
    with socket.socket() as closed:  # bound, and nothing listens on it
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monitor.settings.outputs_file.write_text(
            f'[outputs.broker]\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:{port}"\n'
            '[outputs.scada]\nkind = "opcua"\non = false\nport = 4841\n'
        )
        outputs_of(monitor).look()
        app = show("pipeline")
    assert [heading.value for heading in app.subheader].count("Outputs") == 1
    (table,) = [frame.value for frame in app.dataframe if "Output" in frame.value]
    assert set(table["Output"]) == {"broker", "scada"}
    api = make_api(lambda: monitor)
    listed = {output["name"]: output for output in get(api, "/health").json()["outputs"]}
    assert listed["scada"]["state"] == "stopped"
    assert listed["broker"]["published"] == 0
    metrics = get(api, "/metrics").text
    assert 'sensormon_output_connected{output="broker"} 0.0' in metrics
    assert 'sensormon_output_published_total{output="scada"} 0.0' in metrics


def test_without_a_file_nothing_is_said_of_outputs(monitor: Monitor) -> None:
    app = show("pipeline")
    assert "Outputs" not in [heading.value for heading in app.subheader]
    assert "outputs work" not in text(app)
    assert "sensormon_output" not in get(make_api(lambda: monitor), "/metrics").text


def test_an_output_that_does_not_work_comes_first_with_its_error() -> None:
    works = OutputHealth(
        "scada", "opcua", "opc.tcp://0.0.0.0:4841", Link.CONNECTED, START, "3 clients", 1_200
    )
    trouble = SourceTrouble(START, "Connection refused.", "Start the broker")
    waits = OutputHealth("broker", "mqtt", "mqtt://plant", Link.WAITING, START, trouble=trouble)
    phrase = outputs_phrase([works, waits])
    assert (phrase.text, phrase.abnormal) == ("1 of 2 outputs work · not broker", True)
    table = output_table([works, waits], START + 3 * MINUTE, UTC)
    assert [*table["Output"]] == ["broker", "scada"]
    assert table["State"][1] == "connected for 3 min, 3 clients"
    assert table["Last error"][0].endswith("Connection refused. Start the broker")
    assert "Left out" not in table
