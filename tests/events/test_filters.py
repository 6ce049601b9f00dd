"""Event filters: the result meets every filter, and nothing that does is missing."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.events.actions import State
from sensormon.events.filters import (
    NO_LABEL,
    STATES,
    Filters,
    First,
    in_order,
    matching,
    read_stretch,
    stretch_text,
)
from sensormon.model.clock import SECOND
from tests.support.plant import START

BERLIN = ZoneInfo("Europe/Berlin")
SEVERITIES, LABELS = ["low", "high"], ["", "benign"]
TEXTS = ["", "Cleaning in place", "pump (2.5)", "Straße"]

some_events = st.lists(
    st.fixed_dictionaries(
        {
            "tag": st.sampled_from("ab"),
            "state": st.sampled_from([str(state) for state in State]),
            "severity": st.sampled_from(SEVERITIES),
            "label": st.sampled_from(LABELS),
            "detector": st.sampled_from(["", "zscore", "recommended"]),
            "profile": st.sampled_from(["", "default", "pumps"]),
            "note": st.sampled_from(TEXTS),
            "who": st.sampled_from(["", "Ana"]),
            "score": st.sampled_from([3.0, 4.5, 9.0]),
            "threshold": st.sampled_from([0.0, 3.0, 1.5]),
            "seconds": st.sampled_from([0.0, 5.0]),
            "at": st.integers(0, 5),
        }
    ),
    max_size=12,
)
some_filters = st.builds(
    Filters,
    tags=st.sampled_from([(), ("a",), ("a", "b")]),
    states=st.lists(st.sampled_from(sorted(STATES)), max_size=2, unique=True).map(tuple),
    severities=st.sampled_from([(), ("high",), ("low", "high")]),
    labels=st.sampled_from([(), ("benign",), (NO_LABEL,), ("benign", NO_LABEL)]),
    detectors=st.sampled_from([(), ("zscore",), ("zscore", "recommended")]),
    profiles=st.sampled_from([(), ("pumps",)]),
    least=st.sampled_from([0.0, 4.5]),
    text=st.sampled_from(["", " cleaning", "ANA", "(2.5)", ".*", "STRASSE"]),
    stretch=st.sampled_from([None, (START + SECOND, START + 3 * SECOND)]),
)


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = ["tag", "state", "severity", "label", "detector", "profile", "note", "who", "score"]
    columns += ["threshold", "seconds", "at"]
    table = pd.DataFrame(rows, columns=columns)
    table["id"] = range(len(table))
    micros = START + table["at"].astype("int64") * SECOND
    table["start"] = pd.to_datetime(micros, unit="us", utc=True).dt.as_unit("us")
    return table


def stands(state: str, asked: str) -> bool:
    if asked == "unacknowledged":
        return state in ("unacknowledged", "returned, unacknowledged")
    codes = {"going-on": "unacknowledged", "returned": "returned, unacknowledged"}
    return state == codes.get(asked, asked)


def meets(row: dict[str, object], filters: Filters) -> bool:
    stretch = filters.stretch or (0, 1 << 62)
    wanted = filters.text.strip().casefold()
    return (
        (not filters.tags or row["tag"] in filters.tags)
        and (not filters.states or any(stands(str(row["state"]), asked) for asked in filters.states))
        and (not filters.severities or row["severity"] in filters.severities)
        and (not filters.labels or (row["label"] or NO_LABEL) in filters.labels)
        and (not filters.detectors or row["detector"] in filters.detectors)
        and (not filters.profiles or row["profile"] in filters.profiles)
        and float(str(row["score"])) >= filters.least
        and (wanted in str(row["note"]).casefold() or wanted in str(row["who"]).casefold())
        and stretch[0] <= START + int(str(row["at"])) * SECOND < stretch[1]
    )


@settings(deadline=None)
@given(rows=some_events, filters=some_filters)
def test_filtered_events_meet_every_filter(rows: list[dict[str, object]], filters: Filters) -> None:
    left = matching(frame(rows), filters)
    assert left["id"].tolist() == [place for place, row in enumerate(rows) if meets(row, filters)]


@settings(deadline=None)
@given(rows=some_events, first=st.sampled_from(First))
def test_sorting_loses_no_event(rows: list[dict[str, object]], first: First) -> None:
    table = frame(rows)
    ordered = in_order(table, first)
    assert sorted(ordered["id"]) == table["id"].tolist()
    assert list(ordered.columns) == list(table.columns)
    over = ordered["score"] / ordered["threshold"].where(ordered["threshold"] > 0)
    assert {
        First.NEWEST: ordered["start"].is_monotonic_decreasing,
        First.OLDEST: ordered["start"].is_monotonic_increasing,
        First.LONGEST: ordered["seconds"].is_monotonic_decreasing,
        First.WORST: over.fillna(0.0).is_monotonic_decreasing,
    }[first]


def test_empty_filters_filter_nothing() -> None:
    assert not Filters().any
    assert Filters(text="x").any
    assert not Filters(stretch=(0, 1)).without_stretch().any
    assert not Filters(tags=("a",)).without_tags().any


@settings(deadline=None)
@given(st.integers(0, 7_000_000_000 * SECOND), st.integers(1, 10**15))
def test_stretch_round_trips_through_the_url(since: int, length: int) -> None:
    stretch = (since, min(since + length, 7_250_000_000 * SECOND))
    assert read_stretch(stretch_text(stretch)) == stretch


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-01-01/", "2026-01-02/2026-01-01", "1900-01-01/1900-02-01", "9999-01-01", "/"],
)
def test_invalid_stretch_is_none(text: str) -> None:
    assert read_stretch(text) is None
