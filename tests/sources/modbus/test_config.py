"""What sources.toml may say of devices that speak Modbus."""

from __future__ import annotations

import pytest

from sensormon.model.errors import UsageError
from sensormon.sources.modbus.kind import ModbusSource
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_text import parse_sources

FULL = """
[sources.plc]
kind = "modbus"
url = "modbus://192.0.2.10:1502"
device = 3
interval = 2.0
timeout = 0.5
order = "little-swapped"

[[sources.plc.registers]]
tag = "agitator_rpm"
table = "holding"
address = 10
type = "float32"
order = "big"
scale = 0.1
offset = -4.0
unit = "rpm"
device = 4
interval = 0.5

[[sources.plc.registers]]
tag = "valve"
table = "input"
address = 7
type = "bit"
bit = 15
states = ["closed", "open"]

[[sources.plc.registers]]
tag = "pump_on"
table = "coil"
address = 0
"""


def plc(text: str) -> ModbusSource:
    source = parse_sources(text)["plc"]
    assert isinstance(source, ModbusSource)
    return source


def with_row(*lines: str) -> str:
    head = '[sources.plc]\nkind = "modbus"\nurl = "modbus://10.0.0.1"\n[[sources.plc.registers]]\ntag = "t"\n'
    return head + "\n".join(lines)


def test_a_register_says_what_the_source_does_not() -> None:
    source = plc(FULL)
    rpm, valve, pump = source.registers
    assert (rpm.device, rpm.interval, rpm.order) == (4, 0.5, "big")
    assert (valve.device, valve.interval, valve.order, valve.bit) == (3, 2.0, "little-swapped", 15)
    assert (pump.table, pump.type) == ("coil", "bit")
    assert source.place == "modbus://192.0.2.10:1502"
    assert source.tags == ("agitator_rpm", "valve", "pump_on")


def test_what_is_written_is_read_as_the_same() -> None:
    source = plc(FULL)
    assert plc(with_source("", source)) == source


def test_the_usual_port_is_502() -> None:
    assert plc(with_row("address = 0", 'type = "int16"')).place == "modbus://10.0.0.1:502"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("tcp://10.0.0.1", "is not modbus://HOST:PORT"),
        ("modbus://10.0.0.1:99999", "is not modbus://HOST:PORT"),
        ("modbus://", "is not modbus://HOST:PORT"),
        ("modbus://10.0.0.1/1", "with nothing more"),
        ("modbus://me:secret@10.0.0.1", "it is not modbus://HOST:PORT"),
    ],
)
def test_another_address_is_refused_without_a_secret(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        plc(f'[sources.plc]\nkind = "modbus"\nurl = "{url}"\n')
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["address = 0"], "type is not set"),
        (['type = "int16"'], "address is not set"),
        (["address = 65535", 'type = "float32"'], "too many from 65535 on"),
        (["address = 65536", 'type = "int16"'], "whole number from 0 to 65,535"),
        (["address = 0", 'type = "float16"'], "use int16, uint16"),
        (["address = 0", 'type = "bit"'], "bit is not set"),
        (["address = 0", 'type = "int16"', "bit = 3"], "bit is for one bit of a register"),
        (["address = 0", 'table = "coil"', "bit = 3"], "bit is for one bit of a register"),
        (["address = 0", 'table = "coil"', 'type = "int16"'], "use bit"),
        (["address = 0", 'table = "coil"', 'order = "big"'], "order means nothing for a coil"),
        (["address = 0", 'table = "coil"', "scale = 2.0"], "mean nothing for states"),
        (["address = 0", 'type = "int16"', "scale = 0"], "scale is 0"),
        (["address = 0", 'type = "float32"', 'states = ["a", "b"]'], "a float is no number of one"),
        (["address = 0", 'type = "int16"', 'states = ["a", "A"]'], "each of its own"),
        (["address = 0", 'type = "int16"', "adress = 3"], "Was 'address' meant"),
        (["address = 0", 'type = "int16"', "device = 300"], "whole number from 0 to 255"),
    ],
)
def test_a_register_that_cannot_be_is_refused_by_its_place_and_tag(lines: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        plc(with_row(*lines))
    assert "register 1 (t)" in str(refused.value)


def test_two_registers_of_one_tag_are_refused() -> None:
    row = '[[sources.plc.registers]]\ntag = "t"\naddress = 1\ntype = "int16"\n'
    with pytest.raises(UsageError, match="more than one register, such as t"):
        plc(with_row("address = 0", 'type = "int16"\n') + row)


def test_a_thousand_registers_are_no_problem() -> None:
    row = '[[sources.plc.registers]]\ntag = "t{0}"\naddress = {0}\ntype = "int16"\n'
    text = '[sources.plc]\nkind = "modbus"\nurl = "modbus://10.0.0.1"\n'
    assert len(plc(text + "".join(row.format(place) for place in range(1_000))).registers) == 1_000
