"""Devices that speak Modbus TCP: a real pymodbus server in a process of its own, with faults on demand.

    with Devices({1: {"holding": [0] * 100}}) as devices:
        devices.set(1, "holding", 10, [7])
        devices.fault(1, exception=4)

Exceptions are the server's own. Before it stands a gateway, which keeps back what a silent or late device
answers, as one with a serial line behind it does. Each line on the process's standard input is an order as
JSON, answered by one line.
"""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

ROOT = Path(__file__).parents[2]
TABLES = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_WRITING = {"coil": 15, "holding": 16, "discrete": 2, "input": 4}
"""The functions that the server takes for its own writing to a table."""
_NAMES = {code: name for name, code in TABLES.items()}
Tables = Mapping[int, Mapping[str, Sequence[int]]]
"""By device and table the values from address 0 on."""


class Devices:
    """A server's process; see above."""

    def __init__(self, tables: Tables) -> None:
        self.port = 0
        self._tables = json.dumps(
            {
                device: {table: list(values) for table, values in kept.items()}
                for device, kept in tables.items()
            }
        )
        self._process = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def set(self, device: int, table: str, address: int, values: Sequence[int]) -> None:
        """Let it have these values from this address on."""
        self.set_many([(device, table, address, values)])

    def set_many(self, values: Iterable[tuple[int, str, int, Sequence[int]]]) -> None:
        """The same for several places, in this order."""
        self._order(set=[[device, table, address, list(each)] for device, table, address, each in values])

    def fault(
        self,
        device: int,
        *,
        exception: int = 0,
        silent: bool = False,
        late: float = 0.0,
        table: str = "",
        address: int = -1,
    ) -> None:
        """From now on it answers so, without any of these as before; at this address of this table only."""
        self._order(fault=[device, table, address, exception, silent, late])

    def mend(self) -> None:
        """End all faults."""
        self._order(mend=True)

    def requests(self) -> list[tuple[int, str, int, int]]:
        """What was asked since the last call: device, table, address and count of each request."""
        return [tuple(request) for request in self._order(requests=True)["requests"]]

    def stop_listening(self) -> None:
        """Cut all connections and refuse new ones."""
        self._order(listen=False)

    def listen(self) -> None:
        """Accept connections again."""
        self._order(listen=True)

    def start(self) -> None:
        """Start it again after `kill`, with its first values, at the same port."""
        self._process = self._started()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def _started(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.support.modbus_devices", str(self.port), self._tables]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the server prints each frame that it does not like
            text=True,
            cwd=ROOT,
        )
        assert process.stdout is not None
        self.port = int(process.stdout.readline())
        return process

    def _order(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@dataclass
class _Fault:
    exception: int = 0
    silent: bool = False
    late: float = 0.0


class _Served:
    """What runs in the process."""

    def __init__(self, tables: dict[str, dict[str, list[int]]]) -> None:
        self.port = 0
        self._faults: dict[tuple[int, str, int], _Fault] = {}
        self._requests: list[tuple[int, str, int, int]] = []
        self._devices = [self._device(int(number), kept) for number, kept in tables.items()]
        self._gate: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._later: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> None:
        """Begin to serve; port 0 takes a free one."""
        self._server = ModbusTcpServer(self._devices, address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        assert isinstance(self._server.transport, asyncio.Server)
        self._behind = self._server.transport.sockets[0].getsockname()[1]
        self.port = port
        await self.listen()

    async def listen(self) -> None:
        """Accept connections."""
        self._gate = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._gate.sockets[0].getsockname()[1]

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what the order says, and answer."""
        for device, table, address, values in order.get("set", ()):
            await self._server.async_setValues(device, _WRITING[table], address, values)
        if "fault" in order:
            device, table, address, *fault = order["fault"]
            self._faults.pop((device, table, address), None)  # the newest is the last
            self._faults[device, table, address] = _Fault(*fault)
        if "mend" in order:
            self._faults.clear()
        if "listen" in order:
            await (self.listen() if order["listen"] else self._refuse())
        if "requests" in order:
            seen, self._requests = self._requests, []
            return {"requests": seen}
        return {}

    async def _refuse(self) -> None:
        assert self._gate is not None
        self._gate.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass requests on, one after the other, and answers back."""
        behind, to_server = await asyncio.open_connection("127.0.0.1", self._behind)
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _frame(reader)
                asked = _asked(request)
                self._requests.append(asked)
                fault = self._fault(*asked)
                to_server.write(request)
                answer = await _frame(behind)
                if fault.late:
                    task = asyncio.create_task(_send_late(writer, answer, fault.late))
                    self._later.add(task)
                    task.add_done_callback(self._later.discard)
                elif not fault.silent:
                    writer.write(answer)
        self._open.discard(writer)
        writer.close()
        to_server.close()

    def _device(self, number: int, kept: dict[str, list[int]]) -> SimDevice:
        async def action(
            code: int, start: int, address: int, count: int, registers: list[int], values: Any
        ) -> ExcCodes | None:
            del start, registers
            if values or code not in _NAMES:
                return None
            exception = self._fault(number, _NAMES[code], address, count).exception
            return ExcCodes(exception) if exception else None

        blocks = [
            [
                SimData(0, values=[bool(value) for value in values], datatype=DataType.BITS)
                if table in ("coil", "discrete")
                else SimData(0, values=list(values), datatype=DataType.REGISTERS)
            ]
            for table in TABLES
            for values in [kept.get(table, [0] * 16)]
        ]
        return SimDevice(number, simdata=(blocks[0], blocks[1], blocks[2], blocks[3]), action=action)

    def _fault(self, device: int, table: str, address: int, count: int) -> _Fault:
        for (whose, where, at), fault in reversed(self._faults.items()):
            if whose == device and where in ("", table) and (at < 0 or address <= at < address + count):
                return fault
        return _Fault()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(6)
    return head + await reader.readexactly(int.from_bytes(head[4:6], "big"))


async def _send_late(writer: asyncio.StreamWriter, answer: bytes, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if not writer.is_closing():
        writer.write(answer)


def _asked(request: bytes) -> tuple[int, str, int, int]:
    address, count = struct.unpack(">HH", request[8:12])
    return request[6], _NAMES[request[7]], address, count


async def _serve(port: int, tables: dict[str, dict[str, list[int]]]) -> None:
    served = _Served(tables)
    await served.start(port)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def read() -> None:
        for line in sys.stdin:
            say(json.dumps(asyncio.run_coroutine_threadsafe(served.obey(json.loads(line)), loop).result()))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    say(str(served.port))
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), json.loads(sys.argv[2])))
