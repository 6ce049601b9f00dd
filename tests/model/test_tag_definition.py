"""A tag as a document says all but how it is simulated, and a wrong document is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model.errors import UsageError
from sensormon.model.json_text import read_json
from sensormon.model.tag_definition import definition, read_definition, same, same_meaning
from sensormon.model.tags import Tag, make_tag

_ENDS = st.floats(-1e9, 1e9)
_TEXTS = st.sampled_from(["", "°C", "Line 1"])


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Any]:
    """The keys of a tag as in a file."""
    table: dict[str, Any] = {"unit": draw(_TEXTS), "group": draw(_TEXTS), "simulated": draw(st.booleans())}
    match draw(st.sampled_from(["number", "states", "boolean", "text"])):
        case "states":
            return table | {"states": ["closed", "open"]}
        case "boolean" | "text" as kind:
            return table | {"kind": kind}
    low, high = sorted([draw(_ENDS), draw(_ENDS)])
    if low < high:
        table["normal"] = [low, high]
        table["valid"] = [draw(st.sampled_from([low, -math.inf])), draw(st.sampled_from([high, math.inf]))]
    return table | {"noise": draw(st.floats(0, 10)), "resolution": draw(st.sampled_from([0, 1, 0.01]))}


@given(tables())
def test_a_definition_survives_json(table: dict[str, Any]) -> None:
    tag = make_tag("ph", table | {"profile": {"period_hours": 2}})
    content = read_json(json.dumps(definition(tag)))
    assert read_definition("ph", content) == replace(tag, profile={})
    assert same(read_definition("ph", content), tag)


@pytest.mark.parametrize(
    "content",
    [
        {"unit": 3},
        {"valid": [1]},
        {"valid": [2, 1]},
        {"valid": ["a", None]},
        {"normal": [None, 1]},
        {"label": "a\u202eb"},
        {"states": ["on", "ON"]},
        {"kind": "colour"},
        {"first": True},
        {"of a later version": 1},
    ],
)
def test_a_wrong_document_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        read_definition("ph", content)


def test_only_unit_kind_and_states_say_what_a_value_means() -> None:
    tag = Tag("a", "A", "bar")
    assert same_meaning(tag, replace(tag, label="B", valid=(0.0, 1.0)))
    assert not same_meaning(tag, replace(tag, unit="psi"))
    assert not same_meaning(tag, replace(tag, kind="text"))
    assert not same_meaning(replace(tag, states=("a", "b")), replace(tag, states=("b", "a")))
    assert same(None, None)
    assert not same(tag, None)
