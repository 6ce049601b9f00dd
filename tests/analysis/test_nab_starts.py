"""The benchmark from several starts, and the choice that is judged where it was not made."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sensormon.analysis import nab
from sensormon.analysis.nab_starts import (
    NabSeries,
    Spread,
    folders,
    leave_one_folder_out,
    points,
    read_nab,
    score_starts,
    wrong_flags,
)
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints

HOUR = 3_600_000_000


def series(file: str, *windows: tuple[int, int], spikes: tuple[int, ...] = ()) -> NabSeries:
    values = np.zeros(1000)
    values[list(spikes)] = 1.0
    return NabSeries(file, values, np.arange(1000, dtype=np.int64) * HOUR, windows)


def spikes(values: Floats, _times: Ints) -> Bools:
    return values > 0.5


def never(values: Floats, _times: Ints) -> Bools:
    return np.zeros(len(values), dtype=np.bool_)


def test_files_are_read_with_their_windows_and_times(tmp_path: Path) -> None:
    lines = [f"2014-01-01 {i // 60:02}:{i % 60:02}:00,{float(i == 500)}" for i in range(1000)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.csv").write_text("timestamp,value\n" + "\n".join(lines), encoding="utf-8")
    windows = {"a/one.csv": [["2014-01-01 08:20:00.000000", "2014-01-01 09:59:00.000000"]]}
    (tmp_path / "windows.json").write_text(json.dumps(windows))
    (read,) = read_nab(tmp_path)
    assert read.windows == ((500, 599),)
    assert read.times[1] - read.times[0] == 60_000_000
    assert read.times[0] == 1_388_534_400_000_000
    assert points(score_starts(spikes, [read])) == Spread(100.0, 0.0)
    assert points(score_starts(never, [read])).mean == 0.0
    windows["a/one.csv"][0][1] = "2014-01-01 09:59:30"
    (tmp_path / "windows.json").write_text(json.dumps(windows))
    with pytest.raises(UsageError, match="no reading"):
        read_nab(tmp_path)
    (tmp_path / "windows.json").write_text("{")
    with pytest.raises(UsageError, match="JSON"):
        read_nab(tmp_path)


def test_a_later_start_moves_windows_and_keeps_their_readings() -> None:
    whole = series("a/x", (10, 20), (50, 60), (500, 599), spikes=(500,))
    later = whole.later(55)
    assert later.windows == ((0, 5), (445, 544))
    assert later.values[445] == 1.0
    assert later.times[445] == whole.times[500]
    assert whole.later(0).windows == whole.windows


def test_the_spread_is_over_the_starts() -> None:
    def first_ever(values: Floats, _times: Ints) -> Bools:
        """Flags row 500 of whatever it is given, so that a later start flags another reading."""
        return np.arange(len(values)) == 500

    scores = score_starts(first_ever, [series("a/x", (450, 549))], starts=(0, 13))
    each = [
        nab.normalised([nab.score_series(np.arange(1000 - start) == 500, [(450 - start, 549 - start)])])
        for start in (0, 13)
    ]
    assert each[0] != each[1]
    assert points(scores).mean == pytest.approx(np.mean(each))
    assert points(scores).deviation == pytest.approx(np.std(each, ddof=1))
    assert math.isnan(Spread.of([1.0]).deviation)
    assert math.isnan(Spread.of([]).mean)


def test_folders_have_their_own_points_and_wrong_flags() -> None:
    kept = [
        series("a/x", (500, 599), spikes=(500,)),
        series("b/x", (500, 599), spikes=(300, 301)),
        series("c/x", spikes=(400,)),
    ]
    scores = score_starts(spikes, kept)
    assert folders(scores) == ["a", "b", "c"]
    assert points(scores, of=["a"]).mean == 100.0
    assert points(scores, of=["b"]).mean < 0.0
    assert math.isnan(points(scores, of=["c"]).mean)
    assert [wrong_flags(scores, folder).mean for folder in "abc"] == [0.0, 2.0, 1.0]
    assert points(scores, "reward_low_FP").mean < points(scores).mean < 100.0


def test_a_choice_is_judged_on_the_folder_it_was_not_made_on() -> None:
    kept = [
        series("a/x", (500, 599), spikes=(500,)),
        series("b/x", (500, 599), spikes=(500,)),
        series("c/x", (500, 599), spikes=(300,)),
    ]
    candidates = {"spikes": score_starts(spikes, kept), "never": score_starts(never, kept)}
    score, chosen = leave_one_folder_out(candidates)
    assert chosen == {"a": "spikes", "b": "spikes", "c": "spikes"}
    assert score == points(candidates["spikes"])
    opposite = [
        series("a/x", (500, 599), spikes=(500,)),
        series("b/x", (500, 599), spikes=(300, 301, 302)),
    ]
    candidates = {"spikes": score_starts(spikes, opposite), "never": score_starts(never, opposite)}
    score, chosen = leave_one_folder_out(candidates)
    assert chosen == {"a": "never", "b": "spikes"}  # each by the other folder alone
    assert score.mean < 0.0 < points(candidates["never"]).mean + 1.0


def test_a_choice_needs_candidates_and_folders_to_choose_on() -> None:
    with pytest.raises(ValueError, match="no candidate"):
        leave_one_folder_out({})
    with pytest.raises(ValueError, match="no window outside a"):
        leave_one_folder_out({"never": score_starts(never, [series("a/x", (500, 599))])})
