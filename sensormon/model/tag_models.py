"""Models over several tags: which tags, how trained, and what was learned, as one plain document.

A trained model judges rows of several tags live. Its score is a reading of a tag of its own, which
has the model's name: 1 is its limit. What it is not: the judge itself; `fitted` is what
`sensormon.detectors.training` makes and reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.profiles import Condition, read_condition
from sensormon.model.tags import NAME, Tag, TagTable

COLLECTION = "tag_models"
"""The collection of the documents."""
SOURCE = "model"
"""The source of the readings that models make."""
MOST_MODELS = 50
MOST_TAGS = 100
"""The most tags of a model."""
SHORTEST, LONGEST = 0.1, 86_400.0
"""The least and the most seconds from one row to the next."""


@dataclass(frozen=True)
class TagModel:
    """A version of a model.

    A row has the last good value of each of `tags` in `interval` seconds. It was trained on the readings
    of since <= time < until (µs UTC). `retrain_after` is after how many rows at a new steady state it is
    trained again on those, 0 for never. Rows are judged only under the `condition`. `version` grows by
    one each time it is trained.
    """

    name: str
    kind: str
    tags: tuple[str, ...]
    interval: float
    since: int
    until: int
    fitted: Mapping[str, Any]
    retrain_after: int = 0
    condition: Condition | None = None
    version: int = 1
    reason: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The tags whose readings make its rows: its own first, then that of its condition."""
        watched = () if self.condition is None else (self.condition.tag,)
        return tuple(dict.fromkeys((*self.tags, *watched)))

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold; `read_model` reads it back."""
        return {
            "kind": self.kind,
            "tags": list(self.tags),
            "interval": self.interval,
            "since": self.since,
            "until": self.until,
            "fitted": dict(self.fitted),
            "retrain_after": self.retrain_after,
            "condition": None if self.condition is None else self.condition.as_document(),
            "version": self.version,
            "reason": self.reason,
        }

    def as_tag(self, tags: TagTable) -> Tag:
        """The tag of its score; in the group that all its tags have in common."""
        groups = {tags[name].group for name in self.tags if name in tags}
        return Tag(
            self.name,
            f"Model {self.name}",
            unit="× limit",
            group=groups.pop() if len(groups) == 1 else "",
            valid=(0.0, float("inf")),
            normal=(0.0, 1.0),
            resolution=0.01,
            simulated=False,
        )


def read_model(name: str, document: Mapping[str, Any]) -> TagModel:
    """The model in this document. Raises ValueError if there is none."""
    try:
        return TagModel(
            name=name,
            kind=str(document["kind"]),
            tags=tuple(str(tag) for tag in document["tags"]),
            interval=float(document["interval"]),
            since=int(document["since"]),
            until=int(document["until"]),
            fitted=dict(document["fitted"]),
            retrain_after=int(document["retrain_after"]),
            condition=None if document["condition"] is None else read_condition(document["condition"]),
            version=int(document["version"]),
            reason=str(document["reason"]),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no model of several tags ({error!r})") from error


def check_new(model: TagModel, table: TagTable, models: int) -> None:
    """Raise UsageError unless this model can be added to so many others."""
    name, tags = model.name, model.tags
    if not NAME.fullmatch(name):
        raise _wrong(f"{name!r} cannot be a model's name", "Use letters, digits and _ . : / -, at most 128")
    if name in table:
        raise _wrong(f"{name!r} is a tag already", "Choose another name")
    if models >= MOST_MODELS:
        raise _wrong(f"there are {models} models already", "Remove one first")
    unknown = [tag for tag in model.columns if tag not in table]
    words = [tag for tag in model.columns if tag in table and table[tag].has_states]
    if unknown or words:
        raise _wrong(f"{(unknown + words)[0]!r} is not a numeric tag", "Choose numeric tags")
    if not 2 <= len(set(tags)) == len(tags) <= MOST_TAGS:
        raise _wrong(f"{len(tags)} tags are too few or too many", f"Choose 2 to {MOST_TAGS} different tags")
    if not SHORTEST <= model.interval <= LONGEST:
        raise _wrong(
            f"a row every {model.interval:g} s cannot be used", f"Use {SHORTEST:g} to {LONGEST:,.0f} s"
        )


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError(what, where="models", hint=hint)
