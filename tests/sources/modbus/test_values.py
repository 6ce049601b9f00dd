"""Registers become the values that the device meant, in every type and order."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.sources.modbus.register import ORDERS, Register, raw_value, scaled

FORMATS = {
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}
LETTERS = {
    ("big", 2): "AB",
    ("little", 2): "BA",
    ("big-swapped", 2): "BA",
    ("little-swapped", 2): "AB",
    ("big", 4): "ABCD",
    ("little", 4): "DCBA",
    ("big-swapped", 4): "BADC",
    ("little-swapped", 4): "CDAB",
    ("big", 8): "ABCDEFGH",
    ("little", 8): "HGFEDCBA",
    ("big-swapped", 8): "BADCFEHG",
    ("little-swapped", 8): "GHEFCDAB",
}
"""The bytes as they travel; A is the most significant."""


def sent(data: bytes, order: str) -> list[int]:
    """The registers in which a device sends these bytes, the most significant first."""
    travelling = bytes(data["ABCDEFGH".index(letter)] for letter in LETTERS[order, len(data)])
    return [travelling[place] << 8 | travelling[place + 1] for place in range(0, len(data), 2)]


def register(kind: str, order: str = "big", **more: Any) -> Register:
    return Register("t", 1, more.pop("table", "holding"), 0, kind, 1.0, order, **more)


@given(
    kind=st.sampled_from(sorted(FORMATS)),
    order=st.sampled_from(ORDERS),
    data=st.binary(min_size=8, max_size=8),
)
def test_every_type_in_every_order_is_what_struct_says(kind: str, order: str, data: bytes) -> None:
    data = data[: struct.calcsize(FORMATS[kind])]
    meant = struct.unpack(FORMATS[kind], data)[0]
    value = raw_value(register(kind, order), sent(data, order))
    assert value == meant or (math.isnan(value) and math.isnan(meant))


@given(order=st.sampled_from(ORDERS), bit=st.integers(0, 15), number=st.integers(0, 65_535))
def test_a_bit_of_a_register_counts_from_the_least_significant(order: str, bit: int, number: int) -> None:
    words = sent(struct.pack(">H", number), order)
    assert raw_value(register("bit", order, bit=bit), words) == number // 2**bit % 2


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("big", [0x42F6, 0xE979]),
        ("little", [0x79E9, 0xF642]),
        ("big-swapped", [0xF642, 0x79E9]),
        ("little-swapped", [0xE979, 0x42F6]),
    ],
)
def test_the_documented_example_of_the_orders(order: str, words: list[int]) -> None:
    assert raw_value(register("float32", order), words) == pytest.approx(123.456)


def test_a_number_is_scaled_before_its_offset_is_added() -> None:
    assert scaled(register("int16", scale=0.1, offset=-40.0), 652) == pytest.approx(25.2)


def test_a_state_is_the_word_at_its_number() -> None:
    pump = register("uint16", states=("stopped", "starting", "running"))
    assert [scaled(pump, number) for number in (0, 2, 3)] == ["stopped", "running", None]


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_a_float_that_is_no_number_has_no_value(words: list[int]) -> None:
    kept = register("float32")
    assert scaled(kept, raw_value(kept, words)) is None


def test_a_value_beyond_all_numbers_after_scaling_has_no_value() -> None:
    assert scaled(register("float64", scale=1e10), 1e300) is None


def test_what_each_type_becomes_in_the_tag_table() -> None:
    assert register("bit", bit=0).as_tag.kind == "boolean"
    assert register("int16", scale=0.1, unit="bar").as_tag.resolution == pytest.approx(0.1)
    assert register("float32").as_tag.resolution == 0
    assert register("uint16", states=("off", "on")).as_tag.states == ("off", "on")
