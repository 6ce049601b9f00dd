"""The formulas of a tag table: circles among them, and which is evaluated before which."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sensormon.formulas import units
from sensormon.formulas.checking import Formula, check
from sensormon.formulas.parser import parse
from sensormon.formulas.tree import TagRef, nodes, tags_of
from sensormon.model.errors import FormulaError, UsageError
from sensormon.model.tags import TagTable

MOST_CALCULATED = 200
"""The most calculated tags of a table."""


def in_order(tags: TagTable) -> dict[str, Formula]:
    """The formulas of the table by tag, each after those that it uses. Raises UsageError.

    The error names the tag; it is a FormulaError, with the place, if a formula is wrong.
    """
    calculated = sum(bool(tag.formula) for tag in tags)
    if calculated > MOST_CALCULATED:
        raise UsageError(
            f"there are {calculated} calculated tags",
            where="tags",
            hint=f"Use at most {MOST_CALCULATED}",
        )
    formulas, wrong = checked(tags)
    for error in wrong.values():
        raise error
    return formulas


def checked(tags: TagTable) -> tuple[dict[str, Formula], dict[str, FormulaError]]:
    """The formulas that can be evaluated, each after those that it uses, and why the others cannot."""
    formulas = dict[str, Formula]()
    wrong = dict[str, FormulaError]()
    for tag in tags:
        if not tag.formula:
            continue
        try:
            formulas[tag.name] = check_tag(tag.name, tag.formula, tag.tolerance, tag.unit, tags)
        except FormulaError as error:
            where = f"Tag {tag.name}"
            wrong[tag.name] = FormulaError(
                error.what, text=error.text, at=error.at, where=where, hint=error.hint
            )
    levels = levels_of(formulas)
    return {name: formulas[name] for name in sorted(formulas, key=lambda name: (levels[name], name))}, wrong


def check_tag(name: str, text: str, tolerance: float, unit: str, tags: TagTable) -> Formula:
    """The formula of the tag of this name, checked against the others and its own unit.

    Raises FormulaError.
    """
    formula = check(text, tags, tolerance, name=name)
    if circle := circle_of(name, formula.tags, tags):
        raise FormulaError(
            f"these tags are calculated from each other: {' → '.join(circle)}",
            text=text,
            at=_place(formula, circle[1]),
            hint="Take one of them out of its formula",
        )
    if unit and not units.same(formula.unit, units.unit_of(unit)):
        raise FormulaError(
            f"the formula gives {formula.unit_text}, but the tag's unit is {unit}",
            text=text,
            at=0,
            hint=f'Use that unit, or state that it is right: unit(…, "{unit}")',
        )
    return formula


def levels_of(formulas: Mapping[str, Formula]) -> dict[str, int]:
    """How many levels of calculated tags lie below each tag. The formulas must not form a circle."""
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            inside = [level(tag) + 1 for tag in formulas[name].tags if tag in formulas]
            levels[name] = max(inside, default=0)
        return levels[name]

    for name in formulas:
        level(name)
    return levels


def circle_of(name: str, uses: tuple[str, ...], tags: TagTable) -> list[str]:
    """The way from this tag, which uses these, back to itself; empty if there is none."""

    def search(way: list[str], used: tuple[str, ...]) -> list[str]:
        for tag in used:
            if tag == name:
                return [*way, tag]
            if tag in seen:
                continue
            seen.add(tag)
            if tag in tags and tags[tag].formula and (circle := search([*way, tag], _uses(tags, tag))):
                return circle
        return []

    seen: set[str] = set()
    return search([name], uses)


def users_of(name: str, tags: TagTable) -> list[str]:
    """The calculated tags whose formula uses this tag."""
    return [tag.name for tag in tags if tag.formula and name in _uses(tags, tag.name)]


def _uses(tags: TagTable, name: str) -> tuple[str, ...]:
    return _used(tags[name].formula)


@lru_cache(maxsize=4 * MOST_CALCULATED)  # the search for circles meets each formula from every other one
def _used(text: str) -> tuple[str, ...]:
    """The tags that this formula uses; none if it is wrong."""
    try:
        return tags_of(parse(text))
    except FormulaError:
        return ()


def _place(formula: Formula, tag: str) -> int:
    places = [node.at for node in nodes(formula.tree) if isinstance(node, TagRef) and node.name == tag]
    return places[0] if places else 0
