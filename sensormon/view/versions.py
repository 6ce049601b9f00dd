"""Versions of the settings in words.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

from sensormon.detectors import PER_TAG, make
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.format import day_and_time
from sensormon.model.profiles import Choice, Profile, Profiles
from sensormon.view.profiles import changes, profile_words

_LISTED = 4


def stated(profile: Profile) -> Profile:
    """The profile with every parameter of its detectors, so that profiles that judge alike are equal."""
    return replace(profile, detectors=tuple(_stated(choice) for choice in profile.detectors))


def differences(old: Profiles, new: Profiles) -> list[str]:
    """What differs between two versions, a sentence each; a default that is stated is no difference."""
    return changes(_all_stated(old), _all_stated(new))


def change_words(old: DetectorSettings | None, new: DetectorSettings) -> str:
    """What a version changed; of the first one, its default profile."""
    if old is None:
        return profile_words(new.in_use.default)
    lines = differences(old.in_use, new.in_use)
    more = [f"and {len(lines) - _LISTED:,} more"] if len(lines) > _LISTED else []
    return "; ".join([*lines[:_LISTED], *more]) or "nothing"


def version_title(version: DetectorSettings, zone: tzinfo, in_force: bool) -> str:
    """A version in a list: "3, 2026-03-05 14:10:00, Ann"."""
    now = ", in force" if in_force else ""
    return f"{version.id}, {day_and_time(version.applied, zone)}, {version.who}{now}"


def _all_stated(profiles: Profiles) -> Profiles:
    return replace(profiles, profiles=tuple(stated(profile) for profile in profiles.profiles))


def _stated(choice: Choice) -> Choice:
    if choice.detector not in PER_TAG:  # of another version of this program
        return choice
    try:
        judge = make(choice.detector, **choice.params)
    except UsageError:
        return choice
    values = {parameter.name: getattr(judge, parameter.name) for parameter in judge.PARAMETERS}
    return Choice(choice.detector, values)
