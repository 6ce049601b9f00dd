"""Events and flagged readings as the tables and lines that people read.

Pure functions: frames in, tables and words out.
"""

from __future__ import annotations

import pandas as pd

from sensormon.events.actions import ATTENTION, LABEL_WORDS, State
from sensormon.model.format import counted, duration
from sensormon.model.tags import TagTable
from sensormon.view.detectors import title
from sensormon.view.explanation import Scales, why_short
from sensormon.view.phrases import origin
from sensormon.view.severity import severity_words

_STATES = {str(State.RETURNED): "returned, unack."}  # short enough for a column


def event_table(events: pd.DataFrame, tags: TagTable) -> pd.DataFrame:
    """One row per event, in the same order; times are UTC, peaks are text with unit."""
    return pd.DataFrame(
        {
            "Time": events["start"].reset_index(drop=True),
            "Tag": [tags.title(name) for name in events["tag"]],
            "State": [_STATES.get(state, state) for state in events["state"]],
            "Peak": [
                tags[name].render(value) for name, value in zip(events["tag"], events["value"], strict=True)
            ],
            "Score": events["score"].reset_index(drop=True),
            "Detector": [title(name) if name else "" for name in events["detector"]],
            "Severity": [severity_words(severity) for severity in events["severity"]],
            "Lasted": lasted_column(events),
            "Flags": events["readings"].reset_index(drop=True),
            "Label": [LABEL_WORDS.get(label, label) for label in events["label"]],
            "Note": events["note"].reset_index(drop=True),
        }
    )


def lasted_column(events: pd.DataFrame) -> list[str]:
    """How long each event lasted from first flag to last, a dash for one flag, and whether it continues."""
    return [
        ", ".join([*([duration(seconds)] if seconds else []), *([] if over else ["ongoing"])]) or "–"
        for seconds, over in zip(events["seconds"], events["over"], strict=True)
    ]


def lasted(seconds: float, readings: int) -> str:
    """How long an event lasted: "12 s, 7 readings"."""
    return (
        counted(readings, "reading")
        if readings == 1
        else f"{duration(seconds)}, {counted(readings, 'reading')}"
    )


def events_line(events: pd.DataFrame, span: str) -> str:
    """How many events a span has ("in 24 h"), and how many need attention; shelved ones do not."""
    states = events["state"].value_counts()
    waiting = int(sum(states.get(str(state), 0) for state in ATTENTION))
    line = f"**{counted(len(events), 'event')}** {span}"
    line += f" · **{waiting:,} to acknowledge**" if waiting else " · none of them to acknowledge"
    going_on = int((~events["over"].astype(bool)).sum())
    if going_on:
        line += f" · {going_on:,} ongoing"
    if states.get(str(State.SHELVED), 0):
        line += f" · {states[str(State.SHELVED)]:,} shelved"
    return line


def history_table(history: pd.DataFrame, ids: tuple[int, ...]) -> pd.DataFrame:
    """People's actions on the event of these readings, newest first: Time, Who, What, Until, Note."""
    rows = history[history["reading"].isin(ids)].drop_duplicates(["number", "time"]).iloc[::-1]
    what = [
        f"labelled {LABEL_WORDS.get(label, label)}" if action == "label" else _DONE.get(action, action)
        for action, label in zip(rows["action"], rows["label"], strict=True)
    ]
    return pd.DataFrame(
        {"Time": rows["time"], "Who": rows["who"], "What": what, "Until": rows["until"], "Note": rows["note"]}
    ).reset_index(drop=True)


_DONE = {
    "acknowledge": "acknowledged",
    "unacknowledge": "undid the acknowledgement",
    "shelve": "shelved",
    "unshelve": "unshelved",
    "note": "noted",
}


def done_words(count: int, action: str, label: str = "") -> str:
    """An action just taken: "2 events acknowledged".

    >>> done_words(1, "label", "benign"), done_words(2, "note")
    ('1 event labelled Expected', 'Note saved on 2 events')
    """
    events = counted(count, "event")
    if action == "note":
        return f"Note saved on {events}"
    if action == "unacknowledge":
        return f"Acknowledgement of {events} undone"
    return f"{events} {f'labelled {LABEL_WORDS[label]}' if action == 'label' else _DONE[action]}"


def anomaly_table(anomalies: pd.DataFrame, tags: TagTable, scales: Scales) -> pd.DataFrame:
    """Flagged readings, one per row, in the same order.

    Columns: Time (UTC), Tag, Value, Expected, Score, Detector, Why, Note. Every tag must be in the table.
    Values are text with unit, the score is a number.
    """
    columns = ("tag", "value", "expected", "upper", "score")
    rows = [
        (tags[tag], value, expected, upper, score)
        for tag, value, expected, upper, score in zip(*(anomalies[name] for name in columns), strict=True)
    ]
    scale_of = scales.of_each(anomalies)
    return pd.DataFrame(
        {
            "Time": anomalies["time"].reset_index(drop=True),
            "Tag": [tag.label for tag, *_ in rows],
            "Value": [tag.render(value) for tag, value, *_ in rows],
            "Expected": [tag.render_band(expected, upper) for tag, _, expected, upper, _ in rows],
            "Score": anomalies["score"].reset_index(drop=True),
            "Detector": [title(name) if name else "" for name in scales.speakers(anomalies)],
            "Why": [
                why_short(*row, scale.name, scale.threshold)
                for row, scale in zip(rows, scale_of, strict=True)
            ],
            "Note": [origin(name) for name in anomalies["origin"]],
        }
    )
