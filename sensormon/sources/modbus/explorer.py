"""What a page asks of devices that speak Modbus: whether they answer, what is in their tables, a first look.

What can be browsed is `DEVICE/TABLE`, `DEVICE/TABLE/FIRST` for a hundred addresses from there on, and
`DEVICE/TABLE/ADDRESS/types` for what a value at that address could be; what is offered there is
`DEVICE/TABLE/ADDRESS/TYPE/ORDER`. A browse reads addresses that nobody named: some devices answer that with
an exception, which it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError
from sensormon.model.format import counted
from sensormon.sources.connected import Offer, Preview, Seen
from sensormon.sources.modbus.answers import TOO_MUCH, words_of_exception
from sensormon.sources.modbus.kind import ModbusSource
from sensormon.sources.modbus.line import Line, LineLost, NoAnswer
from sensormon.sources.modbus.polling import Polling
from sensormon.sources.modbus.register import (
    ADDRESSES,
    BIT,
    OF_BITS,
    ORDERS,
    TABLES,
    TYPES,
    Register,
    raw_value,
    scaled,
)
from sensormon.sources.modbus.requests import Request, requests_of
from sensormon.sources.modbus.schedule import Poll
from sensormon.sources.report import Report

AT_ONCE = 100
"""Addresses on one page of a browse."""
_MOST_PROBLEMS = 20
_WIDEST = 4

Result = TypeVar("Result")


class ModbusExplorer:
    """See `Explorer`."""

    def __init__(self, config: ModbusSource) -> None:
        self._config = config

    def test(self, seconds: float) -> Seen:
        """Connect, and ask every device for what is named of it."""
        return self._within(seconds, self._test)

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """See `Explorer.browse`, and above for the addresses."""
        if not below:
            return self._tables()
        device, table, first, types = _place(below)
        if types:
            return self._within(seconds, lambda line: _types(line, device, table, first))
        return self._within(seconds, lambda line: _page(line, device, table, first))

    def preview(self, count: int, seconds: float) -> Preview:
        """One poll of the first registers."""
        requests = requests_of(self._config.registers[: max(1, count)])
        return self._within(seconds, lambda line: self._preview(line, requests))

    def _tables(self) -> tuple[Offer, ...]:
        devices = sorted({self._config.device, *(each.device for each in self._config.registers)})
        return tuple(
            Offer(f"{device}/{table}", f"Device {device}, {table}", has_more=True)
            for device in devices[:250]
            for table in TABLES
        )

    async def _test(self, line: Line) -> Seen:
        requests = requests_of(self._config.registers)
        asked, problems, good, answering = len(requests), [], 0, set()
        silent: set[int] = set()
        for request in requests:
            if request.device in silent:
                continue
            try:
                answers = await _whole(line, request.device, request.table, request.address, request.count)
            except NoAnswer:
                silent.add(request.device)
                problems.append(f"Device {request.device} does not answer within {self._config.timeout:g} s")
                continue
            answering.add(request.device)
            for register in request.registers:
                places = range(register.address, register.address + register.width)
                refused = next((answers[place] for place in places if isinstance(answers[place], str)), None)
                good += refused is None
                if refused is not None:
                    problems.append(f"{register.tag} ({register.place}): {refused}")
        if not requests:
            return Seen("It connects; no registers are named yet")
        more = len(problems) - _MOST_PROBLEMS
        shown = [*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        summary = (
            f"It connects; {counted(len(answering), 'device')} answering, {counted(good, 'value')} of "
            f"{len(self._config.registers):,} read in {counted(asked, 'request')}"
        )
        return Seen(summary, tuple(shown))

    async def _preview(self, line: Line, requests: tuple[Request, ...]) -> Preview:
        clock = SystemClock()
        config = self._config
        report = Report(config.name, config.kind, config.place, clock)
        poll = Poll(config.interval, requests, clock.now())
        batch, malformed = await Polling(config.name, line, clock, report).poll(poll)
        return Preview(batch, tuple(malformed))

    def _within(self, seconds: float, work: Callable[[Line], Coroutine[Any, Any, Result]]) -> Result:
        config = self._config

        async def connected() -> Result:
            line = Line(config.host, config.port, min(config.timeout, seconds))
            try:
                await line.connect()
                return await work(line)
            finally:
                line.close()
                await asyncio.sleep(0)

        async def bounded() -> Result:
            return await asyncio.wait_for(connected(), seconds)

        try:
            return asyncio.run(bounded())
        except TimeoutError as error:
            raise SourceError(
                f"it took longer than {seconds:g} s",
                where=config.place,
                hint="Is a device silent? Test fewer registers, or allow more time",
            ) from error
        except NoAnswer as error:
            raise SourceError(
                f"the device does not answer within {config.timeout:g} s",
                where=config.place,
                hint="Check its number, its power and its line; a slow device needs a longer timeout",
            ) from error
        except LineLost as error:
            raise SourceError(str(error), where=config.place, hint="Try again") from error


def register_of(address: str, tag: str, interval: float) -> Register:
    """The register that was offered at this address. Raises SourceError."""
    parts = address.split("/")
    device, table, first, _ = _place("/".join(parts[:3]))
    bits = table in OF_BITS
    kind = parts[3] if len(parts) > 3 else BIT if bits else "uint16"
    order = parts[4] if len(parts) > 4 else "big"
    if kind not in TYPES or order not in ORDERS:
        raise SourceError(
            f"{address[:100]!r} is not an address of a register", hint="Pick one that is offered"
        )
    return Register(tag, device, table, first, kind, interval, order)


async def _page(line: Line, device: int, table: str, first: int) -> tuple[Offer, ...]:
    count = min(AT_ONCE, ADDRESSES - first)
    answers = await _whole(line, device, table, first, count)
    offers = [_offer(device, table, address, answers) for address in range(first, first + count)]
    if first + count < ADDRESSES:
        offers.append(Offer(f"{device}/{table}/{first + count}", f"From {first + count} on", has_more=True))
    return tuple(offers)


def _offer(device: int, table: str, address: int, answers: Mapping[int, int | str]) -> Offer:
    answer = answers[address]
    where, label = f"{device}/{table}/{address}", f"{table} {address}"
    if isinstance(answer, str):
        return Offer(where, label, has_more=False, detail=answer)
    bits = table in OF_BITS
    register = Register(f"{table}_{address}", device, table, address, BIT if bits else "uint16", 1.0)
    detail = "" if bits else f"0x{answer:04X}"
    return Offer(where if bits else f"{where}/types", label, not bits, register.as_tag, str(answer), detail)


async def _types(line: Line, device: int, table: str, address: int) -> tuple[Offer, ...]:
    """What could be at this address: each type in each order, bits of a register last."""
    count = min(_WIDEST, ADDRESSES - address)
    answers = await _whole(line, device, table, address, count)
    offers = []
    for kind in TYPES:
        if kind == BIT:
            continue
        for order in ORDERS:
            register = Register(f"{table}_{address}", device, table, address, kind, 1.0, order)
            words = [answers.get(address + place, "") for place in range(register.width)]
            numbers = [word for word in words if isinstance(word, int)]
            if len(numbers) < register.width or (register.width == 1 and order.endswith("swapped")):
                continue
            value = scaled(register, raw_value(register, numbers))
            label = f"{kind}, {order}"
            offers.append(
                Offer(
                    f"{device}/{table}/{address}/{kind}/{order}",
                    label,
                    has_more=False,
                    tag=register.as_tag,
                    value="not a number" if value is None else f"{value:.10g}",
                )
            )
    return tuple(offers)


async def _whole(line: Line, device: int, table: str, first: int, count: int) -> dict[int, int | str]:
    """By address its value, or the exception in words; what is refused together is asked in parts."""
    answer = await line.read(device, table, first, count)
    if answer.exception in TOO_MUCH and count > 1:
        half = count // 2
        return await _whole(line, device, table, first, half) | await _whole(
            line, device, table, first + half, count - half
        )
    places = range(first, first + count)
    if answer.exception:
        return dict.fromkeys(places, words_of_exception(answer.exception))
    return dict(zip(places, answer.values, strict=True))


def _place(below: str) -> tuple[int, str, int, bool]:
    """Device, table, first address, and whether types are asked for. Raises SourceError."""
    parts = below.split("/")
    types = len(parts) == 4 and parts[3] == "types"
    numbers = (parts[0], *parts[2:3])
    if (
        not 2 <= len(parts) <= 3 + types
        or parts[1] not in TABLES
        or not all(number.isdecimal() and number.isascii() and len(number) <= 5 for number in numbers)
        or int(parts[0]) > 255
        or int((*parts, "0", "0")[2]) >= ADDRESSES
    ):
        raise SourceError(
            f"{below[:100]!r} is not an address here",
            hint="Write DEVICE/TABLE/ADDRESS, such as 1/holding/100",
        )
    return int(parts[0]), parts[1], int(parts[2]) if len(parts) > 2 else 0, types
