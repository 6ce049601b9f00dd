"""Topic filters, and the names of tags that a topic gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sensormon.model.tags import NAME
from sensormon.sources.mqtt.json_path import JsonPath, parse_path

_SHARED = re.compile(r"\$share/[^/+#]+/(.+)")
_PART = re.compile(r"\{([^{}]*)\}")
_LITERAL = re.compile(r"[A-Za-z0-9_.:/\-]*")
LONGEST = 1_000
"""Characters of a topic filter."""


@dataclass(frozen=True)
class TopicFilter:
    """A filter as it is subscribed, such as `site/+/value`, `line/#` or `$share/monitors/site/#`."""

    text: str

    @cached_property
    def plain(self) -> str:
        """Without the name of a shared subscription."""
        shared = _SHARED.fullmatch(self.text)
        return shared[1] if shared else self.text

    @cached_property
    def wildcards(self) -> int:
        """How many + and # it has."""
        return sum(level in ("+", "#") for level in self._levels)

    @cached_property
    def _levels(self) -> tuple[str, ...]:
        return tuple(self.plain.split("/"))

    def match(self, topic: str) -> tuple[str, ...] | None:
        """What the wildcards stand for in this topic; None if it does not match.

        >>> TopicFilter("site/+/#").match("site/a/b/c")
        ('a', 'b/c')
        >>> TopicFilter("#").match("$SYS/broker/version") is None
        True
        """
        own, levels = self._levels, topic.split("/")
        if topic.startswith("$") and own[0] in ("+", "#"):
            return None
        parts: list[str] = []
        for place, level in enumerate(own):
            if level == "#":
                return (*parts, "/".join(levels[place:]))
            if place >= len(levels) or level not in ("+", levels[place]):
                return None
            if level == "+":
                parts.append(levels[place])
        return tuple(parts) if len(levels) == len(own) else None


def topic_filter(value: object) -> TopicFilter:
    """The filter in a value of the file. Raises ValueError."""
    if not isinstance(value, str) or not value or len(value) > LONGEST:
        raise ValueError(f'a topic of at most {LONGEST:,} characters is needed, such as "site/+/value"')
    if not value.isprintable():
        raise ValueError("a topic has printable characters only")
    if value.startswith("$share") and not _SHARED.fullmatch(value):
        raise ValueError("a shared subscription is $share/GROUP/FILTER")
    levels = TopicFilter(value).plain.split("/")
    for place, level in enumerate(levels):
        if ("#" in level and (level != "#" or place < len(levels) - 1)) or ("+" in level and level != "+"):
            raise ValueError(f"{value!r}: + stands for a whole level, # for all that follow, at the end")
    return TopicFilter(value)


@dataclass(frozen=True)
class TagPattern:
    """How a tag is called: `{1}` is what the first wildcard stands for, `{#}` what # does.

    `{topic}` is the whole topic, `{key}` the place or name of the element that `[*]` stands for, and
    `{$.path}` a text in the element, or without `[*]` in the payload.
    """

    text: str

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """What is in its braces."""
        return tuple(_PART.findall(self.text))

    @cached_property
    def paths(self) -> Mapping[str, JsonPath]:
        """The paths among its parts."""
        return {part: parse_path(part) for part in self.parts if part.startswith("$")}

    @property
    def fixed(self) -> bool:
        """Whether it names one tag."""
        return not self.parts

    def name(self, filling: Mapping[str, str]) -> str:
        """The tag's name with this in its braces."""
        return _PART.sub(lambda part: filling[part[1]], self.text)


def tag_pattern(text: str, topic: TopicFilter) -> TagPattern:
    """The pattern of this text for topics of this filter. Raises ValueError."""
    pattern = TagPattern(text)
    if not _LITERAL.fullmatch(_PART.sub("", text)):
        raise ValueError(f"{text!r} has characters that no tag has: use letters, digits and _ . : / -")
    if pattern.fixed and not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a tag")
    for part in pattern.parts:
        if part in ("topic", "key") or part in pattern.paths:
            continue
        if part == "#" and topic.plain.endswith("#"):
            continue
        if not part.isdecimal() or not 1 <= int(part) <= topic.wildcards:
            raise ValueError(
                f"{{{part}}} stands for nothing: {topic.text} has {topic.wildcards} wildcards, and there are "
                "{topic}, {key} and {$.path}"
            )
    return pattern


def filling_of(topic: str, wildcards: tuple[str, ...], pattern: TagPattern) -> dict[str, str]:
    """What the braces of a pattern stand for, as far as the topic says it."""
    filling = {str(place): part for place, part in enumerate(wildcards, 1)}
    return {**filling, "#": wildcards[-1] if wildcards and "#" in pattern.parts else "", "topic": topic}
