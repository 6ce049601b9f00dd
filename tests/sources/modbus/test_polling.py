"""What a poll makes of what real devices answer, or do not."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.qualities import quality_name
from sensormon.model.readings import Batch, Rejection
from sensormon.sources.modbus.line import Line, LineLost, NoAnswer
from sensormon.sources.modbus.polling import FRUITLESS, Polling
from sensormon.sources.modbus.register import Register
from sensormon.sources.modbus.requests import requests_of
from sensormon.sources.modbus.schedule import Poll
from sensormon.sources.report import Report
from tests.support.kept_intake import rows
from tests.support.modbus_devices import Devices

TIMEOUT = 0.4
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def server() -> Iterator[Devices]:
    with Devices({device: {"holding": range(200), "coil": [1, 0] * 8} for device in (1, 2, 3)}) as devices:
        yield devices


@pytest.fixture
def devices(server: Devices) -> Iterator[Devices]:
    """The server without the faults and values of another test."""
    server.requests()
    yield server
    server.mend()
    for device in (1, 2, 3):
        server.set(device, "holding", 0, range(100))


class Driven:
    """A connection whose polls a test asks for, one by one."""

    def __init__(self, port: int, registers: Sequence[Register]) -> None:
        self.line = Line("127.0.0.1", port, TIMEOUT)
        self.report = Report("plc", "modbus", "", CLOCK)
        self.polling = Polling("plc", self.line, CLOCK, self.report)
        self.schedule = Poll(1.0, requests_of(registers), CLOCK.now())
        self.batch: Batch
        self.refused: Sequence[Rejection] = ()
        self._runner = asyncio.Runner()
        self.connect()

    def connect(self) -> None:
        self.run(self.line.connect())
        self.polling.reconnected()

    def poll(self) -> dict[str, tuple[float | str, str]]:
        """By tag, value and quality."""
        self.batch, self.refused = self.run(self.polling.poll(self.schedule))
        return {
            tag: (value, quality_name(quality))
            for tag in self.batch.tags
            for value, quality in rows(self.batch, tag)
        }

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.line.close()
        self.run(asyncio.sleep(0))
        self._runner.close()


@contextmanager
def driven(devices: Devices, *registers: Register) -> Iterator[Driven]:
    connection = Driven(devices.port, registers)
    try:
        yield connection
    finally:
        connection.close()


def holding(tag: str, address: int, device: int = 1, kind: str = "uint16", **more: Any) -> Register:
    return Register(tag, device, "holding", address, kind, 1.0, **more)


def test_every_table_and_type_is_read_as_the_device_means_it(devices: Devices) -> None:
    devices.set(1, "holding", 10, struct.unpack(">2H", struct.pack(">f", 21.5)))
    devices.set(1, "holding", 20, [0b100])
    with driven(
        devices,
        holding("float", 10, kind="float32", scale=2.0, offset=1.0),
        holding("set", 20, kind="bit", bit=2),
        holding("clear", 20, kind="bit", bit=1),
        holding("mode", 2, states=("off", "manual", "auto")),
        Register("coil", 1, "coil", 1, "bit", 1.0),
        Register("open", 1, "coil", 2, "bit", 1.0, states=("closed", "open")),
    ) as line:
        assert line.poll() == {
            "float": (44.0, "Good"),
            "set": (1.0, "Good"),
            "clear": (0.0, "Good"),
            "mode": ("auto", "Good"),
            "coil": (0.0, "Good"),
            "open": ("open", "Good"),
        }
    assert devices.requests() == [
        (1, "coil", 1, 2),
        (1, "holding", 2, 1),
        (1, "holding", 10, 2),
        (1, "holding", 20, 1),
    ]


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        (1, "BadConfigurationError"),
        (2, "BadConfigurationError"),
        (3, "BadConfigurationError"),
        (4, "BadDeviceFailure"),
        (6, "BadDeviceFailure"),
        (10, "BadNoCommunication"),
        (11, "BadNoCommunication"),
    ],
)
def test_an_exception_is_the_quality_of_the_last_good_value(
    devices: Devices, code: int, quality: str
) -> None:
    with driven(devices, holding("seven", 7)) as line:
        line.poll()
        devices.fault(1, exception=code)
        assert line.poll() == {"seven": (7.0, quality)}
        assert line.poll() == {"seven": (7.0, quality)}, "every poll gives a reading"
        trouble = line.report.health().trouble
        assert trouble is not None
        assert trouble.what.startswith(f"device 1, holding 7 (seven): exception {code}, ")
        devices.mend()
        assert line.poll() == {"seven": (7.0, "Good")}


def test_a_register_that_never_had_a_value_is_refused_with_the_reason(devices: Devices) -> None:
    devices.fault(1, exception=2)
    with driven(devices, holding("seven", 7)) as line:
        assert line.poll() == {}
        assert [(each.tag, each.reason) for each in line.refused] == [("seven", "not_a_number")]
        assert "device 1, holding 7: exception 2, illegal data address" in line.refused[0].detail


def test_one_wrong_address_does_not_take_its_neighbours_with_it(devices: Devices) -> None:
    devices.fault(1, exception=2, address=33)
    with driven(devices, *(holding(f"t{place}", place) for place in range(100))) as line:
        first = line.poll()
        assert {tag: value for tag, (value, _) in first.items()} == {
            f"t{place}": place for place in range(100) if place != 33
        }
        devices.requests()
        assert line.poll() == first
        asked = devices.requests()
        assert len(asked) < 10
        assert (1, "holding", 33, 1) in asked


def test_a_float_that_is_no_number_is_a_failed_sensor(devices: Devices) -> None:
    with driven(devices, holding("level", 10, kind="float32")) as line:
        good = line.poll()["level"][0]
        devices.set(1, "holding", 10, [0x7FC0, 0])
        assert line.poll() == {"level": (good, "BadSensorFailure")}


def test_a_silent_device_costs_one_time_out_and_the_others_are_read(devices: Devices) -> None:
    places = [holding(f"d{device}_{place}", place, device) for device in (1, 2, 3) for place in (0, 5, 9)]
    with driven(devices, *places) as line:
        line.poll()
        devices.fault(2, silent=True)
        devices.requests()
        qualities = {tag: quality for tag, (_, quality) in line.poll().items()}
        assert {tag for tag, quality in qualities.items() if quality != "Good"} == {"d2_0", "d2_5", "d2_9"}
        assert set(qualities.values()) == {"Good", "BadNoCommunication"}
        assert [request for request in devices.requests() if request[0] == 2] == [(2, "holding", 0, 1)]
        assert line.polling.detail == "2 devices answering, silent: 2"
        assert line.report.health().gaps == 1
        line.poll()
        assert devices.requests()[-1][0] == 2, "it is asked last"
        line.poll()
        assert all(request[0] != 2 for request in devices.requests()), "and rests after that"


def test_a_silent_device_is_read_again_once_it_answers(devices: Devices) -> None:
    places = [holding(f"d{device}_{place}", place, device) for device in (1, 2) for place in (0, 5, 9)]
    devices.fault(2, silent=True)
    with driven(devices, *places) as line:
        line.poll()
        devices.mend()
        assert {quality for _, quality in line.poll().values()} == {"Good"}
        assert line.polling.detail == "2 devices answering"


def test_a_device_that_keeps_silent_about_one_address_is_read_at_the_others(devices: Devices) -> None:
    devices.fault(1, silent=True, address=0)
    with driven(devices, holding("bad", 0), holding("good", 5), holding("fine", 9)) as line:
        polls = [line.poll() for _ in range(4)]
    assert "bad" not in {tag for poll in polls for tag in poll}
    assert [sorted(poll) for poll in polls[1:]] == [["fine", "good"]] * 3


def test_a_late_answer_is_never_taken_for_another_ones(devices: Devices) -> None:
    """Both requests are for one register of one device: only their numbers tell the answers apart."""
    devices.fault(1, late=TIMEOUT * 1.5, address=5)
    with driven(devices, holding("late", 5)) as line:
        with pytest.raises(NoAnswer):
            line.run(line.line.read(1, "holding", 5, 1))
        until = time.monotonic() + TIMEOUT  # meanwhile the late answer comes
        while time.monotonic() < until:
            for place in range(10, 20):
                assert line.run(line.line.read(1, "holding", place, 1)).values == [place]


def test_a_connection_that_ends_is_noticed_and_its_readings_are_bad(devices: Devices) -> None:
    with driven(devices, holding("seven", 7)) as line:
        line.poll()
        devices.stop_listening()
        try:
            assert line.poll() == {"seven": (7.0, "BadNoCommunication")}
            assert not line.line.connected
            assert line.report.health().gaps == 1
        finally:
            devices.listen()
        line.connect()
        assert line.poll() == {"seven": (7.0, "Good")}


def test_a_connection_over_which_nothing_comes_is_made_anew(devices: Devices) -> None:
    with driven(devices, holding("seven", 7)) as line:
        devices.fault(1, silent=True)
        for _ in range(FRUITLESS):
            assert line.line.connected
            line.poll()
        assert not line.line.connected


Answer = Callable[[bytes], bytes]


def another_number(request: bytes) -> bytes:
    return b"\x7f\x7f\x00\x00\x00\x07" + request[6:8] + b"\x04\x00\x2a\x00\x2a"


def no_number(request: bytes) -> bytes:
    return b"\x00\x00\x00\x00\x00\x07" + request[6:8] + b"\x04\x00\x2a\x00\x2a"


def another_device(request: bytes) -> bytes:
    return request[:4] + b"\x00\x07\x09" + request[7:8] + b"\x04\x00\x2a\x00\x2a"


def another_function(request: bytes) -> bytes:
    return request[:4] + b"\x00\x07" + request[6:7] + b"\x04\x04\x00\x2a\x00\x2a"


def too_short(request: bytes) -> bytes:
    return request[:4] + b"\x00\x05" + request[6:8] + b"\x02\x00\x2a"


def half(request: bytes) -> bytes:
    return request[:4] + b"\x00\x07" + request[6:8]


def noise(request: bytes) -> bytes:
    del request
    return b"\xde\xad\xbe\xef" * 8


@pytest.mark.parametrize(
    "answer",
    [another_number, no_number, another_device, another_function, too_short, half, noise],
    ids=lambda made: made.__name__,
)
def test_what_is_no_answer_to_the_request_gives_no_value(answer: Answer) -> None:
    """A raw peer, since no Modbus library sends these."""

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            peer.sendall(answer(peer.recv(12)))
            assert peer.recv(1) == b""

    async def ask() -> None:
        line = Line("127.0.0.1", listening.getsockname()[1], TIMEOUT)
        await line.connect()
        with pytest.raises((NoAnswer, LineLost)):
            await line.read(1, "holding", 0, 2)
        line.close()
        await asyncio.sleep(0)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        asyncio.run(ask())
        thread.join()
