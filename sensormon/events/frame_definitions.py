"""Definitions of event frames under a name: a rule, the frames chosen as golden, and their envelope.

A definition is kept as a document, so all processes on a store know it. Its envelope is kept as numbers: it
outlives the readings that it was made from. What it is not: the search for frames, or a gate: callers check
the role and have the audit trail record what is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.analysis.envelope import Envelope, Spread, read_envelope, read_spread
from sensormon.analysis.frame_rules import FrameRule, checked, read_rule
from sensormon.analysis.spans import Span
from sensormon.model.entries import Document
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.tags import UNFIT, TagTable
from sensormon.model.text import cleaned, person_name

COLLECTION = "event_frames"
"""The collection of the documents; the key is the definition's name."""
MOST_DEFINITIONS = 200
LONGEST_TITLE = 60
"""Characters in the name of a definition."""
MOST_CHOSEN = 50
"""The most frames that an envelope is made from."""
MOST_TAGS = 12
"""The most tags with an envelope."""
_WHERE = "event frames"
_HINT = "See the list of definitions"


@dataclass(frozen=True)
class Golden:
    """What an envelope was made from: the chosen frames, how they were aligned, how wide it is.

    `by_share` aligns frames by the share of their length; otherwise the envelope covers `seconds` from their
    start. `envelopes` are by tag.
    """

    frames: tuple[Span, ...]
    by_share: bool
    seconds: float
    spread: Spread
    envelopes: Mapping[str, Envelope] = field(hash=False, compare=False)


@dataclass(frozen=True)
class FrameDefinition:
    """A rule under a name, with its golden frames if some were chosen; `who` saved it last, at `time`."""

    name: str
    rule: FrameRule
    golden: Golden | None = None
    who: str = ""
    time: int = 0


class FrameDefinitions:
    """Of one monitor; `tags` returns its current tag table. Thread-safe."""

    def __init__(self, documents: Documents, tags: Callable[[], TagTable]) -> None:
        self._documents = documents
        self._tags = tags
        self._changing = threading.Lock()
        self._known = meaning_of(documents, COLLECTION, _definitions)

    def all(self) -> dict[str, FrameDefinition]:
        """All definitions by name, in order of their names. Raises StoreError if they were never readable.

        One that cannot be read, as a later version may have written it, is left out.
        """
        return self._known()

    def save(self, definition: FrameDefinition, who: str, base: int = 0) -> FrameDefinition:
        """Keep this definition; durable when it returns.

        `base` is the time of the definition of its name that it replaces, as the person saw it; 0 for a new
        one. Raises UsageError, one line, if it is not possible, also because somebody has saved another
        version meanwhile, in any process on the store; JournalError; StoreError, also if a shared store
        cannot be asked for that.
        """
        name, author = cleaned(definition.name), person_name(who, _WHERE)
        checked(definition.rule, self._tags())
        with self._changing:
            known = self.all()
            wrong = ""
            if not name or len(name) > LONGEST_TITLE or UNFIT.search(definition.name):
                wrong = f"a name of 1 to {LONGEST_TITLE} characters is needed"
            elif name in known and not base:
                wrong = f"there is a definition {name!r} already"
            elif name not in known and not base and len(known) >= MOST_DEFINITIONS:
                wrong = f"{MOST_DEFINITIONS} definitions are the most"
            elif definition.golden is not None:
                wrong = _wrong_golden(definition.golden)
            if wrong:
                raise UsageError(wrong, where=_WHERE, hint=_HINT)
            version = Version(COLLECTION, name, _content(definition))
            (kept,) = self._documents.keep_over([version], {name: base}, author, where=_WHERE)
        return FrameDefinition(name, definition.rule, definition.golden, author, kept.time)

    def remove(self, name: str, who: str, base: int | None = None) -> None:
        """Remove the definition of this name; durable when it returns. Raises like `save`.

        `base` is the time of the definition that the person saw; None for the one known here.
        """
        author = person_name(who, _WHERE)
        with self._changing:
            definition = self.all().get(name)
            if definition is None:
                raise UsageError(f"there is no definition {name[:100]!r}", where=_WHERE, hint=_HINT)
            version = Version(COLLECTION, name, _content(definition), removed=True)
            seen = {name: definition.time if base is None else base}
            self._documents.keep_over([version], seen, author, where=_WHERE)


def _wrong_golden(golden: Golden) -> str:
    if len(golden.frames) > MOST_CHOSEN:
        return f"{len(golden.frames)} frames are chosen, {MOST_CHOSEN} are the most"
    if len(golden.envelopes) > MOST_TAGS:
        return f"{len(golden.envelopes)} tags have an envelope, {MOST_TAGS} are the most"
    return "" if golden.envelopes else "no tag has an envelope"


def _content(definition: FrameDefinition) -> dict[str, object]:
    content: dict[str, object] = {"rule": definition.rule.as_document()}
    if (golden := definition.golden) is not None:
        content["golden"] = {
            "frames": [list(span) for span in golden.frames],
            "by_share": golden.by_share,
            "seconds": golden.seconds,
            "spread": golden.spread.as_document(),
            "envelopes": {tag: band.as_document() for tag, band in golden.envelopes.items()},
        }
    return content


def _definitions(documents: Mapping[str, Document]) -> dict[str, FrameDefinition]:
    """By name, in order of the names."""
    named = sorted(documents, key=str.casefold)
    definitions = (_definition(documents[name]) for name in named if not documents[name].removed)
    return {definition.name: definition for definition in definitions if definition is not None}


def _definition(document: Document) -> FrameDefinition | None:
    """The definition in this document; None if it cannot be read."""
    content = document.content
    try:
        rule = read_rule(content["rule"])
        row = content.get("golden")
        golden = None
        if row is not None:
            golden = Golden(
                tuple((int(start), int(end)) for start, end in row["frames"]),
                bool(row["by_share"]),
                float(row["seconds"]),
                read_spread(row["spread"]),
                {str(tag): read_envelope(band) for tag, band in row["envelopes"].items()},
            )
    except (SensormonError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return FrameDefinition(document.key, rule, golden, document.who, document.time)
