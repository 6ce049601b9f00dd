"""The index over messages: who was told what and when, built one by one, and forgotten again."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensormon.notify.messages import Kind, Message, MessageState, Try, content_of, message_of
from sensormon.notify.told import OVER, Told


def message(key: str, created: int, *covers: int, kind: Kind = Kind.EVENT, **more: Any) -> Message:
    return Message(key, kind, "hot", "shift", created, covers=covers, **more)


def said(record: Told, rule: str = "hot", kind: str = Kind.EVENT) -> list[tuple[int, int]]:
    ids, times = record.by(rule, "shift", kind)
    return sorted(zip(ids.tolist(), times.tolist(), strict=True))


def test_a_later_version_of_a_message_changes_nothing() -> None:
    first = message("k", 10, 1, 2)
    record = Told([first])
    record.add(first.tried(Try(11, 0, True, "ok"), MessageState.SENT))
    assert said(record) == [(1, 10), (2, 10)]
    assert record.sent("shift", 0) == [10]
    assert "k" in record
    assert len(record) == 1


def test_messages_are_counted_by_contact_in_any_order_and_tests_not_at_all() -> None:
    record = Told([message("b", 20, 2), message("a", 10, 1), message("t", 15, kind=Kind.TEST)])
    record.add(message("h", 12, kind=Kind.HEALTH, condition="store:DuckDB"))
    assert record.sent("shift", 0) == [10, 20]
    assert record.sent("shift", 10) == [20]
    assert record.sent("shift", 0, health=True) == [12]
    assert record.sent("boss", 0) == []


def test_a_digest_tells_for_every_rule_and_what_was_over_is_known() -> None:
    record = Told([message("d", 30, 5, 6, kind=Kind.DIGEST, over=(6,))])
    assert said(record, "", Kind.DIGEST) == [(5, 30), (6, 30)]
    assert said(record, "", OVER) == [(6, 30)]
    assert said(record) == []


def test_a_condition_is_open_until_its_end_is_told() -> None:
    record = Told([message("a", 10, kind=Kind.HEALTH, condition="silent:ph\nsilent:rpm")])
    record.add(message("b", 20, kind=Kind.RETURNED, condition="silent:ph"))
    assert record.open_conditions("hot", "shift") == ["silent:rpm"]
    assert record.condition("hot", "shift", "silent:ph").returned == 20
    assert not record.condition("hot", "boss", "silent:ph").open


def test_what_is_old_is_forgotten_but_for_what_lasts() -> None:
    record = Told([message("a", 10, 1, 2), message("b", 50, 3)])
    record.add(message("h", 10, kind=Kind.HEALTH, condition="silent:ph"))
    record.add(message("i", 11, kind=Kind.HEALTH, condition="silent:rpm"))
    record.add(message("j", 12, kind=Kind.RETURNED, condition="silent:rpm"))
    record.forget(40, np.array([2]))
    assert said(record) == [(2, 10), (3, 50)]
    assert record.sent("shift", 0) == [50]
    assert record.open_conditions("hot", "shift") == ["silent:ph"]
    assert record.condition("hot", "shift", "silent:rpm").last == 0


def test_a_message_is_the_same_after_it_was_kept_as_a_document() -> None:
    kept = message("k", 10, 1, 2, kind=Kind.DIGEST, over=(2,), storm=True, condition="")
    assert message_of("k", content_of(kept)) == kept
