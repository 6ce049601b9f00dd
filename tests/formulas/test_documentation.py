"""What docs/calculated-tags.md says of the language holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sensormon.formulas.checking import check
from sensormon.formulas.functions import FUNCTIONS
from sensormon.formulas.order import in_order
from sensormon.model.errors import FormulaError
from sensormon.model.tags import Tag, parse_tags

PAGE = Path(__file__).parents[2] / "docs" / "calculated-tags.md"
TEXT = PAGE.read_text(encoding="utf-8")
TOML, SAID = (match[1] for match in re.finditer(r"```(?:toml|text)\n(.*?)```", TEXT, re.DOTALL))


def test_example_is_a_tag_table_that_works() -> None:
    tags = parse_tags(TOML, PAGE)
    formulas = in_order(tags)
    assert {name: formula.unit_text for name, formula in formulas.items()} == {
        "temperature_difference": "°C",
        "volume_of_the_day": "m³",
    }


def test_example_of_an_error_is_what_is_said() -> None:
    tags = parse_tags(TOML, PAGE).with_tags([Tag("pressure", "Pressure", "bar")])
    with pytest.raises(FormulaError) as error:
        check("feed_temp + pressure", tags, 5.0)
    assert f"{error.value}\n{error.value.pointed()}\n" == SAID


def test_every_function_is_explained() -> None:
    table = "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))
    assert [name for name in FUNCTIONS if f"`{name}" not in table] == []


def test_product_of_units_is_as_it_says() -> None:
    tags = parse_tags(TOML, PAGE).with_tags([Tag("pressure", "Pressure", "bar")])
    assert check("flow * pressure", tags, 5.0).unit_text == "m³·bar/h"
