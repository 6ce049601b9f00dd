"""Names of tags for what was picked from a server: by a rule, always valid, each different."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sensormon.tables.column_names import tag_name

_PART = re.compile(r"\{(\w+)\}")
_NODE = re.compile(r"^(?:ns=\d+;)?(?:nsu=[^;]*;)?[isgb]=")
_BETWEEN = re.compile(r"[/.;|\\\s\[\]\"']+")


@dataclass(frozen=True)
class Naming:
    """How names are made. `pattern` may have {name}, {last}, {address}, and {1}, {2} … for the parts of the
    address between dots and slashes.
    """

    pattern: str = "{name}"
    prefix: str = ""
    lower: bool = False


def parts_of(address: str) -> list[str]:
    """The parts of an address in any protocol's words.

    >>> parts_of("ns=2;s=Line1.Tank.TI-101"), parts_of("site/a/value")
    (['Line1', 'Tank', 'TI-101'], ['site', 'a', 'value'])
    """
    return [part for part in _BETWEEN.split(_NODE.sub("", address)) if part]


def name_by_rule(naming: Naming, address: str, label: str, taken: Iterable[str] = ()) -> str:
    """The tag's name: a valid one, and none of those `taken`.

    >>> name_by_rule(Naming("{1}_{name}", "s1_", True), "ns=2;s=Line1.TI-101", "TI-101")
    's1_line1_ti-101'
    >>> name_by_rule(Naming(), "holding 10", "")
    'holding_10'
    """
    parts = parts_of(address)

    def part(match: re.Match[str]) -> str:
        key = match[1]
        if key.isdigit():
            place = int(key)
            return parts[place - 1] if 1 <= place <= len(parts) else ""
        last = parts[-1] if parts else address
        name = label or (address if last.isdigit() else last)  # a number alone says too little
        return {"name": name, "last": last, "address": address}.get(key, "")

    title = naming.prefix + _PART.sub(part, naming.pattern or "{name}")
    return tag_name(title.lower() if naming.lower else title, taken)


def wrong_parts(pattern: str) -> str:
    """What in the pattern stands for nothing; empty if all is known."""
    wrong = [
        name for name in _PART.findall(pattern) if not (name.isdigit() or name in ("name", "last", "address"))
    ]
    return (
        f"{{{wrong[0]}}} stands for nothing: use {{name}}, {{last}}, {{address}}, {{1}}, {{2}} …"
        if wrong
        else ""
    )


def is_pattern(tag: str) -> bool:
    """Whether the name of a tag has parts that only messages fill."""
    return "{" in tag
