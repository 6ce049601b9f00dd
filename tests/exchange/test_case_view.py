"""The link of a case, once its tags and readings have other names and ids."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sensormon.analysis.frame_rules import FrameRule, Trigger
from sensormon.exchange.case_view import view_here

CALLED = {"ph": "case-a:ph", "temp": "temp", "run": "case-a:run", "Fermenter pH": "case-a:ph"}
RULE = FrameRule(Trigger("ph", ">", 7.5, hold=60.0), Trigger("run", "=", word="ph"))


def here(page: str, **given: str) -> dict[str, str]:
    view = view_here(f"/{page}?{urlencode(given)}", CALLED, {7: 1007})
    assert urlsplit(view).path == f"/{page}"
    return {key: values[-1] for key, values in parse_qs(urlsplit(view).query).items()}


@pytest.mark.parametrize(
    ("key", "given", "opened"),
    [
        ("explore", "temp,ph", "temp,case-a:ph"),
        ("explore", "Fermenter pH", "case-a:ph"),
        ("y", "ph~6~8,temp~normal,boiler~valid", "case-a:ph~6~8,temp~normal,boiler~valid"),
        ("colors", "ph~3", "case-a:ph~3"),
        ("only", "run=ph", "case-a:run=ph"),
        ("similar_of", "ph", "case-a:ph"),
        ("reading", "7,8", "1007,8"),
        ("find", "ph", "ph"),
        ("profile", "ph", "ph"),
    ],
)
def test_tags_and_ids_of_explore_are_those_here(key: str, given: str, opened: str) -> None:
    assert here("explore", **{key: given}) == {key: opened}


def test_rule_of_event_frames_follows_its_tags_but_not_its_words() -> None:
    opened = json.loads(here("explore", rule=json.dumps(RULE.as_document()))["rule"])
    assert (opened["start"]["tag"], opened["end"]["tag"]) == ("case-a:ph", "case-a:run")
    assert (opened["start"]["hold"], opened["end"]["word"]) == (60.0, "ph")
    assert here("explore", rule="[[[")["rule"] == "[[["


def test_search_of_live_stays_while_a_chosen_tag_follows() -> None:
    assert here("live", tag="ph", show="ph", only="ph") == {
        "tag": "ph",
        "show": "case-a:ph",
        "only": "case-a:ph",
    }
