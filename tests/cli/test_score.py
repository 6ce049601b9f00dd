"""`score_file`: every supported format, and one clear line for an unsupported file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.cli.score import score_file
from sensormon.detectors import detect

SPIKE = 550


@pytest.fixture
def wide() -> pd.DataFrame:
    """Three tags that move together until row SPIKE, where one of them departs."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(600, 3)) + 3.0 * random.normal(size=(600, 1))
    rows[SPIKE:, 1] += 9.0
    return pd.DataFrame(rows, columns=["a", "b", "c"])


def stamps(rows: int) -> pd.DatetimeIndex:
    return pd.date_range("2026-01-01", periods=rows, freq="s")


@pytest.mark.parametrize("detector", ["hotelling", "spe", "recommended"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_one_column_per_tag(tmp_path: Path, wide: pd.DataFrame, detector: str, separator: str) -> None:
    table = wide.assign(site="north", anomaly=0.0, ok=True)
    table.insert(0, "datetime", stamps(600))
    table.to_csv(tmp_path / "in.csv", sep=separator, index=False)
    scored = score_file(tmp_path / "in.csv", detector, {"baseline": 300.0})
    expected = detect(wide, detector=detector, baseline=300)
    assert list(scored.result.columns) == list(expected.columns)
    np.testing.assert_allclose(scored.result.to_numpy(float), expected.to_numpy(float), rtol=1e-9)
    assert scored.result["is_anomaly"].iloc[-1] or detector == "hotelling"
    assert scored.result.index[0] == "2026-01-01 00:00:00"
    assert scored.notes == ("left out, as labels: anomaly, ok", "left out, without a number: site")


@pytest.mark.parametrize("name", ["timestamp", "time", "datetime", "Timestamp"])
@pytest.mark.parametrize("column", ["value", "pressure"])
def test_recommended_on_one_column_is_the_one_for_a_tag(
    tmp_path: Path, wide: pd.DataFrame, name: str, column: str
) -> None:
    pd.DataFrame({name: stamps(600), column: wide["b"]}).to_csv(tmp_path / "in.csv", index=False)
    scored = score_file(tmp_path / "in.csv", "recommended", {})
    expected = detect(wide["b"].to_numpy(), detector="recommended")
    assert list(scored.result.columns) == list(expected.columns)
    assert scored.result["is_anomaly"].tolist() == expected["is_anomaly"].tolist()
    assert scored.timed


@pytest.mark.parametrize("detector", ["zscore", "recommended"])
def test_a_long_file_scores_each_tag_by_itself(tmp_path: Path, wide: pd.DataFrame, detector: str) -> None:
    long = wide.assign(timestamp=stamps(600)).melt("timestamp", var_name="tag")
    long = long.sample(frac=1.0, random_state=1).sort_values("timestamp")
    long.to_csv(tmp_path / "in.csv", index=False)
    result = score_file(tmp_path / "in.csv", detector, {}).result
    assert result["tag"].tolist() == long["tag"].tolist()
    np.testing.assert_allclose(result["value"], long["value"])
    for tag in "abc":
        own = result[result["tag"] == tag]
        assert (
            own["is_anomaly"].tolist()
            == detect(wide[tag].to_numpy(), detector=detector)["is_anomaly"].tolist()
        )


def test_long_without_times_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("tag,value\n2,1\n1,5\n2,3\n")
    scored = score_file(tmp_path / "in.csv", "zscore", {})
    assert scored.result[["tag", "value"]].to_numpy().tolist() == [[2, 1.0], [1, 5.0], [2, 3.0]]
    assert not scored.timed
    assert "no row of 2 was scored" in scored.notes[0]


@pytest.mark.parametrize("indexed", [False, True])
def test_parquet_is_read_by_what_is_in_it(tmp_path: Path, wide: pd.DataFrame, indexed: bool) -> None:
    table = wide.set_index(stamps(600)) if indexed else wide.assign(time=stamps(600).tz_localize("UTC"))
    table.assign(read=stamps(600)).to_parquet(tmp_path / "in.bin")
    scored = score_file(tmp_path / "in.bin", "spe", {})
    expected = detect(wide, detector="spe")
    assert scored.result["is_anomaly"].tolist() == expected["is_anomaly"].tolist()
    assert list(scored.result.columns) == list(expected.columns)
    assert isinstance(scored.result.index, pd.DatetimeIndex)


def test_decimal_commas_behind_semicolons(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("time;value\n2026-01-01;1,5\n2026-01-02;2\n")
    assert score_file(tmp_path / "in.csv", "zscore", {}).result["value"].tolist() == [1.5, 2.0]


def test_an_index_without_a_name_is_no_tag(tmp_path: Path, wide: pd.DataFrame) -> None:
    rows = pd.MultiIndex.from_arrays([range(600), range(600)], names=[None, "d"])
    wide.set_index(rows).to_parquet(tmp_path / "in.parquet")
    result = score_file(tmp_path / "in.parquet", "spe", {}).result
    assert list(result.columns[7:]) == ["d", "a", "b", "c"]


def test_seconds_are_times(tmp_path: Path) -> None:
    seconds = np.arange(300) + 60.0 * (np.arange(300) >= 250)
    pd.DataFrame({"time": seconds, "value": 1.0}).to_csv(tmp_path / "in.csv", index=False)
    flagged = score_file(tmp_path / "in.csv", "gap", {}).result["is_anomaly"].to_numpy()
    assert np.flatnonzero(flagged).tolist() == [250]


def test_a_column_value_is_the_one_that_counts(tmp_path: Path, wide: pd.DataFrame) -> None:
    wide.rename(columns={"b": "value"}).to_csv(tmp_path / "in.csv", index=False)
    scored = score_file(tmp_path / "in.csv", "recommended", {})
    np.testing.assert_allclose(scored.result["value"], wide["b"])
    assert scored.notes == ("only the column 'value' is scored",)


def test_the_command_writes_times_and_contributions(
    tmp_path: Path, wide: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    wide.assign(datetime=stamps(600)).to_csv(tmp_path / "in.csv", sep=";", index=False)
    assert main(["score", str(tmp_path / "in.csv"), "--detector", "spe", "--param", "baseline=300"]) == 0
    printed = capsys.readouterr()
    table = pd.read_csv(io.StringIO(printed.out))
    assert list(table.columns[[0, 1]]) == ["timestamp", "value"]
    assert list(table.columns[-3:]) == ["a", "b", "c"]
    assert printed.err == ""


@pytest.mark.parametrize(
    ("content", "detector", "said"),
    [
        ("a,b\n1,2\n", "zscore", "no column 'value'; found: a, b"),
        ("a,b\n1,2\n1,x\n", "spe", "line 3: 'x' is not a number"),
        ("a;b\n1;2\n", "spe", "no row of the file was scored"),
        ("a\n1\n", "hotelling", "fewer than two"),
        ("a,b\n1,2\n", "magic", "no detector 'magic'"),
        ("name,site\nx,y\n", "recommended", "no column 'value'"),
        ("timestamp\n2026-01-01\n", "recommended", "no column 'value'"),
        ("tag,value\nx,1\n", "hotelling", "below each other"),
        ("tag,value\nx,1\n,2\n", "zscore", "line 3: there is no tag"),
        ("time,value\n2026-01-01,1\n,2\n", "zscore", "line 3: there is no time"),
        ("time,value\n1,1\ninf,2\n", "zscore", "times cannot be read"),
        ("value\n1,2\n", "zscore", "cannot be read"),
        ("a b,a  b\n1,2\n", "spe", "occurs twice"),
        ("PAR1 and no more", "spe", "cannot be read"),
        ("\x00\x01\x02", "spe", "no column 'value'"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, detector: str, said: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(content)
    code = main(["score", str(path), "--detector", detector])
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert code == (0 if "was scored" in said else 2)


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err
