"""Tags edited as cells and written to the file: invalid cells are reported, nothing else is touched."""

from __future__ import annotations

import math
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from sensormon.model.clock import ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tag_edit import cells, changes, narrowed, read_cells
from sensormon.model.tag_file import Draft, edited
from sensormon.model.tags import UNFIT, Tag, TagTable, parse_tags, read_tags
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of

REPOSITORY = Path(__file__).parents[2] / "data" / "tags.toml"


@pytest.fixture
def monitor(settings: Settings, tmp_path: Path) -> Monitor:
    file = tmp_path / "tags.toml"
    file.write_bytes(REPOSITORY.read_bytes())
    return Monitor(replace(settings, tags=file, source="simulator"), ManualClock(START))


def with_ph(tags: TagTable, **changed: object) -> TagTable:
    return TagTable(replace(tag, **changed) if tag.name == "fermenter_ph" else tag for tag in tags)


def test_unchanged_cells_are_the_same_tags() -> None:
    tags = TagTable(
        [*read_tags(REPOSITORY), Tag("open", "Open", valid=(-math.inf, 5.0)), Tag("bare", "Bare")]
    )
    edit = read_cells(cells(tags), tags)
    assert list(edit.tags) == list(tags)
    assert edit.problems == ()
    assert changes(tags, edit.tags) == []


@pytest.mark.parametrize(
    ("column", "value", "line"),
    [
        ("Name", "", "Row 2 (Fermenter pH), Name: it is missing"),
        ("Name", "a b", "Name: 'a b' cannot be a tag's name"),
        ("Name", "agitator_rpm", "Tag agitator_rpm, Name: another row has it too"),
        ("Label", "x" * 101, "Tag fermenter_ph, Label: 101 characters are too many"),
        ("Label", "Ferm\u202eenter", "Tag fermenter_ph: label holds the invisible character U+202E"),
        ("Valid low", 10.0, "Tag fermenter_ph, Valid low: 10 is not below Valid high, 9"),
        ("Normal low", None, "Tag fermenter_ph, Normal low: it is missing"),
        ("Normal high", 9.5, "Tag fermenter_ph, Normal high: 9.5 is outside the valid range"),
        ("Normal low", 4.5, "Tag fermenter_ph, Normal low: 4.5 is outside the valid range"),
        ("Noise", -1.0, "Tag fermenter_ph, Noise: -1 is below 0"),
        ("Resolution", math.inf, "Tag fermenter_ph, Resolution: inf is not a number"),
    ],
)
def test_invalid_cell_is_one_line_with_tag_and_column(column: str, value: object, line: str) -> None:
    tags = read_tags(REPOSITORY)
    frame = cells(tags)
    frame.loc[1, column] = value
    (problem,) = read_cells(frame, tags).problems
    assert problem.startswith(line)


def test_overlong_text_in_the_file_does_not_block_other_changes() -> None:
    tags = with_ph(read_tags(REPOSITORY), label="x" * 117, unit="u" * 22, group="g" * 101)
    frame = cells(tags)
    frame.loc[2, "Label"] = "Agitator"
    frame.loc[1, "Noise"] = 0.5
    edit = read_cells(frame, tags)
    assert edit.problems == ()
    assert (edit.tags["fermenter_ph"].label, edit.tags["fermenter_ph"].noise) == ("x" * 117, 0.5)
    frame.loc[1, "Label"] = "y" * 117
    (problem,) = read_cells(frame, tags).problems
    assert problem.startswith("Tag fermenter_ph, Label: 117 characters are too many")


def test_empty_table_is_refused_and_empty_row_ignored() -> None:
    tags = read_tags(REPOSITORY)
    frame = cells(tags)
    frame.loc[7] = [None] * len(frame.columns)
    assert list(read_cells(frame, tags).tags) == list(tags)
    assert "at least one tag" in read_cells(frame.iloc[3:], tags).problems[0]


def test_changes_are_described_in_words() -> None:
    tags = read_tags(REPOSITORY)
    after = TagTable(
        [
            *(
                tag
                for tag in with_ph(tags, normal=(6.6, 7.4), valid=(-math.inf, 9.0))
                if tag.name != "agitator_rpm"
            ),
            Tag("co2", "Carbon dioxide", "%", valid=(0.0, 20.0), resolution=0.1),
        ]
    )
    assert changes(tags, after) == [
        "Agitator speed: removed; its readings stay, new ones are rejected",
        "Fermenter pH: valid 5–9 → up to 9 pH; normal 6.5–7.5 → 6.6–7.4 pH",
        "Carbon dioxide (co2): added, unit %, valid 0–20 %, resolution 0.1 %",
    ]
    assert narrowed(tags, after) == []
    assert [tag.name for tag in narrowed(tags, with_ph(tags, valid=(5.0, 8.0)))] == ["fermenter_ph"]


def test_save_applies_at_once_and_keeps_the_rest_of_the_file(monitor: Monitor) -> None:
    path = monitor.tag_file.path
    before = path.read_text()
    draft = monitor.tag_file.read()
    tags = with_ph(draft.tags, normal=(6.6, 7.4), valid=(5.0, 8.0))
    monitor.tag_file.save(draft, tags, " night\u202e shift\n", ["said"])
    expected = before.replace("[6.5, 7.5]", "[6.6, 7.4]").replace("[5.0, 9.0]", "[5.0, 8.0]")
    assert path.read_text() == expected
    assert path.with_name("tags.toml.bak").read_text() == before
    assert monitor.tags["fermenter_ph"].normal == (6.6, 7.4)
    assert monitor.submit(batch_of(("fermenter_ph", 8.5))).processed.rejected
    (change,) = monitor.tag_file.changes()
    assert (change.who, change.changes, change.time) == ("night  shift", ("said",), START)
    assert sorted(file.name for file in path.parent.iterdir()) == ["data", "tags.toml", "tags.toml.bak"]
    monitor.stop()


def test_tag_of_a_new_row_is_not_simulated() -> None:
    tags = read_tags(REPOSITORY)
    frame = cells(tags)
    frame.loc[3] = ["flow", "", "", "", "", *[None] * 8]
    edit = read_cells(frame, tags)
    assert [tag.simulated for tag in edit.tags] == [True, True, True, False]
    text = edited(REPOSITORY.read_text(), edit.tags, {})
    assert "[tags.flow]\nsimulated = false\n" in text
    assert list(parse_tags(text, REPOSITORY)) == list(edit.tags)


@pytest.mark.parametrize("written", ["simulated = false", "profile = {simulate = false}"])
def test_simulated_is_kept_by_edits_and_can_be_changed(written: str) -> None:
    text = f'[tags.a]\nunit = "x"\n{written}\n[tags.b]\n'
    tags = parse_tags(text, Path("t"))
    frame = cells(tags)
    frame.loc[0, "Unit"] = "y"
    edit = read_cells(frame, tags)
    assert changes(tags, edit.tags) == ["A: unit x → y"]
    assert edited(text, edit.tags, {}) == text.replace('"x"', '"y"')
    frame.loc[[0, 1], "Simulated"] = [True, False]
    edit = read_cells(frame, tags)
    assert changes(tags, edit.tags) == ["A: unit x → y; simulated from now on", "B: no longer simulated"]
    after = edited(text, edit.tags, {})
    assert [tag.simulated for tag in parse_tags(after, Path("t"))] == [True, False]
    assert list(parse_tags(edited(after, tags, {}), Path("t"))) == list(tags)


def test_edit_keeps_the_states_of_a_tag() -> None:
    tags = parse_tags('[tags.a]\nstates = ["closed", "open"]\n[tags.b]\nkind = "boolean"\n', Path("t"))
    frame = cells(tags)
    frame.loc[0, "Label"] = "Valve"
    edit = read_cells(frame, tags)
    assert changes(tags, edit.tags) == ["A: label A → Valve"]
    assert edit.tags["a"].states == ("closed", "open")
    assert edit.tags["b"] == tags["b"]
    frame.loc[1, "Noise"] = 0.5
    (problem,) = read_cells(frame, tags).problems
    assert "noise means nothing for a tag of states" in problem


def test_renamed_tag_keeps_its_profile_and_removed_tag_loses_it(monitor: Monitor) -> None:
    draft = monitor.tag_file.read()
    frame = cells(draft.tags)
    frame.loc[1, "Name"] = "ph.2/a"
    frame = frame.drop(index=2)
    edit = read_cells(frame, draft.tags)
    assert edit.renamed == {"fermenter_ph": "ph.2/a"}
    monitor.tag_file.save(draft, edit.tags, "x", [], edit.renamed)
    again = read_tags(monitor.tag_file.path)
    assert again.names == ("fermenter_temp", "ph.2/a")
    assert again["ph.2/a"].profile == draft.tags["fermenter_ph"].profile
    assert "agitator" not in monitor.tag_file.path.read_text()
    monitor.stop()


def test_file_changed_meanwhile_is_not_overwritten(monitor: Monitor) -> None:
    path = monitor.tag_file.path
    draft = monitor.tag_file.read()
    path.write_text(path.read_text() + "# by hand\n")
    with pytest.raises(UsageError, match="has changed since this page read it"):
        monitor.tag_file.save(draft, with_ph(draft.tags, unit="x"), "me", [])
    assert path.read_text().endswith("# by hand\n")
    assert monitor.tags["fermenter_ph"].unit == "pH"
    path.write_text(path.read_text().replace('unit = "pH"', 'unit = "-"'))
    monitor.tag_file.apply(monitor.tag_file.read(), "ada")
    assert monitor.tags["fermenter_ph"].unit == "-"
    monitor.stop()


def test_unwritable_file_is_one_line_and_changes_nothing(monitor: Monitor) -> None:
    path = monitor.tag_file.path
    draft = monitor.tag_file.read()
    other = with_ph(draft.tags, unit="x")
    path.chmod(0o444)
    with pytest.raises(UsageError, match=r"it cannot be written \(it is read-only\)"):
        monitor.tag_file.save(draft, other, "me", [])
    path.chmod(0o644)
    blocked = path.with_name("tags.toml.tmp")
    blocked.mkdir()  # simulates a read-only folder; root may write to any other
    with pytest.raises(UsageError, match="cannot be written"):
        monitor.tag_file.save(draft, other, "me", [])
    blocked.rmdir()
    assert path.read_bytes() == REPOSITORY.read_bytes()
    assert monitor.tags["fermenter_ph"].unit == "pH"
    with pytest.raises(UsageError, match="a name is needed"):
        monitor.tag_file.save(draft, other, "  ", [])
    monitor.stop()


def test_symlink_and_permissions_are_preserved(monitor: Monitor, tmp_path: Path) -> None:
    path = monitor.tag_file.path
    real = tmp_path / "elsewhere"
    real.mkdir()
    path.rename(real / "real.toml")
    (real / "real.toml").chmod(0o640)
    path.symlink_to(real / "real.toml")
    draft = monitor.tag_file.read()
    monitor.tag_file.save(draft, with_ph(draft.tags, unit="x"), "me", [])
    assert path.is_symlink()
    assert os.stat(path).st_mode & 0o777 == 0o640
    assert read_tags(path)["fermenter_ph"].unit == "x"
    monitor.stop()


def test_unsupported_file_layout_is_refused_and_nothing_written(monitor: Monitor) -> None:
    path = monitor.tag_file.path
    path.write_text('tags.a.unit = "x"\ntags.b = {unit = "y", noise = 2}\n')
    draft = monitor.tag_file.read()
    with pytest.raises(UsageError, match="form does not allow this change"):
        monitor.tag_file.save(draft, TagTable([*draft.tags, Tag("c", "C", "z")]), "me", [])
    assert path.read_text() == draft.text
    assert not path.with_name("tags.toml.bak").exists()
    monitor.stop()


def test_torn_log_is_read_up_to_the_tear(monitor: Monitor) -> None:
    draft = monitor.tag_file.read()
    monitor.tag_file.save(draft, with_ph(draft.tags, unit="x"), "me", ["one"])
    with (monitor.settings.data_dir / "tag_changes.jsonl").open("a") as file:
        file.write('{"time": 1, "wh')
    assert [change.changes for change in monitor.tag_file.changes()] == [("one",)]
    monitor.stop()


NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:/\-]{0,9}", fullmatch=True)
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


@st.composite
def some_tag(draw: st.DrawFn, name: str) -> Tag:
    low, a, b, high = sorted(draw(st.sets(NUMBERS, min_size=4, max_size=4)))
    return Tag(
        name,
        draw(
            st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=9).filter(
                lambda text: text.strip() and not UNFIT.search(text)
            )
        ),
        draw(st.sampled_from(["", "°C", "pH", 'a"b'])),
        draw(st.sampled_from(["", "G", "x#y"])),
        (low if draw(st.booleans()) else -math.inf, high if draw(st.booleans()) else math.inf),
        (a, b) if draw(st.booleans()) else None,
        draw(st.sampled_from([0.0, 0.5])),
        draw(st.sampled_from([0.0, 0.01])),
    )


@options(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_is_written_and_comments_stay(data: st.DataObject) -> None:
    text = REPOSITORY.read_text()
    before = parse_tags(text, REPOSITORY)
    kept = [tag for tag in before if data.draw(st.booleans())]
    changed = [
        replace(data.draw(some_tag(tag.name)), profile=tag.profile) if data.draw(st.booleans()) else tag
        for tag in kept
    ]
    new = data.draw(st.lists(NAMES.filter(lambda name: name not in before), unique=True, max_size=3))
    wanted = TagTable([*changed, *(data.draw(some_tag(name)) for name in new)])
    if not len(wanted):
        return
    after = edited(text, wanted, {})
    assert list(parse_tags(after, REPOSITORY)) == list(wanted)
    assert after.startswith(text[: text.index("[tags.")])
    assert tomllib.loads(after)["simulator"] == {"spike_rate": 0.05}
    if len(kept) == len(before):
        comments = [line for line in text.splitlines() if line.startswith("#")]
        assert [line for line in after.splitlines() if line.startswith("#")] == comments


def test_new_key_precedes_the_next_comment() -> None:
    text = '[tags.a]\nunit = "x" # the unit\n\n# about the profile\n[tags.a.profile]\nperiod_hours = 1\n'
    tags = parse_tags(text, Path("t"))
    after = edited(text, TagTable([replace(tags["a"], noise=0.5)]), {})
    assert after == text.replace("# the unit\n", "# the unit\nnoise = 0.5\n")


def test_draft_preserves_line_endings(monitor: Monitor) -> None:
    path = monitor.tag_file.path
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    draft = monitor.tag_file.read()
    assert isinstance(draft, Draft)
    monitor.tag_file.save(draft, with_ph(draft.tags, unit="x"), "me", [])
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")
    monitor.stop()
