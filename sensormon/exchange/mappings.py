"""Named mappings: what the columns of files of one kind are, kept in the data folder to be used again.

They lie in `mappings.json`, which pages and commands read alike, also while a monitor runs. What it
is not: the tags; a mapping names them, and they may be gone when it is used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sensormon.model.durable_files import replace_file
from sensormon.model.errors import UsageError
from sensormon.model.json_text import read_object, words
from sensormon.model.text import LONGEST_NAME, cleaned
from sensormon.tables.columns import Columns

FILE = "mappings.json"
MOST = 200
"""The most mappings in a data folder."""

_MOST_BYTES = 4 << 20
_MOST_COLUMNS = 5_000
_LONGEST = 1_000
"""The most characters of a column's name."""


@dataclass(frozen=True)
class SavedMapping:
    """What the columns of a kind of file are, and which sheet of a workbook has them."""

    columns: Columns
    sheet: str = ""


class Mappings:
    """Of one data folder. Thread-safe; the last of two processes that save at once counts."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()

    def all(self) -> dict[str, SavedMapping]:
        """The mappings by name, in order of the names. Raises UsageError for a damaged file."""
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too large")
            document = read_object(self._path.read_bytes())
            if len(document) > MOST:
                raise ValueError(f"it has more than {MOST} mappings")
            return {_name(name): _mapping(document[name]) for name in sorted(document)}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the saved mappings cannot be read ({error})",
                where=str(self._path),
                hint="Correct the file, or remove it to begin anew",
            ) from error

    def get(self, name: str) -> SavedMapping:
        """The mapping of this name. Raises UsageError if there is none."""
        known = self.all()
        if name not in known:
            raise UsageError(
                f"there is no mapping {name!r}",
                where=str(self._path),
                hint=f"Saved are {', '.join(known)}" if known else "Save one with --save-mapping NAME",
            )
        return known[name]

    def save(self, name: str, mapping: SavedMapping) -> None:
        """Keep this mapping; one of the same name is replaced. Durable when it returns. Raises UsageError."""
        name = cleaned(name)
        try:
            with self._lock:
                known = self.all() | {_name(name): mapping}
                if len(known) > MOST:
                    raise ValueError(f"there are {MOST} mappings already")
                self._write(known)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the mapping {name[:LONGEST_NAME]!r} cannot be saved ({error})",
                where=str(self._path),
                hint="Use a name of 1 to 100 characters, or remove a mapping",
            ) from error

    def remove(self, name: str) -> None:
        """Remove the mapping of this name, if there is one. Raises UsageError."""
        with self._lock:
            known = self.all()
            known.pop(name, None)
            try:
                self._write(known)
            except OSError as error:
                raise UsageError(
                    f"the mapping cannot be removed ({error})", where=str(self._path), hint="Try again"
                ) from error

    def _write(self, known: Mapping[str, SavedMapping]) -> None:
        document = {name: {**asdict(each.columns), "sheet": each.sheet} for name, each in known.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, json.dumps(document, ensure_ascii=False, indent=1).encode(), mode=0o600)


def fitting(mapping: SavedMapping, names: list[str]) -> SavedMapping:
    """The mapping without the columns of values that a file with these columns lacks."""
    columns = mapping.columns
    values = {name: tag for name, tag in columns.values.items() if name in names}
    kept = {*values, columns.value}
    return replace(
        mapping,
        columns=replace(
            columns,
            values=values,
            qualities={name: other for name, other in columns.qualities.items() if name in kept},
            times_of={name: other for name, other in columns.times_of.items() if name in kept},
        ),
    )


def _name(name: str) -> str:
    if not name or len(name) > LONGEST_NAME or cleaned(name) != name:
        raise ValueError(f"{name[:LONGEST_NAME]!r} cannot be a mapping's name")
    return name


def _mapping(value: Any) -> SavedMapping:
    if not isinstance(value, dict):
        raise ValueError("a mapping is not an object")
    day_first, missing = value.get("day_first"), value.get("missing", [])
    if day_first is not None and not isinstance(day_first, bool):
        raise ValueError("day_first is neither true nor false")
    if not isinstance(missing, list) or len(missing) > MOST or not all(map(_fits, missing)):
        raise ValueError("missing is not a list of texts")
    columns = Columns(
        time=_text(value, "time"),
        tag=_text(value, "tag"),
        value=_text(value, "value"),
        values=_pairs(value, "values"),
        zone=_text(value, "zone") or "UTC",
        clock=_text(value, "clock"),
        qualities=_pairs(value, "qualities"),
        times_of=_pairs(value, "times_of"),
        form=_text(value, "form"),
        day_first=day_first,
        decimal=_text(value, "decimal"),
        missing=tuple(missing),
    )
    return SavedMapping(columns, _text(value, "sheet"))


def _text(value: Mapping[str, Any], key: str) -> str:
    text = words(value, key) if key in value else ""
    if not _fits(text):
        raise ValueError(f"{key} is too long")
    return text


def _pairs(value: Mapping[str, Any], key: str) -> dict[str, str]:
    pairs = value.get(key, {})
    if not isinstance(pairs, dict) or len(pairs) > _MOST_COLUMNS or not all(map(_fits, pairs.values())):
        raise ValueError(f"{key} is not an object of texts")
    return dict(pairs)


def _fits(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _LONGEST
