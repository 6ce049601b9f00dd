"""Tags of states in tags.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.tag_file import edited
from sensormon.model.tags import Tag, TagTable, parse_tags, read_tags

PATH = Path("tags.toml")


def test_states_are_words_in_the_order_of_their_numbers() -> None:
    (tag,) = parse_tags('[tags.valve]\nstates = ["closed", "open"]', PATH)
    assert tag.states == ("closed", "open")
    assert tag.has_states


def test_a_boolean_tag_has_two_states_and_a_text_tag_names_none() -> None:
    running, product, level = parse_tags(
        '[tags.a]\nkind = "boolean"\n[tags.b]\nkind = "text"\n[tags.c]\n', PATH
    )
    assert running.states == ("false", "true")
    assert product.has_states
    assert not product.states
    assert not level.has_states


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("states = []", "must not be empty"),
        ("states = [1, 2]", "list of words"),
        ('states = ["Open", "open"]', "occurs twice"),
        ('states = [" "]', "cannot be a state"),
        ('kind = "colour"', "kind must be one of"),
        ('kind = "text"\nstates = ["a"]', "cannot list its states"),
        ('kind = "text"\nvalid = [0, 1]', "means nothing for a tag of states"),
        ("simulated = 1", "must be true or false"),
    ],
)
def test_a_wrong_key_is_refused_with_the_tag_and_the_reason(keys: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        parse_tags(f"[tags.valve]\n{keys}", PATH)
    assert "[tags.valve]" in str(raised.value)


def test_a_tag_is_simulated_unless_the_file_says_otherwise() -> None:
    tags = parse_tags(
        "[tags.a]\n[tags.b]\nsimulated = false\n[tags.c]\n[tags.c.profile]\nsimulate = false", PATH
    )
    assert [tag.simulated for tag in tags] == [True, False, False]


def test_the_keys_of_states_are_written_and_read_back() -> None:
    text = "[tags.a]\n"
    more = [
        Tag("valve", "Valve", states=("closed", "open"), simulated=False),
        Tag("run", "Run", states=("false", "true"), kind="boolean"),
        Tag("product", "Product", kind="text"),
    ]
    tags = TagTable([*parse_tags(text, PATH), *more])
    assert list(parse_tags(edited(text, tags, {}), PATH)) == list(tags)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "tags.toml"
    path.write_bytes(b'\xef\xbb\xbf[tags.temp]\r\nlabel = "Temp"\r\nunit = "\xc2\xb0C"\r\n')
    assert read_tags(path)["temp"].unit == "°C"
