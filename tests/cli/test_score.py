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
    assert scored.result[["tag", "value"]].to_numpy().tolist() == [["2", 1.0], ["1", 5.0], ["2", 3.0]]
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
        ("a;b\n1;2\n", "spe", "no row of the file was scored"),
        ("a\n1\n", "hotelling", "fewer than two"),
        ("a,b\n1,2\n", "magic", "no detector 'magic'"),
        ("name,site\nx,y\n", "recommended", "no column 'value'"),
        ("timestamp\n2026-01-01\n", "recommended", "no column 'value'"),
        ("tag,value\nx,1\n", "hotelling", "below each other"),
        ("time,value\nnow,1\nsoon,2\n", "zscore", "no row can be scored: line 2"),
        ("time,value\n03/04/2026,1\n", "zscore", "can be read in 2 ways (day"),
        ("value\n1,2\n", "zscore", "line 1 has 1 name, but the rows below have 2 cells"),
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


@pytest.mark.parametrize(
    ("content", "detector", "rows", "said"),
    [
        ("a,b\n1,2\n1,x\n", "zscore", 4, "line 3: b 'x': the value must be a number"),
        ("tag,value\nx,1\n,2\n", "zscore", 1, "line 3:  '2': there is no tag in this row"),
        ("time,value\n2026-01-01,1\n,2\n", "zscore", 1, "line 3: value '2': there is no time"),
        ("time,value\n1,1\nx,2\n", "zscore", 1, "line 3: there is no time"),
        ("time,value,quality\n1,1,Good\n2,2,Bad\n", "zscore", 2, "line 3: value: its quality is Bad"),
        ("Tag,Value\nx,1\nx,unavailable\n", "zscore", 2, "line 3: x 'unavailable'"),
    ],
)
def test_rows_that_cannot_be_used_are_named_and_the_rest_is_scored(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    detector: str,
    rows: int,
    said: str,
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(content)
    assert main(["score", str(path), "--detector", detector]) == 0
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.out.splitlines()) == rows + 1


def test_capitals_and_several_columns_never_mix_tags(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    times = stamps(200).astype(str)
    frame = pd.DataFrame({"T": rng.normal(37, 0.1, 200), "P": rng.normal(3, 0.01, 200)})
    frame.assign(Time=times).to_csv(tmp_path / "wide.csv", index=False)
    long = frame.assign(Timestamp=times).melt("Timestamp", var_name="Tag", value_name="Value")
    long.sort_values("Timestamp", kind="stable").to_csv(tmp_path / "long.csv", index=False)
    for name in ("wide.csv", "long.csv"):
        result = score_file(tmp_path / name, "zscore", {}).result
        for tag in frame:
            own = result[result["tag"] == tag]
            expected = detect(frame[tag].to_numpy())
            np.testing.assert_array_equal(own["score"], expected["score"], name)


def test_rows_of_bad_quality_keep_their_value_and_get_no_score(tmp_path: Path) -> None:
    rows = [f"2026-01-01T00:{i // 60:02}:{i % 60:02}Z,{7 + i % 2},Good" for i in range(100)]
    rows[80] = "2026-01-01T00:01:20Z,99,Bad"
    (tmp_path / "in.csv").write_text("Time,pH,Status\n" + "\n".join(rows) + "\n")
    result = score_file(tmp_path / "in.csv", "zscore", {}).result
    assert result["value"].iloc[80] == 99.0
    assert np.isnan(result["score"].iloc[80])
    assert not result["is_anomaly"].any()


def test_rows_are_scored_in_order_of_time(tmp_path: Path, wide: pd.DataFrame) -> None:
    table = pd.DataFrame({"time": stamps(600).astype(str), "value": wide["b"]})
    table.iloc[::-1].to_csv(tmp_path / "in.csv", index=False)
    result = score_file(tmp_path / "in.csv", "zscore", {}).result
    assert result["value"].tolist() == wide["b"].tolist()
    assert result["is_anomaly"].tolist() == detect(wide["b"].to_numpy())["is_anomaly"].tolist()


def test_options_say_what_a_file_leaves_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.csv"
    path.write_text("when,which,how much\n03/04/2026,a,1\n04/04/2026,a,2\n")
    arguments = ["score", str(path), "--tag-column", "which", "--value-column", "how much", "--day-first"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("2026-04-03T00:00:00.000Z,a,1.0")


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_an_unknown_zone_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.csv").write_text("time,value\n2026-01-31 12:00,1\n")
    assert main(["score", str(tmp_path / "in.csv"), "--zone", "Mars/Phobos"]) == 2
    assert "no time zone 'Mars/Phobos'" in capsys.readouterr().err
