"""A formula against a tag table: known tags, kinds and units that fit, and how far it looks back.

What it is not: the check for circles among several formulas; see `order`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sensormon.formulas import units
from sensormon.formulas.functions import BACK, FUNCTIONS, ROLLING
from sensormon.formulas.parser import parse
from sensormon.formulas.tokens import UNITS
from sensormon.formulas.tree import (
    COMPARING,
    Binary,
    Call,
    Duration,
    Node,
    Number,
    TagRef,
    Truth,
    Unary,
    Word,
    duration_text,
    tags_of,
)
from sensormon.formulas.units import FREE, Unit
from sensormon.model.clock import DAY, SECOND
from sensormon.model.errors import FormulaError
from sensormon.model.state_words import folded
from sensormon.model.tags import BOOLEAN, Tag, TagTable

MOST_TAGS = 20
"""The most tags of a formula."""
LONGEST_WINDOW = DAY
"""The longest duration of a function (µs)."""
FURTHEST = 4 * DAY
"""How far a formula may look back in all (µs), with its functions inside each other."""
_NUMBER, _CONDITION, _STATE = "number", "condition", "state"


@dataclass(frozen=True)
class Formula:
    """A checked formula. `back` is how far before a time its value may depend on readings (µs).

    `kind` is number or condition; a condition's readings are 0 and 1. `tags` are those it uses, in order.
    """

    text: str
    tree: Node
    tags: tuple[str, ...]
    kind: str
    unit: Unit
    tolerance: int
    back: int

    @property
    def unit_text(self) -> str:
        return units.text_of(self.unit)


@dataclass(frozen=True)
class _Value:
    """What is known of a part: its kind, its unit, how far it looks back (µs)."""

    kind: str
    unit: Unit = FREE
    back: int = 0


def check(text: str, tags: TagTable, tolerance: float, *, name: str = "") -> Formula:
    """The formula of this text. `tolerance` in seconds; `name` is its own tag, which it cannot use.

    Raises FormulaError, with the place and what to do.
    """
    tree = parse(text)
    checker = _Checker(text, tags, round(tolerance * SECOND), name)
    value = checker.value(tree)
    if value.kind == _STATE:
        raise checker.wrong(
            tree, "a formula gives a number or a condition, not a state", 'Compare it: … == "…"'
        )
    used = tags_of(tree)
    if not used:
        raise checker.wrong(tree, "the formula uses no tag", "Use at least one: its readings set the times")
    if len(used) > MOST_TAGS:
        raise checker.wrong(
            tree, f"the formula uses {len(used)} tags", f"Use at most {MOST_TAGS}, or calculate a part first"
        )
    if value.back > FURTHEST:
        raise checker.wrong(
            tree,
            f"the formula looks back {duration_text(value.back)}",
            f"Look back at most {duration_text(FURTHEST)} in all; a function counts twice its duration",
        )
    return Formula(text, tree, used, value.kind, value.unit, checker.tolerance, value.back)


class _Checker:
    def __init__(self, text: str, tags: TagTable, tolerance: int, name: str) -> None:
        self.tolerance = tolerance
        self._text = text
        self._tags = tags
        self._name = name

    def wrong(self, node: Node, what: str, hint: str) -> FormulaError:
        return FormulaError(what, text=self._text, at=node.at, hint=hint)

    def value(self, node: Node) -> _Value:
        """What this part gives. Raises FormulaError."""
        match node:
            case TagRef():
                return self._tag(node)
            case Unary():
                return self._condition(node.operand) if node.sign == "not" else self._number(node.operand)
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
            case Duration():
                raise self.wrong(node, "a duration cannot stand here", "Use it in a function: mean(x, 10min)")
            case Word():
                raise self.wrong(node, "a state can only be compared", f'Write tag == "{node.text}"')
        return _Value(_CONDITION if isinstance(node, Truth) else _NUMBER)

    def _binary(self, node: Binary) -> _Value:
        if node.sign in ("and", "or"):
            left, right = self._condition(node.left), self._condition(node.right)
            return _Value(_CONDITION, back=max(left.back, right.back))
        return self._comparison(node) if node.sign in COMPARING else self._arithmetic(node)

    def _tag(self, node: TagRef) -> _Value:
        if node.name == self._name:
            raise self.wrong(node, f"{node.name} would be calculated from itself", "Use other tags")
        if node.name not in self._tags:
            near = get_close_matches(node.name, self._tags.names, 1, 0.6)
            hint = f"Did you mean {near[0]}?" if near else "Add the tag first, or see Data, Tags for its name"
            raise self.wrong(node, f"there is no tag {node.name!r}", hint)
        tag = self._tags[node.name]
        if not tag.has_states:
            return _Value(_NUMBER, units.unit_of(tag.unit))
        return _Value(_CONDITION if tag.states == BOOLEAN else _STATE)

    def _number(self, node: Node) -> _Value:
        return self._as_number(node, self.value(node))

    def _as_number(self, node: Node, value: _Value) -> _Value:
        """What is known of this part, if that is a number. Looks at no part again, or each function around
        another one would double the work."""
        if value.kind == _STATE:
            raise self.wrong(node, "this tag has states, not numbers", 'Compare it: … == "…"')
        if value.kind == _CONDITION:
            raise self.wrong(node, "this is true or false, not a number", "Write if(…, 1, 0)")
        return value

    def _counted(self, node: Node) -> _Value:
        """A number, or a condition that counts as 0 and 1."""
        value = self.value(node)
        return value if value.kind == _CONDITION else self._as_number(node, value)

    def _condition(self, node: Node) -> _Value:
        value = self.value(node)
        if value.kind != _CONDITION:
            raise self.wrong(node, "this is not true or false", "Compare it, such as x > 5")
        return value

    def _fitting(self, node: Node, *parts: _Value) -> Unit:
        """The unit that the parts have in common; those without one fit. Raises FormulaError."""
        unit = FREE
        for part in parts:
            if not units.same(unit, part.unit):
                joint = {"+": "be added to", "-": "be subtracted from"}
                sign = node.sign if isinstance(node, Binary) else ""
                first, second = (part.unit, unit) if sign in joint else (unit, part.unit)
                verb = joint.get(sign, "be compared with")
                what = f"{units.words(first)} cannot {verb} {units.words(second)}"
                raise self.wrong(node, what, units.advice(unit, part.unit))
            unit = unit or part.unit
        return unit

    def _arithmetic(self, node: Binary) -> _Value:
        left, right = self._number(node.left), self._number(node.right)
        back = max(left.back, right.back)
        match node.sign:
            case "+" | "-":
                return _Value(_NUMBER, self._fitting(node, left, right), back)
            case "*":
                return _Value(_NUMBER, units.times(left.unit, right.unit), back)
            case "/":
                return _Value(_NUMBER, units.over(left.unit, right.unit), back)
            case "%":
                return _Value(_NUMBER, self._fitting(node, left, right) and left.unit, back)
        exponent = _constant(node.right)
        unit = units.power(left.unit, exponent) if exponent is not None and abs(exponent) <= 9 else FREE
        return _Value(_NUMBER, unit, back)

    def _comparison(self, node: Binary) -> _Value:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, Word):
                return self._state(node, side, other)
        left, right = self.value(node.left), self.value(node.right)
        back = max(left.back, right.back)
        if left.kind == right.kind == _CONDITION and node.sign in ("==", "!="):
            return _Value(_CONDITION, back=back)
        left, right = self._as_number(node.left, left), self._as_number(node.right, right)
        self._fitting(node, left, right)
        return _Value(_CONDITION, back=back)

    def _state(self, node: Binary, side: Node, word: Word) -> _Value:
        """A comparison with a word."""
        tag = self._tags[side.name] if isinstance(side, TagRef) and self.value(side) else None
        if tag is None or not tag.has_states:
            raise self.wrong(word, "only a tag of states can be compared with a word", 'Write step == "CIP"')
        if node.sign not in ("==", "!="):
            raise self.wrong(node, "states have no order", "Use == or !=")
        self._known(tag, word)
        return _Value(_CONDITION)

    def _known(self, tag: Tag, word: Word) -> None:
        if tag.states and folded(word.text) not in map(folded, tag.states):
            raise self.wrong(
                word, f"{tag.name} has no state {word.text!r}", f"Known: {', '.join(tag.states[:20])}"
            )

    def _call(self, node: Call) -> _Value:
        self._arguments(node)
        arguments = node.arguments
        last = arguments[-1]
        if rolls(node):
            return self._rolling(node)
        if node.name in BACK:
            return self._back(node)
        if node.name == "if":
            return self._choice(node)
        if node.name == "unit":
            if not isinstance(last, Word):
                raise self.wrong(last, "the unit must be in quotes", 'Write unit(x, "bar")')
            return _Value(_NUMBER, units.unit_of(last.text), self._number(arguments[0]).back)
        parts = [self._number(argument) for argument in arguments]
        match node.name:
            case "sqrt":
                unit = units.power(parts[0].unit, 0.5)
            case "log" | "log10" | "exp":
                unit = FREE
            case _:
                unit = self._fitting(node, *parts)
        return _Value(_NUMBER, unit, max(part.back for part in parts))

    def _choice(self, node: Call) -> _Value:
        """What `if` gives."""
        condition, yes, no = node.arguments
        when, first, second = self._condition(condition), self._counted(yes), self._counted(no)
        if first.kind != second.kind:
            raise self.wrong(no, "one branch is a number, the other true or false", "Use two of a kind")
        back = max(when.back, first.back, second.back)
        return _Value(first.kind, self._fitting(node, first, second), back)

    def _arguments(self, node: Call) -> None:
        function, count = FUNCTIONS[node.name], len(node.arguments)
        if not function.least <= count <= function.most:
            given = "1 argument" if count == 1 else f"{count} arguments"
            raise self.wrong(node, f"{node.name} has {given}", f"Write {function.form}")

    def _rolling(self, node: Call) -> _Value:
        inside = self._counted(node.arguments[0])
        width = self._duration(node, node.arguments[1])
        back = inside.back + 2 * width
        match node.name:
            case "count":
                return _Value(_NUMBER, FREE, back)
            case "integral":
                unit = units.times(inside.unit, self._per(node))
                return _Value(_NUMBER, unit, back + self.tolerance)
        return _Value(_NUMBER, inside.unit, back)

    def _back(self, node: Call) -> _Value:
        inside = self._number(node.arguments[0])
        back = inside.back + self._duration(node, node.arguments[1]) + self.tolerance
        unit = units.over(inside.unit, self._per(node)) if node.name == "rate" else inside.unit
        return _Value(_NUMBER, unit, back)

    def _duration(self, node: Call, argument: Node) -> int:
        if not isinstance(argument, Duration):
            raise self.wrong(
                argument, f"{node.name} needs a duration here", f"Write {FUNCTIONS[node.name].form}"
            )
        if not 0 < argument.micros <= LONGEST_WINDOW:
            longest = duration_text(LONGEST_WINDOW)
            raise self.wrong(
                argument,
                f"{duration_text(argument.micros)} is not a duration that can be used",
                f"Use more than 0 and at most {longest}",
            )
        return argument.micros

    def _per(self, node: Call) -> Unit:
        """The unit of time of an integral or a rate."""
        base = per(node)
        for unit, size in UNITS.items():
            if size == base and unit != "ms":
                return ((unit, 1.0),)
        raise self.wrong(node.arguments[2], "the third argument is a unit of time", "Use 1s, 1min, 1h or 1d")


def rolls(node: Call) -> bool:
    """Whether the function is over the readings of a duration; `min` and `max` have another form, too."""
    return node.name in ROLLING and (
        node.name not in ("min", "max") or isinstance(node.arguments[-1], Duration)
    )


def per(node: Call) -> int:
    """The unit of time (µs) in which an integral or a rate counts; -1 if the third argument is none."""
    third: Sequence[Node] = node.arguments[2:]
    if not third:
        return SECOND
    return third[0].micros if isinstance(third[0], Duration) else -1


def _constant(node: Node) -> float | None:
    match node:
        case Number():
            return node.value
        case Unary(sign="-", operand=Number(value=value)):
            return -value
    return None
