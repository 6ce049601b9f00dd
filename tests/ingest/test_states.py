"""Readings of states: words and numbers to codes, what is refused, undo, restarts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.validation import FUTURE, shown
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.readings import Batch, Processed, Quality, Reading, Reason, StateWord
from sensormon.model.state_words import StateWords
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, MOST_STATES, Tag, TagTable
from tests.support.plant import START


@pytest.fixture
def tags() -> TagTable:
    return TagTable(
        [
            Tag("temp", "Temperature", "°C", valid=(0.0, 100.0)),
            Tag("valve", "Valve", states=("closed", "open")),
            Tag("step", "Step", states=("idle", "heat", "cool")),
            Tag("running", "Running", states=BOOLEAN, kind="boolean"),
            Tag("product", "Product", kind="text"),
        ]
    )


@pytest.fixture
def pipeline(tags: TagTable, detection: DetectorSettings) -> Pipeline:
    return Pipeline(tags, detection)


def take(pipeline: Pipeline, *readings: tuple[str, float | str], at: int = START) -> Processed:
    rows = [Reading(tag, at + i, value) for i, (tag, value) in enumerate(readings)]
    return pipeline.process(Batch.of(rows, source="test", received=START + 60 * SECOND))


def words_of(pipeline: Pipeline, done: Processed) -> list[str | float]:
    batch = done.accepted
    assert batch.word is None
    assert batch.words == ()
    return [
        pipeline.words.of(batch.tags[tag]).get(int(value), value)
        for tag, value in zip(batch.tag.tolist(), batch.value.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("tag", "value", "word"),
    [
        ("valve", "closed", "closed"),
        ("valve", "OPEN ", "open"),
        ("valve", 1, "open"),
        ("valve", "0", "closed"),
        ("valve", "true", "open"),
        ("running", "on", "true"),
        ("running", "No", "false"),
        ("valve", "False", "closed"),
        ("step", 2.0, "cool"),
        ("running", "TRUE", "true"),
        ("running", 0, "false"),
        ("product", "Brew 7", "Brew 7"),
        ("product", 17, "17"),
        ("product", "1e3", "1e3"),
    ],
)
def test_what_comes_becomes_the_state_it_means(
    pipeline: Pipeline, tag: str, value: str | float, word: str
) -> None:
    assert words_of(pipeline, take(pipeline, (tag, value))) == [word]


@pytest.mark.parametrize(
    ("tag", "value", "reason", "detail"),
    [
        ("valve", "ajar", Reason.UNKNOWN_STATE, "not one of the tag's states: closed, open"),
        ("valve", 2, Reason.UNKNOWN_STATE, "not one of the tag's states: closed, open"),
        ("valve", 0.5, Reason.UNKNOWN_STATE, "states: closed, open"),
        ("valve", -1, Reason.UNKNOWN_STATE, "states: closed, open"),
        ("valve", "9" * 5_000, Reason.UNKNOWN_STATE, "states: closed, open"),
        ("valve", math.nan, Reason.NOT_FINITE, "finite"),
        ("step", "true", Reason.UNKNOWN_STATE, "idle, heat, cool"),
        ("product", " ", Reason.UNKNOWN_STATE, "there is no word"),
        ("product", "x" * (LONGEST_STATE + 1), Reason.UNKNOWN_STATE, f"at most {LONGEST_STATE}"),
        ("product", "a\u202eb", Reason.UNKNOWN_STATE, "invisible"),
        ("temp", "open", Reason.NOT_A_NUMBER, "the value must be a number, not 'open'"),
        ("nope", "open", Reason.UNKNOWN_TAG, "no such tag"),
    ],
)
def test_what_is_no_state_is_refused_as_it_came(
    pipeline: Pipeline, tag: str, value: str | float, reason: Reason, detail: str
) -> None:
    done = take(pipeline, ("temp", 37.0), (tag, value), ("valve", "open"))
    (rejection,) = done.rejected
    assert (rejection.index, rejection.tag, rejection.reason) == (1, tag, reason)
    assert detail in rejection.detail
    assert rejection.value == shown(value if isinstance(value, str) else float(value))
    assert words_of(pipeline, done) == [37.0, "open"]


def test_a_long_list_of_states_is_shown_in_part(detection: DetectorSettings) -> None:
    states = tuple(f"state {i} {'x' * 180}" for i in range(MOST_STATES))
    done = take(Pipeline(TagTable([Tag("s", "S", states=states)]), detection), ("s", "other"))
    assert done.rejected[0].detail.endswith("and 990 more")
    assert len(done.rejected[0].detail) < 500


def test_codes_follow_the_list_and_new_words_are_added_in_order(pipeline: Pipeline) -> None:
    done = take(pipeline, ("step", "cool"), ("product", "B"), ("product", "A"), ("product", "b"))
    assert done.accepted.value.tolist() == [2, 0, 1, 0]
    assert set(done.words) == {
        StateWord("step", 0, "idle"),
        StateWord("step", 1, "heat"),
        StateWord("step", 2, "cool"),
        StateWord("product", 0, "B"),
        StateWord("product", 1, "A"),
    }


def test_too_many_words_of_a_text_tag_are_refused(pipeline: Pipeline) -> None:
    done = take(pipeline, *((("product"), f"word {i}") for i in range(MOST_STATES + 5)))
    assert len(done.accepted) == MOST_STATES
    assert {rejection.reason for rejection in done.rejected} == {Reason.UNKNOWN_STATE}
    assert f"{MOST_STATES:,} states already" in done.rejected[0].detail
    assert len(take(pipeline, ("product", "WORD 3"), at=START + SECOND).accepted) == 1


def test_a_refused_reading_makes_no_word(pipeline: Pipeline) -> None:
    done = take(pipeline, ("product", "later"), at=START + FUTURE + 120 * SECOND)
    assert done.rejected[0].reason is Reason.FUTURE_TIMESTAMP
    assert pipeline.words.of("product") == {}


def test_a_codes_word_is_the_same_whatever_order_the_list_has_later(detection: DetectorSettings) -> None:
    words = StateWords()
    before = Pipeline(TagTable([Tag("v", "V", states=("closed", "open"))]), detection, words)
    assert take(before, ("v", 0), ("v", 1)).accepted.value.tolist() == [0, 1]
    before.retag(TagTable([Tag("v", "V", states=("fault", "open", "Closed"))]))
    done = take(before, ("v", 0), ("v", 1), ("v", 2), at=START + SECOND)
    assert done.accepted.value.tolist() == [2, 1, 0]
    assert words.of("v") == {0: "closed", 1: "open", 2: "fault"}


def test_states_are_neither_scored_nor_learned(pipeline: Pipeline) -> None:
    for tick in range(200):
        done = take(pipeline, ("valve", tick % 2), ("temp", 37.0 + tick % 3), at=START + tick * SECOND)
        assert np.isnan(done.scores.score[0])
        assert not done.scores.is_anomaly[0]
        assert done.scores.n.tolist() == [0, tick]
    done = take(pipeline, ("valve", "open"), ("temp", 90.0), at=START + 500 * SECOND)
    assert done.scores.is_anomaly.tolist() == [False, True]


def test_numbers_are_scored_as_if_there_were_no_states(detection: DetectorSettings, tags: TagTable) -> None:
    pipeline, alone = Pipeline(tags, detection), Pipeline(TagTable([tags["temp"]]), detection)
    rng = np.random.default_rng(7)
    for tick, value in enumerate(rng.normal(37, 1, 300).tolist()):
        at = START + tick * SECOND
        mixed = take(pipeline, ("product", f"p{tick % 5}"), ("temp", value), at=at - 1)
        plain = take(alone, ("temp", value), at=at)
        assert mixed.scores.take(np.array([1])).score.tobytes() == plain.scores.score.tobytes()


def test_duplicates_are_recognised_by_word(pipeline: Pipeline) -> None:
    take(pipeline, ("valve", "open"), ("product", "A"))
    again = take(pipeline, ("valve", 1), ("product", "a"))
    assert [rejection.reason for rejection in again.rejected] == [Reason.DUPLICATE] * 2
    assert len(take(pipeline, ("valve", "closed"), ("product", "B")).accepted) == 2


def test_words_of_an_undone_batch_travel_again(pipeline: Pipeline) -> None:
    first = take(pipeline, ("product", "A"), ("valve", "open"), ("temp", 37.0))
    pipeline.undo()
    second = take(pipeline, ("product", "A"), ("valve", "open"), ("temp", 37.0))
    assert second.accepted.value.tolist() == first.accepted.value.tolist()
    assert second.words == first.words
    assert second.scores.n.tolist() == [0, 0, 0]
    pipeline.words.saved(second.words)
    assert take(pipeline, ("product", "A"), ("product", "B"), at=START + SECOND).words == (
        StateWord("product", 1, "B"),
    )


def test_a_restored_tag_of_states_has_learned_nothing(pipeline: Pipeline) -> None:
    count = 60
    times = START + SECOND * np.arange(count)
    pipeline.restore("valve", 1, times, np.arange(count) % 2.0, np.ones(count, dtype=np.bool_))
    done = take(pipeline, ("valve", "open"), at=START + SECOND)
    assert done.rejected[0].reason is Reason.DUPLICATE
    assert take(pipeline, ("valve", "closed"), at=START + SECOND).scores.n.tolist() == [0]
    assert pipeline.saved_states() == {}


def test_quality_travels_with_a_state(pipeline: Pipeline) -> None:
    reading = Reading("valve", START, "open", Quality.BAD_SENSOR_FAILURE)
    done = pipeline.process(Batch.of([reading], source="test", received=START))
    assert done.accepted.quality.tolist() == [Quality.BAD_SENSOR_FAILURE]


def test_without_the_store_codes_are_above_all_that_it_has() -> None:
    words = StateWords(first=START)
    words.take([StateWord("product", 3, "A")])
    assert words.code_for("product", "a") == 3
    assert words.code_for("product", "B") == START
    words.take([StateWord("product", 0, "B"), StateWord("product", 3, "A")])
    assert words.code_for("product", "B") == START
    assert words.of("product") == {0: "B", 3: "A", START: "B"}


def test_a_table_without_states_has_none(detection: DetectorSettings, tags: TagTable) -> None:
    words = StateWords([StateWord("valve", 0, "closed"), StateWord("temp", 0, "off")])
    assert words.by_tag(tags) == {"valve": {0: "closed"}}  # temp has become a tag of numbers
    assert words.by_tag(TagTable([tags["temp"]])) == {"valve": {0: "closed"}}
    done = take(Pipeline(TagTable([tags["temp"]]), detection, words), ("temp", "off"))
    assert done.rejected[0].reason is Reason.NOT_A_NUMBER
