"""Flagged readings as the table that a person reads."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from sensormon.model.tags import TagTable
from sensormon.view.phrases import expected_band, origin, why_short


def anomaly_table(
    anomalies: pd.DataFrame, tags: TagTable, names: Mapping[int, tuple[str, float]]
) -> pd.DataFrame:
    """A row a reading, in the same order: Time (UTC), Tag, Value, Expected, Score, Why, Note.

    Every tag must be in the table; values are text with unit, the score is a number. `names`
    are what scores are called and their thresholds, by the id of the settings.
    """
    columns = ("tag", "value", "expected", "upper", "score")
    rows = [
        (tags[tag], value, expected, upper, score)
        for tag, value, expected, upper, score in zip(*(anomalies[name] for name in columns), strict=True)
    ]
    return pd.DataFrame(
        {
            "Time": anomalies["time"].reset_index(drop=True),
            "Tag": [tag.label for tag, *_ in rows],
            "Value": [tag.render(value) for tag, value, *_ in rows],
            "Expected": [expected_band(tag, expected, upper) for tag, _, expected, upper, _ in rows],
            "Score": anomalies["score"].reset_index(drop=True),
            "Why": [
                why_short(*row, *names.get(int(settings), ("score", math.nan)))
                for row, settings in zip(rows, anomalies["settings"], strict=True)
            ],
            "Note": [origin(name) for name in anomalies["origin"]],
        }
    )
