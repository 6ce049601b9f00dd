"""Versions of the settings in words.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from itertools import pairwise

from sensormon.model.entries import FROM_CASES, Annotation, DetectorSettings
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


def version_marks(versions: Mapping[int, DetectorSettings]) -> list[Annotation]:
    """Every change of the settings as a note on its moment, for charts; the first version changed nothing.

    If only the newest version is known, there are none.
    """
    own = [versions[number] for number in sorted(versions) if number < FROM_CASES]
    return [_mark(old, new) for old, new in pairwise(own)]


def _mark(old: DetectorSettings, new: DetectorSettings) -> Annotation:
    words = change_words(old, new)
    text = f"Version {new.id}: {f'{new.reason} ({words})' if new.reason else words}"
    return Annotation(f"version-{new.id}", new.applied, new.applied, (), text, new.who, new.applied)
