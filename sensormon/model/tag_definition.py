"""A tag as a document: what it is called, its unit and limits, without how a simulator moves it.

So that processes on one store can share it. An open end of the valid range is null, since JSON has no
infinity; whatever has its usual value is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sensormon.model.tags import KEYS, Tag, make_tag


def definition(tag: Tag) -> dict[str, Any]:
    """The tag's keys and values, all but its profile."""
    usual = Tag(tag.name, "")
    content: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(tag, key)
        if value == getattr(usual, key) or (key == "states" and tag.kind == "boolean"):
            continue
        if key == "valid":
            value = [end if math.isfinite(end) else None for end in value]
        content[key] = list(value) if isinstance(value, tuple) else value
    return content


def read_definition(name: str, content: Mapping[str, Any]) -> Tag:
    """The tag of this name in such a document. Raises UsageError, with the key, for a wrong one."""
    table = dict(content)
    if isinstance(valid := table.get("valid"), list) and len(valid) == 2:
        usual = (-math.inf, math.inf)
        table["valid"] = [end if value is None else value for value, end in zip(valid, usual, strict=True)]
    return make_tag(name, table)


def same(tag: Tag | None, other: Tag | None) -> bool:
    """Whether both are defined alike, however they are simulated, or neither is a tag."""
    if tag is None or other is None:
        return tag is other
    return replace(tag, profile={}) == replace(other, profile={})


def same_meaning(tag: Tag, other: Tag) -> bool:
    """Whether a value of one would mean the same as a value of the other."""
    return (tag.unit, tag.kind, tag.states) == (other.unit, other.kind, other.states)
