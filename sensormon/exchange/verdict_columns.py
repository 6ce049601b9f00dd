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

from sensormon.analysis.versions import Versions
from sensormon.model.readings import Ints, Withheld

DETECTORS = "detectors"
"""The column with what each detector of the profile said."""

_WORDS = {
    Withheld.NOTHING: None,
    Withheld.CONDITION: "condition",
    Withheld.SETTLING: "settling",
    Withheld.ON_DELAY: "on-delay",
    Withheld.CHANGE: "change",
    Withheld.LATE: "late",
}
_OWN = ("detector", "score", "expected", "lower", "upper")


def with_verdicts(table: pa.Table) -> pa.Table:
    """These readings, as stores stream them, with `withheld` as a word or null.

    The column `own` goes: no form of file but JSON can hold it.
    """
    words = pa.array([_WORDS[reason] for reason in Withheld], pa.string())
    column = pc.take(words, pc.fill_null(table.column("withheld"), 0))
    table = table.set_column(table.schema.get_field_index("withheld"), "withheld", column)
    return table.drop_columns(["own"]) if "own" in table.column_names else table


def with_detectors(table: pa.Table, versions: Versions) -> pa.Table:
    """The table with a column DETECTORS: lists of detector, score, expected, lower, upper and threshold.

    A list has the detectors that judged the reading; it is empty where none did, and in readings from
    before there were profiles.
    """
    rows, parts = _entries(table)
    parts["threshold"] = _thresholds(table, rows, parts["detector"], versions)
    offsets = np.searchsorted(rows, np.arange(table.num_rows + 1)).astype(np.int32)
    entries = pa.StructArray.from_arrays(list(parts.values()), list(parts))
    return table.append_column(DETECTORS, pa.ListArray.from_arrays(pa.array(offsets), entries))


def _entries(table: pa.Table) -> tuple[Ints, dict[str, pa.Array]]:
    """The reading (its row, in order) and the numbers of each detector that judged one.

    Where one alone judged, the numbers are those of the reading.
    """
    own = table.column("own").combine_chunks()
    counts = pc.fill_null(pc.list_value_length(own), 0).to_numpy(zero_copy_only=False)
    several, said = np.repeat(np.arange(table.num_rows), counts), pc.list_flatten(own)
    alone = np.flatnonzero((counts == 0) & pc.is_valid(table.column("detector")).to_numpy())
    rows = np.concatenate((several, alone))
    order = np.argsort(rows, kind="stable")
    parts = {}
    for name in _OWN:
        column = table.column(name).take(pa.array(alone)).combine_chunks()
        both = [pc.struct_field(said, name), column.cast(said.type.field(name).type)]
        parts[name] = pa.concat_arrays(both).take(pa.array(order))
    return rows[order], parts


def _thresholds(table: pa.Table, rows: Ints, detector: pa.Array, versions: Versions) -> pa.Array:
    """The threshold of each detector in the profile of the reading in this row; null if it is unknown."""
    entries = pd.DataFrame(
        {
            "settings": table.column("settings").to_numpy()[rows],
            "profile": np.array(table.column("profile").to_pylist(), dtype=object)[rows],
            "detector": np.array(detector.to_pylist(), dtype=object),
        }
    )

    def ask(number: int, profile: str, name: str) -> float | None:
        known = versions.detector(number, profile, name)
        return known.threshold if known else None

    return pa.array(versions.of_each(entries, ask), pa.float64())
