"""TOML from a file that somebody else may have written, bounded before it is parsed.

`tomllib` takes time and memory by the square of a key's parts, follows nested values by recursion,
and makes a kilobyte of bookkeeping for each nested table. So the text is measured first, by regular
expressions that take time in proportion to its length: what stands in strings and comments is left out,
and what remains is counted. What it is not: a check of what the file says.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

DEEPEST = 8
"""The most parts of a key, and the most values inside each other."""
_LONGEST_WORD = 200
"""Characters of a number or a key without quotes; a tag's name has at most 128."""

_STRINGS_AND_COMMENTS = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"""(?:"{0,2})'
    r"|'''(?:[^']++|'(?!''))*+'''(?:'{0,2})"
    r'|"(?:[^"\\\n]++|\\[^\n])*+"'
    r"|'[^'\n]*+'"
    r"|\#[^\n]*+",
    re.DOTALL,
)
_ENDS = re.compile(r"[\n\[\]{},]")
_TOO_DEEP = re.compile(rf"(?:\.[^.\n=\[\]{{}},]*+){{{DEEPEST}}}")
_TOO_LONG = re.compile(rf"[\w+-]{{{_LONGEST_WORD + 1}}}")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_NUMBER = re.compile(r"[\w+-]*\.?[\w+-]*")


@dataclass(frozen=True)
class TomlBounds:
    """The most that a text may have of each; `tables` are also those that a dotted key makes."""

    characters: int
    lines: int
    keys: int
    tables: int
    values: int


OWN = TomlBounds(characters=16 << 20, lines=1_000_000, keys=400_000, tables=200_000, values=800_000)
"""For a file that belongs to this installation: some 20,000 tags."""
FOREIGN = TomlBounds(characters=2 << 20, lines=100_000, keys=50_000, tables=30_000, values=100_000)
"""For a file from outside: 5,000 tags as a case has them, parsed within a second."""


def read_toml(text: str, bounds: TomlBounds = OWN) -> dict[str, Any]:
    """The document in this text. Raises ValueError if it is not TOML or exceeds these bounds."""
    _check(text, bounds)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _check(text: str, bounds: TomlBounds) -> None:
    if len(text) > bounds.characters:
        raise ValueError(f"it has more than {bounds.characters:,} characters")
    plain = _STRINGS_AND_COMMENTS.sub(_stand_in, text.replace("\r\n", "\n"))
    if plain.count("\n") > bounds.lines or text.count("\n") > bounds.lines:
        raise ValueError(f"it has more than {bounds.lines:,} lines")
    if plain.count("=") > bounds.keys:
        raise ValueError(f"it has more than {bounds.keys:,} keys")
    if sum(map(plain.count, ",[{=")) > bounds.values:
        raise ValueError(f"it has more than {bounds.values:,} values")
    if _TOO_DEEP.search(plain):
        raise ValueError(f"it has a key of more than {DEEPEST} parts")
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", plain):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} values inside each other")
    tables = plain.count("{") + len(_HEADER.findall(plain)) + sum(map(_tables, _ENDS.split(plain)))
    if tables > bounds.tables:
        raise ValueError(f"it has more than {bounds.tables:,} tables")
    if _TOO_LONG.search(plain):
        raise ValueError(f"it has a number or a key of more than {_LONGEST_WORD} characters")


def _stand_in(match: re.Match[str]) -> str:
    return "" if match[0].startswith("#") else "x"


def _tables(part: str) -> int:
    """How many tables the key in this part, between two brackets, commas or ends of lines, can make."""
    key, is_key, _ = part.partition("=")
    dots = key.count(".")
    return 0 if not is_key and _NUMBER.fullmatch(key.strip()) else dots
