"""A source that speaks Modbus as it runs: connects, polls in step, connects again, ends at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.errors import SourceError
from sensormon.model.source_health import Link
from sensormon.sources.connected import Explorer
from sensormon.sources.kinds import KINDS
from sensormon.sources.modbus.explorer import register_of
from sensormon.sources.modbus.source import MISSED
from sensormon.sources.named import NamedSource
from sensormon.sources.named_text import parse_sources
from tests.support.kept_intake import KeptIntake, running, until
from tests.support.modbus_devices import Devices

BAD = 0x8031_0000


@pytest.fixture
def devices() -> Iterator[Devices]:
    with Devices({1: {"holding": range(200), "coil": [1, 0] * 8}}) as served:
        yield served


def source(
    port: int, timeout: float = 0.5, interval: float = 0.05, addresses: range = range(3)
) -> NamedSource:
    head = f'kind = "modbus"\nurl = "modbus://127.0.0.1:{port}"\ninterval = {interval}\ntimeout = {timeout}\n'
    rows = (f'[[sources.plc.registers]]\ntag = "t{n}"\naddress = {n}\ntype = "uint16"\n' for n in addresses)
    return parse_sources(f"[sources.plc]\n{head}{''.join(rows)}")["plc"]


def explorer(config: NamedSource) -> Explorer:
    return KINDS["modbus"].explore(config, str, Path())


def test_polls_are_in_step_with_the_clock_and_their_tags_are_offered(devices: Devices) -> None:
    with running(source(devices.port)) as plc:
        until(lambda: len(plc.intake.batches) > 4)
        assert [tag.name for tag in plc.intake.offered] == ["t0", "t1", "t2"]
        assert plc.health.link is Link.CONNECTED
        assert plc.health.detail == "1 device answering"
    late = [int(batch.time[0]) % (SECOND // 20) for batch in plc.intake.batches[1:]]
    assert sum(behind < SECOND // 50 for behind in late) > len(late) / 2
    assert {value for batch in plc.intake.batches for value in batch.value} == {0.0, 1.0, 2.0}


def test_a_device_that_restarts_is_connected_again(devices: Devices) -> None:
    with running(source(devices.port)) as plc:
        until(lambda: plc.intake.batches)
        devices.kill()
        until(lambda: plc.health.link is Link.WAITING)
        until(lambda: plc.intake.values("t2")[-1] == (2.0, BAD))
        devices.start()
        until(lambda: plc.health.link is Link.CONNECTED)
        until(lambda: plc.intake.values("t2")[-1] == (2.0, 0))
        assert plc.health.reconnects == 1
        assert plc.health.gaps >= 1
        assert plc.health.trouble is not None


def test_polls_that_the_journal_held_up_are_counted_and_not_made_up_for(devices: Devices) -> None:
    with running(source(devices.port)) as plc:
        until(lambda: plc.intake.batches)
        plc.intake.go_on.clear()
        began = plc.intake.clock.now()
        until(lambda: plc.intake.clock.now() > began + SECOND // 2)
        devices.requests()
        plc.intake.go_on.set()
        until(lambda: plc.health.notes.get(MISSED, 0) >= 5)
        until(lambda: len(plc.intake.batches) > 4)
    times = [int(batch.time[0]) for batch in plc.intake.batches]
    assert times == sorted(times)
    assert len(times) <= (plc.intake.clock.now() - times[0]) // (SECOND // 20) + 2 - plc.health.notes[MISSED]


@pytest.mark.parametrize("listening", [True, False])
def test_it_ends_within_a_second_whatever_it_waits_for(devices: Devices, listening: bool) -> None:
    with running(source(devices.port, timeout=30)) as plc:
        until(lambda: plc.intake.batches)
        if listening:
            devices.fault(1, silent=True)
            devices.requests()
            until(devices.requests)
        else:
            devices.stop_listening()
            until(lambda: plc.health.link is Link.WAITING)
        assert plc.stop() < 1


def test_a_source_without_registers_says_what_is_missing(devices: Devices) -> None:
    config = source(devices.port, addresses=range(0))
    with pytest.raises(SourceError, match="it names no registers"):
        KINDS["modbus"].open(config, str, Path()).run(KeptIntake(), None, None)


def test_a_test_says_what_answers_and_what_does_not(devices: Devices) -> None:
    devices.fault(1, exception=2, address=1)
    seen = explorer(source(devices.port)).test(5)
    assert seen.summary == "It connects; 1 device answering, 2 values of 3 read in 1 request"
    assert len(seen.problems) == 1
    assert seen.problems[0].startswith("t1 (device 1, holding 1): exception 2, illegal data address")
    devices.fault(1, silent=True)
    assert explorer(source(devices.port)).test(5).problems == ("Device 1 does not answer within 0.5 s",)


def test_a_test_of_an_address_without_a_device_says_so() -> None:
    with pytest.raises(SourceError, match=r"there is no connection to 127\.0\.0\.1, port 1") as refused:
        explorer(source(1)).test(5)
    assert refused.value.hint


def test_a_table_is_browsed_and_each_register_shown_as_what_it_could_be(devices: Devices) -> None:
    devices.fault(1, exception=2, address=150)
    explore = explorer(source(devices.port))
    assert [offer.address for offer in explore.browse("", 5)] == [
        "1/holding",
        "1/input",
        "1/coil",
        "1/discrete",
    ]
    page = explore.browse("1/holding/100", 5)
    assert [offer.value for offer in page[:3]] == ["100", "101", "102"]
    assert "illegal data address" in page[50].detail
    assert page[-1].address == "1/holding/200"
    types = {offer.label: offer for offer in explore.browse("1/holding/20/types", 5)}
    assert types["uint16, big"].value == "20"
    assert types["uint32, big"].value == str(20 << 16 | 21)
    assert types["uint32, little-swapped"].value == str(21 << 16 | 20)
    picked = register_of(types["float32, little"].address, "level", 2.0)
    assert (picked.device, picked.table, picked.address, picked.type) == (1, "holding", 20, "float32")
    assert (picked.order, picked.interval) == ("little", 2.0)
    assert [offer.value for offer in explore.browse("1/coil", 5)[:3]] == ["1", "0", "1"]


@pytest.mark.parametrize(
    "below", ["x", "1/holding/70000", "1/other", "999/coil", "1/holding/1/2", "1/holding/-1"]
)
def test_what_cannot_be_browsed_is_refused(devices: Devices, below: str) -> None:
    with pytest.raises(SourceError, match="is not an address here"):
        explorer(source(devices.port)).browse(below, 5)


def test_a_preview_shows_readings_as_they_would_be_stored(devices: Devices) -> None:
    devices.fault(1, exception=2, address=1)
    preview = explorer(source(devices.port)).preview(3, 5)
    assert list(preview.batch.tags) == ["t0", "t2"]
    assert list(preview.batch.value) == [0.0, 2.0]
    assert [refused.tag for refused in preview.malformed] == ["t1"]


def test_what_takes_too_long_is_given_up(devices: Devices) -> None:
    devices.fault(1, silent=True)
    with pytest.raises(SourceError, match=r"it took longer than 0\.2 s"):
        explorer(source(devices.port, timeout=30)).preview(2, 0.2)
