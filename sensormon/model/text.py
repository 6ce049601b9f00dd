"""Cleaning text that people type, before it is stored."""

from __future__ import annotations

LONGEST_NAME = 100
"""Most characters in a person's name."""


def cleaned(text: str) -> str:
    """The text without characters that no store takes (NUL, lone surrogates) or no line shows."""
    return "".join(character if character.isprintable() else " " for character in text).strip()
