"""Words in, the same words out: through journal, restarts, store, exports and the API."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sensormon.api import make_api
from sensormon.cli.export import export
from sensormon.exchange.exporter import READINGS, TAGS, Exported, ExportRequest
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import JournalError
from sensormon.model.readings import Batch, Reading
from sensormon.model.settings import Settings
from sensormon.model.state_words import folded
from sensormon.model.tags import BOOLEAN, UNFIT, read_tags
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from tests.support.api import get
from tests.support.excel import cells
from tests.support.plant import START
from tests.support.states import states_of, with_states

SPAN = {"since": START - SECOND, "until": START + 100_000 * SECOND}


@pytest.fixture
def plant(settings: Settings, tmp_path: Path, clock: ManualClock) -> Iterator[Monitor]:
    monitor = Monitor(with_states(settings, tmp_path), clock)
    yield monitor
    monitor.stop()


def exported(monitor: Monitor, form: str, what: str = READINGS, tags: tuple[str, ...] | None = None) -> bytes:
    job = monitor.exporter.start(ExportRequest(what=what, tags=tags, form=form, zone_name="UTC", **SPAN))
    assert monitor.jobs.wait(job, 60)
    assert job.problem is None, job.problem
    result: Exported = job.result
    return result.file.path.read_bytes()


def values(data: bytes, form: str) -> list[float | str]:
    """The values of a file in its order, numbers as numbers and words as they are."""
    if form == "Excel":
        head, *body = cells(data)
        place = head.index("value")
        return [row[place] for row in body]  # type: ignore[misc]  # a value is a number or text
    if form == "Parquet":
        table = pd.read_parquet(io.BytesIO(data))
        words = table["state"] if "state" in table else [None] * len(table)
        assert all(pd.isna(value) != pd.isna(word) for value, word in zip(table["value"], words, strict=True))
        return [value if pd.isna(word) else word for value, word in zip(table["value"], words, strict=True)]
    table = pd.read_csv(io.BytesIO(data), dtype={"value": str}, keep_default_na=False)
    number = table["tag"] == "temp"
    return [float(v) if is_number else v for v, is_number in zip(table["value"], number, strict=True)]


texts = st.text(min_size=1, max_size=12).filter(
    lambda word: bool(word.strip()) and not UNFIT.search(word) and not word.startswith(tuple("=+-@\t\r'"))
)
rows = st.lists(
    st.one_of(
        st.tuples(st.just("temp"), st.floats(0, 100, allow_nan=False)),
        st.tuples(st.just("valve"), st.sampled_from(["closed", "open", "OPEN", 0, 1, "true", "false"])),
        st.tuples(st.just("running"), st.sampled_from(["true", "False", 0, 1])),
        st.tuples(st.just("step"), st.sampled_from(["idle", "Heat", "hold", "cool", 3, 2.0])),
        st.tuples(st.just("product"), texts),
    ),
    min_size=1,
    max_size=25,
)


def meant(readings: list[tuple[str, float | str]]) -> list[float | str]:
    """What these readings mean, the slow and obvious way: numbers, or words as first written."""
    listed = {
        "valve": ("closed", "open"),
        "running": BOOLEAN,
        "step": ("idle", "heat", "hold", "cool"),
    }
    first: dict[str, str] = {}
    out: list[float | str] = []
    for tag, value in readings:
        if tag == "temp":
            out.append(float(value))
        elif tag == "product":
            out.append(first.setdefault(folded(str(value)), str(value).strip()))
        elif isinstance(value, str):
            known = {word.casefold(): word for word in listed[tag]}
            word = known.get(value.casefold())
            out.append(word or listed[tag][BOOLEAN.index(value.casefold())])
        else:
            out.append(listed[tag][int(value)])
    return out


steps = st.lists(st.sampled_from(["nothing", "store", "restart", "lose the store"]), max_size=3)


@options(max_examples=4)
@given(rows, steps)
def test_words_and_numbers_come_out_as_they_went_in(
    readings: list[tuple[str, float | str]], between: list[str]
) -> None:
    go_round(readings, between)


@pytest.mark.long
@options(max_examples=15)
@given(rows, steps)
def test_fifteen_times_words_and_numbers_come_out_as_they_went_in(
    readings: list[tuple[str, float | str]], between: list[str]
) -> None:
    go_round(readings, between)


@pytest.mark.full
@options(max_examples=100)
@given(rows, steps)
def test_a_hundred_times_words_and_numbers_come_out_as_they_went_in(
    readings: list[tuple[str, float | str]], between: list[str]
) -> None:
    go_round(readings, between)


def go_round(readings: list[tuple[str, float | str]], between: list[str]) -> None:
    """Take the readings in, with these steps between their parts, and compare what comes out everywhere."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, clock = Path(temporary), ManualClock(START + 100 * SECOND)
        settings = with_states(Settings(data_dir=folder / "data", source="none"), folder)
        monitor = Monitor(settings, clock)
        size = -(-len(readings) // (len(between) + 1))
        for start, step in zip(range(0, len(readings), size), [*between, "nothing"], strict=False):
            batch = states_of(*readings[start : start + size], at=START + start * SECOND)
            assert monitor.submit(batch).processed.rejected == ()
            if step == "store":
                monitor.drain()
            elif step != "nothing":
                monitor.stop()
                if step == "lose the store":
                    for path in settings.data_dir.glob("sensormon.duckdb*"):
                        path.unlink()
                monitor = Monitor(settings, clock)
                monitor.drain()
        expected = meant(readings)
        for form in ("CSV", "Parquet", "Excel"):
            assert values(exported(monitor, form), form) == pytest.approx(expected), form
        answer = get(make_api(lambda: monitor), "/data").json()
        assert [row["value"] for row in answer] == expected
        assert not any(row["is_anomaly"] or row["score"] for row in answer if row["tag"] != "temp")
        monitor.drain()
        monitor.stop()
        for form in ("csv", "parquet", "excel"):
            out = folder / "out"
            export(settings, "readings", None, SPAN["since"], SPAN["until"], form, out)
            form_name = {"csv": "CSV", "parquet": "Parquet", "excel": "Excel"}[form]
            assert values(out.read_bytes(), form_name) == pytest.approx(expected), form
        assert verify(StoppedMonitor(settings.data_dir, settings.store_url)).findings == ()


def test_words_not_loaded_yet_are_in_the_file_of_a_stopped_monitor(plant: Monitor, tmp_path: Path) -> None:
    plant.submit(states_of(("product", "A"), ("valve", "open"), ("temp", 37.5)))
    copy = replace(plant.settings, data_dir=tmp_path / "copy")
    shutil.copytree(plant.settings.data_dir, copy.data_dir, ignore=shutil.ignore_patterns("*.duckdb*"))
    out = tmp_path / "out.csv"
    export(copy, "readings", ["valve"], SPAN["since"], SPAN["until"], "csv", out)
    assert values(out.read_bytes(), "CSV") == ["open"]
    export(copy, "readings", None, SPAN["since"], SPAN["until"], "csv", out)
    assert values(out.read_bytes(), "CSV") == ["A", "open", 37.5]


def test_a_batch_that_did_not_become_durable_leaves_its_words_for_the_next(
    plant: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> int:
        raise JournalError("the disk is full", hint="Free some")

    with monkeypatch.context() as patched:
        patched.setattr(plant.parts.journal, "append", full)
        with pytest.raises(JournalError):
            plant.submit(states_of(("product", "A")))
    receipt = plant.submit(states_of(("product", "B"), ("product", "A")))
    assert {(word.code, word.word) for word in receipt.processed.words} == {(0, "A"), (1, "B")}
    plant.drain()
    assert [word.word for word in plant.parts.store.entries.state_words()] == ["A", "B"]
    assert plant.submit(states_of(("product", "a"), at=START + 50 * SECOND)).processed.words == ()


def test_an_import_shares_the_words_of_the_live_stream(plant: Monitor) -> None:
    plant.submit(states_of(("product", "A")))
    history = plant.parts.importer
    live = plant.parts.collector.words
    assert live.of("product") == {0: "A"}
    from sensormon.exchange.import_table import Piece

    batch = Batch.of([Reading("product", START - SECOND, "B")], source="import", received=START)
    (result,) = history.take([Piece("import:x:0", batch, (0,), ())])
    assert result.accepted == 1
    assert live.of("product") == {0: "A", 1: "B"}
    plant.drain()
    assert [row["value"] for row in get(make_api(lambda: plant), "/data").json()] == ["A", "B"]


def test_the_api_lists_tags_with_kind_and_states(plant: Monitor) -> None:
    plant.submit(states_of(("product", "B 2"), ("product", "A")))
    tags = {tag["name"]: (tag["kind"], tag["states"]) for tag in get(make_api(lambda: plant), "/tags").json()}
    assert tags == {
        "temp": ("number", None),
        "valve": ("states", ["closed", "open"]),
        "running": ("boolean", ["false", "true"]),
        "step": ("states", ["idle", "heat", "hold", "cool"]),
        "product": ("text", ["B 2", "A"]),
    }


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_form_of_the_api_has_the_words(plant: Monitor, form: str) -> None:
    plant.submit(states_of(("product", 'say "A", or\nB'.replace("\n", " ")), ("temp", 37.0), ("valve", 1)))
    api = make_api(lambda: plant)
    data = get(api, f"/data?format={form}").content
    expected = ['say "A", or B', 37.0, "open"]
    assert values(data, {"csv": "CSV", "parquet": "Parquet"}[form]) == expected
    alone = get(api, "/data?format=parquet&tag=temp").content
    assert "state" not in pd.read_parquet(io.BytesIO(alone)).columns


def test_a_word_cannot_run_as_a_formula(plant: Monitor) -> None:
    plant.submit(states_of(("product", "=1+1"), ("product", "-5")))
    assert values(exported(plant, "CSV"), "CSV") == ["'=1+1", "-5"]
    assert values(exported(plant, "Excel"), "Excel") == ["'=1+1", "-5"]
    assert values(exported(plant, "Parquet"), "Parquet") == ["=1+1", "-5"]
    assert values(get(make_api(lambda: plant), "/data?format=csv").content, "CSV") == ["'=1+1", "-5"]


def test_a_removed_tag_keeps_its_words(plant: Monitor, tmp_path: Path) -> None:
    plant.submit(states_of(("valve", "open"), ("product", "A")))
    plant.drain()
    path = tmp_path / "fewer.toml"
    path.write_text('[tags.temp]\nlabel = "Temperature"\n', encoding="utf-8")
    plant.running_tags.retag(read_tags(path))
    assert [row["value"] for row in get(make_api(lambda: plant), "/data").json()] == ["open", "A"]


def test_the_export_of_tags_names_their_states(plant: Monitor) -> None:
    table = pd.read_csv(io.BytesIO(exported(plant, "CSV", TAGS)), keep_default_na=False).set_index("tag")
    assert table.loc["step", "states"] == "idle, heat, hold, cool"
    assert table["kind"].to_dict() == {
        "temp": "number",
        "valve": "number",
        "running": "boolean",
        "step": "number",
        "product": "text",
    }


def test_old_states_stay_at_full_resolution(plant: Monitor, clock: ManualClock) -> None:
    plant.submit(states_of(*[("temp", 37.0 + i % 3) for i in range(3_000)]))
    plant.submit(states_of(*[("valve", i % 2) for i in range(3_000)]))
    clock.advance(40 * 86_400)
    plant.drain()
    due = plant.parts.store.retention.due(clock.now(), 1)
    assert {day.tag for day in due} == {"temp"}


def test_applying_a_detector_leaves_states_alone(plant: Monitor) -> None:
    plant.submit(states_of(*[("valve", i % 2) for i in range(120)]))
    plant.drain()
    params = {"window": 20, "threshold": 2.0}
    plant.parts.collector.apply(DetectorSettings(2, START, "test", "zscore", params, params))
    done = plant.submit(states_of(("valve", "open"), at=START + 500 * SECOND)).processed
    assert done.scores.n.tolist() == [0]
