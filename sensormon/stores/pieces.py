"""Long results in pieces, whichever store they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from sensormon.model.errors import StoreUnavailable


def begun(pieces: Iterator[pa.Table], empty: Callable[[], pa.Table]) -> Iterator[pa.Table]:
    """These pieces, of which the first has been read when this returns; `empty` if there is none."""
    first = next(pieces, None)

    def whole() -> Iterator[pa.Table]:
        yield empty() if first is None else first
        yield from pieces

    return whole()


def last_id_of(piece: pa.Table) -> int:
    """The id of the last reading of a piece."""
    number: int = piece["id"][-1].as_py()
    return number


def deleted_meanwhile() -> StoreUnavailable:
    """What a stream raises whose readings are deleted while it is read."""
    return StoreUnavailable(
        "old readings were rolled up to minutes, or an import was undone, while they were being read",
        where="readings",
        hint="Ask again once that has ended",
    )
