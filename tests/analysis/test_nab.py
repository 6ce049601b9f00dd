"""NAB's score against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensormon.analysis.nab import PROFILES, normalised, probation, scaled_sigmoid, score_series

ROWS = 1000
WINDOW = (500, 599)


def flags(*rows: int, length: int = ROWS) -> np.ndarray:
    flagged = np.zeros(length, dtype=bool)
    flagged[list(rows)] = True
    return flagged


def sigmoid(position: float) -> float:
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


@pytest.mark.parametrize(
    ("position", "worth"),
    [(-1.0, 0.986614), (-0.5, 0.848284), (0.0, 0.0), (1.0, -0.986614), (3.0, -1.0), (math.inf, -1.0)],
)
def test_what_a_position_is_worth(position: float, worth: float) -> None:
    assert scaled_sigmoid(position) == pytest.approx(worth, abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "first"), [(0, 0), (100, 15), (1243, 186), (4032, 604), (5000, 750), (15902, 750)]
)
def test_probation_ends(rows: int, first: int) -> None:
    assert probation(rows) == first


def test_no_flags_score_0_and_prompt_flags_score_100() -> None:
    for profile in PROFILES.values():
        assert normalised([score_series(flags(), [WINDOW], profile)]) == 0.0
        assert normalised([score_series(flags(500), [WINDOW], profile)]) == 100.0


def test_the_earliest_flag_in_a_window_counts_once() -> None:
    late = score_series(flags(560, 570, 599), [WINDOW])
    assert late.total == pytest.approx(sigmoid(-0.4) / sigmoid(-1.0))
    assert (late.detected, late.wrong) == (1, 0)


def test_the_last_row_of_a_window_is_still_worth_something() -> None:
    assert score_series(flags(599), [WINDOW]).total == pytest.approx(sigmoid(-0.01) / sigmoid(-1.0))


def test_a_flag_before_any_window_costs_the_whole_weight() -> None:
    for profile in PROFILES.values():
        score = score_series(flags(300, 500), [WINDOW], profile)
        assert score.total == pytest.approx(1.0 - profile.wrong)
        assert score.wrong == 1


def test_a_flag_right_behind_a_window_costs_less() -> None:
    def cost(row: int) -> float:
        return 1.0 - score_series(flags(500, row), [WINDOW]).total

    assert cost(600) == pytest.approx(-0.11 * sigmoid(1 / 99))
    assert cost(698) == pytest.approx(-0.11 * sigmoid(99 / 99))
    assert cost(896) == pytest.approx(0.11)
    assert cost(600) < cost(620) < cost(700) < cost(999) + 1e-12


def test_a_missed_window_costs_by_profile() -> None:
    assert score_series(flags(), [WINDOW]).total == -1.0
    assert score_series(flags(), [WINDOW], PROFILES["reward_low_FN"]).total == -2.0


def test_the_cost_is_by_the_window_before_the_flag() -> None:
    windows = [(200, 209), (500, 599)]
    score = score_series(flags(200, 212, 500), windows)
    assert score.total == pytest.approx(2.0 + 0.11 * sigmoid(3 / 9))


def test_probation_is_not_scored() -> None:
    assert score_series(flags(0, 10, 149), []).total == 0.0
    assert score_series(flags(150), []).total == pytest.approx(-0.11)
    assert score_series(flags(110), [(100, 120)]).windows == 0
    straddling = score_series(flags(140), [(130, 169)])
    assert (straddling.windows, straddling.detected, straddling.total) == (1, 0, -1.0)


def test_series_are_added_before_they_are_normalised() -> None:
    hit, missed = score_series(flags(500), [WINDOW]), score_series(flags(), [WINDOW])
    clean = score_series(flags(700, 900), [])
    assert normalised([hit, missed]) == 50.0
    assert normalised([hit, missed, clean]) == pytest.approx(50.0 - 100 * 0.22 / 4)


def test_no_window_at_all_is_not_measurable() -> None:
    assert math.isnan(normalised([score_series(flags(700), [])]))
    assert math.isnan(normalised([]))


@pytest.mark.parametrize("windows", [[(-1, 3)], [(900, 1000)], [(20, 10)], [(200, 300), (250, 350)]])
def test_impossible_windows_are_refused(windows: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="windows"):
        score_series(flags(), windows)
