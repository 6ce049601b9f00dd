"""Reads the text of `sources.toml`: every key is known, every value checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.toml_table import Table, meant, tables
from sensormon.model.toml_text import TomlBounds, read_toml
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource, read_common

BOUNDS = TomlBounds(characters=8 << 20, lines=400_000, keys=200_000, tables=60_000, values=400_000)
"""The most that the file may have: some tens of thousands of tags."""
_TAKEN = (
    "http",
    "lp",
    "import",
    "case",
    "bus",
    "simulator",
    "calculated",
    "restart",
    "start",
    "model",
    "all",
)
"""Names that readings of other origin have in the ledger."""

Sources = Mapping[str, NamedSource]


def parse_sources(text: str, path: Path | str = "sources.toml") -> Sources:
    """The sources by name, in the order of the file. Raises UsageError, one line that names table and key."""
    try:
        content = read_toml(text, BOUNDS)
    except ValueError as error:
        raise UsageError(
            f"it cannot be read ({error})", where=str(path), hint="docs/sources.md shows such a file"
        ) from error
    top = Table(str(path), content)
    named = top.take("sources", tables) or {}
    top.end()
    sources = {name: _source(name, table, str(path)) for name, table in named.items()}
    _refuse_shared(sources.values(), str(path))
    return sources


def _refuse_shared(sources: Iterable[NamedSource], path: str) -> None:
    """Two devices in one tag would be mixed up. Raises UsageError."""
    owner: dict[str, str] = {}
    for source in sources:
        if not source.common.on or source.reads_history:
            continue
        for tag in source.tags:
            if (other := owner.setdefault(tag, source.name)) != source.name:
                raise UsageError(
                    f"the tag {tag!r} is named by {other!r} already",
                    where=f"{path}, [sources.{source.name}]",
                    hint="Give it another name in one of them, or switch one off",
                )


def read_sources(path: Path) -> Sources:
    """What this file says; nothing if there is none. Raises UsageError like `parse_sources`."""
    try:
        with path.open("rb") as file:
            content = file.read(BOUNDS.characters + 1)
        if len(content) > BOUNDS.characters:
            raise ValueError(f"it has more than {BOUNDS.characters:,} bytes")
        return parse_sources(content.decode("utf-8-sig"), path)
    except (FileNotFoundError, NotADirectoryError):  # whoever makes the folder says what is wrong with it
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"it cannot be read ({error})", where=str(path), hint="docs/sources.md shows such a file"
        ) from error


def _source(name: str, content: Mapping[str, Any], path: str) -> NamedSource:
    table = Table(f"{path}, [sources.{name}]", content)
    if name in _TAKEN:
        raise UsageError(
            f"{name!r} is the name of other readings in the ledger",
            where=table.where,
            hint="Use another name",
        )
    kind = table.needed("kind", _kind, '"opcua"')
    common = read_common(name, table, KINDS[kind].new_tags)
    if common.password_env and common.password_file:
        raise UsageError("password_env and password_file are both set", where=table.where, hint="Use one")
    source: NamedSource = KINDS[kind].read(common, table)
    table.end()
    return source


def _kind(value: Any) -> str:
    if value not in KINDS:
        raise ValueError(f"{str(value)[:100]!r} is not one of {', '.join(KINDS)}. {meant(str(value), KINDS)}")
    return str(value)
