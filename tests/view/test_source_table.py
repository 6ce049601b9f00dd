"""How named sources are shown."""

from __future__ import annotations

from datetime import UTC

from sensormon.model.clock import MINUTE, SECOND
from sensormon.model.source_health import Link, SourceHealth, SourceTrouble
from sensormon.model.status import CompanionStatus
from sensormon.view.source_table import link_words, notes_words, source_table, sources_phrase, trouble_words

NOW = 1_790_000_000 * SECOND


def health(name: str, link: Link = Link.CONNECTED, **more: object) -> SourceHealth:
    return SourceHealth(name, "opcua", "opc.tcp://plant", link, NOW - 3 * MINUTE, **more)  # type: ignore[arg-type]


def test_the_phrase_counts_those_that_deliver_and_names_those_that_do_not() -> None:
    phrase = sources_phrase([health("a"), health("b", Link.WAITING, gaps=2), health("c", Link.STOPPED)])
    assert phrase.text == "1 of 2 sources deliver · not b · 2 gaps since the start"
    assert phrase.abnormal


def test_all_delivering_is_not_abnormal() -> None:
    phrase = sources_phrase([health("a"), health("b")])
    assert (phrase.text, phrase.abnormal) == ("2 sources deliver", False)


def test_the_state_says_since_when_and_what_is_seen() -> None:
    assert link_words(Link.CONNECTED, health("a").since, "214 nodes", NOW) == "connected for 3 min, 214 nodes"
    assert link_words(Link.ELSEWHERE, 0, "", NOW) == "in another collector"


def test_an_error_is_shown_with_what_to_do() -> None:
    trouble = SourceTrouble(NOW, "the broker refuses the password", "Set LINE1_PASSWORD")
    words = trouble_words(trouble, UTC)
    assert words.endswith("the broker refuses the password. Set LINE1_PASSWORD")
    assert trouble_words(None, UTC) == ""


def test_those_that_do_not_deliver_come_first() -> None:
    table = source_table([health("a"), health("b", Link.FAILED)], NOW, UTC)
    assert list(table["Source"]) == ["b", "a"]


def test_notes_are_counted() -> None:
    assert notes_words(health("a", notes={"a node is gone": 2})) == "a node is gone: 2"


def test_a_companion_without_trouble_impairs_nothing() -> None:
    assert CompanionStatus("sources", "1 source delivers").impaired == ()
