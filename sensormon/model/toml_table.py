"""A table of a TOML file that a person writes: every key is known, every value checked, in one line if not.

`Table.take` reads a key with one of the readers below, or with another that raises ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from sensormon.model.errors import UsageError

MOST = 500
"""The most tables of a kind, and the most entries of a list."""
MOST_TAGS = 20_000
"""The most tags that one table names."""
LONGEST = 1_000
"""Characters of a value."""
_NAME = re.compile(r"[\w.-]{1,60}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OF_THE_MONITOR = re.compile("SENSORMON_.*|PGPASSWORD", re.IGNORECASE)
"""Variables that no other server has a use for, and whoever edits such a file none either."""

Value = TypeVar("Value")
Read = Callable[[Any], Value]


class Table:
    """A table of the file; each key is taken once, and `end` refuses what is left."""

    def __init__(self, where: str, content: Mapping[str, Any]) -> None:
        self.where = where
        self._left = dict(content)
        self._keys: list[str] = []

    def take(self, key: str, read: Read[Value]) -> Value | None:
        """The value of this key; None if it is not set. Raises UsageError."""
        self._keys.append(key)
        if key not in self._left:
            return None
        try:
            return read(self._left.pop(key))
        except ValueError as error:
            raise UsageError(f"{key}: {error}", where=self.where) from error

    def needed(self, key: str, read: Read[Value], example: str) -> Value:
        """The same for a key that must be set."""
        value = self.take(key, read)
        if value is None:
            raise UsageError(f"{key} is not set", where=self.where, hint=f"Write {key} = {example}")
        return value

    def usual(self, key: str, read: Read[Value], default: Value) -> Value:
        """The same for a key that has a default."""
        value = self.take(key, read)
        return default if value is None else value

    def end(self) -> None:
        """Raises UsageError if a key was not taken."""
        if self._left:
            name = str(min(self._left))[:100]
            hint = meant(name, self._keys) or f"Known here: {', '.join(self._keys)}"
            raise UsageError(f"the key {name!r} is not known", where=self.where, hint=hint)


def meant(name: str, names: Iterable[str]) -> str:
    """The question whether another name was meant; empty if none is like it."""
    alike = get_close_matches(name, [*names][:MOST], 1)
    return f"Was {alike[0]!r} meant?" if alike else ""


# -- readers of values; each raises ValueError ------------------------------------------


def table(value: Any) -> Mapping[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise ValueError("a table is needed")
    return value


def tables(value: Any) -> dict[str, Mapping[str, Any]]:
    """Tables by name."""
    named = table(value)
    if len(named) > MOST:
        raise ValueError(f"more than {MOST}")
    for name in named:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:100]!r} is not a name: use up to 60 letters, digits, dots, - and _")
    return {name: table(content) for name, content in named.items()}


def text(value: Any) -> str:
    """A printable text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is needed")
    if len(value) > LONGEST or not value.isprintable():
        raise ValueError(f"a text of at most {LONGEST:,} printable characters is needed")
    return value.strip()


def entries(value: Any) -> Sequence[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError("a list is needed")
    if len(value) > MOST:
        raise ValueError(f"more than {MOST} entries")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts, each once."""
    return tuple(dict.fromkeys(text(item) for item in entries(value)))


def tag_patterns(value: Any) -> tuple[str, ...]:
    """A list of names or patterns of tags, each once."""
    if not isinstance(value, list):
        raise ValueError("a list is needed")
    if len(value) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,} entries")
    return tuple(dict.fromkeys(map(text, value)))


def variable(value: Any) -> str:
    """The name of an environment variable that holds a secret."""
    name = text(value)
    if not _VARIABLE.fullmatch(name):
        raise ValueError("the name of an environment variable is needed, never the secret itself")
    if _OF_THE_MONITOR.fullmatch(name):
        raise ValueError(f"{name} holds a secret of the monitor itself, which nobody else is sent")
    return name


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false is needed")
    return value


def number(least: float, most: float, unit: str = "") -> Read[float]:
    """A number in this range; `unit` is its unit in words."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"a number{unit and f' of {unit}'} from {least:g} to {most:,.10g} is needed")
        return float(value)

    return read


def whole(least: int, most: int) -> Read[int]:
    """A whole number in this range."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most:,} is needed")
        return value

    return read


def word(*words: str) -> Read[str]:
    """One of these words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"use {', '.join(words)}")
        return str(value)

    return read


def some(words: Sequence[str]) -> Read[tuple[str, ...]]:
    """Some of these words."""

    def read(value: Any) -> tuple[str, ...]:
        chosen = texts(value)
        if unknown := [item for item in chosen if item not in words]:
            raise ValueError(f"{unknown[0][:100]!r} is not one of {'; '.join(words)}")
        return chosen

    return read
