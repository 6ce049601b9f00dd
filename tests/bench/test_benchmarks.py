"""Every benchmark, on a small run: its figures, the reference, the ratio and the load."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.bench.analyses import analyses
from sensormon.bench.http import http
from sensormon.bench.journal import journal
from sensormon.bench.measured import Size
from sensormon.bench.memory import memory
from sensormon.bench.modbus import modbus
from sensormon.bench.mosquitto_server import binary as mosquitto
from sensormon.bench.mqtt import mqtt
from sensormon.bench.notify import notify
from sensormon.bench.opcua import opcua
from sensormon.bench.outputs import outputs
from sensormon.bench.pages import openings, pages
from sensormon.bench.pipeline import pipeline
from sensormon.bench.postgresql_server import binaries
from sensormon.bench.query import query
from sensormon.bench.rescore import rescore
from sensormon.bench.restart import restart
from sensormon.bench.scale import scale
from sensormon.bench.sessions import sessions
from sensormon.bench.soak import soak
from sensormon.bench.tick import tick
from sensormon.cli.bench import BENCHMARKS
from sensormon.model.settings import ROOT

SMALL = Size()
MENU = ROOT / "sensormon" / "ui" / "navigation.py"


def test_the_documented_benchmarks_exist() -> None:
    names = (
        "analyses http journal memory modbus mqtt notify opcua outputs pages pipeline query rescore restart "
        "scale sessions soak tick"
    )
    assert sorted(BENCHMARKS) == names.split()


def test_json_is_one_object_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "rescore", "--readings", "500", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"figures", "reference", "ratio", "load"}


def test_the_journal_is_measured_beside_a_bare_sync(tmp_path: Path) -> None:
    measured = journal(SMALL, tmp_path, rounds=3)
    assert measured.figures["append, ms p50"] > 0
    assert measured.ratio["append p50"] > 0


@pytest.mark.long
def test_the_pipeline_is_measured_beside_duckdb_alone() -> None:
    measured = pipeline(SMALL, length=0.05, readings=3_000, journal_mb=1)
    assert set(measured.ratio) == {"1000", "10000"}
    assert min(measured.ratio.values()) > 0
    assert all(figure > 0 for figure in measured.figures.values())
    assert measured.reference["naive way, readings/s"] > 0


@pytest.mark.long
def test_a_tick_is_measured_beside_a_bare_sync() -> None:
    measured = tick(SMALL, ticks=3)
    assert measured.figures["3 tags, z-score, ms p99"] > 0
    assert set(measured.ratio) == {
        f"{tags} tags, {kind} p99" for tags in ("3", "1,000") for kind in ("z-score", "default")
    }


@pytest.mark.long
def test_queries_are_measured_beside_plain_sql() -> None:
    measured = query(Size(readings=30_000), rounds=1)
    assert set(measured.ratio) == set(measured.reference)
    assert measured.figures["overview, all, ms p95"] > 0


@pytest.mark.long
def test_analyses_are_measured_beside_a_plain_read() -> None:
    measured = analyses(Size(readings=120_000), rounds=1)
    assert set(measured.ratio) == set(measured.figures) == set(measured.reference)
    assert {"event frames, figures of 3 tags, s", "board of 20 tiles, first answer, processor s"} <= set(
        measured.figures
    )
    assert min(measured.figures.values()) > 0


@pytest.mark.long
def test_rescoring_is_measured_beside_a_rolling_mean() -> None:
    measured = rescore(SMALL, readings=1_000)
    assert measured.figures["hampel, window 1000, with frames, ms"] > 0
    assert measured.ratio["zscore, window 50, alone, ms"] > 0


@pytest.mark.long
def test_requests_are_measured_with_a_real_server() -> None:
    figures = http(SMALL, seconds=0.3).figures
    assert figures["single posts, answers that were not 201"] == 0
    assert figures["batches of 1,000, readings/s"] > 0
    assert figures["received and not accounted for"] == 0


@pytest.mark.long
@pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql")
def test_workers_and_api_processes_share_a_database() -> None:
    measured = scale(Size(readings=3_000))
    assert set(measured.reference) < set(measured.ratio)
    assert measured.figures["4 workers, readings/s"] > 0
    assert measured.figures["2 API processes, answers that were not 201"] == 0
    assert measured.figures["cores for 10,000 requests/s, API and PostgreSQL"] > 0
    for name, whole in (("1 API process", "its"), ("2 API processes", "their")):
        parts = [cost for title, cost in measured.figures.items() if title.startswith(f"{name}, of it ")]
        assert len(parts) == 8
        assert min(parts) > 0
        assert sum(parts) == pytest.approx(measured.figures[f"{name}, {whole} CPU, µs a request"], rel=0.1)


@pytest.mark.long
def test_changes_of_a_server_are_measured_beside_a_bare_subscriber() -> None:
    measured = opcua(SMALL, nodes=20, hertz=2.0, length=1.0)
    assert measured.figures["lost"] == measured.figures["doubled"] == measured.figures["gaps"] == 0
    assert set(measured.reference) == {*measured.ratio, "lost"}
    assert min(measured.ratio.values()) > 0


@pytest.mark.long
def test_pages_are_opened_beside_a_bare_app() -> None:
    measured = pages(Size(readings=3_000), rounds=1, only="Explore")
    assert measured.figures["Explore all, ms p50"] > 0
    assert measured.ratio["Explore 1 h"] > 0
    assert measured.reference["bare app with one chart, ms p50"] > 0


def test_every_page_of_the_menu_is_opened() -> None:
    menu = re.findall(r'st\.Page\("pages/(\w+)\.py"', MENU.read_text(encoding="utf-8"))
    assert {page for page, _ in openings(0).values()} == {"", *menu} - {"live"}


@pytest.mark.long
def test_posts_are_measured_while_people_watch() -> None:
    measured = sessions(SMALL, seconds=2.0, viewers=(0, 2), tags=(3,))
    assert measured.figures["3 tags, 2 viewers, posts that were not taken"] == 0
    assert measured.figures["3 tags, 2 viewers, polls that failed"] == 0
    assert measured.figures["3 tags, 2 viewers, runs of fragments/s"] > 0
    assert measured.ratio["3 tags, 2 viewers, post ms p99"] > 0


@pytest.mark.long
def test_a_server_is_watched_while_readings_come_in() -> None:
    measured = soak(SMALL, seconds=16.0, tags=3)
    assert measured.figures["posts that were not taken"] == 0
    assert 0 <= measured.figures["missed ticks"] < 8, "half of the run"
    assert measured.figures["readings not accounted for"] == 0
    assert measured.ratio["with posts, memory, MB at most"] > 0.5


@pytest.mark.long
def test_people_are_told_soon_and_not_too_often(tmp_path: Path) -> None:
    measured = notify(SMALL, tmp_path, singles=3, tags=20, seconds=3)
    assert measured.figures["event to message, s p95"] > 0
    assert measured.figures["digests to a contact, most"] <= 1
    assert measured.ratio["batch durable, ms p99"] > 0


@pytest.mark.long
def test_polls_of_modbus_are_measured_beside_the_library_alone() -> None:
    measured = modbus(SMALL, seconds=3)
    assert measured.figures["polls"] >= 2
    assert set(measured.ratio) == set(measured.reference)
    assert measured.figures["lag, ms p99"] > measured.figures["sweep, ms p50"] > 0


@pytest.mark.long
@pytest.mark.skipif(mosquitto() is None, reason="no Mosquitto: apt-get install mosquitto")
def test_messages_are_measured_with_a_real_broker() -> None:
    measured = mqtt(SMALL, seconds=1.0, rate=500.0)
    for name in ("persistence", "safest"):
        assert measured.figures[f"{name}, messages/s"] > 0
        assert measured.figures[f"{name}, lost, doubled or refused"] == 0


@pytest.mark.long
def test_outputs_are_measured_beside_nothing_published(tmp_path: Path) -> None:
    measured = outputs(SMALL, tmp_path, tags=20, seconds=2.0)
    ways = {name.split(", ")[0] for name in measured.figures}
    assert {"silent broker", "OPC UA"} <= ways <= {"silent broker", "MQTT", "OPC UA"}
    for way in ways:
        assert measured.ratio[f"{way}, batch durable, ms p99"] > 0
    for way in ways - {"silent broker"}:
        assert measured.figures[f"{way}, published/s"] > 1
    assert measured.figures["silent broker, published/s"] == 0


@pytest.mark.long
def test_a_restart_is_measured_with_real_servers(tmp_path: Path) -> None:
    measured = restart(SMALL, tmp_path, readings=3_000, megabytes=(1,))
    assert measured.figures["journal of 1 MB in records of 1000, s"] > 0
    assert measured.figures["3,000 readings stored, processor s"] > 0
    assert measured.ratio["empty, s"] > 0


@pytest.mark.long
def test_memory_is_measured_with_real_servers(tmp_path: Path) -> None:
    measured = memory(SMALL, tmp_path, readings=3_000, seconds=0.0)
    assert all(figure > 50 for figure in [*measured.figures.values(), *measured.reference.values()])
    assert set(measured.ratio) == set(measured.figures)
