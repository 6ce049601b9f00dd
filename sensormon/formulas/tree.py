"""What a formula consists of, and its text again. Equal parts may stand at different places in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sensormon.formulas.tokens import KEYWORDS, UNITS

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*", re.ASCII)
"""A tag's name that needs no braces."""


@dataclass(frozen=True)
class Number:
    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Truth:
    value: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Duration:
    """A length of time in µs."""

    micros: int
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Word:
    """A state, or a unit, in quotes."""

    text: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class TagRef:
    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Unary:
    """`sign` is "-" or "not"."""

    sign: str
    operand: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Binary:
    sign: str
    left: Node
    right: Node
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False)


Node = Number | Truth | Duration | Word | TagRef | Unary | Binary | Call

COMPARING = ("<", "<=", ">", ">=", "==", "!=")
"""The signs of a comparison."""
LEVELS = {
    "or": 1,
    "and": 2,
    "not": 3,
    **dict.fromkeys(COMPARING, 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
    "negative": 7,
    "^": 8,
}
"""How tightly each sign binds."""
_ATOM = 9


def nodes(tree: Node) -> Iterator[Node]:
    """The tree and all below it, in the order of the text."""
    yield tree
    match tree:
        case Unary():
            yield from nodes(tree.operand)
        case Binary():
            yield from nodes(tree.left)
            yield from nodes(tree.right)
        case Call():
            for argument in tree.arguments:
                yield from nodes(argument)


def tags_of(tree: Node) -> tuple[str, ...]:
    """The tags used, each once, in the order of the text."""
    return tuple(dict.fromkeys(node.name for node in nodes(tree) if isinstance(node, TagRef)))


def printed(tree: Node) -> str:
    """The text of the tree, with no more parentheses than needed; the parser reads the same tree from it."""
    return _printed(tree)[0]


def tag_text(name: str) -> str:
    """The tag's name as a formula writes it.

    >>> tag_text("feed.temp"), tag_text("TI-101"), tag_text("and")
    ('feed.temp', '{TI-101}', '{and}')
    """
    return name if PLAIN.fullmatch(name) and name not in KEYWORDS else f"{{{name}}}"


def duration_text(micros: int) -> str:
    """The duration in the largest unit of which it is a whole number.

    >>> duration_text(600_000_000), duration_text(90_000_000), duration_text(1_500)
    ('10min', '90s', '1.5ms')
    """
    for unit, size in reversed(UNITS.items()):
        if micros % size == 0:
            return f"{micros // size}{unit}"
    return f"{micros / UNITS['ms']!r}ms"


def _printed(tree: Node) -> tuple[str, int]:
    match tree:
        case Call():
            return f"{tree.name}({', '.join(map(printed, tree.arguments))})", _ATOM
        case Unary():
            level = LEVELS["not" if tree.sign == "not" else "negative"]
            text = _inside(tree.operand, level)
            return (f"not {text}" if tree.sign == "not" else f"-{text}"), level
        case Binary():
            return _binary(tree)
    return _leaf(tree), _ATOM


def _leaf(tree: Number | Truth | Duration | Word | TagRef) -> str:
    match tree:
        case Number():
            text = repr(tree.value).removesuffix(".0")
        case Truth():
            text = str(tree.value).lower()
        case Duration():
            text = duration_text(tree.micros)
        case Word():
            text = f'"{tree.text}"'
        case TagRef():
            text = tag_text(tree.name)
    return text


def _binary(tree: Binary) -> tuple[str, int]:
    level = LEVELS[tree.sign]
    if tree.sign == "^":  # from right to left, and what follows it may have a sign
        left, right = _inside(tree.left, level + 1), _inside(tree.right, LEVELS["negative"])
    elif level == LEVELS["=="]:  # not in a chain
        left, right = _inside(tree.left, level + 1), _inside(tree.right, level + 1)
    else:
        left, right = _inside(tree.left, level), _inside(tree.right, level + 1)
    return f"{left} {tree.sign} {right}", level


def _inside(tree: Node, least: int) -> str:
    text, level = _printed(tree)
    return text if level >= least else f"({text})"
