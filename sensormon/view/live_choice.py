"""Which tags the Live page shows: a search, and groups as paths. Not their order, nor how they look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sensormon.model.tags import Tag, TagTable

MOST = 12
"""Cards shown at once; if there are more tags, the worst come first."""


def shown(
    tags: TagTable,
    delivered: Iterable[str],
    seen: Iterable[str],
    search: str = "",
    groups: Sequence[str] = (),
) -> list[str]:
    """The tags to show, in the table's order: delivered or with data, and matching the search.

    All words of `search` must be in a tag's name, label, group or unit; without `groups` all
    groups are shown, otherwise these and the groups below them.
    """
    known = {*delivered, *seen}
    wanted = search.casefold().split()
    return [
        tag.name
        for tag in tags
        if tag.name in known
        and all(word in _searched(tag) for word in wanted)
        and (not groups or any(is_below(tag, path) for path in groups))
    ]


def path_of(tag: Tag) -> str:
    """The tag's group as a path of plant, unit, equipment.

    >>> path_of(Tag("t", "T", group="Plant A / Unit 1"))
    'Plant A/Unit 1'
    """
    return "/".join(part.strip() for part in tag.group.split("/"))


def is_below(tag: Tag, path: str) -> bool:
    """Whether the tag is in the group of this path, or in one below it."""
    own = path_of(tag)
    return own == path or own.startswith(f"{path}/")


def groups(tags: TagTable) -> list[str]:
    """The groups of the tags, in the table's order."""
    return list(dict.fromkeys(tag.group for tag in tags if tag.group))


def _searched(tag: Tag) -> str:
    return f"{tag.name} {tag.label} {tag.group} {tag.unit}".casefold()
