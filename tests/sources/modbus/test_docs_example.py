"""docs/sources-modbus.md: its example is a source that reads real devices, and it explains every key."""

from __future__ import annotations

import re
import struct
from dataclasses import fields

from sensormon.model.settings import ROOT
from sensormon.sources.modbus.kind import ModbusSource
from sensormon.sources.modbus.register import Register
from sensormon.sources.named_text import parse_sources
from tests.support.kept_intake import running, until
from tests.support.modbus_devices import Devices

PAGE = (ROOT / "docs" / "sources-modbus.md").read_text(encoding="utf-8")
EXAMPLE = "\n".join(line[4:] for line in PAGE.splitlines() if line.startswith("    ") or not line)


def test_the_example_reads_what_the_devices_have() -> None:
    rpm = struct.unpack(">2H", struct.pack(">f", 412.5))
    with Devices(
        {1: {"holding": [0] * 10 + [*rpm], "input": [0] * 7 + [365]}, 2: {"coil": [1] * 16}}
    ) as devices:
        config = parse_sources(EXAMPLE.replace(":502", f":{devices.port}"))["plc"]
        with running(config) as plc:
            until(lambda: plc.intake.values("pump_on"))
            until(lambda: plc.intake.values("jacket_temp"))
            assert plc.intake.values("agitator_rpm")[0] == (412.5, 0)
            assert plc.intake.values("jacket_temp")[0] == (36.5, 0)
            assert plc.intake.values("pump_on")[0] == ("on", 0)


def test_every_key_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in PAGE.splitlines() if line[:1] == "|")))
    keys = {field.name for kind in (ModbusSource, Register) for field in fields(kind)}
    assert keys - {"common", "host", "port", "registers"} <= explained
