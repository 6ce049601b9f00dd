"""Changes the text of `sources.toml`: only what a person changed, comments and order stay.

What it is not: a check; `parse_sources` reads the result before it is kept.
"""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from sensormon.model.errors import UsageError
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource, common_items


def with_source(text: str, source: NamedSource) -> str:
    """The text with this source, new or changed. Raises UsageError."""
    document = _document(text)
    sources = document.setdefault("sources", tomlkit.table(is_super_table=True))
    if source.name not in sources:
        sources[source.name] = tomlkit.table()
    table = sources[source.name]
    kind = KINDS[source.kind]
    items = {"kind": source.kind, **common_items(source.common, kind.new_tags), **kind.items(source)}
    for key, value in items.items():
        if value is None:
            table.pop(key, None)
        elif key not in table or table[key] != value:
            table[key] = _array_of_tables(value) if _is_tables(value) else value
    return tomlkit.dumps(document)


def without_source(text: str, name: str) -> str:
    """The text without this source; as it is if it has none. Raises UsageError."""
    document = _document(text)
    document.get("sources", {}).pop(name, None)
    return tomlkit.dumps(document)


def _document(text: str) -> Any:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as error:
        raise UsageError(f"the file cannot be read ({error})", where="sources.toml") from error


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _array_of_tables(rows: list[dict[str, Any]]) -> Any:
    array = tomlkit.aot()
    for row in rows:
        table = tomlkit.table()
        table.update({key: value for key, value in row.items() if value is not None})
        array.append(table)
    return array
