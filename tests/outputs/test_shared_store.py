"""Several collectors on one store: one of them publishes, and another goes on when it ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.outputs import outputs
from tests.support.mosquitto import Mosquitto
from tests.support.postgresql import PostgreSQL
from tests.support.published import TEMP, spike, usual
from tests.support.subscriber import Subscriber


def running(settings: Settings, folder: Path, name: str) -> Monitor:
    place = folder / name
    place.mkdir(exist_ok=True)
    monitor = Monitor(replace(settings, data_dir=place, collector=name), SystemClock())
    outputs.accompany(monitor)
    monitor.start()
    return monitor


@pytest.mark.long
def test_one_collector_publishes_and_another_goes_on(
    broker: Mosquitto, plant: Settings, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    listener = Subscriber(broker)
    shared = replace(plant, store=postgresql.new_database())
    (tmp_path / "west").mkdir()
    (tmp_path / "west" / "outputs.toml").write_text(f'[outputs.b]\nkind = "mqtt"\nurl = "{broker.url}"\n')
    west = running(shared, tmp_path, "west")
    listener.wait(lambda: listener.payloads("sensormon/status") == [b"online"])
    east = running(shared, tmp_path, "east")
    try:
        listener.wait((tmp_path / "east" / "outputs.toml").exists)
        usual(east)
        event = spike(east).first_id
        events = f"sensormon/events/{TEMP}"
        listener.wait(lambda: bool(listener.payloads(events)))
        assert [told["id"] for told in listener.objects(events)] == [event]
        links = [health.link for health in outputs.outputs_of(east).health()]
        assert links == ["in another collector"]
        west.stop()
        listener.wait(lambda: listener.payloads("sensormon/status") == [b"online", b"offline", b"online"])
        assert outputs.outputs_of(east).problems() == ()
    finally:
        west.stop()
        east.stop()
    listener.close()
