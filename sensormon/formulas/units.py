"""Units of measurement: as they are written, multiplied, divided and compared.

A unit is what its symbols say and nothing else: `mbar` and `bar` do not fit, because adding their numbers
would be wrong. No symbols mean that the unit is not known; such a value fits any other.
"""

from __future__ import annotations

import re

Unit = tuple[tuple[str, float], ...]
"""Symbols with their powers, in the order in which they came."""

FREE: Unit = ()
"""The unit of a plain number: it fits any other."""

_RAISED = str.maketrans("⁻¹²³⁴⁵⁶", "-123456")
_LOWERED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SYMBOL = re.compile(r"[^\s·*/^()⁻¹²³⁴⁵⁶⁷⁸⁹⁰0-9]+")

DIMENSIONS = {
    "temperature": ("°C", "K", "°F"),
    "pressure": ("Pa", "hPa", "kPa", "MPa", "mbar", "bar", "psi"),
    "length": ("mm", "cm", "m", "km"),
    "mass": ("mg", "g", "kg", "t"),
    "time": ("ms", "s", "min", "h", "d"),
    "power": ("W", "kW", "MW"),
    "electric current": ("mA", "A"),
    "voltage": ("mV", "V", "kV"),
}
"""Symbols by what they measure, to say what does not fit."""
_SCALE = {
    "Pa": 1.0,
    "hPa": 100.0,
    "mbar": 100.0,
    "kPa": 1e3,
    "bar": 1e5,
    "MPa": 1e6,
    "psi": 6894.757,
    "mm": 1e-3,
    "cm": 1e-2,
    "m": 1.0,
    "km": 1e3,
    "mg": 1e-3,
    "g": 1.0,
    "kg": 1e3,
    "t": 1e6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "W": 1.0,
    "kW": 1e3,
    "MW": 1e6,
    "mA": 1e-3,
    "A": 1.0,
    "mV": 1e-3,
    "V": 1.0,
    "kV": 1e3,
}


def unit_of(text: str) -> Unit:
    """The unit that this text means; one symbol if it is not made of symbols with powers.

    >>> unit_of("m³/h"), unit_of("kg/(m·s)"), unit_of("× limit"), unit_of("")
    ((('m', 3.0), ('h', -1.0)), (('kg', 1.0), ('m', -1.0), ('s', -1.0)), (('× limit', 1.0),), ())
    """
    text = text.strip()
    if not text or text == "1":
        return FREE
    above, slash, below = text.partition("/")
    parts = _product(above) if above.strip() != "1" else []
    if slash and parts is not None:
        inner = below.strip()
        inside = inner[1:-1] if inner.startswith("(") and inner.endswith(")") else inner
        divided = _product(inside)
        parts = None if divided is None else [*parts, *((symbol, -power) for symbol, power in divided)]
    if parts is None:
        return ((text, 1.0),)
    return _joined(parts)


def _product(text: str) -> list[tuple[str, float]] | None:
    parts: list[tuple[str, float]] = []
    for piece in re.split(r"[·*]", text):
        match = re.fullmatch(rf"({_SYMBOL.pattern})(?:\^?(-?\d)|([⁻¹²³⁴⁵⁶]+))?", piece.strip())
        if match is None:
            return None
        raised = (match[3] or "").translate(_RAISED)
        try:
            power = float(match[2] or raised or 1)
        except ValueError:
            return None
        parts.append((match[1], power))
    return parts


def _joined(parts: list[tuple[str, float]]) -> Unit:
    powers: dict[str, float] = {}
    for symbol, power in parts:
        powers[symbol] = powers.get(symbol, 0.0) + power
    return tuple((symbol, power) for symbol, power in powers.items() if power)


def times(unit: Unit, other: Unit) -> Unit:
    """The unit of a product."""
    return _joined([*unit, *other])


def power(unit: Unit, exponent: float) -> Unit:
    """The unit of a power."""
    return tuple((symbol, own * exponent) for symbol, own in unit if own * exponent)


def over(unit: Unit, other: Unit) -> Unit:
    """The unit of a quotient."""
    return times(unit, power(other, -1.0))


def same(unit: Unit, other: Unit) -> bool:
    """Whether values of both may be added and compared: one of them is free, or they are equal."""
    return not unit or not other or dict(unit) == dict(other)


def text_of(unit: Unit) -> str:
    """The unit as people write it.

    >>> text_of(unit_of("m3/h")), text_of((("kg", 1.0), ("m", -1.0), ("s", -2.0))), text_of((("h", -1.0),))
    ('m³/h', 'kg/(m·s²)', '1/h')
    """
    above = [_symbol(symbol, exponent) for symbol, exponent in unit if exponent > 0]
    below = [_symbol(symbol, -exponent) for symbol, exponent in unit if exponent < 0]
    if not below:
        return "·".join(above)
    divisor = below[0] if len(below) == 1 else f"({'·'.join(below)})"
    return f"{'·'.join(above) or '1'}/{divisor}"


def _symbol(symbol: str, exponent: float) -> str:
    if exponent == 1:
        return symbol
    if exponent == int(exponent):
        return symbol + str(int(exponent)).translate(_LOWERED)
    return f"{symbol}^{exponent:g}"


def words(unit: Unit) -> str:
    """The unit with what it measures, where that is known: "bar (a pressure)"."""
    text = text_of(unit)
    kind = dimension(unit)
    article = "an" if kind[:1] in "aeiou" else "a"
    return f"{text} ({article} {kind})" if kind else text


def dimension(unit: Unit) -> str:
    """What a single symbol measures; empty if that is not known."""
    text = text_of(unit)
    return next((kind for kind, symbols in DIMENSIONS.items() if text in symbols), "")


def advice(unit: Unit, other: Unit) -> str:
    """What to do about a value in `other` beside one in `unit`."""
    kind = dimension(unit)
    mine, theirs = text_of(unit), text_of(other)
    if kind and kind == dimension(other) and mine in _SCALE and theirs in _SCALE:
        factor = _SCALE[theirs] / _SCALE[mine]
        return f'Convert it: unit({factor:g} * …, "{mine}")'
    return f'If the numbers are meant to be in the same unit, say so: unit(…, "{mine}")'
