"""Ten devices with a hundred registers each at 1 Hz in a running monitor, and one of them fails."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sensormon.intake.named_sources import accompany, sources_of
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.settings import Settings
from sensormon.model.source_health import Link
from sensormon.monitor.monitor import Monitor
from tests.support.kept_intake import until
from tests.support.modbus_devices import Devices

BAD_DEVICE_FAILURE = 0x808B_0000
DEVICES = range(1, 11)


@pytest.mark.long
def test_a_thousand_registers_of_ten_devices_come_every_second(tmp_path: Path) -> None:
    with Devices({device: {"holding": range(100)} for device in DEVICES}) as devices:
        rows = (
            f'[[sources.plc.registers]]\ntag = "d{device}_{place}"\ndevice = {device}\n'
            f'address = {place}\ntype = "uint16"\n'
            for device in DEVICES
            for place in range(100)
        )
        head = f'[sources.plc]\nkind = "modbus"\nurl = "modbus://127.0.0.1:{devices.port}"\n'
        (tmp_path / "sources.toml").write_text(head + "".join(rows))
        table = tmp_path / "tags.toml"
        table.write_text("[tags.other]\nsimulated = false\n")
        monitor = Monitor(Settings(data_dir=tmp_path, tags=table, source="none"), SystemClock())
        accompany(monitor)
        monitor.start()
        try:
            plc = sources_of(monitor)
            until(lambda: plc.health() and plc.health()[0].stored >= 5_000)
            health = plc.health()[0]
            assert health.link is Link.CONNECTED
            assert health.detail == "10 devices answering"
            assert health.refused == 0
            devices.fault(3, exception=4)
            since = monitor.clock.now()
            until(lambda: len(stored(monitor, since)) > 1)
            rows = stored(monitor, since)
            assert set(rows["value"]) == {7.0}
            assert rows["quality"].iloc[-1] == BAD_DEVICE_FAILURE
        finally:
            monitor.stop()


def stored(monitor: Monitor, since: int) -> pd.DataFrame:
    return monitor.stored.frame(["d3_7"], since, monitor.clock.now() + SECOND)
