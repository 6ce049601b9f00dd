"""All tags with their profile, events and load, the worst first: the table an engineer begins with.

Pure functions: frames and plain data in, a frame out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from sensormon.detectors import make
from sensormon.model.errors import UsageError
from sensormon.model.format import duration
from sensormon.model.profiles import Profile, Profiles
from sensormon.model.status import TagAge
from sensormon.model.tags import TagTable
from sensormon.view.detectors import title

COLUMNS = (
    "name",
    "Tag",
    "Events",
    "Per day",
    "Target",
    "Of target",
    "Flagged",
    "Detector",
    "Profile",
    "Group",
    "Precision",
    "State",
)
"""`name` is the tag's own, `Tag` its title. `Per day` are events a day from the first reading on, `Of target`
is that as a multiple of the profile's target, `Flagged` and `Precision` are shares (0 to 1); NaN where
unknown."""

_DAY = 86_400e6
_RIGHT, _JUDGED = ("true",), ("true", "benign", "false")


@dataclass(frozen=True, eq=False)
class Facts:
    """What the table is made of, of one span that ends at `until`, µs UTC.

    `summary` is of `StoredReadings.summary`, `events` of `EventReader.between`, `ages` the age of each
    tag's data now.
    """

    summary: pd.DataFrame
    events: pd.DataFrame
    ages: Mapping[str, TagAge]
    until: int


def tag_table(tags: TagTable, profiles: Profiles, facts: Facts) -> pd.DataFrame:
    """A row for each tag of numbers, with `COLUMNS`.

    Tags above the target of their profile come first, the farthest above it before the others; then those
    with the most events a day; then those with the largest share of flagged readings.
    """
    names = list(tags.numbers)
    profile_of = {name: profiles.of(tags[name]) for name in names}
    seen = facts.summary.set_index("tag").reindex(names)
    events = facts.events[facts.events["tag"].isin(names)]
    count = events["tag"].value_counts().reindex(names, fill_value=0).to_numpy(dtype=np.int64)
    days = (facts.until - seen["first"]).to_numpy(dtype=np.float64) / _DAY
    per_day = np.where(days > 0, count / np.where(days > 0, days, 1.0), np.nan)
    target = np.array([profile_of[name].target or math.nan for name in names], dtype=np.float64)
    readings = seen["readings"].to_numpy(dtype=np.float64)
    frame = pd.DataFrame(
        {
            "name": names,
            "Tag": [tags.title(name) for name in names],
            "Group": [tags[name].group for name in names],
            "Profile": [profile_of[name].name for name in names],
            "Events": count,
            "Per day": per_day,
            "Target": target,
            "Of target": per_day / target,
            "Detector": _worst_detector(events).reindex(names, fill_value="").to_numpy(),
            "Flagged": seen["flagged"].to_numpy(dtype=np.float64) / np.where(readings > 0, readings, np.nan),
            "Precision": _precision(events).reindex(names).to_numpy(dtype=np.float64),
            "State": [
                _state(profile_of[name], tags, learned, facts.ages.get(name))
                for name, learned in zip(names, seen["learned"].tolist(), strict=True)
            ],
        },
        columns=list(COLUMNS),
    )
    above = frame["Of target"].where(frame["Of target"] > 1.0, 0.0).fillna(0.0)
    order = pd.DataFrame(
        {"above": above, "rate": frame["Per day"].fillna(0.0), "share": frame["Flagged"].fillna(0.0)}
    )
    rows = order.sort_values(["above", "rate", "share"], ascending=False, kind="stable").index
    return frame.loc[rows].reset_index(drop=True)


def needed(profile: Profile) -> int:
    """How many readings of a tag the slowest of its detectors learns before it judges the first."""
    return max(_needed(choice.detector, tuple(choice.params.items())) for choice in profile.detectors)


@cache
def _needed(detector: str, params: tuple[tuple[str, float], ...]) -> int:
    try:
        return make(detector, **dict(params)).needed
    except UsageError:  # settings of a version with other detectors
        return 0


def _worst_detector(events: pd.DataFrame) -> pd.Series[str]:
    """By tag, the title of the detector that spoke at the peak of most of its events."""
    named = events[events["detector"].fillna("") != ""]
    counts = named.groupby(["tag", "detector"], sort=True).size().reset_index(name="events")
    worst = counts.sort_values("events", ascending=False, kind="stable").drop_duplicates("tag")
    return pd.Series([title(name) for name in worst["detector"]], index=worst["tag"], dtype=object)


def _precision(events: pd.DataFrame) -> pd.Series[float]:
    """By tag, the share of confirmed events among those somebody labelled; unclear ones are left out."""
    judged = events[events["label"].isin(_JUDGED)]
    right: pd.Series[float] = judged["label"].isin(_RIGHT).astype(float).groupby(judged["tag"]).mean()
    return right


def _state(profile: Profile, tags: TagTable, learned: float, age: TagAge | None) -> str:
    """Why a tag may have no events although nothing is well; empty if it is judged."""
    if age is not None and age.silent:
        return "silent" if age.seconds is None else f"silent for {duration(age.seconds)}"
    if profile.condition is not None and profile.condition.tag not in tags:
        return f"not judged: {profile.condition.tag} does not exist"
    if math.isnan(learned):
        return "no readings"
    least = needed(profile)
    return f"learning, {learned:,.0f} of {least:,}" if learned < least else ""
