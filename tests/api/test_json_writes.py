"""JSON bodies as senders write them: qualities, words of states, NaN, times."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensormon.api import parsing
from sensormon.api.parsing import parse_batch, parse_single
from sensormon.ingest.validation import parse_rows
from sensormon.model.readings import Batch, Quality
from tests.support.api import Start, get, post

ROW = {"tag": "fermenter_temp", "value": 37.2, "timestamp": "2026-01-31T12:00:00Z"}
NAN = """[{"timestamp":"2026-01-31T12:00:00Z","tag":"fermenter_temp","value":37.0},
 {"timestamp":"2026-01-31T12:00:01Z","tag":"fermenter_temp","value":%s},
 {"timestamp":"2026-01-31T12:00:02Z","tag":"fermenter_temp","value":37.1}]"""


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 5_000, "null"])
def test_value_that_is_no_number_rejects_its_row_alone(start: Start, value: str) -> None:
    monitor, api = start()
    answer = post(api, "/ingest/batch", NAN % value)
    assert answer.status_code == 201
    content = answer.json()
    reason = "not_a_number" if value == "null" else "not_finite"
    assert content["accepted"] == 2
    assert [(row["index"], row["reason"]) for row in content["rejected"]] == [(1, reason)]
    single = post(api, "/ingest", '{"tag":"fermenter_temp","value":' + value + "}")
    assert (single.status_code, single.json()["reason"]) == (400, reason)
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (4, 2, 0)


def test_readings_have_the_quality_they_say(start: Start) -> None:
    _, api = start()
    said = {"Good": 0, "Bad sensor failure": Quality.BAD_SENSOR_FAILURE, 64: Quality.UNCERTAIN, 192: 0}
    rows = [
        {**ROW, "timestamp": f"2026-01-31T12:00:{i:02d}Z", "quality": quality}
        for i, quality in enumerate(said)
    ]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 4
    single = {**ROW, "timestamp": "2026-01-31T12:01:00Z", "quality": "uncertain"}
    assert post(api, "/ingest", single).status_code == 201
    stored = get(api, "/data").json()
    assert [row["quality"] for row in stored] == [*said.values(), Quality.UNCERTAIN]


@pytest.mark.parametrize("quality", ["so-so", "", 5, -1, 1.5, True, [], {}, "Good" * 100, 10**400])
def test_row_with_an_unknown_quality_is_rejected(start: Start, quality: Any) -> None:
    _, api = start()
    answer = post(api, "/ingest/batch", [ROW, {**ROW, "quality": quality}]).json()
    assert answer["accepted"] == 1
    assert [(row["index"], row["reason"]) for row in answer["rejected"]] == [(1, "malformed")]
    assert "the quality" in answer["rejected"][0]["detail"]
    single = post(api, "/ingest", {**ROW, "quality": quality})
    assert (single.status_code, single.json()["reason"]) == (400, "malformed")


def test_quality_twice_rejects_the_row(start: Start) -> None:
    _, api = start()
    for first, last in (("0", "0"), ('"Good"', "0"), ("0", '"Bad"'), ('"Good"', '"Bad"')):
        row = '{"tag":"fermenter_temp","value":37,"quality":' + first + ',"quality":' + last + "}"
        assert post(api, "/ingest", row).json()["reason"] == "malformed"
        content = post(api, "/ingest/batch", f'[{{"tag":"fermenter_ph","value":7}},{row}]').json()
        assert [bad["index"] for bad in content["rejected"]] == [1]


def test_words_and_booleans_are_the_words_of_states() -> None:
    rows = [{"tag": "valve", "value": value} for value in ("open", True, 1, False, " open ", "37")]
    batch = parse_batch(json.dumps(rows).encode(), 0, 10).batch
    assert batch.word is not None
    words = [batch.words[place] if place >= 0 else None for place in batch.word]
    assert words == ["open", "true", None, "false", "open", "37"]
    single = parse_single(json.dumps(rows[1]).encode(), 0).batch
    assert single.words == ("true",)


# -- both ways to read a body -------------------------------------------------

TAGS = st.sampled_from(["a", "b", "ü"])
VALUES = st.one_of(
    st.floats(allow_nan=True),
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.sampled_from(["open", " closed ", "37", "", "x" * 201, "a\u202eb", "null", 'say "no"']),
    st.none(),
)
QUALITIES = st.sampled_from([None, "Good", "bad", "maybe", 0, 192, 7, 2**31, 1.0, True])
TIMES = st.one_of(
    st.none(),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes().map(lambda moment: moment.isoformat(" ") + "+02:00"),
    st.from_regex(
        r"[0-2][09][0-9]{2}-[01][0-9]-[0-3][0-9]"
        r"([T ][0-2][0-9](:[0-5][0-9](:[0-6][0-9]([.,][0-9]{1,9})?)?)?)?"
        r"(Z|[+-][0-2][0-9](:?[0-6][0-9])?)?",
        fullmatch=True,
    ),
)


def rows_of(batch: Batch) -> list[tuple[object, ...]]:
    """What the rows of a batch say."""
    word = np.full(len(batch), -1) if batch.word is None else batch.word
    return [
        (
            batch.tags[batch.tag[row]],
            int(batch.time[row]),
            batch.words[word[row]] if word[row] >= 0 else repr(float(batch.value[row])),
            int(batch.quality[row]),
        )
        for row in range(len(batch))
    ]


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"tag": TAGS, "value": VALUES, "timestamp": TIMES, "quality": QUALITIES}))
)
@example([{"tag": "a", "value": 1, "timestamp": "0000-01-01T00:00:00Z", "quality": None}])
@example([{"tag": "a", "value": 1, "timestamp": "2026-01-31T24:00:00Z", "quality": None}])
@example([{"tag": "a", "value": 1, "timestamp": "2026-01-31T12:00:00,5+02", "quality": None}])
def test_fast_way_reads_nothing_differently(content: list[dict[str, Any]]) -> None:
    rows = [{key: value for key, value in row.items() if value is not None} for row in content]
    rows = [{"value": None, **row} for row in rows]
    body = json.dumps(rows).encode()
    parsed = parse_batch(body, 7, 100)
    batch, positions, refused = parse_rows(rows, source=parsing.SOURCE, received=7)
    assert rows_of(parsed.batch) == rows_of(batch)
    assert list(parsed.positions) == list(positions)
    assert parsed.malformed.index.tolist() == refused.index.tolist()
    assert parsed.timed == all("timestamp" in rows[position] for position in positions)
    if len(rows) == 1:
        assert rows_of(parse_single(body[1:-1], 7).batch) == rows_of(batch)


def test_batch_of_plain_readings_is_read_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        raise AssertionError("read row by row")

    monkeypatch.setattr(parsing, "_by_row", slow)
    monkeypatch.setattr(parsing, "_loaded", slow)
    for change in ({}, {"quality": "Bad"}, {"quality": 192}, {"value": "open"}, {"value": True}):
        rows = [ROW, {**ROW, **change}, {"tag": "a", "value": 1}]
        assert len(parse_batch(json.dumps(rows).encode(), 0, 10).batch) == 3
        assert len(parse_batch(json.dumps({"readings": rows, "batch_id": "k"}).encode(), 0, 10).batch) == 3
        assert len(parse_single(json.dumps({**ROW, **change}).encode(), 0).batch) == 1
