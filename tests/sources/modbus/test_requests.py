"""Registers are read in few requests, none of which spans an address that nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sensormon.sources.modbus.register import Register
from sensormon.sources.modbus.requests import Request, requests_of

REGISTERS = st.builds(
    Register,
    tag=st.uuids().map(str),
    device=st.integers(1, 2),
    table=st.sampled_from(["holding", "input"]),
    address=st.integers(0, 400),
    type=st.sampled_from(["uint16", "float32", "float64", "bit"]),
    interval=st.just(1.0),
)


def addresses(registers: Sequence[Register]) -> set[tuple[int, str, int]]:
    return {
        (register.device, register.table, register.address + place)
        for register in registers
        for place in range(register.width)
    }


def spanned(request: Request) -> set[tuple[int, str, int]]:
    return {(request.device, request.table, request.address + place) for place in range(request.count)}


@given(st.lists(REGISTERS, min_size=1, max_size=80))
def test_every_register_is_in_one_request_that_has_all_of_it_and_nothing_else(
    registers: list[Register],
) -> None:
    requests = requests_of(registers)
    assert sorted(each.tag for request in requests for each in request.registers) == sorted(
        register.tag for register in registers
    )
    for request in requests:
        assert spanned(request) == addresses(request.registers)
        assert request.count <= 125


@given(st.lists(REGISTERS, min_size=1, max_size=30))
def test_halves_have_the_same_registers_and_cut_none(registers: list[Register]) -> None:
    for request in requests_of(registers):
        halves = request.halves()
        assert [each for half in halves for each in half.registers] == list(request.registers)
        assert len(halves) == 1 or all(half.count < request.count for half in halves)
        assert all(spanned(half) == addresses(half.registers) for half in halves)


def test_a_gap_of_one_address_makes_two_requests() -> None:
    requests = requests_of([floating(10), floating(12), floating(15)])
    assert [(request.address, request.count) for request in requests] == [(10, 4), (15, 2)]


def test_a_hundred_adjacent_floats_are_read_in_two_requests() -> None:
    requests = requests_of([floating(address) for address in range(0, 200, 2)])
    assert [(request.address, request.count) for request in requests] == [(0, 124), (124, 76)]


def test_coils_come_two_thousand_at_once() -> None:
    coils = [Register(f"c{n}", 1, "coil", n, "bit", 1.0) for n in range(2_001)]
    assert [request.count for request in requests_of(coils)] == [2_000, 1]


def test_bits_of_one_register_are_read_once() -> None:
    bits = [Register(f"b{bit}", 1, "holding", 7, "bit", 1.0, bit=bit) for bit in range(16)]
    assert [(request.address, request.count) for request in requests_of(bits)] == [(7, 1)]


def floating(address: int) -> Register:
    return Register(f"t{address}", 1, "holding", address, "float32", 1.0)
