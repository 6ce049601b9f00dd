"""Texts about models over several tags. Pure: whoever shows a text escapes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sensormon.detectors import MULTIVARIATE
from sensormon.model.format import counted, latency, listed
from sensormon.model.readings import Floats, Ints
from sensormon.model.tag_models import TagModel
from sensormon.model.tags import Tag

SHOWN = 3
"""The most tags that are named as responsible."""


def kind_title(kind: str) -> str:
    """What people call this kind of model."""
    return str(MULTIVARIATE[kind].title) if kind in MULTIVARIATE else kind


def state_words(time: int, elsewhere: Sequence[str], absent: Sequence[str], failure: str) -> str:
    """What a model does now; `time` is that of its last row.

    `elsewhere` are tags at a new level, `absent` those without a value in its last rows.

    >>> state_words(0, [], [], ""), state_words(5, [], [], ""), state_words(5, ["pH"], [], "")
    ('waits for readings', 'runs', 'runs; settled at a new level: pH')
    >>> state_words(5, [], ["pH"], "")
    'runs; no readings at the time of the others: pH'
    """
    if failure:
        return failure
    if not time:
        return "waits for readings"
    parts = ["runs"]
    if elsewhere:
        parts.append(f"settled at a new level: {listed(elsewhere, SHOWN)}")
    if absent:
        parts.append(f"no readings at the time of the others: {listed(absent, SHOWN)}")
    return "; ".join(parts)


def fit_frame(times: Ints, scores: Floats, tag: Tag) -> pd.DataFrame:
    """The scores of a model on rows, as readings of its tag that a chart draws, without unscored rows."""
    rows = np.isfinite(scores)
    value = scores[rows]
    return pd.DataFrame(
        {
            "id": np.arange(len(value)),
            "tag": tag.name,
            "time": pd.to_datetime(times[rows], unit="us", utc=True).as_unit("us"),
            "value": value,
            "quality": np.zeros(len(value), dtype=np.uint32),
            "n": np.arange(len(value)),
            "settings": np.zeros(len(value), dtype=np.int32),  # no version of the profiles judged them
            "score": value,
            "expected": np.nan,
            "lower": np.nan,
            "upper": np.nan,
            "is_anomaly": value > 1.0,
        }
    )


def model_words(model: TagModel) -> str:
    """A model in a line: "MEWMA of 3 tags, a row every 1 s"."""
    tags = counted(len(model.tags), "tag")
    return f"{kind_title(model.kind)} of {tags}, a row every {latency(model.interval)}"


def responsible(contributions: Mapping[str, float], score: float) -> str:
    """The tags that a score is due to, the largest part first; empty if none stands out.

    `contributions` add up to the score; one may be negative, where tags explain each other.

    >>> responsible({"pH": 1.4, "Temperature": 0.5, "Speed": 0.1}, 2.0)
    'pH 70 %, Temperature 25 %'
    """
    parts = sorted(contributions.items(), key=lambda part: -part[1])
    shares = [(name, part / score) for name, part in parts if score > 0 and math.isfinite(part)]
    return listed([f"{name} {100 * share:.0f} %" for name, share in shares if share >= 0.1][:SHOWN], SHOWN)


def judged_words(score: float, contributions: Mapping[str, float]) -> str:
    """The sentence on a row that a model judged.

    >>> judged_words(2.0, {"pH": 1.4, "Temperature": 0.5})
    '2.0 times the limit, due to pH 70 %, Temperature 25 %'
    >>> judged_words(0.4, {"pH": 0.4})
    '0.4 times the limit'
    """
    text = f"{score:,.1f} times the limit"
    due = responsible(contributions, score) if score > 1 else ""
    return f"{text}, due to {due}" if due else text
