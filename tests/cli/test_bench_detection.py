"""`bench detection`: its results on small sizes and on tiny labelled recordings."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.analysis.synthetic import PHIS
from sensormon.cli import bench
from sensormon.cli.bench_detection import FAULTS, detection, left_out
from sensormon.detectors import MULTIVARIATE, PER_TAG
from sensormon.model.errors import UsageError
from sensormon.model.tags import read_tags

ROOT = Path(__file__).parents[2]
TAGS = list(read_tags(ROOT / "data" / "tags.toml"))
LABELLED = ROOT.parent / "shared" / "data"
SMALL = {"runs": 5, "series": 2, "rows": 300, "simulated": 1_000}
NAB_FIGURES = {
    *(
        f"recommended, NAB{part}, {profile}, points"
        for part in ("", " with")
        for profile in ("standard", "reward_low_FP", "reward_low_FN")
    ),
    "recommended, NAB with, wrong flags, readings",
    "recommended, NAB without, wrong flags, readings",
}
SKAB_FIGURES = {
    f"{name}, SKAB, {figure}"
    for name in MULTIVARIATE
    for figure in ("F1 of rows, share", "false-alarm rate of rows, %", "missed-alarm rate of rows, %")
}


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


@pytest.fixture(scope="module")
def figures(labelled: Path) -> dict[str, float]:
    return detection(labelled, TAGS, **SMALL)


def test_every_detector_has_every_figure(figures: dict[str, float]) -> None:
    expected = {
        *(f"{name}, runs that see {fault}, %" for name in PER_TAG for fault in FAULTS.values()),
        *(f"{name}, flagged of {fault}, %" for name in PER_TAG for fault in FAULTS.values()),
        *(f"{name}, runs with an alarm in 200 clean readings, %" for name in PER_TAG),
        *(f"{name}, flagged of clean readings with coefficient {p:g}, %" for name in PER_TAG for p in PHIS),
        *(
            f"{name} of 8 tags, flagged of clean rows with coefficient {p:g}, %"
            for name in MULTIVARIATE
            for p in PHIS
        ),
        *(
            f"recommended, simulator's spikes, {tag}, {figure} of events, %"
            for tag in [*(tag.name for tag in TAGS), "all tags"]
            for figure in ("precision", "recall")
        ),
    }
    assert set(figures) == expected | NAB_FIGURES | SKAB_FIGURES
    assert all(math.isfinite(figure) for figure in figures.values())


def test_detectors_see_the_faults_made_for_them(figures: dict[str, float]) -> None:
    for detector, fault in [
        ("zscore", "spike of 6"),
        ("cusum", "shift of 2"),
        ("variance", "noise x 3"),
        ("stuck", "stuck"),
        ("gap", "gap of 60 s"),
        ("recommended", "noise x 3"),
    ]:
        assert figures[f"{detector}, runs that see {fault}, %"] == 100
    assert figures["stuck, flagged of stuck, %"] > 80
    assert figures["gap, flagged of gap of 60 s, %"] == 100
    assert figures["gap, runs with an alarm in 200 clean readings, %"] == 0


def test_labelled_recordings_are_scored(figures: dict[str, float]) -> None:
    assert figures["recommended, NAB with, standard, points"] > 80
    assert figures["recommended, SKAB, F1 of rows, share"] > 0.9
    assert figures["recommended, SKAB, false-alarm rate of rows, %"] < 5


def test_missing_recordings_are_reported(tmp_path: Path, labelled: Path) -> None:
    assert left_out(labelled, TAGS) == []
    assert [note.split()[0] for note in left_out(None, None)] == ["the", "NAB", "SKAB"]
    (tmp_path / "nab").mkdir()
    (note,) = left_out(tmp_path, TAGS)
    assert "skab" in note


def test_unusable_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither"):
        detection(tmp_path, **SMALL)
    (tmp_path / "nab").mkdir()
    (tmp_path / "nab" / "windows.json").write_text("{")
    with pytest.raises(UsageError, match="JSON"):
        detection(tmp_path, **SMALL)
    (tmp_path / "nab").rename(tmp_path / "skab")
    with pytest.raises(UsageError, match="no csv"):
        detection(tmp_path, **SMALL)
    (tmp_path / "skab" / "a.csv").write_text("a;b\n1;2\n")
    with pytest.raises(UsageError, match="no column 'anomaly'"):
        detection(tmp_path, **SMALL)


def test_the_command(
    labelled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "detection", lambda data, tags: detection(data, tags, **SMALL))
    assert main(["bench", "detection", "--json", "--data", str(labelled / "nab" / "..")]) == 0
    printed = capsys.readouterr()
    assert all(isinstance(figure, float) for figure in json.loads(printed.out).values())
    assert printed.err == ""
    assert main(["bench", "detection"]) == 0
    assert "SKAB is left out" in capsys.readouterr().err
    assert main(["bench", "scoring", "--data", str(labelled)]) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.skipif(not LABELLED.is_dir(), reason="the labelled recordings are not beside the project")
def test_recommended_on_the_labelled_recordings() -> None:
    figures = detection(LABELLED, **SMALL)
    assert figures["recommended, NAB, standard, points"] > 60
    assert figures["recommended, SKAB, F1 of rows, share"] >= 0.70
    assert figures["recommended, SKAB, false-alarm rate of rows, %"] <= 15
