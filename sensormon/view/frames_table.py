"""Event frames as rows: for the list on the page, and for a file.

What it is not: a place that reads data or knows about Streamlit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from sensormon.analysis.envelope import Leaving
from sensormon.analysis.event_frames import Frame
from sensormon.analysis.frame_figures import Figures
from sensormon.model.format import duration
from sensormon.model.tags import TagTable
from sensormon.view.frames_words import ended_words, place_words

Goes = Sequence[Mapping[str, Leaving]]
"""Of each frame how each tag goes against the envelope; empty for frames that were not compared."""


def worst(went: Mapping[str, Leaving]) -> tuple[str, Leaving] | None:
    """The tag that lies outside the envelope for the largest part of the frame."""
    known = [(name, leaving) for name, leaving in went.items() if not math.isnan(leaving.share)]
    return max(known, key=lambda pair: pair[1].share, default=None)


def frame_table(
    frames: Sequence[Frame],
    figures: Mapping[str, Figures],
    goes: Goes,
    tags: TagTable,
    seconds: float,
    *,
    by_share: bool,
) -> pd.DataFrame:
    """The rows of the list, in the order of the frames; `goes` may be empty without an envelope."""
    table = pd.DataFrame(
        {
            "No.": range(1, len(frames) + 1),
            "Start": pd.to_datetime([frame.start for frame in frames], unit="us", utc=True),
            "Duration": [duration(frame.seconds) for frame in frames],
            "Ended": [ended_words(frame) for frame in frames],
        }
    )
    if goes:
        most = [worst(went) for went in goes]
        table["Outside"] = [None if pair is None else pair[1].share * 100 for pair in most]
        table["First left"] = [
            ""
            if pair is None or pair[1].first is None
            else f"{place_words(pair[1].first, seconds, by_share=by_share)}, "
            f"{tags.title(pair[0])} {pair[1].side}"
            for pair in most
        ]
    for name, figure in figures.items():
        title = tags.title(name)
        for word, column in (("min", figure.low), ("mean", figure.mean), ("max", figure.high)):
            table[f"{title}, {word}"] = [tags[name].render(value) for value in column.tolist()]
    return table


def frame_file(
    frames: Sequence[Frame], figures: Mapping[str, Figures], goes: Goes, tags: TagTable
) -> pd.DataFrame:
    """The rows of a file: every figure in a column of its own, times in UTC, lengths in seconds."""
    table = pd.DataFrame(
        {
            "number": range(1, len(frames) + 1),
            "start": pd.to_datetime([frame.start for frame in frames], unit="us", utc=True),
            "end": pd.to_datetime([frame.end for frame in frames], unit="us", utc=True),
            "seconds": [frame.seconds for frame in frames],
            "ended": [frame.outcome.value for frame in frames],
            "start_seen": [frame.start_seen for frame in frames],
            "missing_seconds": [frame.missing / 1e6 for frame in frames],
        }
    )
    for column in ("start", "end"):
        table[column] = table[column].dt.as_unit("us")
    for name, figure in figures.items():
        unit = f" ({tags[name].unit})" if tags[name].unit else ""
        for word, values in (("min", figure.low), ("mean", figure.mean), ("max", figure.high)):
            table[f"{name} {word}{unit}"] = values
    for name in dict.fromkeys(name for went in goes for name in went):
        table[f"{name} outside (%)"] = [went[name].share * 100 if name in went else math.nan for went in goes]
    return table
