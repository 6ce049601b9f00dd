"""How a process's own tag table and that of all processes on one store become one. Pure, but for its file.

A three-way comparison, tag by tag: what the own file says now, what it said when it was last compared
(`Agreed.file`), and what the store says. A definition that was changed in the file since then counts as an
edit and goes to the store; of all others the store's is in force.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sensormon.model.durable_files import replace_file
from sensormon.model.errors import UsageError
from sensormon.model.json_text import read_object
from sensormon.model.tag_definition import definition, read_definition, same, same_meaning
from sensormon.model.tags import Tag, TagTable

FILE = "shared_tags.json"

Shared = Mapping[str, Tag | None]
"""The tags of all processes by name; None if the tag was removed."""


@dataclass(frozen=True)
class Agreed:
    """What the data folder remembers of the last comparison.

    `path` is the own file, `file` its tags then, and `shared` those of the store. `apart` are tags whose
    values mean something else in the file, so that the store's definition was not written into it.
    """

    path: str = ""
    file: Mapping[str, Tag] = field(default_factory=dict)
    shared: Shared = field(default_factory=dict)
    apart: frozenset[str] = frozenset()


def tags_in_force(own: TagTable, agreed: Agreed) -> TagTable:
    """The tags of all processes: those of the own table first, edited ones as it has them."""
    tags: list[Tag] = []
    for tag in own:
        shared = agreed.shared.get(tag.name, tag)
        if not same(agreed.file.get(tag.name), tag):
            tags.append(tag)
        elif shared is not None:
            tags.append(replace(shared, profile=tag.profile))
    return TagTable(
        [
            *tags,
            *(tag for tag in _standing(agreed.shared) if tag.name not in own and tag.name not in agreed.file),
        ]
    )


def edits(own: TagTable, agreed: Agreed, shared: Shared, elsewhere: Collection[str]) -> dict[str, Tag | None]:
    """What was edited in the own table since the last comparison and goes to the store; None: removed.

    A definition that the store had first is not an edit. A tag that is gone from the own table is removed
    for all only if nobody changed it meanwhile, and it is not `elsewhere`, in another process's file.
    """
    edited: dict[str, Tag | None] = {}
    for tag in own:
        known, now = agreed.file.get(tag.name), shared.get(tag.name)
        first = known is None and now is not None
        if tag.name not in shared or not (same(now, tag) or same(known, tag) or first):
            edited[tag.name] = tag
    for name in agreed.file:
        now = shared.get(name)
        if (
            name not in own
            and name not in elsewhere
            and now is not None
            and same(now, agreed.shared.get(name))
        ):
            edited[name] = None
    return edited


def compared(own: TagTable, agreed: Agreed, shared: Shared, path: str, first: Collection[str] = ()) -> Agreed:
    """The state after a comparison, with the edits among `shared`.

    `first` are the tags whose definition in the store is the first one, an edit of none.
    """
    apart = set[str]()
    for tag in own:
        now = shared.get(tag.name)
        unknown = tag.name not in agreed.file or tag.name in agreed.apart or tag.name in first
        if unknown and now is not None and not same_meaning(tag, now):
            apart.add(tag.name)
    return Agreed(path, {tag.name: tag for tag in own}, dict(shared), frozenset(apart))


def brought_up(file: TagTable, agreed: Agreed) -> TagTable:
    """The file's tags with the store's definitions, except those edited since and those apart."""
    tags: list[Tag] = []
    for tag in file:
        shared = agreed.shared.get(tag.name, tag)
        if tag.name in agreed.apart or not same(agreed.file.get(tag.name), tag):
            tags.append(tag)
        elif shared is not None:
            tags.append(replace(shared, profile=tag.profile))
    return TagTable(tags)


def followed(own: TagTable, file: TagTable, agreed: Agreed) -> TagTable:
    """The own table once the file is `brought_up`: what was edited in the file since stays an edit."""
    after = {tag.name: tag for tag in brought_up(file, agreed)}
    tags: list[Tag] = []
    for tag in own:
        now, shared = after.get(tag.name), agreed.shared.get(tag.name, tag)
        if tag.name in agreed.apart or not same(now, shared):
            tags.append(tag)
        elif now is not None:
            tags.append(now)
    return TagTable(tags)


def read_agreed(folder: Path, path: Path) -> Agreed:
    """What the folder remembers; nothing of the file if it was another one, or if it cannot be read."""
    try:
        kept = read_object((folder / FILE).read_text(encoding="utf-8"))
        shared = {
            name: None if table is None else read_definition(name, table)
            for name, table in kept["shared"].items()
        }
        if kept["path"] != str(path):
            return Agreed(shared=shared)
        file = {name: read_definition(name, table) for name, table in kept["file"].items()}
        return Agreed(str(path), file, shared, frozenset(map(str, kept["apart"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError):
        return Agreed()


def write_agreed(folder: Path, agreed: Agreed) -> None:
    """Remember this in the folder; durable when it returns. Raises OSError."""
    kept = {
        "path": agreed.path,
        "file": _tables(agreed.file.items()),
        "shared": _tables(agreed.shared.items()),
        "apart": sorted(agreed.apart),
    }
    replace_file(folder / FILE, json.dumps(kept).encode(), mode=0o600)


def _tables(tags: Iterable[tuple[str, Tag | None]]) -> dict[str, Any]:
    return {name: None if tag is None else definition(tag) for name, tag in tags}


def _standing(shared: Shared) -> list[Tag]:
    return [tag for _, tag in sorted(shared.items()) if tag is not None]
