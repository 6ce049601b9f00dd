"""The table of all tags: figures of each, the worst first."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sensormon.model.clock import DAY
from sensormon.model.profiles import Assignment, Choice, Condition, Profile, Profiles, single
from sensormon.model.status import TagAge
from sensormon.model.tags import Tag, TagTable
from sensormon.view.tag_loads import COLUMNS, Facts, needed, tag_table
from tests.support.plant import START

TAGS = TagTable(
    [
        Tag("a", "Alpha", group="Mill"),
        Tag("b", "Beta", group="Mill"),
        Tag("c", "Gamma"),
        Tag("d", "Delta"),
        Tag("valve", "Valve", states=("closed", "open")),
    ]
)
PLAIN = single("zscore", {"window": 50, "threshold": 3.0})
STRICT = Profile("strict", (Choice("zscore"), Choice("cusum")), target=1.0)
STRICTLY = PLAIN.with_profile(STRICT).assigned(Assignment("strict", "tag", "b"))


def summary(**rows: tuple[int, int, int]) -> pd.DataFrame:
    """By tag: readings, flagged, learned; each over two days."""
    return pd.DataFrame(
        [(tag, *numbers, START, START + 2 * DAY) for tag, numbers in rows.items()],
        columns=["tag", "readings", "flagged", "learned", "first", "last"],
    )


def events(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Events of (tag, detector, label)."""
    return pd.DataFrame(rows, columns=["tag", "detector", "label"])


FACTS = Facts(
    summary(a=(1_000, 10, 999), b=(1_000, 20, 999), c=(200, 0, 20)),
    events(
        *[("a", "zscore", "true")] * 3,
        *[("a", "cusum", "false")] * 2,
        ("a", "cusum", "undetermined"),
        *[("b", "cusum", "")] * 4,
        ("gone", "zscore", "true"),
    ),
    {},
    START + 2 * DAY,
)


def row_of(table: pd.DataFrame, name: str) -> Any:
    return table.set_index("name").loc[name]


def test_figures_of_each_tag_are_those_of_its_readings_and_events() -> None:
    table = tag_table(TAGS, STRICTLY, FACTS)
    assert list(table.columns) == list(COLUMNS)
    alpha, beta, gamma, delta = (row_of(table, name) for name in "abcd")
    assert (alpha["Tag"], alpha["Group"], alpha["Profile"], alpha["Events"]) == (
        "Alpha",
        "Mill",
        "default",
        6,
    )
    assert alpha["Per day"] == 3.0
    assert math.isnan(alpha["Of target"])
    assert alpha["Flagged"] == 0.01
    assert alpha["Precision"] == pytest.approx(3 / 5), "an unclear event says nothing"
    assert (beta["Profile"], beta["Per day"], beta["Target"], beta["Of target"]) == ("strict", 2.0, 1.0, 2.0)
    assert beta["Detector"] == "CUSUM"
    assert math.isnan(beta["Precision"])
    assert gamma["State"] == "learning, 20 of 50"
    assert (gamma["Events"], gamma["Detector"]) == (0, "")
    assert delta["State"] == "no readings"
    assert math.isnan(delta["Per day"])
    assert "valve" not in set(table["name"]), "words are not judged"


def test_tags_above_their_target_come_first_then_the_most_events_a_day() -> None:
    assert tag_table(TAGS, PLAIN, FACTS)["name"].tolist() == ["a", "b", "c", "d"]
    assert tag_table(TAGS, STRICTLY, FACTS)["name"].tolist() == ["b", "a", "c", "d"]
    mild = STRICTLY.with_profile(replace(STRICT, target=2.0))
    assert tag_table(TAGS, mild, FACTS)["name"].tolist() == ["a", "b", "c", "d"]


def test_tag_that_cannot_be_judged_says_why() -> None:
    guarded = replace(PLAIN.default, condition=Condition("rpm", ">", 50.0))
    table = tag_table(TAGS, Profiles((guarded,)), FACTS)
    assert row_of(table, "a")["State"] == "not judged: rpm does not exist"
    ages = {"a": TagAge("a", "Alpha", "plant", 120.0, silent=True, ahead=0.0)}
    table = tag_table(TAGS, PLAIN, replace(FACTS, ages=ages))
    assert row_of(table, "a")["State"] == "silent for 2 min"


def test_tag_learns_until_the_slowest_of_its_detectors_judges() -> None:
    assert needed(PLAIN.default) == 50
    assert needed(STRICT) == max(needed(Profile("p", (choice,))) for choice in STRICT.detectors)
    assert needed(Profile("p", (Choice("forest"),))) == 0


def test_table_without_readings_and_events_has_every_tag() -> None:
    table = tag_table(TAGS, PLAIN, Facts(summary(), events(), {}, START))
    assert table["State"].tolist() == ["no readings"] * 4
    assert table["Events"].tolist() == [0] * 4
