"""The forms of sources say of each kind what the kind itself says."""

from __future__ import annotations

from typing import Any

import pytest

from sensormon.model.text import without_password
from sensormon.sources.connected import Offer, SourceKind
from sensormon.sources.kinds import KINDS
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_keys import Keys, keys_of, keys_text, read_keys, source_of
from sensormon.sources.named_text import parse_sources
from sensormon.view.source_forms import FORMS, Field, Form, Input, other_keys, without_usual
from sensormon.view.source_names import Naming, name_by_rule, wrong_parts
from sensormon.view.source_rows import frame_of, plain, rows_of
from sensormon.view.sources import source_changes, source_words
from tests.support.lines import FORM, KIND, known_here

ALL = [*KINDS.values(), KIND]
TEXT = '# kept\n[sources.other]\nkind = "lines"\nurl = "lines://127.0.0.1:1"  # the old one\n'


@pytest.fixture(autouse=True)
def _lines(monkeypatch: pytest.MonkeyPatch) -> None:
    known_here(monkeypatch)


def form_of_kind(kind: SourceKind[Any]) -> Form:
    return FORM if kind is KIND else FORMS[kind.kind]


def example(field: Field) -> Any:
    """A value that a person could write there."""
    match field.input:
        case Input.WHOLE:
            return int(field.example or field.usual or 0)
        case Input.NUMBER:
            return float(field.example or field.usual or 1)
        case Input.CHOICE:
            return field.usual or field.options[0]
        case Input.LIST:
            return [field.example or "a*"]
        case _:
            return field.example or "x"


def filled(kind: SourceKind[Any]) -> Keys:
    """The keys of a form with what is needed alone."""
    form = form_of_kind(kind)
    keys: Keys = {"kind": kind.kind} | {field.key: example(field) for field in form.fields if field.needed}
    if form.rows:
        row = {c.key: example(c) for c in form.rows.columns if c.needed or c.key == "type"}
        keys[form.rows.key] = form.rows.write([row])
    return keys


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.kind)
def test_what_the_form_needs_is_enough_for_the_kind(kind: SourceKind[Any]) -> None:
    assert source_of("line1", filled(kind)).kind == kind.kind


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.kind)
def test_what_the_form_calls_usual_is_what_the_kind_does_without_the_key(kind: SourceKind[Any]) -> None:
    plain = source_of("line1", filled(kind))
    for field in form_of_kind(kind).fields:
        if field.usual is not None:
            assert source_of("line1", {**filled(kind), field.key: field.usual}) == plain, field.key


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.kind)
def test_what_the_page_writes_reads_back_equal_and_leaves_others_alone(kind: SourceKind[Any]) -> None:
    for more in ({}, {"on": False, "collector": "c2", "new_tags": True}, {"new_tags": False}):
        source = source_of("line1", {**filled(kind), **more})
        text = with_source(TEXT, source)
        assert parse_sources(text)["line1"] == source
        assert text.startswith(TEXT)
        assert source_of("line1", keys_of(source)) == source
        assert parse_sources(with_source(text, source)) == parse_sources(text)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.kind)
def test_rows_in_the_table_are_the_rows_of_the_file(kind: SourceKind[Any]) -> None:
    form = form_of_kind(kind)
    if form.rows is None:
        return
    rows = form.rows.read(filled(kind)[form.rows.key])
    hidden = rows if form.rows.is_mapping else [{**rows[0], "another": [1, 2]}]
    assert rows_of(form.rows, frame_of(form.rows, hidden), hidden) == hidden


def test_words_of_a_server_are_cut_and_hold_no_signs_that_hide() -> None:
    offer = plain(Offer("s=\u202eA", "\u202eTank\x1b[31m" + "x" * 9_000, False, None, "1\n2", "a\0b"))
    assert offer.label.startswith("·Tank·[31mxx")
    assert len(offer.label) <= 200
    assert (offer.address, offer.value, offer.detail) == ("s=\u202eA", "1·2", "a·b")


def test_keys_without_a_field_go_through_the_form_as_text() -> None:
    keys = {"kind": "lines", "url": "lines://h:1", "timeout": 3.0, "on": False}
    others = other_keys("lines", keys)
    assert others == {"timeout": 3.0}
    assert read_keys(keys_text(others)) == others


def test_empty_and_usual_values_are_left_out() -> None:
    fields = (Field("a", "A"), Field("b", "B", Input.WHOLE, usual=1))
    assert without_usual(fields, {"a": "", "b": 1}) == {}
    assert without_usual(fields, {"a": "x", "b": 2}) == {"a": "x", "b": 2}


def test_names_are_valid_and_different() -> None:
    taken = [name_by_rule(Naming("{1}.{last}", "p_", True), "ns=2;s=Line 1/Ü x", "")]
    taken.append(name_by_rule(Naming("{1}.{last}", "p_", True), "ns=2;s=Line 1/Ü x", "", taken))
    assert taken[0] != taken[1]
    assert all(name == name.lower() for name in taken)
    assert wrong_parts("{1}_{nmae}").startswith("{nmae} stands for nothing")
    assert not wrong_parts("{name}{12}{address}{last}")


def test_words_for_the_audit_trail_have_no_password() -> None:
    before = source_of("a", {"kind": "lines", "url": "lines://me:s3cret@h:1"})
    after = source_of("a", {"kind": "lines", "url": "lines://me:s3cret@h:1", "most": 5})
    assert source_changes(before, after) == ("most unset", "most: 5")
    assert "s3cret" not in source_words(before)
    assert without_password("x?password=s3cret&y=1") == "x?password=…&y=1"
