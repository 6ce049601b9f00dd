"""`kind = "modbus"`: what sources.toml says of devices that speak Modbus TCP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sensormon.model.errors import UsageError
from sensormon.model.tags import MOST_STATES, NAME, UNFIT
from sensormon.model.toml_table import Table, number, text, texts, whole, word
from sensormon.sources.connected import MOST_READINGS, SourceKind
from sensormon.sources.modbus.register import (
    ADDRESSES,
    BIT,
    FLOATS,
    HOLDING,
    OF_BITS,
    ORDERS,
    TABLES,
    TYPES,
    Register,
)
from sensormon.sources.named import Common, NamedSource

PORT = 502
_DEFAULTS = {"device": 1, "interval": 1.0, "timeout": 1.0, "order": "big"}
_INTERVAL = number(0.05, 86_400, "seconds")
_DEVICE = whole(0, 255)
_ORDER = word(*ORDERS)
_FACTOR = number(-1e300, 1e300)


@dataclass(frozen=True)
class ModbusSource(NamedSource):
    """One address, `host` and `port`, with any number of devices behind it.

    `device`, `interval` (s) and `order` are what a register has that says nothing else. `timeout` is how long
    to wait for a connection or an answer (s).
    """

    host: str = ""
    port: int = PORT
    device: int = 1
    interval: float = 1.0
    timeout: float = 1.0
    order: str = "big"
    registers: tuple[Register, ...] = ()
    kind: ClassVar[str] = "modbus"

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"modbus://{host}:{self.port}"

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(register.tag for register in self.registers)


def read(common: Common, table: Table) -> ModbusSource:
    """The source in this table. Raises UsageError."""
    host, port = table.needed("url", _address, '"modbus://192.0.2.10:502"')
    device = table.usual("device", _DEVICE, 1)
    interval = table.usual("interval", _INTERVAL, 1.0)
    timeout = table.usual("timeout", number(0.05, 60, "seconds"), 1.0)
    order = table.usual("order", _ORDER, "big")
    rows = table.take("registers", _rows) or ()
    registers = tuple(
        _register(Table(f"{table.where}, register {place}", row), device, interval, order)
        for place, row in enumerate(rows, 1)
    )
    twice = [tag for tag, count in Counter(register.tag for register in registers).items() if count > 1]
    if twice:
        raise UsageError(
            f"{len(twice)} tags have more than one register, such as {twice[0]}",
            where=table.where,
            hint="Give each its own tag",
        )
    return ModbusSource(common, host, port, device, interval, timeout, order, registers)


def items(config: ModbusSource) -> dict[str, Any]:
    """The keys of this source for the file; None for what is left out."""
    own: dict[str, Any] = {"device": config.device, "interval": config.interval}
    own |= {"timeout": config.timeout, "order": config.order}
    kept = {key: None if value == _DEFAULTS[key] else value for key, value in own.items()}
    return {
        "url": config.place,
        **kept,
        "registers": [_row(register, config) for register in config.registers] or None,
    }


def _row(register: Register, config: ModbusSource) -> dict[str, Any]:
    numbers = register.type != BIT and not register.states
    ordered = register.table not in OF_BITS
    return {
        "tag": register.tag,
        "table": register.table,
        "address": register.address,
        "type": register.type,
        "bit": register.bit if ordered and register.type == BIT else None,
        "order": register.order if ordered and register.order != config.order else None,
        "scale": register.scale if numbers and register.scale != 1 else None,
        "offset": register.offset if numbers and register.offset else None,
        "unit": register.unit or None,
        "states": list(register.states) or None,
        "device": register.device if register.device != config.device else None,
        "interval": register.interval if register.interval != config.interval else None,
    }


def _register(table: Table, device: int, interval: float, order: str) -> Register:
    tag = table.needed("tag", _tag, '"agitator_rpm"')
    table.where = f"{table.where} ({tag})"
    kept = table.usual("table", word(*TABLES), HOLDING)
    address = table.needed("address", whole(0, ADDRESSES - 1), "10, the protocol's own, from 0")
    bits = kept in OF_BITS
    kind = table.usual("type", word(BIT), BIT) if bits else table.needed("type", word(*TYPES), '"float32"')
    bit = table.take("bit", whole(0, 15))
    own_order = table.take("order", _ORDER)
    scale, offset = table.take("scale", _FACTOR), table.take("offset", _FACTOR)
    unit = table.usual("unit", _unit, "")
    states = table.take("states", _states) or ()
    register = Register(
        tag,
        table.usual("device", _DEVICE, device),
        kept,
        address,
        kind,
        table.usual("interval", _INTERVAL, interval),
        "big" if bits else own_order or order,
        1.0 if scale is None else scale,
        0.0 if offset is None else offset,
        bit or 0,
        unit,
        states,
    )
    table.end()
    _check(table.where, register, bit=bit is not None, order=own_order is not None)
    if (kind == BIT or states) and (scale is not None or offset is not None or unit):
        raise UsageError(
            "scale, offset and unit mean nothing for states", where=table.where, hint="Remove them"
        )
    return register


def _check(where: str, register: Register, *, bit: bool, order: bool) -> None:
    """Refuse keys that do not go together. Raises UsageError."""
    bits = register.table in OF_BITS
    if register.address + register.width > ADDRESSES:
        raise UsageError(
            f"a {register.type} has {register.width} registers, too many from {register.address} on",
            where=where,
            hint=f"The last address is {ADDRESSES - 1}",
        )
    if bit and (bits or register.type != BIT):
        raise UsageError(
            "bit is for one bit of a register", where=where, hint='Write type = "bit", or remove it'
        )
    if register.type == BIT and not bits and not bit:
        raise UsageError(
            "bit is not set", where=where, hint="Write bit = 0 to 15; 0 is the least significant"
        )
    if order and bits:
        raise UsageError(f"order means nothing for a {register.table}", where=where, hint="Remove it")
    if register.scale == 0:
        raise UsageError("scale is 0, which makes all values the same", where=where, hint="Write scale = 1")
    if register.states and register.type in FLOATS:
        raise UsageError(
            "states are numbered, and a float is no number of one", where=where, hint="Remove states"
        )
    if register.states and register.type == BIT and len(register.states) != 2:
        raise UsageError("a bit has two states", where=where, hint='Write states = ["off", "on"]')


# -- readers of values --------------------------------------------------------------------


def _address(value: Any) -> tuple[str, int]:
    url = text(value)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text may hold a password
        raise ValueError("it is not modbus://HOST:PORT") from None
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "modbus" or not host or rest or port == 0:
        raise ValueError("it is not modbus://HOST:PORT, with nothing more")
    return host, port or PORT


def _rows(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError("tables [[sources.NAME.registers]] are needed")
    if len(value) > MOST_READINGS:
        raise ValueError(f"more than {MOST_READINGS:,}")
    return tuple(value)


def _tag(value: Any) -> str:
    name = text(value)
    if not NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} cannot be a tag's name: use letters, digits and _ . : / -")
    return name


def _unit(value: Any) -> str:
    unit = text(value)
    if UNFIT.search(unit):
        raise ValueError("it holds an invisible character")
    return unit


def _states(value: Any) -> tuple[str, ...]:
    states = texts(value)
    folded = {state.casefold() for state in states}
    if len(states) < 2 or len(folded) != len(value) or len(states) > MOST_STATES:
        raise ValueError("two or more words are needed, each of its own")
    return states


KIND = SourceKind("modbus", "Modbus TCP", read, items, "sensormon.sources.modbus.source")
