"""Values that are a number or a state's word, as columns of tables.

Readings come from the stores with the codes of states. Here these become words, in a column of an Arrow
union type: a number, or a word. A table without states is left as it is.

What it is not: a form of file; CSV, JSON and Excel have the word in the value's place, and Parquet, whose
columns have one type, has it in a column `state`, with no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.state_words import Words

STATE = "state"
"""The column of words beside a column of numbers."""


def worded(pieces: Iterable[pa.Table], words: Words) -> Iterator[pa.Table]:
    """These readings with numbers or words in `value`; unchanged if there are no words at all."""
    return (with_words(piece, words) for piece in pieces) if words else iter(pieces)


def with_words(table: pa.Table, words: Words) -> pa.Table:
    """The table, with columns `tag` and `value`, with numbers or words in `value`.

    A code without a word stays a number.
    """
    numbers = table.column("value").to_numpy()
    tags = table.column("tag").cast(pa.string()).combine_chunks()
    states = np.full(len(numbers), None, dtype=object)
    for name in pc.unique(tags).to_pylist():
        if known := words.get(name):
            rows = np.flatnonzero(pc.equal(tags, name).to_numpy(zero_copy_only=False))
            states[rows] = [known.get(code) for code in numbers[rows].tolist()]
    texts = pa.array(states, pa.string())
    is_word = texts.is_valid().cast(pa.int8())
    column = pa.UnionArray.from_sparse(is_word, [pa.array(numbers), texts], ["number", "word"])
    return table.set_column(table.schema.get_field_index("value"), "value", column)


def is_either(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers or words."""
    return bool(pa.types.is_union(kind))


def parted(column: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """The numbers and the words of such a column; null where there is the other."""
    values = column.to_pylist()
    return (
        pa.array([None if isinstance(value, str) else value for value in values], pa.float64()),
        pa.array([value if isinstance(value, str) else None for value in values], pa.string()),
    )


def beside(table: pa.Table) -> pa.Table:
    """The table with the words of `value`, if it can hold any, in the column `state` after it."""
    place = table.schema.get_field_index("value")
    if place < 0 or not is_either(table.schema.field(place).type):
        return table
    numbers, words = parted(table.column(place))
    return table.set_column(place, "value", numbers).add_column(place + 1, STATE, words)
