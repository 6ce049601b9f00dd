"""`python -m sensormon`: exit code 0 for success, 1 for a finding, 2 for wrong use, in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.detectors import detect
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of


@pytest.fixture
def stored(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A stopped monitor with 70 readings of the pH, one of them a spike."""
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monitor = Monitor(settings, ManualClock(START))
    rng = np.random.default_rng(0)
    values = [("fermenter_ph", round(float(v), 2)) for v in rng.normal(7, 0.02, 70)]
    values[60] = ("fermenter_ph", 8.91)
    monitor.submit(batch_of(*values))
    monitor.stop()
    return settings


def test_score_matches_detect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(3).normal(0, 1, 200)
    values[150] = 12
    frame = pd.DataFrame({"timestamp": pd.date_range("2026-01-01", periods=200, freq="s"), "value": values})
    frame.to_csv(tmp_path / "in.csv", index=False)
    arguments = ["score", str(tmp_path / "in.csv"), "--param", "window=20", "--param", "threshold=4"]
    assert main(arguments) == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out))
    expected = detect(values, window=20, threshold=4.0)
    assert printed["is_anomaly"].tolist() == expected["is_anomaly"].tolist()
    assert np.allclose(printed["score"], expected["score"], equal_nan=True)
    assert main([*arguments, "--out", str(tmp_path / "out.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "out.csv")) == 200


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("name,note\nx,y\n", [], "no column 'value'; found: name, note"),
        ("time,value\n03/04/2026,1\n", [], "can be read in 2 ways"),
        ("", [], "cannot be read"),
        ("value\n1\n", ["--detector", "magic"], "no detector 'magic'"),
        ("value\n1\n", ["--param", "window=3"], "from 5 to 1000"),
        ("value\n1\n", ["--param", "window"], "not NAME=NUMBER"),
        ("value\n1\n", ["--param", "size=3"], "no parameter 'size'"),
        ("value\n1\n", ["--param", "times=3"], "no parameter 'times'"),
        ("value\n1\n", ["--out", "/nowhere/x.csv"], "Give another path"),
        ("timestamp,value\nfoo,1\n", [], "no row can be scored: line 2: value '1': 'foo' is not a time"),
    ],
)
def test_score_reports_errors_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str], said: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(content)
    assert main(["score", str(path), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_export_bounds_and_formats(
    stored: Settings, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["export", "readings"]) == 0
    frame = pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))
    assert len(frame) == 70
    assert frame["time"].iloc[0].endswith("Z")
    out = tmp_path / "anomalies.parquet"
    assert main(["export", "anomalies", "--format", "parquet", "--out", str(out)]) == 0
    anomalies = pd.read_parquet(out)
    assert 8.91 in anomalies["value"].tolist()
    assert anomalies["simulated"].tolist() == (anomalies["source"] == "simulator").tolist()
    assert frame["simulated"].tolist() == (frame["source"] == "simulator").tolist()
    capsysbinary.readouterr()
    until = pd.Timestamp(START + 10 * SECOND, unit="us").isoformat()
    assert main(["export", "readings", "--until", until, "--tag", "fermenter_ph"]) == 0
    assert len(pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))) == 10
    assert main(["export", "readings", "--tag", "'; DROP TABLE readings; --"]) == 2
    assert main(["export", "readings", "--since", "yesterday"]) == 2
    assert stored.data_dir.exists()


def test_ledger_json_has_fixed_names(stored: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "--json"]) == 0
    ledger = json.loads(capsys.readouterr().out)
    expected = {
        "received": 70,
        "stored": 70,
        "rejected": 0,
        "dead_lettered": 0,
        "pending": 0,
        "duplicates_dropped": 0,
        "difference": 0,
    }
    assert {name: ledger[name] for name in expected} == expected
    assert stored.data_dir.exists()


def test_commands_report_a_missing_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "nowhere"))
    for arguments in (["ledger"], ["verify"], ["export", "readings"]):
        assert main(arguments) == 2
        assert "no such data folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_wrong_use_exits_with_2() -> None:
    for arguments in ([], ["nonsense"], ["export", "everything"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
