"""Which requests read a source's registers: few, and none spans an address that nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensormon.sources.modbus.register import OF_BITS, Register

MOST_REGISTERS = 125
"""In one answer, by the protocol."""
MOST_BITS = 2_000


@dataclass(frozen=True, eq=False)
class Request:
    """One read: `count` addresses of a table from `address` on, and the registers whose values are in it."""

    device: int
    table: str
    address: int
    count: int
    registers: tuple[Register, ...]

    @property
    def place(self) -> str:
        """What it reads, for a person."""
        last = f" to {self.address + self.count - 1}" if self.count > 1 else ""
        return f"device {self.device}, {self.table} {self.address}{last}"

    def halves(self) -> tuple[Request, ...]:
        """The same read in two; itself alone where it cannot be divided without cutting a value."""
        middle = self.address + self.count / 2
        cuts = sorted(_cuts(self.registers), key=lambda cut: abs(cut - middle))
        if not cuts:
            return (self,)
        cut = cuts[0]
        return (
            _of([register for register in self.registers if register.address < cut]),
            _of([register for register in self.registers if register.address >= cut]),
        )


def requests_of(registers: Sequence[Register]) -> tuple[Request, ...]:
    """The reads of these registers, which have one interval, by device, table and address."""
    places = sorted(registers, key=lambda each: (each.device, each.table, each.address, each.width))
    requests: list[Request] = []
    block: list[Register] = []
    last = 0
    for register in places:
        if block and not _joins(block[0], last, register):
            requests.append(_of(block))
            block = []
        last = max(last, register.address + register.width) if block else register.address + register.width
        block.append(register)
    return (*requests, _of(block)) if block else ()


def _joins(first: Register, last: int, register: Register) -> bool:
    """Whether a block from `first` to before `last` takes this register, too."""
    most = MOST_BITS if first.table in OF_BITS else MOST_REGISTERS
    return (
        (register.device, register.table) == (first.device, first.table)
        and register.address <= last
        and register.address + register.width - first.address <= most
    )


def _of(block: Sequence[Register]) -> Request:
    first = block[0]
    end = max(register.address + register.width for register in block)
    return Request(first.device, first.table, first.address, end - first.address, tuple(block))


def _cuts(registers: Sequence[Register]) -> list[int]:
    """The addresses at which one value begins and no other goes on."""
    cuts, end = [], registers[0].address
    for register in registers:
        if register.address >= end and register.address > registers[0].address:
            cuts.append(register.address)
        end = max(end, register.address + register.width)
    return cuts
