"""The rule that names the tag of a field of InfluxDB line protocol.

A rule is text with parts in braces: `{host}.{measurement}.{field}`. `{measurement}` and `{field}`
are the line's measurement and the name of the field, any other part is the line's tag of that
name. Without a rule it is the line's tag `tag` or `sensor`, otherwise the measurement, and a field
that is not called `value` is added with a dot; the line's other tags are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

LONGEST = 200
"""The most characters of a rule."""
_PIECE = re.compile(r"([A-Za-z0-9_.:/\-]*)\{([^{}]+)\}")
_REST = re.compile(r"[A-Za-z0-9_.:/\-]*")


class MissingPart(LookupError):
    """A line lacks the tag of this name, which the rule needs."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


@dataclass(frozen=True)
class LineTag:
    """A rule; empty for the default. Raises ValueError for text that is none."""

    rule: str = ""

    def __post_init__(self) -> None:
        if len(self.rule) > LONGEST:
            raise ValueError(f"the rule has more than {LONGEST} characters")
        if self.rule and not self._pieces:
            raise ValueError("the rule has no part in braces, so all fields would be one tag")
        rest = self.rule[sum(len(literal) + len(part) + 2 for literal, part in self._pieces) :]
        if not _REST.fullmatch(rest):
            raise ValueError(f"the rule cannot be read from {rest[:20]!r} on")

    @cached_property
    def _pieces(self) -> tuple[tuple[str, str], ...]:
        """Each part, with the text before it."""
        pieces, position = [], 0
        while piece := _PIECE.match(self.rule, position):
            pieces.append((piece[1], piece[2]))
            position = piece.end()
        return tuple(pieces)

    @cached_property
    def _rest(self) -> str:
        """The text after the last part."""
        return self.rule.rpartition("}")[2]

    def name(self, measurement: str, tags: Mapping[str, str], field: str) -> str:
        """The tag of this field of a line with these tags. Raises MissingPart.

        >>> LineTag("{host}.{measurement}.{field}").name("cpu", {"host": "a"}, "idle")
        'a.cpu.idle'
        >>> LineTag().name("cpu", {"host": "a"}, "idle")
        'cpu.idle'
        """
        if not self.rule:
            base = tags.get("tag") or tags.get("sensor") or measurement
            return base if field == "value" else f"{base}.{field}"
        own = {**tags, "measurement": measurement, "field": field}
        try:
            return "".join(literal + own[part] for literal, part in self._pieces) + self._rest
        except KeyError as error:
            raise MissingPart(str(error.args[0])) from None


DEFAULT_LINE_TAG = LineTag()
"""The rule if none is set."""
