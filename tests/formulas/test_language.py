"""The language of formulas: read and printed alike, bounded, and what is wrong said with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.formulas.checking import check
from sensormon.formulas.functions import BACK, FUNCTIONS, ROLLING
from sensormon.formulas.order import check_tag, in_order
from sensormon.formulas.parser import MOST_PARTS, parse
from sensormon.formulas.tree import (
    Binary,
    Call,
    Duration,
    Node,
    Number,
    TagRef,
    Truth,
    Unary,
    Word,
    printed,
)
from sensormon.model.errors import FormulaError, UsageError
from sensormon.model.tags import LONGEST_FORMULA, Tag, TagTable, make_tag

TAGS = TagTable(
    [
        Tag("feed", "Feed", "°C"),
        Tag("jacket", "Jacket", "°C"),
        Tag("pressure", "Pressure", "bar"),
        Tag("vacuum", "Vacuum", "mbar"),
        Tag("flow", "Flow", "m³/h"),
        Tag("line1/TI-101", "TI-101", "°C"),
        Tag("step", "Step", states=("CIP", "filling")),
        Tag("pump", "Pump", kind="boolean"),
    ]
)

leaves = st.one_of(
    st.floats(0, 1e12, allow_nan=False).map(Number),
    st.booleans().map(Truth),
    st.sampled_from(["feed", "a.b", "TI-101", "and", "min", "9x"]).map(TagRef),
    st.sampled_from(["CIP", "", "step 2"]).map(Word),
    st.integers(1, 10**11).map(Duration),
)


def deeper(inside: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    signs = ["or", "and", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/", "%", "^"]
    return st.one_of(
        st.builds(Unary, st.sampled_from(["-", "not"]), inside),
        st.builds(Binary, st.sampled_from(signs), inside, inside),
        st.builds(
            Call, st.sampled_from(list(FUNCTIONS)), st.lists(inside, min_size=1, max_size=3).map(tuple)
        ),
    )


@given(st.recursive(leaves, deeper, max_leaves=12))
def test_printed_formula_is_read_as_the_same_tree(tree: Node) -> None:
    assert parse(printed(tree)) == tree


@given(st.text(max_size=60) | st.text('ab1 .()+-*/^<>="{},%min', max_size=60))
def test_any_text_is_a_formula_or_refused_with_a_place_inside_it(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert error.what
        assert error.hint
        assert 0 <= error.at <= len(text)
        assert error.pointed().endswith("^")


def refusal(text: str) -> FormulaError | None:
    try:
        check(text, TAGS, 5.0)
    except FormulaError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("text", "kind", "unit"),
    [
        ("feed - jacket", "number", "°C"),
        ("2 * feed + 5", "number", "°C"),
        ("flow * pressure", "number", "m³·bar/h"),
        ("flow / flow", "number", ""),
        ("integral(flow, 1d, 1h)", "number", "m³"),
        ("rate(feed, 10min, 1min)", "number", "°C/min"),
        ("sqrt(pressure)", "number", "bar^0.5"),
        ("pressure ^ 2", "number", "bar²"),
        ("log(pressure) + feed", "number", "°C"),
        ("max(feed, jacket, 20)", "number", "°C"),
        ("max(feed, 10min)", "number", "°C"),
        ('if(step == "cip", 0, flow)', "number", "m³/h"),
        ("pump and not feed > 3", "condition", ""),
        ("{line1/TI-101} - feed", "number", "°C"),
        ('unit(0.001 * vacuum, "bar") + pressure', "number", "bar"),
        ('feed + unit(pressure, "°C")', "number", "°C"),
    ],
)
def test_kind_and_unit_of_the_result_are_known(text: str, kind: str, unit: str) -> None:
    formula = check(text, TAGS, 5.0)
    assert (formula.kind, formula.unit_text) == (kind, unit)


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("feed + pressure", 5, "bar (a pressure) cannot be added to °C (a temperature)"),
        ("pressure + vacuum", 9, 'Convert it: unit(0.001 * …, "bar")'),
        ("feed > pressure", 5, "cannot be compared with"),
        ("fede - 1", 0, "Did you mean feed?"),
        ("avg(feed, 1h)", 0, "Use mean"),
        ("mean(feed, 1h", 4, "this parenthesis is not closed"),
        ("feed + 1)", 8, "never opened"),
        ("feed +", 6, "something is missing"),
        ("feed = 1", 5, "Write == to compare"),
        ("1 < feed < 2", 9, "a < b and b < c"),
        ("step", 0, "not a state"),
        ('step == "bottling"', 8, "Known: CIP, filling"),
        ("step + 1", 0, "states, not numbers"),
        ("(feed > 3) + 1", 6, "Write if(…, 1, 0)"),
        ("if(feed, 1, 2)", 3, "not true or false"),
        ("mean(feed, 2d)", 11, "at most 1d"),
        ("mean(feed, 5)", 11, "needs a duration"),
        ("mean(feed)", 0, "Write mean(x, 10min)"),
        ("integral(flow, 1h, 2h)", 19, "a unit of time"),
        ("3feed", 1, "not a unit of time"),
        ("1 + 1", 2, "uses no tag"),
        ("own + 1", 0, "from itself"),
        ("std(std(std(feed, 1d), 1d), 1d)", 0, "looks back 6d"),
        ("", 0, "there is no formula"),
        ("(" * 40 + "feed" + ")" * 40, 30, "more than 30 parentheses"),
        ("feed" + " + 1" * 120, 403, f"at most {MOST_PARTS}"),
        ("feed + " + "1" * 1_000, LONGEST_FORMULA - 1, "1,007 characters"),
        ("__import__('os')", 11, "single quotes"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_do(text: str, at: int, said: str) -> None:
    with pytest.raises(FormulaError) as error:
        check(text, TAGS, 5.0, name="own")
    assert said in f"{error.value}"
    assert error.value.at == at
    assert error.value.pointed().splitlines()[1].index("^") == at


def calculated(**formulas: str) -> TagTable:
    return TAGS.with_tags(Tag(name, name, formula=text) for name, text in formulas.items())


def test_tags_are_in_the_order_in_which_they_use_each_other() -> None:
    tags = calculated(third="second + first", second="first * 2", first="feed - jacket")
    assert list(in_order(tags)) == ["first", "second", "third"]


def test_circle_is_refused_with_the_way_round() -> None:
    tags = calculated(a="b + feed", b="feed + c", c="a * 2")
    with pytest.raises(FormulaError, match="a → b → c → a"):
        in_order(tags)
    with pytest.raises(FormulaError, match="new → a → new") as error:
        check_tag("new", "feed + a", 5.0, "", calculated(a="new + feed"))
    assert error.value.at == 7


def test_unit_of_the_tag_must_be_that_of_its_formula() -> None:
    assert check_tag("x", "2 * 3 * log(feed)", 5.0, "bar", TAGS).unit_text == ""
    with pytest.raises(FormulaError, match="gives °C, but the tag's unit is bar"):
        check_tag("x", "feed", 5.0, "bar", TAGS)
    assert check_tag("x", 'unit(feed, "bar")', 5.0, "bar", TAGS).unit_text == "bar"


def test_tag_with_a_formula_is_never_simulated_and_has_no_states() -> None:
    assert not make_tag("x", {"formula": "feed * 2", "tolerance": 60}).simulated
    for table in (
        {"simulated": True},
        {"states": ["a", "b"]},
        {"kind": "boolean"},
        {"formula": "x" * 1_001},
        {"tolerance": 1e6},
    ):
        with pytest.raises(UsageError):
            make_tag("x", {"formula": "feed", **table})


def test_every_function_is_in_one_of_the_three_families() -> None:
    assert {*ROLLING, *BACK} < set(FUNCTIONS)


@pytest.mark.parametrize("around", ["mean({}, 1s)", "if({} > 0, 1, 0)", "if(pump, {}, 0)"])
def test_functions_inside_each_other_are_looked_at_once_each(around: str) -> None:
    text = "feed"
    for _ in range(28):  # if each one doubled the work, this would take hours
        text = around.format(text)
    assert check(text, TAGS, 60.0).tags[-1] == "feed"


def test_search_for_circles_reads_each_formula_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(text: str) -> Node:
        read.append(text)
        return parse(text)

    monkeypatch.setattr("sensormon.formulas.order.parse", noted)
    chain = [make_tag(f"link{i}", {"formula": f"{f'link{i - 1}' if i else 'feed'} + {i}"}) for i in range(60)]
    assert len(in_order(TAGS.with_tags(chain))) == 60
    assert len(read) == len(set(read))
