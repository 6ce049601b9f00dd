"""A small message of Arrow that would become a large one is refused before it does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sensormon.bus import payload
from sensormon.bus.payload import MOST, Message, batch_of, rows_of
from tests.support.plant import START

_ROWS = 50_000
_LONG = "x" * 10_000


def sent(batches: list[pa.RecordBatch], codec: str | None = None, kind: str = "stream") -> bytes:
    sink = pa.BufferOutputStream()
    opened = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with opened(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.record_batch(list(columns.values()), names=list(columns))


def why_refused(data: bytes) -> str:
    """Why this message as a whole is no reading; it must be small, and use little memory."""
    assert len(data) < 1_000_000
    before = pa.total_allocated_bytes()
    taken, _, refused = batch_of(
        rows_of([Message(1, "sensormon.partitions.3.temp", data, START)]).rows, START
    )
    assert pa.total_allocated_bytes() == before
    assert (len(taken), len(refused)) == (0, 1)
    return refused.listed[0].detail


def coded(words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(_ROWS, dtype=np.int8), pa.array(words))


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize("kind", ["stream", "file"])
def test_compressed_bodies_are_not_unpacked(codec: str, kind: str) -> None:
    zeros = batch(value=pa.array(np.zeros(100_000)))
    assert "compressed" in why_refused(sent([zeros] * 20, codec, kind))


def test_a_compressed_dictionary_is_not_unpacked() -> None:
    words = batch(value=coded([_LONG * 100]))
    assert "compressed" in why_refused(sent([words], "zstd"))


@pytest.mark.parametrize("kind", ["stream", "file"])
@pytest.mark.parametrize(
    "batches", [[batch(value=pa.nulls(10**9))], [batch(value=pa.nulls(MOST))] * 1_000], ids=["one", "many"]
)
def test_rows_that_take_no_room_are_counted_before_they_are_made(
    kind: str, batches: list[pa.RecordBatch]
) -> None:
    rows = sum(each.num_rows for each in batches)
    assert why_refused(sent(batches, kind=kind)).endswith(
        f"a message of {rows:,} readings; at most 100,000 are taken"
    )


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.nulls(_ROWS), "of the type null"),
        (coded([_LONG]), "a word of 10,000 bytes"),
        (pa.array([_LONG] * 3, pa.string_view()), "of the type string_view"),
        (pa.RunEndEncodedArray.from_arrays([_ROWS], [1.0]), "of the type run_end_encoded"),
        (pa.array([[1.0]]), "of the type list"),
        (pa.array([{"value": 1.0}]), "of the type struct"),
    ],
)
def test_what_repeats_without_taking_room_is_refused(column: pa.Array, reason: str) -> None:
    assert reason in why_refused(sent([batch(value=column)]))


def test_other_columns_are_refused() -> None:
    many = {f"c{number}": pa.nulls(1) for number in range(1_000)}
    assert "unknown column 'c0'" in why_refused(sent([batch(**many)]))
    twice = pa.record_batch([pa.array([1.0])] * 2, names=["value", "value"])
    assert "a column twice" in why_refused(sent([twice]))


def test_every_damaged_byte_is_a_reading_or_a_reason() -> None:
    whole = sent([batch(value=pa.array([1.5, 2.5]), quality=pa.array([0, 1], pa.uint32()))])
    for place in range(len(whole)):
        for changed in (0, 0x7F, 0xFF):
            data = whole[:place] + bytes([changed]) + whole[place + 1 :]
            message = Message(1, "sensormon.partitions.3.temp", data, START)
            taken, _, refused = batch_of(rows_of([message]).rows, START)
            assert len(taken) + len(refused) <= 2


def test_a_transaction_ends_with_the_message_that_fills_it() -> None:
    messages = [
        Message(n, "sensormon.partitions.3.temp", b"[" + b"0," * 59_999 + b"0]", START) for n in range(3)
    ]
    assert (rows_of(messages).messages, len(rows_of(messages).rows)) == (2, 120_000)
    assert payload.ROWS == MOST
