"""Versions of the settings in words.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from datetime import tzinfo

from sensormon.model.entries import DetectorSettings
from sensormon.model.format import day_and_time
from sensormon.view.profiles import changes, profile_words

_LISTED = 4


def change_words(old: DetectorSettings | None, new: DetectorSettings) -> str:
    """What a version changed; of the first one, its default profile."""
    if old is None:
        return profile_words(new.in_use.default)
    lines = changes(old.in_use, new.in_use)
    more = [f"and {len(lines) - _LISTED:,} more"] if len(lines) > _LISTED else []
    return "; ".join([*lines[:_LISTED], *more]) or "nothing"


def version_title(version: DetectorSettings, zone: tzinfo, in_force: bool) -> str:
    """A version in a list: "3, 2026-03-05 14:10:00, Ann"."""
    now = ", in force" if in_force else ""
    return f"{version.id}, {day_and_time(version.applied, zone)}, {version.who}{now}"
