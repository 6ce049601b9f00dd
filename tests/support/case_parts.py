"""The members of a case as bytes, changed and packed again, and the refusal of what came of it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sensormon.exchange import case_format
from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from tests.support.cases import TAGS

Parts = dict[str, bytes]


def packed(parts: Parts, *, honest: bool = True, **manifest: Any) -> bytes:
    """A zip of these parts, with these changes to the manifest and, if `honest`, the true hashes."""
    about = json.loads(parts[case_format.MANIFEST])
    if honest:
        about["members"] = {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in parts.items()
            if name != case_format.MANIFEST
        }
    about |= manifest
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, json.dumps(about) if name == case_format.MANIFEST else data)
    return stream.getvalue()


def refused(receiver: Monitor, data: bytes, said: str) -> None:
    """Opening this fails with one line that says so, and leaves nothing."""
    job = receiver.cases.open(io.BytesIO(data), "x")
    assert receiver.jobs.wait(job, 60)
    assert isinstance(job.problem, UsageError), (job.problem, job.result)
    assert said in str(job.problem), str(job.problem)
    assert len(str(job.problem).splitlines()) == 1
    assert len(str(job.problem)) < 400
    receiver.drain()
    assert receiver.ledger.now().total.received == 0
    assert receiver.parts.store.entries.detector_settings()[-1].id == 1
    assert receiver.settings.tags.read_text() == TAGS.read_text()
    assert list(receiver.settings.data_dir.glob("exports/*")) == []


def table(parts: Parts, name: str = case_format.READINGS_FILE) -> pa.Table:
    return pq.read_table(io.BytesIO(parts[name]))


def with_table(parts: Parts, rows: pa.Table, name: str = case_format.READINGS_FILE, **options: Any) -> Parts:
    stream = io.BytesIO()
    pq.write_table(rows, stream, **{"compression": "none", "store_schema": False, **options})
    return {**parts, name: stream.getvalue()}


def column(parts: Parts, name: str, values: Any, kind: pa.DataType | None = None) -> Parts:
    """The case with this column of its readings changed by the function `values`."""
    rows = table(parts)
    place = rows.schema.get_field_index(name)
    changed = pa.array(values(rows.column(name).to_pylist()), kind or rows.schema.field(name).type)
    return with_table(parts, rows.set_column(place, name, changed))
