"""The text of a formula as tokens.

A tag is written as its name, or in braces if the name has other characters than letters, digits, `_` and
`.`, or is a word of the language: `{line 1/TI-101}`. A word of a state stands in double quotes, a duration is
a number with its unit: `10min`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sensormon.model.errors import FormulaError
from sensormon.model.tags import LONGEST_FORMULA

UNITS = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
"""µs of each unit of a duration."""
KEYWORDS = ("and", "or", "not", "true", "false")

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)
    |\{(?P<braced>[^{}]*)\}
    |"(?P<word>[^"]*)"
    |(?P<sign><=|>=|==|!=|[-+*/%^<>(),])""",
    re.VERBOSE | re.ASCII,
)
_UNIT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Token:
    """`kind` is number, duration, name, tag, word, sign or end; `value` is µs for a duration."""

    kind: str
    text: str
    at: int
    value: float = 0.0


def tokens_of(text: str) -> list[Token]:
    """The tokens of this text, the end last. Raises FormulaError."""
    if len(text) > LONGEST_FORMULA:
        raise FormulaError(
            f"the formula has {len(text):,} characters",
            text=text[:LONGEST_FORMULA],
            at=LONGEST_FORMULA - 1,
            hint=f"Use at most {LONGEST_FORMULA:,}, or make a part of it a calculated tag of its own",
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unknown(text, at)
        kind = str(match.lastgroup)
        end = match.end()
        if kind == "number":
            token, end = _number(text, match)
            tokens.append(token)
        elif kind != "space":
            tokens.append(_named(kind, match))
        at = end
    return [*tokens, Token("end", "", len(text))]


def _number(text: str, match: re.Match[str]) -> tuple[Token, int]:
    """A number, or the duration that letters right behind it make it; and where it ends."""
    number, at, end = float(match[0]), match.start(), match.end()
    if number == float("inf"):
        raise FormulaError(f"{match[0]} is too large", text=text, at=at, hint="Use a smaller number")
    unit = _UNIT.match(text, end)
    if unit is None:
        return Token("number", match[0], at, number), end
    if unit[0] not in UNITS:
        raise FormulaError(
            f"{unit[0]!r} is not a unit of time",
            text=text,
            at=end,
            hint=f"Use {', '.join(UNITS)} for a duration, such as 10min; or write * between number and name",
        )
    micros = round(min(number * UNITS[unit[0]], 1e18))
    return Token("duration", text[at : unit.end()], at, float(micros)), unit.end()


def _named(kind: str, match: re.Match[str]) -> Token:
    at = match.start()
    if kind == "braced":
        return Token("tag", match["braced"].strip(), at)
    if kind == "word":
        return Token("word", match["word"], at)
    if kind == "name" and match[0] in KEYWORDS:
        return Token("sign", match[0], at)
    return Token(kind, match[0], at)


def _unknown(text: str, at: int) -> FormulaError:
    character = text[at]
    what, hint = f"{character!r} cannot stand here", "Put a tag with such a name in braces: {TI-101}"
    if character == '"':
        what, hint = "this double quote is not closed", 'Write a state as "CIP"'
    elif character == "{":
        what, hint = "this brace is not closed", "Write a tag as {TI-101}"
    elif character == "'":
        what, hint = "single quotes mean nothing here", 'Write a state as "CIP", a tag as {TI-101}'
    elif character == "=":
        what, hint = "a single = means nothing here", "Write == to compare"
    elif character in "&|":
        what, hint = f"{character!r} means nothing here", "Write `and` or `or`"
    elif character == "!":
        what, hint = "'!' means nothing here", "Write `not`, or != to compare"
    return FormulaError(what, text=text, at=at, hint=hint)
