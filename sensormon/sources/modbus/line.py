"""One connection to a Modbus TCP address, with at most one request on its way.

It uses pymodbus without its retries, which send a request again under the same number, so that a late answer
to the first would be taken for one to the second. What it is not: a loop that connects again; see `polling`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from sensormon.model.errors import SourceError
from sensormon.sources.modbus.register import COILS, DISCRETE, HOLDING, INPUT, OF_BITS

_NEVER = 1 << 30
"""Unanswered requests after which pymodbus hangs up: a silent device must not end others' connection."""
_FUNCTIONS = {COILS: 1, DISCRETE: 2, HOLDING: 3, INPUT: 4}

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)  # it logs each time-out as an error


class NoAnswer(Exception):
    """Nothing came within the time-out; the connection stands."""


class LineLost(Exception):
    """The connection is gone, or what comes over it cannot be understood."""


@dataclass(frozen=True)
class Answer:
    """The values of the addresses asked for, or the number of an exception and no values."""

    values: Sequence[int] = ()
    exception: int = 0


class Line:
    """To one address; `timeout` is in seconds, for a connection and for each answer. Of one event loop."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self._place = f"{host}, port {port}"
        self._host, self._port, self._timeout = host, port, timeout
        self._client: AsyncModbusTcpClient | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._client is not None and self._client.connected

    async def connect(self) -> None:
        """Make the connection anew. Raises SourceError."""
        self.close()
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._timeout, retries=0, reconnect_delay=0
        )
        client.set_max_no_responses(_NEVER)
        if not await client.connect():
            client.close()
            raise SourceError(
                f"there is no connection to {self._place}",
                hint="Check the address, the port (502 as a rule), the network, and whether the device has a "
                "connection free: many take one to four",
            )
        self._client = client

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, device: int, table: str, address: int, count: int) -> Answer:
        """The values at `count` addresses. Raises NoAnswer and LineLost."""
        await asyncio.sleep(
            0
        )  # what has come meanwhile is taken note of: an end of the connection, late answers
        client = self._client
        if client is None or not client.connected:
            raise LineLost("the connection was closed by the other side")
        try:
            pdu = await _read(client, device, table, address, count)
        except ModbusException as error:
            if not client.connected:
                raise LineLost("the connection was closed by the other side") from error
            if client.ctx.recv_buffer:  # half an answer: its rest would be taken for the next one's beginning
                self.close()
                raise LineLost("half an answer came, and the connection was opened again") from error
            raise NoAnswer from error
        return self._checked(client, pdu, table, count)

    def _checked(self, client: AsyncModbusTcpClient, pdu: ModbusPDU, table: str, count: int) -> Answer:
        """What is in the answer, if it is one to the last request: its number and length say this."""
        mine = (
            pdu.transaction_id == client.ctx.request_transaction_id
            and pdu.function_code & 0x7F == _FUNCTIONS[table]
        )
        if mine and isinstance(pdu, ExceptionResponse):
            return Answer(exception=pdu.exception_code)
        bits = table in OF_BITS
        values: Sequence[int] = [int(bit) for bit in pdu.bits] if bits else pdu.registers
        # bits come in whole bytes
        if not mine or (len(values) != -(-count // 8) * 8 if bits else len(values) != count):
            self.close()
            raise LineLost("an answer came that is not to the request, and the connection was opened again")
        return Answer(values[:count])


async def _read(client: AsyncModbusTcpClient, device: int, table: str, address: int, count: int) -> ModbusPDU:
    if table == HOLDING:
        return await client.read_holding_registers(address, count=count, device_id=device)
    if table == COILS:
        return await client.read_coils(address, count=count, device_id=device)
    if table == DISCRETE:
        return await client.read_discrete_inputs(address, count=count, device_id=device)
    return await client.read_input_registers(address, count=count, device_id=device)
