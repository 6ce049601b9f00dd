"""The tag table, and the message for an invalid one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.settings import ROOT
from sensormon.model.tags import NAME, Tag, TagTable, read_tags


def written(folder: Path, text: str) -> Path:
    path = folder / "tags.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_tags_are_the_fermenters_three() -> None:
    tags = read_tags(ROOT / "data" / "tags.toml")
    facts = {tag.name: (tag.label, tag.unit, tag.valid, tag.normal) for tag in tags}
    assert facts == {
        "fermenter_temp": ("Fermenter temperature", "°C", (30.0, 50.0), (35.0, 40.0)),
        "fermenter_ph": ("Fermenter pH", "pH", (5.0, 9.0), (6.5, 7.5)),
        "agitator_rpm": ("Agitator speed", "rpm", (200.0, 700.0), (300.0, 600.0)),
    }
    assert {tag.group for tag in tags} == {"Fermenter"}
    assert all(tag.noise > tag.resolution > 0 for tag in tags)


def test_a_name_is_all_that_a_tag_needs(tmp_path: Path) -> None:
    (tag,) = read_tags(written(tmp_path, "[tags.cooling_water_flow]\n"))
    assert tag == Tag("cooling_water_flow", "Cooling water flow")
    assert tag.valid == (-math.inf, math.inf)


def test_all_that_is_stated_is_read(tmp_path: Path) -> None:
    text = """[tags."FT-101.PV"]
    label = "Flow"
    unit = "l/min"
    group = "Hall 2"
    valid = [0, 100]
    normal = [20, 30.5]
    noise = 1
    resolution = 0.25
    profile = { period_hours = 2 }"""
    (tag,) = read_tags(written(tmp_path, text))
    assert tag == Tag(
        "FT-101.PV", "Flow", "l/min", "Hall 2", (0.0, 100.0), (20.0, 30.5), 1.0, 0.25, {"period_hours": 2}
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there are no tags in it"),
        ("tags = 3", "there are no tags in it"),
        ("[tags]", "there are no tags in it"),
        ("[tags.a\n", "not valid TOML"),
        ("[tags.a]\nunit = 1\n[tags.a]\n", "not valid TOML"),
        ("[tags]\na = 3", "[tags.a]: a tag must be a table"),
        ('[tags."a b"]', "'a b' cannot be a tag's name"),
        (f"[tags.{'a' * 129}]", "cannot be a tag's name"),
        ("[tags.a]\nuint = 'm'", "[tags.a]: unknown key 'uint'"),
        ("[tags.a]\nlabel = 3", "[tags.a]: label must be text, not 3"),
        ("[tags.a]\nunit = ['m']", "[tags.a]: unit must be text"),
        ("[tags.a]\ngroup = 1.5", "[tags.a]: group must be text"),
        ("[tags.a]\nvalid = 5", "[tags.a]: valid must be two numbers, not 5"),
        ("[tags.a]\nvalid = [1]", "[tags.a]: valid must be two numbers"),
        ("[tags.a]\nvalid = [1, 'x']", "[tags.a]: valid must be two numbers"),
        ("[tags.a]\nvalid = [false, true]", "[tags.a]: valid must be two numbers"),
        ("[tags.a]\nvalid = [9, 5]", "[tags.a]: valid must go from low to high, not [9, 5]"),
        ("[tags.a]\nnormal = [5, 5]", "[tags.a]: normal must go from low to high"),
        ("[tags.a]\nnormal = [nan, 5]", "[tags.a]: normal must go from low to high"),
        ("[tags.a]\nvalid = [0, 5]\nnormal = [1, 6]", "[tags.a]: the normal band [1.0, 6.0] is not inside"),
        ("[tags.a]\nnoise = -1", "[tags.a]: noise must be 0 or more, not -1"),
        ("[tags.a]\nnoise = 'low'", "[tags.a]: noise must be a number, not 'low'"),
        ("[tags.a]\nresolution = inf", "[tags.a]: resolution must be 0 or more, not inf"),
        ("[tags.a]\nresolution = true", "[tags.a]: resolution must be a number, not True"),
        ("[tags.a]\nprofile = 'slow'", "[tags.a]: profile must be a table"),
    ],
)
def test_a_wrong_table_is_one_line_that_names_file_tag_and_key(tmp_path: Path, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_tags(path)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert caught.value.hint in message
    assert caught.value.hint
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["missing", "folder", "not text"])
def test_an_unreadable_table_is_one_line_with_the_variable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    if kind == "not text":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="the tag table cannot be read") as caught:
        read_tags(path)
    assert "SENSORMON_TAGS" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_table_knows_its_tags_by_name_and_by_code() -> None:
    table = TagTable([Tag("a", "A"), Tag("b", "B")])
    assert len(table) == 2
    assert table.names == ("a", "b")
    assert (table.code("a"), table.code("b"), table.code("c")) == (0, 1, -1)
    assert table["b"].label == "B"
    assert "b" in table
    assert "c" not in table


def test_more_tags_come_after_and_never_replace() -> None:
    table = TagTable([Tag("a", "mine")]).with_tags([Tag("a", "other"), Tag("b", "new")])
    assert [tag.label for tag in table] == ["mine", "new"]


@pytest.mark.parametrize("name", ["a", "A1", "_x", "Plant/Line-1:FT.101", "9", "a" * 128])
def test_usual_plant_names_are_names(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", " a", "a b", "-a", "é", "a\n", "a" * 129])
def test_names_that_break_urls_or_files_are_refused(name: str) -> None:
    assert not NAME.fullmatch(name)


@pytest.mark.parametrize(
    ("resolution", "value", "text"),
    [
        (0.01, 36.3, "36.30 °C"),
        (1.0, 1234.4, "1,234 °C"),
        (0.0, 0.12345, "0.123 °C"),
        (0.001, 2.0, "2.000 °C"),
        (10.0, 20.0, "20 °C"),
        (0.01, math.nan, "–"),
        (0.01, math.inf, "–"),
    ],
)
def test_a_value_is_rendered_with_the_sensors_digits_and_unit(
    resolution: float, value: float, text: str
) -> None:
    assert Tag("a", "A", "°C", resolution=resolution).render(value) == text


@pytest.mark.parametrize(("resolution", "decimals"), [(0.001, 3), (0.05, 2), (0.5, 1), (1.0, 0), (5.0, 0)])
def test_a_resolution_is_worth_its_decimals(resolution: float, decimals: int) -> None:
    assert Tag("a", "A", resolution=resolution).decimals == decimals


@pytest.mark.parametrize("key", ["label", "unit", "group"])
@pytest.mark.parametrize("character", ["\u202e", "\u2067", "\u200f", "\x1b", "\n", "\u2028"])
def test_control_and_bidirectional_characters_are_refused(tmp_path: Path, key: str, character: str) -> None:
    path = written(tmp_path, f'[tags.ph]\n{key} = "Fer\\u{ord(character):04x}menter"\n')
    with pytest.raises(UsageError) as caught:
        read_tags(path)
    said = str(caught.value)
    assert f"{key} holds the invisible character U+{ord(character):04X}" in said
    assert "[tags.ph]" in said
    assert "Delete that character" in said
    assert said.isprintable()


def test_letters_of_every_script_and_joined_signs_are_labels(tmp_path: Path) -> None:
    for label in ("Температура", "درجة الحرارة", "می‌خواهم", "m³ h", "👩‍🔬"):
        assert read_tags(written(tmp_path, f'[tags.ph]\nlabel = "{label}"\n'))["ph"].label == label
