"""Cells of JSON in a store's tables, read back: whichever store it is, only our own writing is in them."""

from __future__ import annotations

from typing import Any

from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import StoreCorrupt, UsageError
from sensormon.model.json_text import read_object
from sensormon.model.profiles import Profiles, read_profiles

_SHOWN = 50


def read_object_cell(text: str, where: str) -> dict[str, Any]:
    """The JSON object in this cell. Raises StoreCorrupt if it is none: nothing of ours writes that."""
    try:
        return read_object(text)
    except ValueError as error:
        raise _damaged(str(error), where) from error


def read_settings(row: tuple[Any, ...]) -> DetectorSettings:
    """A row of `detector_settings`, the time in µs UTC. Raises StoreCorrupt."""
    number, applied, who, detector, params, base, profiles, reason = row
    where = f"detector settings {number}"
    return DetectorSettings(
        id=number,
        applied=int(applied),
        who=who,
        detector=detector,
        params=_numbers(params, where),
        base=_numbers(base, where),
        profiles=None if profiles is None else _profiles(profiles, where),
        reason=reason or "",
    )


def _profiles(text: str, where: str) -> Profiles:
    """The profiles in this cell. Raises StoreCorrupt."""
    try:
        return read_profiles(read_object_cell(text, where))
    except UsageError as error:
        raise _damaged(str(error), where) from error


def _numbers(text: str, where: str) -> dict[str, float]:
    """The numbers by name in this cell. Raises StoreCorrupt."""
    values = read_object_cell(text, where)
    if wrong := [name for name, value in values.items() if type(value) not in (int, float)]:
        raise _damaged(f"{wrong[0][:_SHOWN]} is not a number", where)
    return values


def _damaged(why: str, where: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"it is damaged ({why})", where=where, hint="It is set aside and rebuilt from the journal"
    )
