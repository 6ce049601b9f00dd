"""The Python client against a real server: what is written comes back, once, whatever the network does."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sensormon.client import Monitor, readings
from sensormon.model.errors import Forbidden, MonitorAway, UsageError
from tests.support.api import TOKEN
from tests.support.cutting_proxy import CuttingProxy
from tests.support.server import ROOT, Server, free_port


def series(start: str, count: int = 100, tag: str = "fermenter_temp") -> pd.DataFrame:
    """A reading a second in the zone of Berlin, and a spike at the end."""
    times = pd.date_range(start, periods=count, freq="s", tz="Europe/Berlin")
    values = 37 + np.arange(count) % 7 / 10
    values[-1] = 49.0
    return pd.DataFrame({"timestamp": times, "tag": tag, "value": values})


def test_what_is_written_comes_back_with_its_times(server: Server, monitor: Monitor) -> None:
    before = monitor.stats()["stored"]
    sent = series("2026-01-31 13:00")
    written = monitor.write(sent)
    assert (written.accepted, written.anomalies, len(written.rejected)) == (100, 1, 0)
    server.wait_until("/api/stats", lambda ledger: ledger["stored"] == before + 100)
    span = ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 13, tzinfo=UTC))
    frame = monitor.data("fermenter_temp", *span)
    assert str(frame.index.dtype) == "datetime64[us, UTC]"
    assert str(frame["received"].dtype) == "datetime64[us, UTC]"
    assert frame.index.tolist() == sent["timestamp"].tolist()
    assert frame["value"].tolist() == sent["value"].tolist()
    assert monitor.anomalies("fermenter_temp", *span)["value"].tolist() == [49.0]
    assert len(monitor.data(["fermenter_temp"], *span, limit=7)) == 7
    events = monitor.events("fermenter_temp", *span)
    assert events.attrs["complete"]
    assert events["value"].tolist() == [49.0]
    assert str(events["start"].dtype) == "datetime64[us, UTC]"
    assert events["acted"].isna().all()
    none = monitor.events("fermenter_temp", until="2000-01-01")
    assert none.empty
    assert str(none["start"].dtype) == "datetime64[us, UTC]"
    assert monitor.data("fermenter_temp", until="2000-01-01").empty


def test_tags_stats_and_health(monitor: Monitor) -> None:
    tags = monitor.tags()
    assert (tags.loc["fermenter_temp", "unit"], tags.loc["fermenter_temp", "valid"]) == ("°C", [30.0, 50.0])
    assert tags.loc["valve", "states"] == ["closed", "open"]
    assert monitor.stats()["difference"] == 0
    assert monitor.health()["problems"] == []


def test_words_of_states_and_qualities_go_both_ways(monitor: Monitor) -> None:
    at = datetime(2026, 2, 1, 12, tzinfo=UTC)
    rows = [
        {"tag": "valve", "value": word, "timestamp": at + timedelta(seconds=second), "quality": quality}
        for second, (word, quality) in enumerate([("open", None), ("closed", "Bad")])
    ]
    assert monitor.write(rows).accepted == 2
    frame = monitor.data("valve", since=at)
    assert frame["state"].tolist() == ["open", "closed"]
    assert frame["value"].isna().all()
    assert (frame["quality"] == 0).tolist() == [True, False]


def test_what_is_rejected_is_named_by_its_place(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "AT_ONCE", 150)
    sent = series("2026-02-02 12:00", 300, "fermenter_ph").assign(value=7.0)
    sent.loc[[3, 170], "value"] = [np.nan, 99.0]
    sent.loc[180:, "tag"] = "unknown"
    written = monitor.write(sent)
    assert written.accepted == 178
    assert written.rejected["index"].tolist() == [3, 170, *range(180, 300)]
    assert written.rejected["reason"].tolist()[:2] == ["not_a_number", "out_of_range"]
    assert monitor.write([]).accepted == 0


def test_a_batch_whose_answers_are_lost_is_stored_once(server: Server) -> None:
    proxy, waits = CuttingProxy(server.port), []
    try:
        with Monitor(proxy.url, TOKEN, sleep=waits.append) as monitor:
            before = server.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0)
            proxy.cuts = 3
            rows = [{"tag": "fermenter_temp", "value": value} for value in (37.5, 37.6)]
            assert monitor.write(rows, key="shift-1").accepted == 2
            assert waits == [0.5, 1.0, 2.0]
            proxy.cuts = 5
            with pytest.raises(MonitorAway, match="does not answer"):
                monitor.write(rows, key="shift-2")
            assert monitor.write(rows, key="shift-2").accepted == 2
            assert len(monitor.data("fermenter_temp", limit=4)) == 4
            after = server.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0)
            assert after["stored"] - before["stored"] == 4
            assert after["duplicates_dropped"] == before["duplicates_dropped"]
    finally:
        proxy.close()


def test_reads_are_tried_again_too(server: Server) -> None:
    proxy, waits = CuttingProxy(server.port), []
    try:
        with Monitor(proxy.url, sleep=waits.append) as monitor:
            proxy.cuts = 2
            assert "fermenter_temp" in monitor.tags().index
            proxy.cuts = 2
            monitor.data(limit=1)
            assert len(waits) == 4
    finally:
        proxy.close()


def test_large_answers_come_whole(monitor: Monitor) -> None:
    sent = series("2026-03-01 13:00", 12_000, "fermenter_ph").assign(value=7.0)
    assert monitor.write(sent).accepted == 12_000
    frame = monitor.data("fermenter_ph", since="2026-03-01", limit=50_000)
    assert frame.index.tolist() == sent["timestamp"].tolist()


def test_errors_say_what_to_do(server: Server, monitor: Monitor) -> None:
    waits: list[float] = []
    with Monitor(server.url, "wrong", sleep=waits.append) as stranger, pytest.raises(Forbidden) as refused:
        stranger.write([{"tag": "fermenter_ph", "value": 7}])
    assert "Authorization" in refused.value.hint
    with pytest.raises(UsageError, match="no tag 'nowhere'"):
        monitor.data("nowhere")
    with pytest.raises(UsageError, match="ISO 8601"):
        monitor.events(since="soon")
    with pytest.raises(UsageError, match="limit"):
        monitor.data(limit=0)
    monitor.write([{"tag": "fermenter_ph", "value": 7}], key="used")
    with pytest.raises(UsageError, match="used before with different content"):
        monitor.write([{"tag": "fermenter_ph", "value": 8}], key="used")
    assert waits == [], "what cannot become right is not tried again"


@pytest.mark.parametrize(
    "rows",
    [
        [{"tag": "fermenter_ph"}],
        [{"tag": "fermenter_ph", "value": 7, "time": "2026-01-01"}],
        [{"tag": "fermenter_ph", "value": 7, "timestamp": datetime(2026, 1, 1)}],
        [{"tag": "fermenter_ph", "value": 7, "timestamp": 1_769_860_800}],
        series("2026-01-01").assign(timestamp=pd.date_range("2026-01-01", periods=100, freq="s")),
    ],
)
def test_readings_that_could_be_misread_are_not_sent(monitor: Monitor, rows: object) -> None:
    before = monitor.stats()["received"]
    with pytest.raises(UsageError):
        monitor.write(rows)
    assert monitor.stats()["received"] == before


def test_addresses_and_moments_are_checked(server: Server, monitor: Monitor) -> None:
    for url in ("localhost:8501", "ftp://a", "http://", ""):
        with pytest.raises(UsageError, match="not the address of a monitor"):
            Monitor(url)
    with pytest.raises(UsageError, match="no time zone"):
        monitor.data(since=datetime(2026, 1, 1))
    for key in ("", "two words", "ä", "x" * 300):
        with pytest.raises(UsageError, match="cannot be a key"):
            monitor.write([], key=key)
    waits: list[float] = []
    with Monitor(f"http://127.0.0.1:{free_port()}", sleep=waits.append) as nobody, pytest.raises(MonitorAway):
        nobody.health()
    assert waits == [0.5, 1.0, 2.0, 4.0]
    with (
        Monitor(f"{server.url}/explore", sleep=waits.append) as page,
        pytest.raises(MonitorAway, match="did not come from a monitor"),
    ):
        page.tags()


def test_nothing_of_the_app_is_imported() -> None:
    code = "import sys, sensormon.client; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", code]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert "sensormon" in imported
    app = {"streamlit", "duckdb", "fastapi", "starlette", "plotly", "numba", "psycopg"}
    assert not app & set(imported)
