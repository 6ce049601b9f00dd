"""What holds for every detector in PER_TAG; listing a new one is enough to test it."""

from __future__ import annotations

import ast
import math
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensormon import detectors
from sensormon.detectors import MULTIVARIATE, PER_TAG
from sensormon.detectors.base import TagFacts
from sensormon.detectors.judged import Judged, Rule
from sensormon.detectors.limits import Limits
from sensormon.detectors.zscore import ZScore
from sensormon.model.errors import UsageError
from sensormon.model.readings import Scores
from sensormon.model.tags import Tag
from sensormon.view.glossary import explained

COLUMNS = ("n", "score", "expected", "lower", "upper", "is_anomaly")
ROWS = 2000

every_detector = pytest.mark.parametrize("kind", [pytest.param(k, id=n) for n, k in PER_TAG.items()])


def history() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three interleaved tags with noise, spikes, a shift, a stuck stretch, a gap, NaN and bad readings."""
    random = np.random.default_rng(0)
    tag = random.integers(0, 3, ROWS).astype(np.int32)
    value = np.array([37.0, 7.0, 450.0])[tag] + np.array([0.2, 0.02, 5.0])[tag] * random.normal(size=ROWS)
    value[::97] *= 1.5
    value[900:1100] += 2.0
    value[1300:1500] = 7.0
    value[::211] = math.nan
    time = np.arange(ROWS) * 333_333
    time[1600:] += 3_600_000_000
    return tag, value, random.random(ROWS) > 0.02, time


def start(kind: Any) -> Any:
    resolution, low, high = (
        np.array([0.01, 0.001, 1.0]),
        np.array([35.0, 6.5, 400.0]),
        np.array([39.0, 7.5, 500.0]),
    )
    return kind().start(TagFacts(resolution, low, high, low - 10.0, high + 10.0))


def same(scores: Scores, others: Scores) -> bool:
    return all(getattr(scores, name).tobytes() == getattr(others, name).tobytes() for name in COLUMNS)


def test_every_file_is_registered() -> None:
    files = {module.name for module in pkgutil.iter_modules(detectors.__path__)} - {
        "base",
        "baseline",
        "conditions",
        "few_values",
        "incomplete",
        "inputs",
        "judged",
        "kernel",
        "mewma_fit",
        "mewma_kernel",
        "mewma_state",
        "multivariate",
        "notes",
        "pca",
        "profile_kernels",
        "profile_state",
        "recommended_charts",
        "recommended_kernel",
        "recommended_levels",
        "recommended_row",
        "recommended_tail",
        "recommended_views",
        "row_kernels",
        "row_state",
        "trained_state",
        "training",
        "training_stretch",
        "weekly_profile",
    }
    assert files == {
        kind.__module__.rsplit(".", 1)[1] for kind in [*PER_TAG.values(), *MULTIVARIATE.values()]
    }


@every_detector
def test_is_documented(kind: Any) -> None:
    text = kind.__doc__
    for part in (">>> ", "Reference", "Catches", "Misses", *(f"`{p.name}`" for p in kind.PARAMETERS)):
        assert part in text, f"{kind.__name__}'s docstring lacks {part}"
    assert text.count("\n") > 8


def tag_of(code: int) -> Tag:
    """One of the three tags in `history`."""
    return Tag("tag", "Tag", "unit", normal=(6.5, 7.5), resolution=(0.01, 0.001, 1.0)[code])


@every_detector
def test_describes_itself_where_it_is_defined(kind: Any) -> None:
    for text in (kind.title, kind.score_name, kind.catches, kind.misses):
        assert text
        assert text == " ".join(text.split())
    assert kind.catches in " ".join(kind.__doc__.split())
    labels = [parameter.label for parameter in kind.PARAMETERS]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert all(explained(term) for parameter in kind.PARAMETERS for term in parameter.terms)
    assert kind().sensitivity in {None, *(parameter.name for parameter in kind.PARAMETERS)}
    assert kind().needed >= 0


def test_titles_tell_detectors_apart() -> None:
    assert len({kind.title for kind in PER_TAG.values()}) == len(PER_TAG)


@every_detector
def test_has_a_sentence_for_flagged_readings_and_for_others(kind: Any) -> None:
    columns = history()
    tag, value, *_ = columns
    scores, detector = start(kind).run(*columns), kind()
    rules = set()
    for row in np.flatnonzero(np.isfinite(scores.score)):
        numbers = (scores.score, scores.expected, scores.lower, scores.upper)
        reading = Judged(
            float(value[row]),
            0,
            int(scores.n[row]),
            *(float(column[row]) for column in numbers),
            is_anomaly=bool(scores.is_anomaly[row]),
        )
        rule, sentence = detector.sentence(reading, tag_of(tag[row]))
        assert (rule is Rule.FLAGGED) == reading.is_anomaly, sentence
        assert sentence.endswith(": not flagged") or reading.is_anomaly or rule is Rule.HELD_BACK, sentence
        assert not sentence.endswith("."), sentence
        assert re.search(r"\bnan\b|\binf\b", sentence) is None, sentence
        sigma = detector.sigma(reading, tag_of(tag[row]))
        assert math.isnan(sigma) or sigma >= 0.0
        rules.add(rule)
    assert Rule.FLAGGED in rules
    assert len(rules) > 1


def test_detectors_import_numbers_compiler_and_model_alone() -> None:
    allowed = {"numpy", "numba", "sensormon"} | set(sys.stdlib_module_names)
    for path in Path(detectors.__path__[0]).glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        # `detect` takes and returns frames.
        frames = path.name in ("__init__.py", "inputs.py")
        frame = {"pandas"} if frames else set()
        assert {name.split(".")[0] for name in names} <= allowed | frame, path.name
        own = {name for name in names if name.startswith("sensormon.")}
        assert all(name.startswith(("sensormon.detectors", "sensormon.model")) for name in own), path.name


@every_detector
def test_parameters_have_limits_that_hold(kind: Any) -> None:
    for parameter in kind.PARAMETERS:
        assert parameter.unit
        assert parameter.step > 0
        assert parameter.low <= getattr(kind(), parameter.name) <= parameter.high
        for good in (parameter.low, parameter.high):
            kind(**{parameter.name: good})
        for bad in (parameter.low - parameter.step, parameter.high + parameter.step, "x", None, math.nan):
            with pytest.raises(UsageError, match=parameter.name):
                kind(**{parameter.name: bad})


@every_detector
def test_parameters_are_frozen_and_compared_by_value(kind: Any) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    with pytest.raises(AttributeError):
        kind().threshold = 1.0


@every_detector
def test_says_something_of_each_row(kind: Any) -> None:
    scores = start(kind).run(*history())
    assert [getattr(scores, name).dtype for name in COLUMNS] == [np.int64, *[np.float64] * 4, np.bool_]
    assert {len(getattr(scores, name)) for name in COLUMNS} == {ROWS}
    assert scores.is_anomaly.any()
    assert np.array_equal(scores.score > kind().threshold, scores.is_anomaly)


@every_detector
def test_counts_what_each_tag_has_learned(kind: Any) -> None:
    tag, value, ok, time = history()
    n = start(kind).run(tag, value, ok, time).n
    good = ok & np.isfinite(value)
    for code in range(3):
        before = np.cumsum(good[tag == code]) - good[tag == code]
        assert np.array_equal(n[tag == code], before)


@every_detector
def test_same_input_same_output_and_input_untouched(kind: Any) -> None:
    columns, kept = history(), history()
    assert same(start(kind).run(*columns), start(kind).run(*columns))
    for column, before in zip(columns, kept, strict=True):
        assert column.tobytes() == before.tobytes()


@every_detector
def test_any_layout_of_the_columns_gives_the_same(kind: Any) -> None:
    tag, value, ok, time = history()
    strided = [np.repeat(column, 2)[::2] for column in (tag, value, ok, time)]
    frozen = [column.copy() for column in (tag, value, ok, time)]
    for column in frozen:
        column.flags.writeable = False
    expected = start(kind).run(tag, value, ok, time)
    assert same(start(kind).run(*strided), expected)
    assert same(start(kind).run(*frozen), expected)
    assert same(start(kind).run(tag.astype(np.int64), value.astype(">f8"), ok, time), expected)


@every_detector
def test_live_equals_history(kind: Any) -> None:
    tag, value, ok, time = history()
    whole, live = start(kind).run(tag, value, ok, time), start(kind)
    for i in range(ROWS):
        row = slice(i, i + 1)
        assert same(live.run(tag[row], value[row], ok[row], time[row]), whole.take(np.arange(i, i + 1))), i


@every_detector
def test_causal(kind: Any) -> None:
    tag, value, ok, time = history()
    whole = start(kind).run(tag, value, ok, time)
    for rows in (0, 1, 60, 333, 1999):
        cut = start(kind).run(tag[:rows], value[:rows], ok[:rows], time[:rows])
        assert same(cut, whole.take(np.arange(rows)))


@every_detector
def test_a_tag_is_scored_as_if_it_were_alone(kind: Any) -> None:
    tag, value, ok, time = history()
    whole = start(kind).run(tag, value, ok, time)
    for code in range(3):
        mine = tag == code
        assert same(start(kind).run(tag[mine], value[mine], ok[mine], time[mine]), whole.take(mine))


@every_detector
def test_peek_leaves_the_state_unchanged(kind: Any) -> None:
    tag, value, ok, time = history()
    whole, state = start(kind).run(tag, value, ok, time), start(kind)
    for a in range(0, ROWS, 100):
        b = a + 100
        for code in range(3):
            for guess in (37.0, 1e9, math.nan):
                assert len(state.peek(code, guess, int(time[a]))) == 1
        peeked = state.peek(int(tag[a]), float(value[a]), int(time[a]))
        scores = state.run(tag[a:b], value[a:b], ok[a:b], time[a:b])
        assert same(scores, whole.take(np.arange(a, b)))
        if ok[a]:
            assert same(peeked, scores.take(np.arange(1)))


CUTS = (0, 1, 70, 149, 150, 151, 1000, 1777)


@every_detector
def test_restored_from_its_last_readings_it_continues_the_same(kind: Any) -> None:
    tag, value, ok, time = history()
    whole = start(kind).run(tag, value, ok, time)
    good = ok & np.isfinite(value)
    for cut in CUTS:
        state = start(kind)
        for code in range(3):
            learned = np.flatnonzero((tag[:cut] == code) & good[:cut])
            last = learned[max(0, len(learned) - state.lead) :]
            state.restore(code, len(learned), value[last], time[last])
        went_on = state.run(tag[cut:], value[cut:], ok[cut:], time[cut:])
        expected = whole.take(np.arange(cut, ROWS))
        assert np.array_equal(went_on.n, expected.n)
        # No tag here has more readings than a recursive detector's lead, so it saw all of them.
        assert not state.recursive or len(learned) < state.lead
        assert same(went_on, expected)


@every_detector
def test_restored_from_too_little_it_starts_again_with_that(kind: Any) -> None:
    value, time = np.random.default_rng(2).normal(37.0, 0.2, 90), np.arange(90) * 1_000_000
    restored, fresh = start(kind), start(kind)
    restored.restore(0, 50_000, value[:20], time[:20])
    rows = np.zeros(90, np.int32), value, np.ones(90, bool), time
    whole = fresh.run(*rows)
    lead = restored.lead
    if lead > 20:
        assert same(restored.run(*(column[20:] for column in rows)), whole.take(np.arange(20, 90)))


@every_detector
def test_saved_and_loaded_it_continues_to_the_last_bit(kind: Any) -> None:
    tag, value, ok, time = history()
    whole = start(kind).run(tag, value, ok, time)
    for cut in CUTS:
        before, after = start(kind), start(kind)
        before.run(tag[:cut], value[:cut], ok[:cut], time[:cut])
        after.run(tag[::-1], value[::-1], ok[::-1], time)  # earlier state must not matter
        for code in range(3):
            vector = before.save(code)
            assert vector.dtype == np.float64
            after.load(code, vector)
            vector[:] = math.nan  # it is a copy
        went_on = after.run(tag[cut:], value[cut:], ok[cut:], time[cut:])
        assert same(went_on, whole.take(np.arange(cut, ROWS)))
        assert same(before.run(tag[cut:], value[cut:], ok[cut:], time[cut:]), went_on)


@every_detector
def test_a_vector_of_another_size_is_refused(kind: Any) -> None:
    state = start(kind)
    with pytest.raises(ValueError, match="numbers"):
        state.load(0, np.append(state.save(0), 0.0))


@every_detector
@pytest.mark.parametrize("code", [-1, 3, 2**31])
def test_a_tag_code_that_does_not_exist_is_refused(kind: Any, code: int) -> None:
    state = start(kind)
    none, nothing = np.array([]), np.array([], np.int64)
    for attempt in (
        lambda: state.run(np.array([code]), np.zeros(1), np.ones(1, bool), np.zeros(1, np.int64)),
        lambda: state.peek(code, 1.0, 0),
        lambda: state.restore(code, 0, none, nothing),
        lambda: state.save(code),
        lambda: state.load(code, state.save(0)),
    ):
        with pytest.raises(IndexError, match="from 0 to 2"):
            attempt()


@every_detector
@pytest.mark.parametrize("level", [0.0, 37.3, -1e9, 1e-300, 1e300])
def test_a_flat_line_and_a_step_off_it_stay_finite(kind: Any, level: float) -> None:
    state = kind().start(np.zeros(1))
    value, time = np.full(3000, level), np.arange(3000) * 1_000_000
    scores = state.run(np.zeros(3000, np.int32), value, np.ones(3000, bool), time)
    assert not scores.is_anomaly.any()
    # A tag without limits of its own has no lower and upper to show.
    for name in ("score", "expected", *(() if kind is Limits else ("lower", "upper"))):
        assert np.isfinite(getattr(scores, name)[-1000:]).all(), name
    assert np.isfinite(state.peek(0, level + 1.0, int(time[-1]) + 1_000_000).score).all()


@every_detector
def test_the_largest_values_leave_it_finite(kind: Any) -> None:
    random = np.random.default_rng(3)
    value = np.concatenate([random.normal(37.0, 0.2, 300), 1e300 * random.normal(0.0, 0.2, 700).clip(-1, 1)])
    value[[7, 8, 200]] = 1e300, -1e300, 1e300
    time = np.arange(1000) * 1_000_000
    scores = kind().start(np.zeros(1)).run(np.zeros(1000, np.int32), value, np.ones(1000, bool), time)
    if kind is not ZScore:  # it squares its input and is blind for one window
        assert np.isfinite(scores.score[500:]).all()
    assert not np.isinf(scores.score).any()


@every_detector
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_one_odd_value_does_not_blind_it(kind: Any, odd: float) -> None:
    value, time = np.random.default_rng(1).normal(37.0, 0.2, 3000), np.arange(3000) * 1_000_000
    value[2500:2600] = 37.0 + 20 * 0.2  # a spike, a shift, a stuck sensor …
    time[2550:] += 3_600_000_000  # … and a gap
    facts = TagFacts(np.zeros(1), np.full(1, 35.0), np.full(1, 39.0), np.full(1, -np.inf), np.full(1, np.inf))
    with_odd, times = np.insert(value, 300, odd), np.insert(time, 300, time[300])
    plain = kind().start(facts).run(np.zeros(3000, np.int32), value, np.ones(3000, bool), time)
    scores = kind().start(facts).run(np.zeros(3001, np.int32), with_odd, np.ones(3001, bool), times)
    assert math.isnan(scores.score[300])
    assert not scores.is_anomaly[300]
    assert same(scores.take(np.arange(3001) != 300), plain)
    assert scores.is_anomaly[2501:2601].any()
