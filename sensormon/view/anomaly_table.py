"""Flagged readings as the table that a person reads."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sensormon.model.tags import TagTable
from sensormon.view.explanation import UNKNOWN_SCALE, Scale, why_short
from sensormon.view.phrases import origin


def anomaly_table(anomalies: pd.DataFrame, tags: TagTable, scales: Mapping[int, Scale]) -> pd.DataFrame:
    """A row a reading, in the same order: Time (UTC), Tag, Value, Expected, Score, Why, Note.

    Every tag must be in the table; values are text with unit, the score is a number. `scales`
    say what scores are called and compared with, by the id of the settings.
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
            "Expected": [tag.render_band(expected, upper) for tag, _, expected, upper, _ in rows],
            "Score": anomalies["score"].reset_index(drop=True),
            "Why": [
                why_short(*row, scale.name, scale.threshold)
                for row, scale in zip(
                    rows,
                    (scales.get(int(settings), UNKNOWN_SCALE) for settings in anomalies["settings"]),
                    strict=True,
                )
            ],
            "Note": [origin(name) for name in anomalies["origin"]],
        }
    )
