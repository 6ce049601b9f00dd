"""What a row of [[sources.NAME.registers]] says, and what it becomes: a value from what was read.

The four orders are those of Modbus tools. A float32 with the bytes A B C D, A the most significant, is in
two registers as

    big             AB CD      the standard's order
    little          DC BA      all bytes reversed
    big-swapped     BA DC      as big, with the two bytes of each register swapped
    little-swapped  CD AB      as little, with the two bytes of each register swapped: the words reversed
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from sensormon.model.tags import Tag

COILS, DISCRETE, HOLDING, INPUT = "coil", "discrete", "holding", "input"
TABLES = (HOLDING, INPUT, COILS, DISCRETE)
OF_BITS = (COILS, DISCRETE)
"""The tables whose addresses have one bit each; the others have 16 at an address, a register."""
ORDERS = ("big", "little", "big-swapped", "little-swapped")
BIT = "bit"
_FORMATS = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
TYPES = (*_FORMATS, BIT)
FLOATS = ("float32", "float64")
ADDRESSES = 65_536
"""Addresses of a table."""
EXACT = 2**53
"""Whole numbers up to this one are exact as a float64, which all values are."""


@dataclass(frozen=True)
class Register:
    """A value and the tag that it becomes: `raw * scale + offset`, in `unit`.

    `address` is the protocol's own, from 0. A value of 32 bits has two registers from there on, one of 64
    bits four. `bit` is that of a register, 0 the least significant. With `states` the raw whole number is the
    place of its word. `interval` is in seconds.
    """

    tag: str
    device: int
    table: str
    address: int
    type: str
    interval: float
    order: str = "big"
    scale: float = 1.0
    offset: float = 0.0
    bit: int = 0
    unit: str = ""
    states: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many addresses it has."""
        return 1 if self.type == BIT else struct.calcsize(_FORMATS[self.type]) // 2

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        bit = f", bit {self.bit}" if self.type == BIT and self.table not in OF_BITS else ""
        return f"device {self.device}, {self.table} {self.address}{bit}"

    @property
    def as_tag(self) -> Tag:
        """The tag of a table that does not have it yet."""
        label = self.tag.replace("_", " ").capitalize()
        if self.states:
            return Tag(self.tag, label, simulated=False, states=self.states)
        if self.type == BIT:
            return Tag(self.tag, label, simulated=False, kind="boolean")
        resolution = 0.0 if self.type in FLOATS else abs(self.scale)
        return Tag(self.tag, label, self.unit, resolution=resolution, simulated=False)


def raw_value(register: Register, words: Sequence[int]) -> int | float:
    """The number in these registers (or single bits), which are those of its addresses."""
    if register.table in OF_BITS:
        return int(words[0])
    data = struct.pack(f">{len(words)}H", *words)
    if register.order.endswith("-swapped"):
        data = b"".join(data[place : place + 2][::-1] for place in range(0, len(data), 2))
    sign = ">" if register.order.startswith("big") else "<"
    if register.type == BIT:
        return int(struct.unpack(f"{sign}H", data)[0]) >> register.bit & 1
    number: int | float = struct.unpack(f"{sign}{_FORMATS[register.type]}", data)[0]
    return number


def scaled(register: Register, raw: float) -> float | str | None:
    """The value as the tag has it: a number, or the word of a state; None if this number stands for no value.

    That is a float which is not a number or infinite, and a number which is the place of no state's word.
    """
    if register.states:
        whole = int(raw) if math.isfinite(raw) else -1
        return register.states[whole] if 0 <= whole < len(register.states) else None
    value = float(raw) * register.scale + register.offset
    return value if math.isfinite(value) else None
