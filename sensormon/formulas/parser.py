"""The text of a formula as a tree. Bounded in length, depth and size; says where something is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from sensormon.formulas.functions import FUNCTIONS, like
from sensormon.formulas.tokens import Token, tokens_of
from sensormon.formulas.tree import (
    COMPARING,
    LEVELS,
    Binary,
    Call,
    Duration,
    Node,
    Number,
    TagRef,
    Truth,
    Unary,
    Word,
)
from sensormon.model.errors import FormulaError

DEEPEST = 30
"""The most parentheses, functions and signs inside each other."""
MOST_PARTS = 200
"""The most numbers, tags, signs and functions of a formula."""


def parse(text: str) -> Node:
    """The tree of this text. Raises FormulaError, with the place and what to do."""
    tokens = tokens_of(text)
    parts = [token for token in tokens if token.text not in ("(", ")", ",")]
    if len(parts) > MOST_PARTS:  # also bounds how deep the tree is
        raise FormulaError(
            f"the formula has {len(parts):,} parts",
            text=text,
            at=parts[MOST_PARTS].at,
            hint=f"Use at most {MOST_PARTS}, or make a part of it a calculated tag of its own",
        )
    return _Parser(text, tokens).whole()


class _Parser:
    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._opened: list[int] = []

    def whole(self) -> Node:
        if self._next.kind == "end":
            raise self._wrong("there is no formula", "Write one, such as feed_temp - jacket_temp")
        tree = self._any()
        if self._next.kind != "end":
            raise self._unexpected()
        return tree

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self, *signs: str) -> Token | None:
        token = self._next
        if token.kind == "sign" and token.text in signs:
            self._place += 1
            return token
        return None

    def _any(self) -> Node:
        """Anything, from `or` down."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(
                f"more than {DEEPEST} parentheses and functions are inside each other",
                "Make a part of it a calculated tag of its own",
            )
        left = self._conjunction()
        while token := self._take("or"):
            left = Binary("or", left, self._conjunction(), token.at)
        self._depth -= 1
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while token := self._take("and"):
            left = Binary("and", left, self._negation(), token.at)
        return left

    def _negation(self) -> Node:
        signs = []
        while token := self._take("not"):
            signs.append(token)
        tree = self._comparison()
        for token in reversed(signs):
            tree = Unary("not", tree, token.at)
        return tree

    def _comparison(self) -> Node:
        left = self._sum()
        if (token := self._take(*COMPARING)) is None:
            return left
        tree = Binary(token.text, left, self._sum(), token.at)
        if self._next.kind == "sign" and self._next.text in COMPARING:
            raise self._wrong("two comparisons cannot follow each other", "Write a < b and b < c")
        return tree

    def _sum(self) -> Node:
        left = self._product()
        while token := self._take("+", "-"):
            left = Binary(token.text, left, self._product(), token.at)
        return left

    def _product(self) -> Node:
        left = self._signed()
        while token := self._take("*", "/", "%"):
            left = Binary(token.text, left, self._signed(), token.at)
        return left

    def _signed(self) -> Node:
        signs = []
        while token := self._take("-"):
            signs.append(token)
        tree = self._power()
        for token in reversed(signs):
            tree = Unary("-", tree, token.at)
        return tree

    def _power(self) -> Node:
        left = self._atom()
        if token := self._take("^"):
            self._depth += 1
            if self._depth > DEEPEST:
                raise self._wrong("too many powers are inside each other", "Use fewer")
            right = self._signed()
            self._depth -= 1
            return Binary("^", left, right, token.at)
        return left

    def _atom(self) -> Node:
        token = self._next
        if token.kind in ("end", "sign") and token.text not in ("(", "true", "false"):
            raise self._unexpected()
        self._place += 1
        if token.kind == "name" and self._take("("):
            return self._call(token)
        if token.text == "(" and token.kind == "sign":
            self._opened.append(token.at)
            tree = self._any()
            self._close()
            return tree
        return _leaf(token)

    def _call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            raise FormulaError(
                f"there is no function {name.text!r}", text=self._text, at=name.at, hint=like(name.text)
            )
        self._opened.append(self._tokens[self._place - 1].at)
        arguments: list[Node] = []
        if not (self._next.kind == "sign" and self._next.text == ")"):
            arguments.append(self._any())
            while self._take(","):
                arguments.append(self._any())
        self._close()
        return Call(name.text, tuple(arguments), name.at)

    def _close(self) -> None:
        opened = self._opened[-1]
        if self._take(")"):
            self._opened.pop()
            return
        if self._next.kind == "end":
            raise FormulaError(
                "this parenthesis is not closed", text=self._text, at=opened, hint="Add a ) where it ends"
            )
        raise self._unexpected()

    def _unexpected(self) -> FormulaError:
        token = self._next
        if token.kind == "end":
            return self._wrong("something is missing at the end", "Add a tag, a number or a function")
        if token.text == ")" and not self._opened:
            return self._wrong("this parenthesis was never opened", "Remove it, or add a ( before")
        if token.text == "," and not self._opened:
            return self._wrong("a comma can only stand in a function", "Write decimals with a point: 0.5")
        if token.kind == "sign" and token.text in LEVELS:
            return self._wrong(
                f"something is missing before {token.text!r}", "Add a tag, a number or a function"
            )
        text = token.text or token.kind
        return self._wrong(
            f"{text!r} cannot stand here", "Put a sign such as + or * before it, or a name in braces"
        )

    def _wrong(self, what: str, hint: str) -> FormulaError:
        return FormulaError(what, text=self._text, at=min(self._next.at, len(self._text)), hint=hint)


def _leaf(token: Token) -> Node:
    """What a single token stands for."""
    leaf: Node
    match token.kind:
        case "number":
            leaf = Number(token.value, token.at)
        case "duration":
            leaf = Duration(round(token.value), token.at)
        case "word":
            leaf = Word(token.text, token.at)
        case "sign":
            leaf = Truth(token.text == "true", token.at)
        case _:
            leaf = TagRef(token.text, token.at)
    return leaf
