"""Reads over HTTP: the same readings in every format, bounded in time, with and without a token."""

from __future__ import annotations

import asyncio
import io
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.api import make_api
from sensormon.api.formats import PART
from sensormon.exchange.import_table import pieces, propose, read_file
from sensormon.model.errors import StoreUnavailable
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.stores import recent
from tests.support.api import Start, ask, fill, get, post
from tests.support.plant import batch_of

HOSTILE = [
    "'; DROP TABLE readings; --",
    "../../../etc/passwd",
    "%00",
    "\x00",
    "a" * 5_000,
    "${jndi:ldap://x}",
    "1 OR 1=1",
    "<script>",
    "-1",
    "NaN",
    "1e999",
    "٣",
    "",
    " ",
]


def test_data_is_ordered_and_bounded(start: Start) -> None:
    _, api = start()
    fill(api)
    rows = get(api, "/data").json()
    assert [row["id"] for row in rows] == list(range(1, 122))
    assert rows[0]["timestamp"].startswith("2026-01-31T12:00:00")
    assert rows[0]["score"] is None
    bounded = get(api, "/data?tag=fermenter_ph&since=2026-01-31T12:00:10Z&until=2026-01-31T12:00:20Z").json()
    assert [row["id"] for row in bounded] == [12, 14, 16, 18, 20]
    assert [row["id"] for row in get(api, "/data?limit=2").json()] == [120, 121]
    assert [row["value"] for row in get(api, "/anomalies").json()] == [45]
    assert get(api, "/anomalies?until=2026-01-31").json() == []


def test_formats_agree_before_and_after_storing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "KEPT", 50)
    monkeypatch.setattr(recent, "BLOCK", 10)
    monitor, api = start()
    fill(api)
    post(api, "/ingest", {"tag": "fermenter_ph", "value": 7.1, "timestamp": "2026-01-31T14:00:00Z"})
    for drained in (False, True):
        rows = get(api, "/data").json()
        assert [row["id"] for row in rows] == list(range(1, 123))
        table = pd.read_csv(io.BytesIO(get(api, "/data?format=csv").content))
        parquet = pd.read_parquet(io.BytesIO(get(api, "/data?format=parquet").content))
        for frame in (table, parquet):
            assert [*frame.columns, "detectors"] == list(rows[0])
            assert frame["id"].tolist() == list(range(1, 123))
            assert frame["value"].tolist() == [row["value"] for row in rows]
        assert str(parquet["timestamp"].dtype) == "datetime64[us, UTC]"
        if not drained:
            monitor.workers.loading.stop(5)
            monitor.drain()


def arrow_of(answer: httpx.Response) -> pa.Table:
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    with pa.ipc.open_stream(answer.content) as stream:
        return stream.read_all()


def test_arrow_has_what_json_has_with_its_types(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "KEPT", 50)
    monkeypatch.setattr(recent, "BLOCK", 10)
    monitor, api = start()
    fill(api)
    for drained in (False, True):
        rows = get(api, "/data").json()
        table = arrow_of(get(api, "/data?format=arrow"))
        assert table.column_names == list(rows[0])
        assert table.schema.field("timestamp").type == pa.timestamp("us", "UTC")
        assert table.schema.field("received").type == pa.timestamp("us", "UTC")
        for name in ("timestamp", "received"):
            assert table.column(name).to_pylist() == [datetime.fromisoformat(row[name]) for row in rows]
        kept = [{**row, "timestamp": None, "received": None} for row in rows]
        assert [{**row, "timestamp": None, "received": None} for row in table.to_pylist()] == kept
        assert any(row["detectors"] for row in kept)
        if not drained:
            monitor.workers.loading.stop(5)
            monitor.drain()
    assert arrow_of(get(api, "/data?format=arrow&until=2020-01-01")).num_rows == 0
    assert arrow_of(get(api, "/anomalies?format=arrow")).column("value").to_pylist() == [45]


def test_words_of_states_have_a_column_of_their_own_in_arrow(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "states.toml"
    path.write_text('[tags.valve]\nstates = ["closed", "open"]\n[tags.level]\n')
    _, api = start(tags=path)
    rows = [
        {"tag": tag, "value": value, "timestamp": f"2026-01-31T12:00:0{second}Z"}
        for second, (tag, value) in enumerate([("valve", "open"), ("level", 3.5), ("valve", "closed")])
    ]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 3
    table = arrow_of(get(api, "/data?format=arrow"))
    assert table.column("state").to_pylist() == ["open", None, "closed"]
    assert table.column("value").to_pylist() == [None, 3.5, None]


def test_the_header_accept_chooses_the_form_where_nothing_else_does(start: Start) -> None:
    _, api = start()
    fill(api)
    arrow = "application/vnd.apache.arrow.stream"
    answer = get(api, "/data", Accept=arrow)
    assert arrow_of(answer).num_rows == 121
    assert answer.headers["vary"] == "Accept"
    assert get(api, "/data?format=csv", Accept=arrow).headers["content-type"].startswith("text/csv")
    assert arrow_of(get(api, "/anomalies", Accept=f"application/json;q=0.5, {arrow};q=0.9")).num_rows == 1
    for accept in ("", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", f"{arrow};q=0", f"{arrow};q=x"):
        assert get(api, "/data", Accept=accept).json()[0]["id"] == 1


def test_large_answer_is_streamed_from_the_store(start: Start) -> None:
    monitor, api = start()
    rows = [
        {
            "tag": "fermenter_temp",
            "timestamp": f"2026-01-{1 + i // 1440:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00Z",
            "value": 37 + i % 10 / 100,
        }
        for i in range(30_000)
    ]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 30_000
    monitor.workers.loading.stop(5)
    monitor.drain()
    monitor, api = start()  # nothing is in memory
    pieces = list(monitor.streams.by_arrival(None, 0, FOREVER, limit=25_000))
    assert [piece.num_rows for piece in pieces] == [10_000, 10_000, 5_000, 0]
    answer = get(api, "/data?limit=1000000")
    assert len(answer.json()) == 30_000
    arrow = get(api, "/data?limit=1000000&format=arrow")
    batches = list(pa.ipc.open_stream(arrow.content))
    assert sum(batch.num_rows for batch in batches) == 30_000
    assert max(batch.num_rows for batch in batches) <= PART, "a slow reader keeps two of them in memory"


def test_hostile_parameters_are_a_clear_4xx_and_leak_nothing(start: Start) -> None:
    _, api = start()
    fill(api)

    async def call(client: httpx.AsyncClient) -> Any:
        for path in ("/data", "/anomalies", "/events"):
            for name in ("tag", "since", "until", "limit", "format"):
                for text in HOSTILE if (path, name) != ("/events", "format") else ():
                    answer = await client.get(path, params={name: text})
                    assert 400 <= answer.status_code < 500, (path, name, text)
                    assert set(answer.json()) >= {"error", "detail", "hint"}
                    assert "Traceback" not in answer.text
                    assert "SELECT" not in answer.text
        for path in ("/data/../token", "/..%2f..%2fetc/passwd", "/docs/assets/../../../../etc/passwd", "/no"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert set(answer.json()) >= {"error", "detail", "hint"}
        answer = await client.delete("/data")
        assert (answer.status_code, answer.json()["error"]) == (405, "refused")

    ask(api, call)
    assert len(get(api, "/data").json()) == 121


def test_reads_can_be_closed(start: Start) -> None:
    _, api = start(read_token="reader")
    for path in ("/data", "/anomalies", "/events", "/tags", "/stats", "/metrics"):
        assert get(api, path, Authorization="").status_code == 401
        assert get(api, path, Authorization="Bearer wrong").status_code == 401
        assert get(api, path, Authorization="Bearer reader").status_code == 200
        assert get(api, path).status_code == 200  # the token for writes
    assert get(api, "/health", Authorization="").json() == {"status": "ok"}
    assert get(api, "/health").json()["problems"] == []
    assert post(api, "/ingest", {}, Authorization="Bearer reader").status_code == 403


def test_tags_stats_and_metrics(start: Start) -> None:
    _, api = start()
    fill(api)
    tag = next(row for row in get(api, "/tags").json() if row["name"] == "fermenter_temp")
    assert (tag["unit"], tag["valid"], tag["normal"]) == ("°C", [30.0, 50.0], [35.0, 40.0])
    stats = get(api, "/stats").json()
    assert (stats["received"], stats["difference"]) == (121, 0)
    text = get(api, "/metrics").text
    assert 'sensormon_readings_total{outcome="received"} 121.0' in text
    assert 'sensormon_writes_total{route="/ingest/batch",status="201"} 1.0' in text
    assert "sensormon_write_seconds_bucket" in text
    assert "sensormon_journal_oldest_seconds" in text
    assert re.search(r'sensormon_last_score\{flagged="true",tag="fermenter_temp"\} [\d.]+', text)


def test_unavailable_store_is_503_except_for_recent_readings(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, api = start()
    fill(api)

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("locked", where="/secret/path", hint="wait")

    monkeypatch.setattr(monitor.parts.store.readings, "stream", away)
    answer = get(api, "/data")
    assert (answer.status_code, answer.json()["error"]) == (503, "store_unavailable")
    assert "secret" not in answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert len(get(api, "/data?limit=5").json()) == 5  # the newest are in memory


def test_docs_load_nothing_external(start: Start) -> None:
    _, api = start()
    page = get(api, "/docs").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 4
    for link in links:
        assert link.startswith("/")
        assert get(api, link).status_code == 200
    assert "://" not in page


def test_imports_and_what_was_undone_are_answered(start: Start, tmp_path: Path) -> None:
    monitor, api = start()
    assert get(api, "/imports").json() == []
    path = tmp_path / "a.csv"
    path.write_text("time,fermenter_ph\n2026-01-01T00:00:00Z,7.0\n2026-01-01T00:01:00Z,7.1\n")
    table = read_file(path)
    batches = pieces(table, propose(table, monitor.tags), monitor.clock.now())
    assert sum(piece.accepted for piece in monitor.importer.take(batches)) == 2
    (entry,) = get(api, "/imports").json()
    assert (entry["id"], entry["state"], entry["stored"], entry["already_there"]) == (1, "done", 2, 0)
    assert monitor.jobs.wait(monitor.undoing.start(1, "Ana"), 60)
    (entry,) = get(api, "/imports").json()
    assert (entry["state"], entry["undone_by"]) == ("undone", "Ana")
    stats = get(api, "/stats").json()
    assert (stats["undone"], stats["sources"]["import"]["undone"], stats["difference"]) == (2, 2, 0)
    assert 'sensormon_readings_total{outcome="undone"} 2.0' in get(api, "/metrics").text


def test_openapi_schema_is_complete(start: Start) -> None:
    _, api = start()
    schema = get(api, "/openapi.json").json()
    assert set(schema["paths"]) == {
        "/ingest",
        "/ingest/batch",
        "/v2/write",
        "/data",
        "/anomalies",
        "/events",
        "/tags",
        "/stats",
        "/imports",
        "/health",
        "/metrics",
        "/audit",
        "/report",
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            if method == "post":
                assert {"400", "401", "413", "503"} <= set(operation["responses"])
                (content,) = operation["requestBody"]["content"].values()
                assert content["example"]
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(schema)))
    assert references <= set(schema["components"]["schemas"])


def test_reading_and_writing_at_once(start: Start) -> None:
    monitor, api = start()

    async def call(client: httpx.AsyncClient) -> Any:
        async def write(i: int) -> int:
            body = {"tag": "fermenter_temp", "value": 37, "timestamp": f"2026-01-31T12:00:{i:02d}Z"}
            return (await client.post("/ingest", json=body)).status_code

        async def read() -> int:
            return (await client.get("/data?format=csv")).status_code

        return await asyncio.gather(*(write(i) for i in range(40)), *(read() for _ in range(10)))

    assert set(ask(api, call)) == {200, 201}
    assert monitor.ledger.now().to_dict()["received"] == 40


def test_simulated_readings_and_tags_say_so(full: Monitor, start: Start) -> None:
    full.submit(replace(batch_of(("fermenter_ph", 7.1)), source="http"))
    api = make_api(lambda: full)
    for form in ("json", "csv", "parquet"):
        content = get(api, f"/data?limit=10000&format={form}").content
        read = {"json": json.loads, "csv": pd.read_csv, "parquet": pd.read_parquet}[form]
        rows = pd.DataFrame(read(content if form == "json" else io.BytesIO(content)))
        assert rows["simulated"].dtype == bool
        assert (rows["simulated"] == (rows["source"] == "simulator")).all()
        assert set(rows["simulated"]) == {True, False}
    flagged = get(api, "/anomalies").json()
    assert flagged
    assert all(row["simulated"] is (row["source"] == "simulator") for row in flagged)
    assert [tag["simulated"] for tag in get(api, "/tags").json()] == [True] * 3
    _, other = start(data_dir=full.settings.data_dir / "other")
    assert [tag["simulated"] for tag in get(other, "/tags").json()] == [False] * 3
