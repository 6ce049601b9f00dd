"""A named source as the keys that a form edits, and back.

What it is not: a second way to read a source; the keys are read as the file is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from sensormon.model.errors import UsageError
from sensormon.model.toml_text import read_toml
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource, common_items
from sensormon.sources.named_text import BOUNDS, parse_sources

Keys = dict[str, Any]
WHERE = "This source"
"""What an error says of keys that are in no file yet."""


def keys_of(source: NamedSource) -> Keys:
    """All its keys as sources.toml has them, except those that are left out."""
    common = {
        **common_items(source.common),
        "new_tags": source.common.new_tags,
    }  # kinds differ in its default
    items = {"kind": source.kind, **common, **KINDS[source.kind].items(source)}
    return {key: _plain(value) for key, value in items.items() if value is not None}


def source_of(name: str, keys: Mapping[str, Any]) -> NamedSource:
    """The source with these keys. Raises UsageError as the file would, in the same words."""
    sources = parse_sources(keys_text({"sources": {name: dict(keys)}}), WHERE)
    return sources[name]


def keys_text(keys: Mapping[str, Any]) -> str:
    """These keys as a person would write them."""
    return tomlkit.dumps(_plain(keys))


def read_keys(text: str) -> Keys:
    """Keys that a person wrote. Raises UsageError."""
    try:
        return dict(read_toml(text, BOUNDS))
    except ValueError as error:
        raise UsageError(
            f"other keys: they cannot be read ({error})",
            where=WHERE,
            hint='Write a line key = "value" for each',
        ) from error


def _plain(value: Any) -> Any:
    """The value in types that a file has, without what is left out."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
