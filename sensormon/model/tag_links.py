"""How tags stand in addresses: `tags=fermenter_temp,fermenter_ph`, names separated by commas.

A name outlives the label of its tag, so a link keeps its meaning. Links of earlier releases have titles, one
parameter each; they are read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sensormon.model.tags import TagTable

NONE = "-"
"""No tag at all, where a page would otherwise choose some; not the name of any tag."""


@dataclass(frozen=True)
class Linked:
    """What an address names: tags by their names, and texts that stand for no tag."""

    names: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def link_text(names: Iterable[str]) -> str:
    """These names as the value of a parameter."""
    return ",".join(names) or NONE


def spellings(tags: TagTable) -> dict[str, str]:
    """The name behind each spelling of a tag in an address; a name wins over a title."""
    titles = {f"{tag.label} ({tag.name})": tag.name for tag in tags}
    return titles | {tags.title(name): name for name in tags.names} | {name: name for name in tags.names}


def read_link(text: str, known: Mapping[str, str]) -> Linked:
    """The tags that this value names, each once. `known` has the name behind each spelling.

    A title may have commas in it, so the longest spelling that fits is taken.
    """
    parts = [] if text in ("", NONE) else text.split(",")
    longest = 1 + max((spelling.count(",") for spelling in known), default=0)
    names: list[str] = []
    unknown: list[str] = []
    at = 0
    while at < len(parts):
        for size in range(min(longest, len(parts) - at), 0, -1):
            name = known.get(",".join(parts[at : at + size]).strip())
            if name is not None:
                names.append(name)
                at += size
                break
        else:
            if parts[at].strip():
                unknown.append(parts[at].strip())
            at += 1
    return Linked(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(unknown)))
