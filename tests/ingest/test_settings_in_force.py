"""Which settings a start scores with: the folder's, the environment's, or what is left of unknown ones."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from sensormon.ingest.recovery import settings_in_force
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import Choice, Profile, Profiles, default_profiles
from sensormon.model.settings import Settings
from tests.support.plant import START
from tests.support.watched_plant import PROFILES, version

NOW = START + 5
BASE = {"window": 50, "threshold": 3.0}


def before_profiles(
    who: str, detector: str = "zscore", params: dict[str, float] | None = None
) -> DetectorSettings:
    """Settings as a folder of before there were profiles has them."""
    return DetectorSettings(7, START, who, detector, BASE if params is None else params, BASE)


def test_a_new_folder_starts_with_the_default_profiles() -> None:
    started = settings_in_force(None, Settings(window=60), NOW)
    assert (started.id, started.applied, started.who) == (1, NOW, "environment")
    assert started.in_use == default_profiles(60, 3.0)
    assert (started.detector, dict(started.params)) == ("zscore", {"window": 60, "threshold": 3.0})


def test_what_nobody_chose_gives_way_to_the_default_profiles() -> None:
    old = before_profiles("environment")
    started = settings_in_force(old, Settings(), NOW)
    assert (started.id, started.who) == (8, "environment")
    assert started.in_use == default_profiles(50, 3.0)
    assert settings_in_force(started, Settings(), NOW + 1) is started


@pytest.mark.parametrize("detector", ["zscore", "ewma"])
def test_what_a_person_chose_before_there_were_profiles_stays(detector: str) -> None:
    old = before_profiles("Ana", detector, {})
    assert settings_in_force(old, Settings(), NOW) is old
    assert [choice.detector for choice in old.in_use.default.detectors] == [detector]


def test_a_changed_environment_sets_the_z_score_of_the_default_profile_alone() -> None:
    old = replace(version(PROFILES, 3), base=BASE)
    started = settings_in_force(old, Settings(window=80, threshold=4.0), NOW)
    assert (started.id, started.who, dict(started.base)) == (
        4,
        "environment",
        {"window": 80, "threshold": 4.0},
    )
    default, *others = started.in_use.profiles
    assert default.choice("zscore") == Choice("zscore", {"window": 80, "threshold": 4.0})
    assert default.choice("recommended") == Choice("recommended")
    assert tuple(others) == PROFILES.profiles[1:]
    assert started.in_use.assignments == PROFILES.assignments
    assert settings_in_force(started, Settings(window=80, threshold=4.0), NOW + 1) is started


def test_a_default_profile_without_z_score_gets_none_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = before_profiles("Ana", "ewma", {"weight": 0.2})
    with caplog.at_level(logging.WARNING):
        started = settings_in_force(old, Settings(window=80), NOW)
    assert started.in_use == old.in_use
    assert "no z-score" in caplog.text
    caplog.clear()
    assert settings_in_force(started, Settings(window=80), NOW + 1) is started
    assert not caplog.text, "once is enough"


def test_unknown_detectors_are_left_out_and_the_rest_stays(caplog: pytest.LogCaptureFixture) -> None:
    later = Profile("later", (Choice("ewma"), Choice("of_tomorrow"), Choice("limits", {"of_tomorrow": 1.0})))
    lost = Profile("lost", (Choice("of_tomorrow"),))
    old = replace(version(Profiles((*PROFILES.profiles, later, lost), PROFILES.assignments), 3), base=BASE)
    with caplog.at_level(logging.WARNING):
        started = settings_in_force(old, Settings(), NOW)
    assert (started.id, started.who) == (4, "environment")
    by_name = started.in_use.by_name
    assert by_name["later"].detectors == (Choice("ewma"),)
    assert by_name["lost"].detectors == PROFILES.default.detectors
    assert started.in_use.profiles[:3] == PROFILES.profiles
    assert "of_tomorrow" in caplog.text
    assert settings_in_force(started, Settings(), NOW + 1) is started
