"""Cleaning text that people or servers wrote, before it is stored or shown."""

from __future__ import annotations

import re

from sensormon.model.errors import UsageError

LONGEST_NAME = 100
"""Most characters in a person's name."""
_PASSWORD = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
_PARAMETER = re.compile(r"(?i)\b((?:password|passwd|pwd|token|secret|apikey|api_key)\s*=\s*)[^&\s;,'\"]+")


def cleaned(text: str) -> str:
    """The text without characters that no store takes (NUL, lone surrogates) or no line shows."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def person_name(who: str, where: str) -> str:
    """The name of the person who acts `where`, cleaned. Raises UsageError if it is empty or too long."""
    name = cleaned(who)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise UsageError(f"a name of 1 to {LONGEST_NAME} characters is needed", where=where)
    return name


def without_password(text: str) -> str:
    """The text without a name and password inside a URL, and without the value of a parameter for one.

    >>> without_password("postgresql://me:s3cret@db/plant?password=x")
    'postgresql://…@db/plant?password=…'
    """
    return _PARAMETER.sub(r"\1…", _PASSWORD.sub("…@", text))


def holds_password(text: str) -> bool:
    """Whether a password stands in the text itself, where the name of one belongs."""
    return bool(_PASSWORD.search(text) or _PARAMETER.search(text))
