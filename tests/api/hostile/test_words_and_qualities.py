"""Requests with monstrous words, qualities and numbers: refused row by row, and little of them is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sensormon.api.writes import digest_of
from sensormon.model.tags import LONGEST_STATE
from sensormon.monitor.monitor import Monitor
from tests.support.api import Start, post

T = 1_769_860_800
TAGS = """
[tags.temp]
[tags.valve]
states = ["closed", "open"]
[tags.product]
kind = "text"
"""
MEGABYTE = "x" * 1_000_000
UNFIT = ["a\x00b", "a\x1b[31mb", "a\u202eb", "a\u2028b", "a\x7fb", "a\x85b", "a\ud800b"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A tag table with tags of states."""
    path = tmp_path / "tags.toml"
    path.write_text(TAGS)
    return path


def size_of_journal(monitor: Monitor) -> int:
    folder = monitor.settings.data_dir / "journal"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def balanced(monitor: Monitor, received: int, rejected: int) -> None:
    monitor.drain()
    ledger = monitor.ledger.now().to_dict()
    assert (ledger["received"], ledger["rejected"], ledger["difference"]) == (received, rejected, 0)


def stored_words(monitor: Monitor) -> list[str]:
    """The words of the tag `product` in the store, in the order they came."""
    monitor.drain()
    words = monitor.parts.store.entries.state_words()
    return [word.word for word in sorted(words, key=lambda word: word.code) if word.tag == "product"]


def row(second: int, **fields: Any) -> dict[str, Any]:
    stamp = f"2026-01-31T12:{second // 60:02d}:{second % 60:02d}Z"
    return {"tag": "product", "value": "beer", "timestamp": stamp, **fields}


@pytest.mark.parametrize("field", ["value", "quality"])
@pytest.mark.parametrize("text", [MEGABYTE, "Good " + " " * 1_000_000, "0x0 " * 250_000])
def test_text_of_a_megabyte_rejects_its_row_and_is_not_kept(
    start: Start, table: Path, field: str, text: str
) -> None:
    monitor, api = start(tags=table)
    before = size_of_journal(monitor)
    answer = post(api, "/ingest/batch", [row(0), row(1, **{field: text}), row(2)])
    content = answer.json()
    if field == "value" and not text.strip().endswith(("x", "0x0")):
        assert content["accepted"] == 3, "blanks around a word are not part of it"
    else:
        assert (content["accepted"], [bad["index"] for bad in content["rejected"]]) == (2, [1])
    assert len(answer.content) < 1_000
    line = f'product {"quality" if field == "quality" else "other"}="{text}",value="beer" {T}'
    assert len(post(api, "/v2/write?precision=s", line).content) < 1_000
    assert size_of_journal(monitor) - before < 20_000


@pytest.mark.parametrize("word", [*UNFIT, "x" * (LONGEST_STATE + 1), "", " "])
def test_word_that_no_state_can_be_rejects_its_row(start: Start, table: Path, word: str) -> None:
    monitor, api = start(tags=table)
    content = post(api, "/ingest/batch", [row(0), row(1, value=word), row(2, tag="valve", value=word)]).json()
    assert (content["accepted"], [bad["index"] for bad in content["rejected"]]) == (1, [1, 2])
    single = post(api, "/ingest", row(3, value=word))
    assert (single.status_code, single.json()["error"]) == (400, "rejected")
    balanced(monitor, 4, 3)
    if "\ud800" not in word and "\u2028" not in word:
        escaped = word.replace("\\", "\\\\")
        assert post(api, "/v2/write?precision=s", f'product value="{escaped}" {T}').status_code == 400
    assert stored_words(monitor) == ["beer"]


def test_longest_word_and_quotation_marks_are_kept_as_they_came(start: Start, table: Path) -> None:
    monitor, api = start(tags=table)
    words = ["w" * LONGEST_STATE, 'say "no"', "back\\slash", "=1+1", "<b>", "null", "NaN", "37,5"]
    rows = [row(i, value=word) for i, word in enumerate(words)]
    assert post(api, "/ingest/batch", rows).json()["accepted"] == len(words)
    assert stored_words(monitor) == words


def test_flood_of_nan_is_named_row_by_row_within_bounds(start: Start, table: Path) -> None:
    monitor, api = start(tags=table)
    before = size_of_journal(monitor)
    flood = ",".join('{"tag":"temp","value":%s}' % word for word in ("NaN", "-Infinity", "null") * 10_000)  # noqa: UP031
    answer = post(api, "/ingest/batch", f"[{json.dumps(row(0))},{flood},{json.dumps(row(1))}]")
    content = answer.json()
    assert (content["accepted"], content["rejected_count"]) == (2, 30_000)
    assert content["rejected_ranges"] == [[1, 30_000]]
    assert len(content["rejected"]) == 100
    assert size_of_journal(monitor) - before < 50_000
    balanced(monitor, 30_002, 30_000)


@pytest.mark.parametrize(
    "body",
    [
        '[{"tag":"temp","value":1,"timestamp":NaN}]',
        '[{"tag":NaN,"value":1}]',
        '[{"tag":"temp","value":1,"quality":NaN}]',
        '[{"tag":"temp","value":[NaN]}]',
        "[NaN]",
        '[{"NaN":1,"tag":"temp","value":1}]',
    ],
)
def test_nan_in_any_place_rejects_its_row(start: Start, table: Path, body: str) -> None:
    monitor, api = start(tags=table)
    content = post(api, "/ingest/batch", body).json()
    assert (content["accepted"], content["rejected_count"]) == (0, 1)
    balanced(monitor, 1, 1)


def test_more_words_than_a_tag_may_have_are_refused_and_counted(start: Start, table: Path) -> None:
    monitor, api = start(tags=table)
    rows = [row(i % 3_600, value=f"w{i}") for i in range(3_000)]
    content = post(api, "/ingest/batch", rows).json()
    assert (content["accepted"], content["rejected_count"]) == (1_000, 2_000)
    assert {bad["reason"] for bad in content["rejected"]} == {"unknown_state"}
    balanced(monitor, 3_000, 2_000)


def test_quality_of_many_digits_is_unknown_and_quick(start: Start, table: Path) -> None:
    _, api = start(tags=table)
    body = '[{"tag":"temp","value":1,"quality":1' + "0" * 1_000_000 + "}]"
    content = post(api, "/ingest/batch", body).json()
    assert [bad["reason"] for bad in content["rejected"]] == ["malformed"]
    assert len(content["rejected"][0]["detail"]) < 500


# -- the digest of a request --------------------------------------------------


def test_parts_of_a_request_cannot_be_shifted_into_each_other() -> None:
    line = f"temp value=1 {T}"
    requests = [
        ("/v2/write", "precision=s", line),
        ("/v2/write", "", f"precision=s\n{line}"),
        ("/v2/write", "precision=s%0A", line),
        ("/v2/write?precision=s", "", line),
        ("/v2/write", "precision=s&tag={measurement}", line),
        ("/v2/write", "precision=us", line),
        ("/ingest", "precision=s", line),
    ]
    digests = {digest_of(route.encode(), query, body.encode()) for route, query, body in requests}
    assert len(digests) == len(requests)
