"""`bench detection`: its results on small sizes and on tiny labelled recordings."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.analysis.backgrounds import BACKGROUNDS, ROWS_BACKGROUNDS
from sensormon.analysis.synthetic import PHIS
from sensormon.analysis.typed_faults import FAULTS, ROWS
from sensormon.bench.charts import FAULTS as CHART_FAULTS
from sensormon.bench.detection import (
    BEYOND,
    BYTES,
    F1,
    FAR,
    FOUND,
    LEFT_OUT,
    LIVE,
    NAB,
    OURS,
    SEED,
    ChartSizes,
    Sizes,
    detection,
    left_out,
    ratios,
)
from sensormon.bench.detection_table import tables
from sensormon.bench.measured import Measured
from sensormon.bench.references import REFERENCES
from sensormon.cli import bench
from sensormon.detectors import MULTIVARIATE, PER_TAG
from sensormon.model.errors import UsageError
from sensormon.model.tags import read_tags

ROOT = Path(__file__).parents[2]
TAGS = list(read_tags(ROOT / "data" / "tags.toml"))
LABELLED = ROOT.parent / "shared" / "data"
CHARTS = ChartSizes(runs=5, series=2, rows=300, simulated=1_000)
OUR_SIZES = Sizes(runs=1, series=1, readings=1_500, seeds=1, rows=300, starts=(0, 13))
PROFILES = ("standard", "reward_low_FP", "reward_low_FN")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two NAB-style series, one with a labelled jump, and a SKAB-style run."""
    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(0)
    times = pd.date_range("2014-01-01", periods=1500, freq="5min")
    for name in ("with", "without"):
        values = random.normal(size=1500)
        values[1200:1210] += 40.0 * (name == "with")
        (folder / "nab" / name).mkdir(parents=True)
        pd.DataFrame({"timestamp": times, "value": values}).to_csv(
            folder / "nab" / name / "a.csv", index=False
        )
    windows = {"with/a.csv": [[str(times[1195]), str(times[1215])]], "without/a.csv": []}
    (folder / "nab" / "windows.json").write_text(json.dumps(windows))
    run = pd.DataFrame(random.normal(size=(800, 4)), columns=list("abcd"))
    run.iloc[600:] += 6.0
    run["anomaly"] = (run.index >= 600).astype(float)
    run["changepoint"] = 0.0
    run.insert(0, "datetime", pd.date_range("2020-01-01", periods=800, freq="s"))
    (folder / "skab" / "valve").mkdir(parents=True)
    run.to_csv(folder / "skab" / "valve" / "0.csv", sep=";", index=False)
    return folder


def small(data: Path | None = None, tags: list | None = None) -> Measured:
    return detection(data, tags, ours=OUR_SIZES, charts=CHARTS, references=())


@pytest.fixture(scope="module")
def measured(labelled: Path) -> Measured:
    return small(labelled, TAGS)


def test_every_chart_has_every_figure(measured: Measured) -> None:
    expected = {
        *(f"{name}, runs that see {fault}, %" for name in PER_TAG for fault in CHART_FAULTS.values()),
        *(f"{name}, flagged of {fault}, %" for name in PER_TAG for fault in CHART_FAULTS.values()),
        *(f"{name}, runs with an alarm in 200 clean readings, %" for name in PER_TAG),
        *(f"{name}, flagged of clean readings with coefficient {p:g}, %" for name in PER_TAG for p in PHIS),
        *(
            f"{OURS}, simulator's spikes, {tag}, {figure} of events, %"
            for tag in [*(tag.name for tag in TAGS), "all tags"]
            for figure in ("precision", "recall")
        ),
    }
    assert expected <= set(measured.figures)


@pytest.mark.parametrize("name", [OURS, SEED])
def test_ours_and_the_seeds_have_figures_on_every_background_and_of_every_fault(
    measured: Measured, name: str
) -> None:
    figures = measured.figures if name == OURS else measured.reference
    expected = {
        *(f"{name}, flags per 1,000 on {clean}" for clean in BACKGROUNDS),
        *(f"{name}, found on {clean}, %" for clean in BACKGROUNDS),
        *(f"{name}, found of {title}, %" for title in FAULTS.values()),
        *(f"{name}, NAB {profile}, points" for profile in PROFILES),
        *(f"{name}, NAB with, {profile}, points" for profile in PROFILES),
        *(f"{name}, NAB {profile}, points, spread" for profile in PROFILES),
        *(f"{name}, NAB {folder}, wrong flags" for folder in ("with", "without")),
    }
    assert expected <= set(figures)
    assert 100 < figures[f"{name}, {BYTES}"] <= 65_536
    assert figures[f"{name}, {LIVE}"] > 0
    assert all(math.isfinite(figure) for figure in figures.values())


def test_detectors_of_several_tags_have_figures_on_every_background(measured: Measured) -> None:
    assert {
        f"{name}, rows flagged on {clean}, %" for name in MULTIVARIATE for clean in ROWS_BACKGROUNDS
    } <= set(measured.figures)
    assert {f"{name}, {figure}" for name in MULTIVARIATE for figure in (F1, FAR)} <= set(measured.figures)


def test_detectors_see_the_faults_made_for_them(measured: Measured) -> None:
    for detector, fault in [
        ("zscore", "spike of 6"),
        ("cusum", "shift of 2"),
        ("variance", "noise x 3"),
        ("stuck", "stuck"),
        ("gap", "gap of 60 s"),
        (OURS, "noise x 3"),
    ]:
        assert measured.figures[f"{detector}, runs that see {fault}, %"] == 100
    assert measured.figures["stuck, flagged of stuck, %"] > 80
    assert measured.figures["gap, flagged of gap of 60 s, %"] == 100
    assert measured.figures["gap, runs with an alarm in 200 clean readings, %"] == 0
    assert measured.figures[f"{OURS}, {BEYOND}"] > measured.reference[f"{SEED}, {BEYOND}"]


def test_labelled_recordings_are_scored(measured: Measured) -> None:
    assert measured.figures[f"{OURS}, NAB with, standard, points"] > 80
    assert measured.figures[f"{OURS}, {F1}"] > 0.9
    assert measured.figures[f"{OURS}, {FAR}"] < 5


def test_a_threshold_is_chosen_only_if_there_are_two_folders_with_windows(
    measured: Measured, labelled: Path, tmp_path: Path
) -> None:
    assert f"{OURS}, {LEFT_OUT}" not in measured.figures
    shutil.copytree(labelled / "nab", tmp_path / "nab")
    windows = json.loads((tmp_path / "nab" / "windows.json").read_text())
    (tmp_path / "nab" / "also").mkdir()
    shutil.copy(tmp_path / "nab" / "with" / "a.csv", tmp_path / "nab" / "also" / "a.csv")
    windows["also/a.csv"] = windows["with/a.csv"]
    (tmp_path / "nab" / "windows.json").write_text(json.dumps(windows))
    assert small(tmp_path).figures[f"{OURS}, {LEFT_OUT}"] > 80


def test_the_ratio_is_ours_to_the_best_reference() -> None:
    figures = {f"{OURS}, {FOUND}": 90.0, f"{OURS}, {NAB}": 60.0, f"{OURS}, readings/s": 10.0}
    reference = {f"zscore, {FOUND}": 60.0, f"theirs, {FOUND}": 45.0, f"theirs, {NAB}": -20.0}
    assert ratios(figures, reference) == {FOUND: 1.5}
    low = {f"{OURS}, flags per 1,000 readings, worst background": 1.0}
    others = {"a, flags per 1,000 readings, worst background": 4.0}
    others["b, flags per 1,000 readings, worst background"] = 2.0
    assert list(ratios(low, others).values()) == [0.5]


def test_the_tables_hold_ours_and_the_seeds(measured: Measured) -> None:
    text = tables(measured)
    assert text.count(f"| `{OURS}` |") == 4  # one tag, faults, folders, several tags
    assert text.count(f"| `{SEED}` |") == 3
    assert all(f"\n| {clean} |" in text for clean in BACKGROUNDS)
    for table in text.split("\n\n"):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    without = tables(Measured({}, {}, {}, {}))
    assert "give --data" in without


def test_missing_parts_are_reported(tmp_path: Path, labelled: Path) -> None:
    absent = any(not other.installed for other in REFERENCES)
    assert len(left_out(labelled, TAGS)) == absent
    assert [note.split()[0] for note in left_out(None, None)][:3] == ["the", "NAB", "SKAB"]
    (tmp_path / "nab").mkdir()
    assert "skab" in left_out(tmp_path, TAGS)[0]


def test_unusable_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        small(tmp_path)
    (tmp_path / "nab").mkdir()
    (tmp_path / "nab" / "windows.json").write_text("{")
    with pytest.raises(UsageError, match="JSON"):
        small(tmp_path)
    (tmp_path / "nab").rename(tmp_path / "skab")
    with pytest.raises(UsageError, match="no csv"):
        small(tmp_path)
    (tmp_path / "skab" / "a.csv").write_text("a;b\n1;2\n")
    with pytest.raises(UsageError, match="no column 'anomaly'"):
        small(tmp_path)


def test_the_command(
    measured: Measured, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "detection", lambda _data, _tags: measured)
    assert main(["bench", "detection", "--json"]) == 0
    printed = capsys.readouterr()
    assert set(json.loads(printed.out)) == {"figures", "reference", "ratio", "load"}
    assert "SKAB is left out" in printed.err
    assert main(["bench", "detection", "--table"]) == 0
    assert capsys.readouterr().out == tables(measured) + "\n"
    assert main(["bench", "detection"]) == 0
    parts = (measured.figures, measured.reference, measured.ratio, measured.load)
    assert len(capsys.readouterr().out.splitlines()) == sum(1 + len(part) for part in parts)
    for option in (["--data", str(tmp_path)], ["--table"]):
        assert main(["bench", "rescore", *option]) == 2
        assert option[0] in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("other", REFERENCES, ids=lambda other: other.name)
def test_a_detector_of_another_library_flags_readings_and_leaves_lost_ones(other: object) -> None:
    if not other.installed:
        pytest.skip(f"{other.library} is not installed: pip install -e '.[bench]'")
    random = np.random.default_rng(0)
    if other.flag is not None:
        values = 5 * np.sin(np.arange(ROWS) / 5) + random.normal(size=ROWS)
        values[1000:1100] = np.nan
        values[1500:1510] += 50.0
        flags = other.flag(values, np.arange(ROWS, dtype=np.int64))
        assert flags.shape == values.shape
        assert flags[1500:1560].any()  # stumpy's window ends up to 50 readings later
        assert not flags[1000:1100].any()
    if other.rows is not None:
        rows = random.normal(size=(900, 3))
        rows[800:] += 50.0
        assert other.rows(400)(rows)[800:].any()


@pytest.mark.long
@pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled recordings are not beside the project")
def test_recommended_on_the_labelled_recordings() -> None:
    figures = small(LABELLED).figures
    assert figures[f"{OURS}, {NAB}"] > 60
    assert figures[f"{OURS}, {F1}"] >= 0.70
    assert figures[f"{OURS}, {FAR}"] <= 15
