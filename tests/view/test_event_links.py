"""Filters of Anomalies in links: codes, and the words that earlier releases wrote."""

from __future__ import annotations

import pytest

from sensormon.events.filters import STATE_WORDS, STATES
from sensormon.model.tag_links import Linked
from sensormon.view.event_links import WORDS, read_codes


@pytest.mark.parametrize("parameter", WORDS)
def test_every_code_and_every_word_of_before_stands_for_itself(parameter: str) -> None:
    words = WORDS[parameter]
    every = tuple(words)
    assert read_codes(parameter, ",".join(words)) == Linked(every)
    assert read_codes(parameter, ",".join(words.values())) == Linked(every)
    assert all("," not in code for code in words), "codes are separated by commas"


def test_codes_in_links_stay_as_they_are() -> None:
    """A link of today must open for ever: add codes, but never change one."""
    assert set(WORDS["state"]) == {"unacknowledged", "going-on", "returned", "acknowledged", "shelved"}
    assert set(WORDS["severity"]) == {"low", "medium", "high"}
    assert set(WORDS["label"]) == {"true", "benign", "false", "undetermined", "none"}
    assert set(WORDS["list"]) == {"newest", "oldest", "worst", "longest"}
    assert set(STATES) == set(STATE_WORDS)


def test_what_is_no_code_is_named() -> None:
    assert read_codes("state", "going on, unacknowledged,asleep") == Linked(("going-on",), ("asleep",))
    assert read_codes("under", "Summer,night", ["Summer", "Winter, cold"]) == Linked(("Summer",), ("night",))
