"""The dashboard files, and what Grafana's HTTP and Prometheus data sources show by their queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sensormon.client import Monitor
from tests.support import grafana
from tests.support.api import TOKEN
from tests.support.prometheus import Prometheus, is_installed
from tests.support.server import ROOT, Server

BOARDS = ("postgresql", "infinity", "prometheus")
WINDOW = 600
"""Seconds that a rate looks back; what comes in at the test's begin is in it, on however busy a machine."""
PAGE = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hour(server: Server) -> tuple[datetime, datetime]:
    """The span of readings on the server, of which one is flagged."""
    until = datetime.now(UTC).replace(microsecond=0)
    times = pd.date_range(end=until, periods=300, freq="s", inclusive="left")
    values = 37 + np.arange(len(times)) % 7 / 10
    values[250] = 49.0
    with Monitor(server.url, TOKEN) as monitor:
        monitor.write(pd.DataFrame({"timestamp": times, "tag": "fermenter_temp", "value": values}))
        monitor.write([{"tag": "fermenter_ph", "value": 99.0}])
    server.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0 and ledger["stored"] >= 299)
    return until - timedelta(hours=1), until


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_follow_the_schema_of_grafana(name: str) -> None:
    dashboards = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    board = grafana.dashboard(name)
    known = json.loads(
        json.dumps(dashboards.Dashboard.from_json(board).to_json(), default=lambda each: each.to_json())
    )

    def lost(mine: Any, kept: Any, path: str) -> Iterator[str]:
        if isinstance(mine, dict):
            for key, content in mine.items():
                if key not in kept:
                    yield f"{path}.{key}"
                else:
                    yield from lost(content, kept[key], f"{path}.{key}")
        elif isinstance(mine, list):
            for place, (content, each) in enumerate(zip(mine, kept, strict=True)):
                yield from lost(content, each, f"{path}[{place}]")
        elif mine != kept:
            yield f"{path}: {mine!r}"

    assert list(lost(board, known, name)) == []


@pytest.mark.parametrize("name", BOARDS)
def test_dashboards_can_be_imported_beside_each_other(name: str) -> None:
    board = grafana.dashboard(name)
    assert board["uid"] == f"sensormon-{name}"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
    (source,) = [each for each in board["templating"]["list"] if each["type"] == "datasource"]
    for _, target in grafana.targets(board):
        assert target["datasource"] == {"type": source["query"], "uid": "${source}"}


def test_the_page_shows_a_query_of_each_dashboard() -> None:
    words = " ".join(PAGE.split())
    for name, key in (("postgresql", "rawSql"), ("prometheus", "expr")):
        assert any(target[key] in words for _, target in grafana.targets(grafana.dashboard(name))), name
    for _, target in list(grafana.targets(grafana.dashboard("infinity")))[:1]:
        for parameter in target["url_options"]["params"]:
            assert f"{parameter['key']} = {parameter['value']}" in words


def shown(target: grafana.Json, server: Server, span: tuple[datetime, datetime], tag: str) -> pd.DataFrame:
    """The table that the Infinity data source makes: a GET of the URL, the root, and the columns chosen."""
    parameters = [
        (each["key"], grafana.interpolated(each["value"], *span, tag))
        for each in target["url_options"]["params"]
    ]
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.get(server.url + target["url"], params=parameters, headers=bearer, timeout=30)
    assert answer.status_code == 200, answer.text
    content = answer.json()
    if target["root_selector"]:
        content = content[target["root_selector"]]
    rows = content if isinstance(content, list) else [content]
    columns: dict[str, Any] = {}
    for column in target["columns"]:
        cells = [row[column["selector"]] for row in rows]
        kinds = {"timestamp": pd.to_datetime, "number": pd.to_numeric, "string": pd.Series}
        columns[column["text"]] = kinds[column["type"]](cells)
    return pd.DataFrame(columns)


def test_infinity_shows_readings_events_and_the_state(
    server: Server, hour: tuple[datetime, datetime]
) -> None:
    board = grafana.dashboard("infinity")
    (variable,) = [each for each in board["templating"]["list"] if each["name"] == "tag"]
    names = shown(variable["query"]["infinityQuery"], server, hour, "")["name"]
    assert set(names) == {"fermenter_temp", "fermenter_ph", "valve"}
    tables = {
        title: shown(target, server, hour, "fermenter_temp") for title, target in grafana.targets(board)
    }
    readings = tables["Readings"]
    assert len(readings) == 299
    assert str(readings["time"].dtype).endswith("UTC]")
    assert readings["time"].between(*hour).all()
    assert readings["value"].max() == 49.0
    assert tables["Flagged readings"]["value"].tolist() == [49.0]
    assert tables["Flagged readings"]["detector"].notna().all()
    assert tables["Events"]["peak"].tolist() == [49.0]
    assert tables["Events"]["state"].tolist()[0]
    assert tables["State"]["status"].tolist()[0] in {"ok", "degraded"}


@pytest.mark.usefixtures("hour")
def test_every_metric_of_the_dashboard_is_exposed(server: Server) -> None:
    text = httpx.get(f"{server.url}/api/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    families = list(text_string_to_metric_families(text))
    exposed = {sample.name for family in families for sample in family.samples}
    assert all(family.documentation for family in families)
    for title, target in grafana.targets(grafana.dashboard("prometheus")):
        used = set(re.findall(r"\bsensormon_\w+", target["expr"]))
        assert used, title
        assert used <= exposed, title


def test_prometheus_collects_and_answers_the_dashboard(
    server: Server, hour: tuple[datetime, datetime], tmp_path: Path
) -> None:
    assert hour
    if not is_installed():
        pytest.skip("no Prometheus is installed: apt-get install prometheus")
    prometheus = Prometheus(tmp_path, server.port, TOKEN)
    try:
        with Monitor(server.url, TOKEN) as monitor:
            prometheus.rows_once_there("sensormon_info")
            for number in range(3):
                monitor.write([{"tag": "fermenter_ph", "value": 7 + number / 10}, {"tag": "x", "value": 1}])
                before = prometheus.rows('sensormon_readings_total{outcome="received"}')[0][""]
                prometheus.rows_once_there(f'sensormon_readings_total{{outcome="received"}} > {before}')
        board = dict(grafana.targets(grafana.dashboard("prometheus")))
        tables = {
            title: prometheus.rows_once_there(grafana.promql(target["expr"], WINDOW))
            for title, target in board.items()
        }
        assert [row[""] for row in tables["Store takes readings"]] == [1.0]
        assert [row[""] for row in tables["Ledger difference"]] == [0.0]
        rates = {row["outcome"]: row[""] for row in tables["Readings by outcome"]}
        assert rates["received"] > rates["rejected"] > 0
        assert {row["tag"] for row in tables["Since the last reading of a tag"]} == {
            "fermenter_temp",
            "fermenter_ph",
        }
        assert {row["route"] for row in tables["Writes: 99th percentile"]} >= {"/ingest/batch"}
        assert all(0 < row[""] < 10 for row in tables["Writes: 99th percentile"])
        expression = grafana.promql(board["Rejected, by reason"]["expr"], WINDOW)
        (rejected,) = prometheus.rows_once_there(f"({expression}) > 0")
        assert rejected["reason"] == "unknown_tag"
    finally:
        prometheus.stop()
