"""Events as the table and the line that a person reads.

Pure: a frame of `Monitor.events` in, tables and words out.
"""

from __future__ import annotations

import pandas as pd

from sensormon.event_actions import ATTENTION, State
from sensormon.tags import TagTable
from sensormon.words import counted, duration, pace

NO_LABEL = "none"

_STATES = {str(State.RETURNED): "returned, unack."}  # a column has no room for more


def event_table(events: pd.DataFrame, tags: TagTable) -> pd.DataFrame:
    """A row an event, in the same order; times are UTC, peaks text with unit."""
    return pd.DataFrame(
        {
            "Time": events["start"].reset_index(drop=True),
            "Tag": [tags[name].label if name in tags else name for name in events["tag"]],
            "Peak": [
                tags[name].render(value) if name in tags else f"{value:g}"
                for name, value in zip(events["tag"], events["value"], strict=True)
            ],
            "Score": events["score"].reset_index(drop=True),
            "State": [_STATES.get(one, one) for one in events["state"]],
            "Severity": events["severity"].reset_index(drop=True),
            "Label": events["label"].reset_index(drop=True),
            "Lasted": [
                lasted(seconds, readings)
                for seconds, readings in zip(events["seconds"], events["readings"], strict=True)
            ],
            "Note": events["note"].reset_index(drop=True),
        }
    )


def lasted(seconds: float, readings: int) -> str:
    """How long an event lasted: "12 s, 7 readings"."""
    return (
        counted(readings, "reading")
        if readings == 1
        else f"{duration(seconds)}, {counted(readings, 'reading')}"
    )


def chosen_events(
    events: pd.DataFrame, states: list[str], severities: list[str], labels: list[str], least: float
) -> pd.DataFrame:
    """The events of these states, severities and labels (all where none is named), from this score on."""
    keep = events["score"] >= least
    if states:
        keep &= events["state"].isin(states)
    if severities:
        keep &= events["severity"].isin(severities)
    if labels:
        keep &= events["label"].replace("", NO_LABEL).isin(labels)
    return events[keep].reset_index(drop=True)


def events_line(events: pd.DataFrame, span: str, seconds: float) -> str:
    """How many there are, how often, and how many need somebody; shelved ones do not."""
    states = events["state"].value_counts()
    waiting = int(sum(states.get(str(one), 0) for one in ATTENTION))
    line = f"**{counted(len(events), 'event')}** in {span}, {pace(len(events), seconds)}"
    line += f" · **{waiting:,} to acknowledge**" if waiting else " · none to acknowledge"
    going_on = int((~events["over"].astype(bool)).sum())
    if going_on:
        line += f" · {going_on:,} going on"
    if states.get(str(State.SHELVED), 0):
        line += f" · {states[str(State.SHELVED)]:,} shelved"
    return line


def history_table(history: pd.DataFrame, ids: tuple[int, ...]) -> pd.DataFrame:
    """What people did with the event that has these readings, newest first: Time, Who, What, Note."""
    rows = history[history["reading"].isin(ids)].drop_duplicates(["number", "time"]).iloc[::-1]
    what = [
        f"labelled {label}" if action == "label" else _DONE.get(action, action)
        for action, label in zip(rows["action"], rows["label"], strict=True)
    ]
    return pd.DataFrame(
        {"Time": rows["time"], "Who": rows["who"], "What": what, "Until": rows["until"], "Note": rows["note"]}
    ).reset_index(drop=True)


_DONE = {
    "acknowledge": "acknowledged",
    "unacknowledge": "took the acknowledgement back",
    "shelve": "shelved",
    "unshelve": "unshelved",
    "note": "noted",
}
