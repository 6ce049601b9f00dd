"""The contract of every store: settings, actions, notes, documents, audit records, answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sensormon.model.clock import SECOND
from sensormon.model.entries import (
    BY_CONTENT,
    ActionEntry,
    Annotation,
    AnnotationEntry,
    AuditRecord,
    BatchEntry,
    DetectorSettings,
    Document,
    DocumentsEntry,
    EventAction,
    KeptAnswer,
    Record,
    SettingsEntry,
)
from sensormon.model.readings import Processed, StateWord
from sensormon.stores.entries import AuditQuery
from sensormon.stores.protocol import Store
from tests.support.plant import START
from tests.support.watched_plant import PROFILES, version

Records = Callable[..., list[Record]]


def test_settings_keep_their_order(store: Store) -> None:
    changes = [
        DetectorSettings(i, START + i, "someone", "zscore", {"window": 50 + i}, {"window": 50})
        for i in (1, 2)
    ]
    changes.append(replace(version(PROFILES, 3), reason="it's; --"))
    store.load("w", [Record(i, SettingsEntry(change)) for i, change in enumerate(changes, 1)])
    assert store.entries.detector_settings() == changes


def test_event_actions_are_stored_once(store: Store) -> None:
    label = EventAction((7, 9), START + 5, "night shift", "label", label="benign", note="it's \u00b0; --")
    shelve = EventAction((7,), START + 3, "Ana", "shelve", until=START + 60 * SECOND)
    entries = [Record(1, ActionEntry(label)), Record(2, ActionEntry(shelve))]
    store.load("w", entries)
    store.load("w", entries)
    frame = store.entries.event_actions(1, 8)
    assert frame["action"].tolist() == ["shelve", "label"]
    assert frame["who"].tolist() == ["Ana", "night shift"]
    assert frame["until"].iloc[0].value == (START + 60 * SECOND) * 1000
    assert frame["until"].isna().tolist() == [False, True]
    assert frame["note"].tolist() == ["", label.note]
    assert store.entries.event_actions(1, 99)["reading"].tolist() == [7, 7, 9]
    assert store.entries.event_actions(10, 99).empty


def test_notes_and_removals_are_stored_once(store: Store) -> None:
    note = Annotation("a", START, START + SECOND, ("temp", "p'h"), "it's °; --", "Ana", START + 5)
    every = Annotation("b", START, START, (), "all", "Bo", START + 6)
    gone = replace(note, who="Bo", time=START + 7, removed=True)
    entries = [Record(i, AnnotationEntry(annotation)) for i, annotation in enumerate((note, every, gone), 1)]
    store.load("w", entries)
    store.load("w", entries)
    assert store.entries.annotations() == [note, every, gone]


def test_answers_are_stored_once_and_dropped_when_old(store: Store, records: Records) -> None:
    old = KeptAnswer("a", "digest", 201, '{"id": 1}', START)
    new = KeptAnswer("b", "digest", 400, '{"error": "ü"}', START + SECOND)
    loaded = [
        replace(record, entry=replace(record.entry, answers=(answer,)))
        for record, answer in zip(records(2), (old, new), strict=True)
    ]
    store.load("w", loaded)
    store.load("w", loaded)
    assert store.entries.kept_answers(10) == [old, new]
    assert store.entries.kept_answers(1) == [new]
    store.entries.drop_answers(START + 1)
    assert store.entries.kept_answers(10) == [new]


def test_answers_by_content_are_apart_and_bounded(store: Store, processed: Callable[..., Processed]) -> None:
    keyed = KeptAnswer("a", "digest", 201, "", START)
    unkeyed = [KeptAnswer(f"{BY_CONTENT}{i}", "", 201, f"{i}", START + i * SECOND) for i in range(6)]
    store.load("w", [Record(1, BatchEntry(1, {"test": 1}, processed(1), (keyed, *unkeyed)))])
    assert store.entries.kept_answers(10) == [keyed]
    assert store.entries.answers_by_content(2) == unkeyed[-2:]
    store.entries.drop_answers_by_content(START + 2 * SECOND, 10)
    assert store.entries.answers_by_content(10) == unkeyed[2:]
    store.entries.drop_answers_by_content(START, 2)
    assert store.entries.answers_by_content(10) == unkeyed[3:]
    assert store.entries.kept_answers(10) == [keyed]


def test_answers_by_key_prefix_are_oldest_first(store: Store, processed: Callable[..., Processed]) -> None:
    kept = tuple(KeptAnswer(f"{key}", "f", 201, "b", START) for key in ("a:2", "b:1", "a:1"))
    store.load("w", [Record(1, BatchEntry(1, {"test": 1}, processed(1), kept))])
    assert store.entries.answers_to("a:") == [kept[0], kept[2]]


def test_an_empty_store_has_no_entries(store: Store) -> None:
    assert store.entries.event_actions(0, 10**9).empty
    assert store.entries.annotations() == []
    assert store.entries.detector_settings() == []


def test_the_newest_version_of_a_document_counts(store: Store) -> None:
    first = Document("accounts", "ana", {"role": "viewer", "note": "it's °; --"}, "Bo", START)
    second = replace(first, content={"role": "operator"}, time=START + 1)
    gone = Document("accounts", "cy", {}, "Bo", START + 2, removed=True)
    other = Document("tokens", "ana", {"tags": ["a*"]}, "Bo", START + 3)
    loaded = [Record(i, DocumentsEntry((document,))) for i, document in enumerate((first, second, gone), 1)]
    loaded.append(Record(4, DocumentsEntry((other,))))
    store.load("w", loaded)
    store.load("w", loaded)
    assert store.entries.documents("accounts") == [second, gone]
    assert store.entries.documents("tokens") == [other]
    assert store.entries.documents("sessions") == []


def test_audit_records_are_stored_once_and_found_by_time_person_and_act(store: Store) -> None:
    audit = [
        AuditRecord(START + i, who, True, "engineer", "10.0.0.5", act, "settings", "3", "4", "")
        for i, (who, act) in enumerate(
            [("Ana", "apply"), ("Bo", "apply"), ("Ana", "import"), ("O'Neil", "x")]
        )
    ]
    loaded = [
        Record(1, DocumentsEntry(audit=tuple(audit[:2]))),
        Record(2, DocumentsEntry(audit=tuple(audit[2:]))),
    ]
    store.load("w", loaded)
    store.load("w", loaded)
    everything = AuditQuery(START, START + 10)
    assert store.entries.audit(everything) == audit[::-1]
    assert store.entries.audit(replace(everything, limit=1)) == [audit[3]]
    assert store.entries.audit(replace(everything, people=("Ana",), acts=("apply",))) == [audit[0]]
    assert store.entries.audit(replace(everything, people=("O'Neil",))) == [audit[3]]
    assert store.entries.audit(AuditQuery(START + 1, START + 3)) == [audit[2], audit[1]]


def test_words_of_states_are_stored_once_with_their_readings(store: Store, records: Records) -> None:
    closed, opened = StateWord("valve", 0, "closed"), StateWord("valve", 1, "open; -- ü")
    product = StateWord("product", 1_790_000_000_000_000, "A")
    first, second = records(2)
    batches = [
        replace(record, entry=replace(record.entry, processed=replace(record.entry.processed, words=words)))
        for record, words in ((first, (opened, closed)), (second, (closed, product)))
    ]
    assert store.entries.state_words() == []
    store.load("w", batches)
    store.load("w", batches)
    store.load("w", [replace(batches[1], number=3)])
    assert store.entries.state_words() == [product, closed, opened]
