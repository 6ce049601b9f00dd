"""The own tag table and that of all processes become one, whatever was edited where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.tag_agreement import (
    FILE,
    Agreed,
    brought_up,
    compared,
    edits,
    followed,
    read_agreed,
    tags_in_force,
    write_agreed,
)

OLD = Tag("a", "old", "bar")
MINE = Tag("a", "mine", "bar")
THEIRS = Tag("a", "theirs", "bar")
NOTHING = TagTable([])


def table(*tags: Tag | None) -> TagTable:
    return TagTable(tag for tag in tags if tag is not None)


def agreed(file: Tag | None, shared: Tag | None) -> Agreed:
    """Remembered of a file that had this tag, on a store that had that one."""
    return Agreed("tags.toml", {tag.name: tag for tag in table(file)}, {"a": shared})


@pytest.mark.parametrize(
    ("own", "known", "shared", "published", "result"),
    [
        (OLD, OLD, OLD, {}, OLD),
        (OLD, OLD, THEIRS, {}, THEIRS),
        (MINE, OLD, OLD, {"a": MINE}, MINE),
        (MINE, OLD, THEIRS, {"a": MINE}, MINE),
        (MINE, OLD, MINE, {}, MINE),
        (OLD, OLD, None, {}, None),
        (MINE, OLD, None, {"a": MINE}, MINE),
        (None, OLD, OLD, {"a": None}, None),
        (None, OLD, THEIRS, {}, THEIRS),
        (None, OLD, None, {}, None),
        (MINE, None, THEIRS, {}, THEIRS),
        (MINE, None, None, {"a": MINE}, MINE),
    ],
)
def test_what_was_edited_here_wins_and_all_else_is_the_stores(
    own: Tag | None,
    known: Tag | None,
    shared: Tag | None,
    published: dict[str, Tag | None],
    result: Tag | None,
) -> None:
    before, now = agreed(known, known), {"a": shared}
    edited = edits(table(own), before, now, ())
    assert edited == published
    after = compared(table(own), before, {**now, **edited}, "tags.toml")
    assert list(tags_in_force(table(own), after)) == list(table(result))
    assert edits(table(own), after, after.shared, ()) == {}  # nothing is published twice
    if own is not None:
        assert list(brought_up(table(own), after)) == list(table(result))


def test_a_tag_that_nobody_shared_yet_is_published() -> None:
    assert edits(table(MINE), Agreed(), {}, ()) == {"a": MINE}


def test_a_tag_of_another_file_is_not_removed() -> None:
    assert edits(NOTHING, agreed(OLD, OLD), {"a": OLD}, {"a"}) == {}


def test_how_a_tag_is_simulated_is_no_edit_and_stays() -> None:
    moved = replace(OLD, profile={"period_hours": 2})
    assert edits(table(moved), agreed(OLD, OLD), {"a": OLD}, ()) == {}
    after = compared(table(moved), agreed(OLD, OLD), {"a": THEIRS}, "tags.toml")
    assert list(tags_in_force(table(moved), after)) == [replace(THEIRS, profile={"period_hours": 2})]


def test_an_edit_of_the_file_that_waits_is_neither_written_over_nor_forgotten() -> None:
    after = compared(table(OLD), agreed(OLD, OLD), {"a": THEIRS}, "tags.toml")
    assert list(brought_up(table(MINE), after)) == [MINE]
    assert list(followed(table(OLD), table(MINE), after)) == [OLD]
    assert list(followed(table(OLD), table(OLD), after)) == [THEIRS]
    assert list(followed(table(OLD), NOTHING, after)) == [OLD]


def test_another_unit_is_not_written_into_the_file_until_both_agree() -> None:
    psi = replace(OLD, unit="psi")
    first = compared(table(psi), Agreed(), {"a": OLD}, "tags.toml")
    assert first.apart == {"a"}
    assert list(tags_in_force(table(psi), first)) == [OLD]
    assert list(brought_up(table(psi), first)) == [psi]
    assert compared(table(psi), first, {"a": THEIRS}, "tags.toml").apart == {"a"}
    assert compared(table(psi), first, {"a": replace(THEIRS, unit="psi")}, "tags.toml").apart == set()


def test_what_was_agreed_is_remembered_for_its_file_alone(tmp_path: Path) -> None:
    kept = Agreed("tags.toml", {"a": MINE}, {"a": OLD, "gone": None, "b": Tag("b", "B")}, frozenset({"a"}))
    write_agreed(tmp_path, kept)
    assert read_agreed(tmp_path, Path("tags.toml")) == kept
    assert read_agreed(tmp_path, Path("other.toml")) == Agreed(shared=kept.shared)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\ud800".encode("utf-8", "surrogatepass"),
        '{"path": "tags.toml", "shared": 3, "file": {}, "apart": []}',
        '{"path": "tags.toml", "shared": {"a": {"unit": 3}}, "file": {}, "apart": []}',
        '{"path": "tags.toml", "shared": {"a": 3}, "file": {}, "apart": []}',
        '{"path": "tags.toml", "shared": {}, "file": {"a": null}, "apart": []}',
        '{"path": "tags.toml", "shared": {}, "file": [], "apart": 7}',
    ],
)
def test_a_damaged_memory_counts_as_none(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert read_agreed(tmp_path, Path("tags.toml")) == Agreed()
