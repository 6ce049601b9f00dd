"""Which columns of a result are what: one row a reading (long), or one column a tag (wide)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensormon.model.errors import SourceError
from sensormon.model.format import listed
from sensormon.sources.sql.kind import SqlSource

_SHOWN = 12


@dataclass(frozen=True)
class Column:
    """Of a result. `kind` is what its values are, "" where the database does not say: int, float, decimal,
    time (with a zone), local (without), date, text, bool, other.
    """

    name: str
    type: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Layout:
    """Places of columns in a row; `quality` is None if the result has none.

    In a wide result `wide` has the places and tags of the columns, and `tag` and `value` mean nothing.
    """

    cursor: int
    time: int
    tag: int = 0
    value: int = 0
    quality: int | None = None
    wide: tuple[tuple[int, str], ...] = ()

    @property
    def readings(self) -> int:
        """The most readings of a row."""
        return max(1, len(self.wide))


def layout_of(source: SqlSource, columns: Sequence[Column]) -> Layout:
    """Where this source finds what. Raises SourceError if a column is missing."""
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        raise SourceError("two columns of the result have the same name", hint="Name them apart with AS")
    cursor, time = _needed(names, "cursor", source.cursor), _needed(names, "time", source.time or "time")
    quality = _place(names, source.quality or "quality")
    if quality is None and source.quality:
        _needed(names, "quality", source.quality)
    tag, value = _place(names, source.tag or "tag"), _place(names, source.value or "value")
    if tag is not None and value is not None:
        return Layout(cursor, time, tag, value, quality)
    if source.tag:
        _needed(names, "tag", source.tag)
        _needed(names, "value", source.value)
    return Layout(cursor, time, quality=quality, wide=_wide(source, names, (cursor, time, quality)))


def _wide(
    source: SqlSource, names: Sequence[str], others: Sequence[int | None]
) -> tuple[tuple[int, str], ...]:
    if source.tags_by_name:
        return tuple((_needed(names, "tags", name), tag) for name, tag in source.tags_by_name.items())
    wide = tuple((place, name) for place, name in enumerate(names) if place not in others)
    if not wide:
        raise SourceError(
            "the result has neither the columns tag and value nor a column a tag", hint=_has(names)
        )
    return wide


def _place(names: Sequence[str], wanted: str) -> int | None:
    """The place of this column; databases differ in the case of names."""
    if wanted in names:
        return names.index(wanted)
    folded = [place for place, name in enumerate(names) if name.casefold() == wanted.casefold()]
    return folded[0] if len(folded) == 1 else None


def _needed(names: Sequence[str], key: str, wanted: str) -> int:
    place = _place(names, wanted)
    if place is None:
        raise SourceError(f"the result has no column {wanted!r} ({key})", hint=_has(names))
    return place


def _has(names: Sequence[str]) -> str:
    return f"Its columns are {listed(names, _SHOWN)}: name it in the query with AS, or in sources.toml"
