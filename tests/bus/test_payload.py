"""What a message may hold: readings in JSON or Arrow, and what is no reading is rejected with its reason."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest

from sensormon.bus.layout import partition_of, partitions_of, stream_config, subjects_of, tag_of
from sensormon.bus.payload import Message, batch_of, rows_of
from sensormon.ingest.refusals import Refused
from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Quality
from tests.support.plant import START


def message(data: bytes, tag: str = "temp", sequence: int = 1) -> Message:
    return Message(sequence, f"sensormon.partitions.3.{tag}", data, START)


def parsed(messages: list[Message], received: int = START) -> tuple[Batch, Sequence[int], Refused]:
    """The readings and refusals of these messages."""
    return batch_of(rows_of(messages).rows, received)


def arrow(table: pa.Table, kind: str = "stream") -> bytes:
    sink = pa.BufferOutputStream()
    opened = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
    with opened(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-09-21T14:13:20Z", START),
        (START / SECOND, START),
        (START / SECOND + 0.25, START + SECOND // 4),
        (None, START),
    ],
)
def test_times_are_iso_or_seconds_or_those_of_the_stream(time: object, expected: int) -> None:
    data = json.dumps({"tag": "temp", "time": time, "value": 37.5, "quality": "Bad"}).encode()
    batch, positions, refused = parsed([message(data)], START + SECOND)
    assert (batch.tags, batch.time.tolist(), batch.value.tolist()) == (("temp",), [expected], [37.5])
    assert batch.quality.tolist() == [Quality.BAD]
    assert (list(positions), len(refused)) == ([0], 0)


@pytest.mark.parametrize("kind", ["stream", "file"])
@pytest.mark.parametrize("type_", [pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.float64()])
def test_arrow_has_the_same_readings_as_json(kind: str, type_: pa.DataType) -> None:
    micros = pa.array([START, START + SECOND])
    times = (
        pa.array([START / SECOND, START / SECOND + 1])
        if pa.types.is_floating(type_)
        else micros.cast(pa.timestamp("us")).cast(type_)
    )
    table = pa.table({"time": times, "value": [1.5, 2.5], "quality": pa.array([0, 0x80000000], pa.uint32())})
    batch, _, refused = parsed([message(arrow(table, kind))], START)
    assert (batch.time.tolist(), batch.value.tolist()) == ([START, START + SECOND], [1.5, 2.5])
    assert (batch.quality.tolist(), len(refused)) == ([0, Quality.BAD], 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"37.5",
        b"nonsense \xff",
        b"[" * 100_000,
        b'{"value": NaN}',
        b'{"value": 1, "value": 2}',
        b'{"value": 1' + b"0" * 5000 + b"}",
        b'{"value": 1, "unit": "K"}',
        b'{"tag": "other", "value": 1}',
        b'{"tag": ["temp"], "value": 1}',
        b'{"value": null}',
        b'{"value": 1, "time": "yesterday"}',
        b'{"value": 1, "time": 1e300}',
        b'{"value": 1, "time": true}',
        b'{"value": 1, "quality": "splendid"}',
        b"ARROW1 and no more",
        b"\xff\xff\xff\xff and no more",
        arrow(pa.table({"value": [1.0]}))[:-40],
        arrow(pa.table({"value": [1.0], "odd": [1]})),
        arrow(pa.table({"value": [[1.0]]})),
    ],
)
def test_what_is_no_reading_is_rejected_with_its_reason_and_the_rest_taken(data: bytes) -> None:
    good = b'{"tag": "temp", "value": 37.5}'
    batch, positions, refused = parsed([message(good), message(data, sequence=2), message(good)], START)
    assert batch.value.tolist() == [37.5, 37.5]
    assert (list(positions), refused.index.tolist()) == ([0, 2], [1])
    (rejection,) = refused.listed
    assert rejection.detail


def test_a_list_holds_several_readings_of_the_tag() -> None:
    batch, _, refused = parsed([message(b'[{"value": 1}, {"value": 2}, 3]')], START)
    assert (batch.value.tolist(), refused.index.tolist()) == ([1.0, 2.0], [2])
    assert len(parsed([message(b"[]")], START)[0]) == 0


def test_the_stream_and_its_partitions_are_named_alike() -> None:
    assert partitions_of(stream_config(3, 1)) == 8
    assert partitions_of({"subject_transform": None}) is None
    assert tag_of("sensormon.partitions.3.temp.1") == "temp.1"
    assert subjects_of(partition_of("temp.1", 8)) == ["sensormon.partitions.7.>"]
