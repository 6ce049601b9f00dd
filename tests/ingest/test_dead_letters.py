"""Dead letters keep what the detectors said of their readings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.pipeline import Pipeline
from sensormon.model.clock import SECOND
from sensormon.model.entries import BatchEntry, Record
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.watched_plant import PROFILES, TAGS, readings, version

FAR = START + 10**6 * SECOND


def opened(path: Path) -> Store:
    store = open_store(str(path))
    store.open()
    return store


def test_a_reading_stored_late_has_what_each_detector_said(tmp_path: Path) -> None:
    pipeline = Pipeline(TAGS, version(PROFILES))
    pipeline.process(readings(3000))
    record = Record(1, BatchEntry(1, {"test": 120}, pipeline.process(readings(120, 3000))))
    whole, late = opened(tmp_path / "whole.duckdb"), opened(tmp_path / "late.duckdb")
    whole.load("w", [record])
    letters = DeadLetters(tmp_path)
    letters.add(record, dict.fromkeys(range(1, 121), "why"), START)
    assert letters.damaged_now() == 0
    assert letters.retry(late, START) == 120
    left, right = (pa.concat_tables(store.readings.stream(None, 0, FAR)) for store in (whole, late))
    assert left.equals(right)
    assert left["own"].null_count < 120
    pd.testing.assert_frame_equal(whole.readings.frame(None, 0, FAR), late.readings.frame(None, 0, FAR))
    whole.close()
    late.close()
