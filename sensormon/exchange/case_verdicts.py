"""What profiles said of the readings of a case: brought into its columns, checked, and taken out again.

Readings from before there were profiles have null in all these columns, and so have cases from then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.exchange.case_format import OWN, READINGS, bad
from sensormon.model.entries import DetectorSettings
from sensormon.model.profiles import MOST_DETECTORS
from sensormon.model.readings import Bools, Floats, Ints, Verdicts, Withheld
from sensormon.model.tag_models import SOURCE

_COLUMNS = ("threshold", "profile", "detector", "withheld", "own")
_NUMBERS = ("score", "expected", "lower", "upper")


def completed(table: pa.Table) -> pa.Table:
    """The table with the columns it does not have as nulls, in the order of a case; no text is empty."""
    for name in _COLUMNS:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, READINGS.field(name).type))
    for name in ("profile", "detector"):
        text = table.column(name).cast(pa.string())
        given = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        table = table.set_column(table.schema.get_field_index(name), name, given)
    return table.select(READINGS.names)


def without_models(table: pa.Table) -> pa.Table:
    """The table without what models said of their readings, which no settings of a case describe.

    Their scores and flags stay.
    """
    by_model = pc.equal(table.column("source").cast(pa.string()), SOURCE)
    if not pc.any(by_model).as_py():
        return table
    for name in _COLUMNS:
        if name in table.column_names:
            column = table.column(name)
            nothing = pa.nulls(table.num_rows, column.type)
            kept = pc.if_else(by_model, nothing, column)
            table = table.set_column(table.schema.get_field_index(name), name, kept)
    return table


def judged_by_profile(table: pa.Table) -> Bools:
    """Which readings have a profile."""
    given: Bools = pc.is_valid(table.column("profile")).to_numpy()
    return given


def check(table: pa.Table, settings: Mapping[int, DetectorSettings]) -> None:
    """Raise UsageError unless the readings name what is in their settings, and nothing is out of range."""
    for name in ("threshold", *_NUMBERS):
        numbers = table.column(name).drop_null().to_numpy()
        if np.isnan(numbers).any():
            raise bad(f"there is a {name} that is not a number")
    known = {
        (number, profile.name): {choice.detector for choice in profile.detectors}
        for number, version in settings.items()
        for profile in version.in_use.profiles
    }
    own = table.column("own").combine_chunks()
    counts, entries = _parted(own)
    named = table.select(["settings", "profile", "detector"])
    for row in _distinct(named):
        if row["profile"] is None and row["detector"] is not None:
            raise bad("a detector spoke on a reading that has no profile")
        _known(known, row)
    if (counts > MOST_DETECTORS).any():
        raise bad(f"more than {MOST_DETECTORS} detectors judged a reading")
    if entries.null_count:
        raise bad("what a detector said of a reading is missing")
    rows = np.repeat(np.arange(table.num_rows), counts)
    said = pa.table(
        {
            "row": rows,
            "settings": table.column("settings").take(pa.array(rows)),
            "profile": table.column("profile").cast(pa.string()).take(pa.array(rows)),
            "detector": pc.struct_field(entries, "detector"),
        }
    )
    if said.group_by(["row", "detector"]).aggregate([]).num_rows < said.num_rows:
        raise bad("a detector judged a reading twice")
    for row in _distinct(said.drop_columns(["row"])):
        if row["profile"] is None or row["detector"] is None:
            raise bad("detectors judged a reading that has no profile, or have no name")
        _known(known, row)
    for name in _NUMBERS:
        if np.isnan(pc.struct_field(entries, name).drop_null().to_numpy(zero_copy_only=False)).any():
            raise bad(f"a detector's {name} is not a number")
    withheld = table.column("withheld").drop_null().to_numpy()
    if len(withheld) and withheld.max() > max(Withheld):
        raise bad("a reading was withheld for an unknown reason")


def verdicts_of(table: pa.Table, version: DetectorSettings) -> Verdicts | None:
    """What the profiles of this version said of these readings, which all have a profile or all have none."""
    if not judged_by_profile(table).any():
        return None
    profiles = tuple(profile.name for profile in version.in_use.profiles)
    names = [choice.detector for profile in version.in_use.profiles for choice in profile.detectors]
    detectors = tuple(dict.fromkeys(names))
    counts, entries = _parted(table.column("own").combine_chunks())
    own = np.full((table.num_rows, len(detectors), len(_NUMBERS)), np.nan)
    rows = np.repeat(np.arange(table.num_rows), counts)
    places = _places(pc.struct_field(entries, "detector"), detectors)
    spoke = _places(table.column("detector"), detectors)
    alone = np.flatnonzero((counts == 0) & (spoke >= 0))
    for number, name in enumerate(_NUMBERS):
        own[rows, places, number] = _floats(pc.struct_field(entries, name))
        own[alone, spoke[alone], number] = _floats(table.column(name))[alone]
    return Verdicts(
        profiles=profiles,
        profile=_places(table.column("profile"), profiles).astype(np.uint8),
        detectors=detectors,
        detector=spoke.astype(np.int8),
        threshold=_floats(table.column("threshold")),
        withheld=pc.fill_null(table.column("withheld"), 0).to_numpy().astype(np.uint8),
        own=own,
    )


def _floats(column: pa.Array | pa.ChunkedArray) -> Floats:
    """The numbers, NaN for null."""
    numbers: Floats = column.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _parted(own: pa.ListArray) -> tuple[Ints, pa.StructArray]:
    """How many entries each reading has, and all entries."""
    given = pc.fill_null(own, pa.scalar([], OWN))
    counts = pc.list_value_length(given).to_numpy(zero_copy_only=False).astype(np.int64)
    return counts, pc.list_flatten(given)


def _places(texts: pa.Array | pa.ChunkedArray, known: tuple[str, ...]) -> Ints:
    """The place of each text among those known, -1 for null."""
    position = pc.index_in(texts.cast(pa.string()), value_set=pa.array(known, pa.string()))
    places: Ints = pc.fill_null(position, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return places


def _distinct(table: pa.Table) -> list[dict[str, Any]]:
    """The different rows of these columns."""
    texts = [column.cast(pa.string()) if name != "settings" else column for name, column in _named(table)]
    plain = pa.table(texts, names=table.column_names)
    rows: list[dict[str, Any]] = plain.group_by(plain.column_names).aggregate([]).to_pylist()
    return rows


def _named(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


def _known(known: Mapping[tuple[int, str], set[str]], row: Mapping[str, Any]) -> None:
    """Raise UsageError unless the version has this profile, and the profile this detector."""
    if row["profile"] is None:
        return
    detectors = known.get((row["settings"], row["profile"]))
    if detectors is None:
        raise bad(f"the profile {str(row['profile'])[:50]!r} is not in its detector settings")
    if row["detector"] is not None and row["detector"] not in detectors:
        raise bad(f"the detector {str(row['detector'])[:50]!r} is not in its reading's profile")
