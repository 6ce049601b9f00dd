"""Text that people type, before it is kept."""

from __future__ import annotations

LONGEST_NAME = 100
"""Characters of a person's name."""


def cleaned(text: str) -> str:
    """The text without what no store takes (NUL, half of a surrogate pair) and no line shows."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
