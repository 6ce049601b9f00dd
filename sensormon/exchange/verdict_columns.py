"""What profiles said of readings, as columns of a table for other programs and for people.

A reading names its profile, the detector that spoke, that one's threshold, and, as a word, what withheld
it from judgement or from a flag. All are null in readings from before there were profiles.

What it is not: the columns as stores keep them, where `withheld` is a number and `own` has each detector's.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.detectors.versions import Versions
from sensormon.model.readings import Ints, Withheld

VERDICT = ("threshold", "profile", "detector", "withheld")
"""The columns, in this order."""

DETECTORS = "detectors"
"""The column with what each detector of the profile said, where it has several."""

_WORDS = {
    Withheld.NOTHING: None,
    Withheld.CONDITION: "condition",
    Withheld.SETTLING: "settling",
    Withheld.ON_DELAY: "on-delay",
}
_OWN = ("detector", "score", "expected", "lower", "upper")


def with_verdicts(table: pa.Table) -> pa.Table:
    """These readings, as stores stream them, with the columns of VERDICT; `withheld` is a word or null.

    The column `own` goes: no form of file but JSON can hold it.
    """
    words = pa.array([_WORDS[reason] for reason in Withheld], pa.string())
    withheld = pc.fill_null(_column(table, "withheld", pa.uint8()), 0)
    columns = {
        "threshold": _column(table, "threshold", pa.float64()),
        "profile": _texts(_column(table, "profile", pa.string())),
        "detector": _texts(_column(table, "detector", pa.string())),
        "withheld": pc.take(words, withheld),
    }
    for name, column in columns.items():
        place = table.schema.get_field_index(name)
        table = table.append_column(name, column) if place < 0 else table.set_column(place, name, column)
    return table.drop_columns(["own"]) if "own" in table.column_names else table


def with_detectors(table: pa.Table, versions: Versions) -> pa.Table:
    """The table with a column DETECTORS: lists of detector, score, expected, lower, upper and threshold.

    A list is empty where the profile has one detector, which the other columns are of.
    """
    if "own" not in table.column_names:
        nothing = pa.array([[]] * table.num_rows, pa.list_(pa.struct([])))
        return table.append_column(DETECTORS, nothing)
    own = pc.fill_null(table.column("own").combine_chunks(), [])
    counts = pc.list_value_length(own).to_numpy(zero_copy_only=False).astype(np.int64)
    entries = pc.list_flatten(own)
    parts = {name: pc.struct_field(entries, name) for name in _OWN}
    parts["threshold"] = _thresholds(table, counts, parts["detector"], versions)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(parts.values(), parts))
    return table.append_column(DETECTORS, lists)


def _thresholds(table: pa.Table, counts: Ints, detector: pa.Array, versions: Versions) -> pa.Array:
    """The threshold of each entry's detector in its reading's profile; null if it is unknown."""
    entries = pd.DataFrame(
        {
            "settings": np.repeat(table.column("settings").to_numpy(), counts),
            "profile": np.repeat(np.array(table.column("profile").to_pylist(), dtype=object), counts),
            "detector": np.array(detector.to_pylist(), dtype=object),
        }
    )

    def ask(number: int, profile: str, name: str) -> float | None:
        known = versions.detector(number, profile, name)
        return known.threshold if known else None

    return pa.array(versions.of_each(entries, ask), pa.float64())


def _column(table: pa.Table, name: str, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if name in table.column_names:
        return table.column(name).cast(kind)
    return pa.nulls(table.num_rows, kind)


def _texts(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """Words or null; an empty one is none."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
