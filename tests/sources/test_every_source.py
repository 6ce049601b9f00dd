"""The contract of a source, checked for every source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.readings import Batch, Origin
from sensormon.model.settings import ROOT, Settings
from sensormon.model.tags import TagTable
from sensormon.sources import Source, open_source
from tests.support.plant import START

Open = Callable[[], Source]

FILE = """value,timestamp,tag,who
1.5,2026-01-01T00:00:00Z,a,x
2.5,2026-01-01T00:00:00Z,b,x
,2026-01-01T00:00:02Z,a,x
nan,2026-01-01T00:00:01Z,b,x
3.5,2026-01-01T00:00:30Z,a,x
"""


@pytest.fixture(params=["simulator", "replay", "replay fast"])
def opened(request: pytest.FixtureRequest, tags: TagTable, tmp_path: Path) -> Open:
    """Opens the source again on each call, in the same way."""
    path = tmp_path / "recorded.csv"
    path.write_text(FILE, encoding="utf-8")
    named = {"simulator": "simulator", "replay": f"replay:{path}", "replay fast": f"replay:{path}@7x"}
    settings = Settings(source=named[request.param], seed=5, tags=ROOT / "data" / "tags.toml")

    def open_it() -> Source:
        source = open_source(settings, tags, START)
        assert source is not None
        return source

    return open_it


def played(source: Source, seconds: float = 60.0, step: float = 0.7) -> list[Batch]:
    """What a collector that looks every `step` seconds reads in `seconds`, or until the source ends."""
    batches = []
    for tick in range(round(seconds / step)):
        now = START + round(tick * step * SECOND)
        while (due := source.due(now)) is not None and due <= now:
            batches.append(source.read(now))
    return batches


def test_due_is_monotonic(opened: Open) -> None:
    source, last = opened(), START
    for tick in range(100):
        now = START + tick * SECOND // 3
        due = source.due(now)
        if due is None:
            break
        assert due == source.due(now)
        assert due >= last
        last = due
        if due <= now:
            source.read(now)


def test_no_reading_is_later_than_the_clock(opened: Open) -> None:
    batches = played(opened())
    assert batches
    for batch in batches:
        assert (batch.time <= batch.received).all()
        assert all(truth.time <= batch.received for truth in batch.injected)


def test_nothing_is_read_before_it_is_due(opened: Open) -> None:
    source = opened()
    while (due := source.due(START)) is not None and due <= START:
        source.read(START)
    assert due is not None
    assert len(source.read(due - 1)) == 0
    assert source.due(due - 1) == due
    assert len(source.read(due)) > 0


def test_batch_columns_are_parallel(opened: Open) -> None:
    source = opened()
    known = {tag.name for tag in source.tags}
    for batch in played(source):
        columns = (batch.tag, batch.time, batch.value, batch.quality)
        assert {len(column) for column in columns} == {len(batch)}
        assert [str(column.dtype) for column in columns] == ["int32", "int64", "float64", "uint32"]
        assert set(batch.tags) <= known
        assert ((batch.tag >= 0) & (batch.tag < len(batch.tags))).all()
        assert batch.origin is Origin.LIVE
        assert batch.source == source.name


def test_same_clock_gives_the_same_readings(opened: Open) -> None:
    first, second = played(opened()), played(opened())
    assert len(first) == len(second)
    for batch, other in zip(first, second, strict=True):
        assert batch.tags == other.tags
        assert batch.injected == other.injected
        for column in ("tag", "time", "value", "quality"):
            assert np.array_equal(getattr(batch, column), getattr(other, column), equal_nan=column == "value")


def test_name_interval_and_tags_do_not_change(opened: Open) -> None:
    source = opened()
    before = source.name, source.interval, source.tags
    played(source)
    assert (source.name, source.interval, source.tags) == before
    assert source.name == opened().name
    assert source.interval >= 0


def test_ended_source_stays_ended(opened: Open) -> None:
    source = opened()
    played(source)
    late = START + 3600 * SECOND
    while (due := source.due(late)) is not None and due <= late:
        source.read(late)
    if due is None:
        assert source.due(late + SECOND) is None
        assert len(source.read(late + SECOND)) == 0


def test_batch_after_a_long_sleep_is_bounded(opened: Open) -> None:
    source = opened()
    source.due(START)
    assert len(source.read(START + 7 * 86_400 * SECOND)) <= 1000


def test_none_opens_no_source(tags: TagTable) -> None:
    assert open_source(Settings(source="none"), tags, START) is None
