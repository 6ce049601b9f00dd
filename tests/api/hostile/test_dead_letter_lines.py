"""Lines of the dead letters, and other small files, that no monitor wrote: set aside, never fatal."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensormon.ingest.dead_letters import FILE
from sensormon.ingest.detector_state import FILE as STATES
from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.data_folder import SNAPSHOT, read_snapshot
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.api import Start, get
from tests.support.plant import batch_of

LINE = {
    "id": 7,
    "source": "http",
    "tag": "fermenter_ph",
    "timestamp": "2026-01-31T12:00:00Z",
    "value": 7.0,
    "quality": 0,
    "received": "2026-01-31T12:00:01Z",
    "origin": "live",
    "settings": 1,
    "n": 3,
    "score": None,
    "expected": 7.0,
    "lower": 6.9,
    "upper": 7.1,
    "is_anomaly": False,
    "reason": "CHECK constraint failed",
    "attempts": 1,
    "first_failed": "2026-01-31T12:00:02Z",
    "last_failed": "2026-01-31T12:00:02Z",
}
JUDGED = {"profile": "default", "detector": "zscore", "threshold": 3.0, "withheld": 0}
DEEP = b"[" * 200_000 + b"]" * 200_000


def line(**changes: Any) -> bytes:
    return json.dumps({**LINE, **changes}).encode()


HOSTILE = {
    "nested": DEEP,
    "nested in a field": line(note="X").replace(b'"X"', b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a list": b"[1, 2]",
    "a huge whole number": line(id=10**400),
    "an id above the store's": line(id=2**63 - 1),
    "an id as text": line(id="7"),
    "a fraction for an id": line(id=7.5),
    "n above the store's": line(n=2**70),
    "settings above the store's": line(settings=2**40),
    "quality below 0": line(quality=-1),
    "a value that is not a number": line(value=7).replace(b'"value": 7', b'"value": NaN'),
    "an infinite value": line(value=7).replace(b'"value": 7', b'"value": 1e999'),
    "a value as text": line(value="7"),
    "no value": line(value=None),
    "a time that is a number": line(timestamp=5),
    "attempts as text": line(attempts="x"),
    "no attempts": json.dumps({k: v for k, v in LINE.items() if k != "attempts"}).encode(),
    "a source that is an object": line(source={"a": 1}),
    "half a character": line(tag="\ud800"),
    "a word for the verdict": line(is_anomaly="no"),
    "a profile without what its detectors said": line(**JUDGED),
    "no list of what a detector said": line(**JUDGED, own={"zscore": 7}),
    "too little of what a detector said": line(**JUDGED, own={"zscore": [1.0, 2.0]}),
    "a word of what a detector said": line(**JUDGED, own={"zscore": [1.0, 2.0, "x", 3.0]}),
    "a detector that said nothing": line(**JUDGED, own={"ewma": [1.0, 2.0, 1.0, 3.0]}),
    "a detector that is a list": line(**{**JUDGED, "detector": []}, own={"zscore": [1.0] * 4}),
    "an unknown reason to withhold": line(**{**JUDGED, "withheld": 9}, own={"zscore": [1.0] * 4}),
    "a profile that is a number": line(**{**JUDGED, "profile": 1}, own={"zscore": [1.0] * 4}),
    "not UTF-8": b"\xff\xfe{}",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_line_that_is_no_dead_letter_is_set_aside_and_counted(
    settings: Settings, start: Start, content: bytes
) -> None:
    settings.data_dir.mkdir()
    file = settings.data_dir / FILE
    file.write_bytes(content + b"\n")
    before = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    assert before.findings == ("1 lines of the dead letters cannot be read",)
    monitor, api = start()
    assert get(api, "/stats").json()["balanced"]
    monitor.drain()
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=monitor.clock.now()))
    monitor.drain()
    health = get(api, "/health")
    assert health.status_code == 200
    assert health.json()["dead_letters"] == {"readings": 0, "damaged": 1, "kept": 0}
    assert health.json()["store"] == "healthy"
    assert not monitor.status().failures
    assert get(api, "/stats").json()["stored"] == 1
    monitor.stop()
    assert not file.exists()
    assert (settings.data_dir / "failed_measurements.damaged.jsonl").read_bytes() == content + b"\n"


def test_a_whole_line_beside_a_hostile_one_is_retried(settings: Settings, clock: ManualClock) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / FILE).write_bytes(DEEP + b"\n" + line() + b"\n")
    monitor = Monitor(settings, clock)
    assert monitor.status().dead_letters.readings == 1
    monitor.drain()
    monitor.drain()  # the first one stores what the retry waits for
    status = monitor.status()
    assert (status.dead_letters.readings, status.dead_letters.damaged) == (0, 1)
    assert monitor.ledger.now().total.stored == 1
    monitor.stop()


@pytest.mark.parametrize("content", [DEEP, b'{"days": Infinity}', b"[]", b'{"days": 1e400}', b"\xff"])
def test_a_retention_that_cannot_be_understood_deletes_nothing(
    settings: Settings, clock: ManualClock, content: bytes
) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / "retention.json").write_bytes(content)
    monitor = Monitor(replace(settings, retention_days=3), clock)
    assert monitor.retention.policy.days == 0
    assert "cannot be read" in monitor.retention.problem
    monitor.stop()


@pytest.mark.parametrize("content", [DEEP, b"[]", b"{}", b'{"time": 1, "ledger": 2}', b'{"time": "x"}'])
def test_a_status_file_that_cannot_be_understood_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SNAPSHOT).write_bytes(content)
    with pytest.raises(UsageError, match="has not reported yet"):
        read_snapshot(tmp_path)


@pytest.mark.parametrize("head", [DEEP, b"[]", b"{", b'{"layout": 1}', b"\xff"])
def test_a_detector_state_that_cannot_be_understood_is_ignored(
    settings: Settings, clock: ManualClock, head: bytes
) -> None:
    settings.data_dir.mkdir()
    body = struct.pack("<I", len(head)) + head
    (settings.data_dir / STATES).write_bytes(struct.pack("<I", zlib.crc32(body)) + body)
    Monitor(settings, clock).stop()


def test_a_log_of_tag_changes_that_cannot_be_understood_is_skipped(
    settings: Settings, clock: ManualClock
) -> None:
    settings.data_dir.mkdir()
    good = json.dumps({"time": 1, "who": "Ann", "changes": ["x is new"]}).encode()
    lines = [DEEP[:30_000], b'{"time": Infinity, "who": "", "changes": []}', good]
    (settings.data_dir / "tag_changes.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    monitor = Monitor(settings, clock)
    assert [change.who for change in monitor.tag_file.changes()] == ["Ann"]
    monitor.stop()
