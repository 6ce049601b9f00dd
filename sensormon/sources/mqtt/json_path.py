"""Paths into JSON: `$.a.b[0]["x y"]`, and `[*]` once for each element of an array or value of an object.

What it is not: JSONPath of RFC 9535. There are no filters, slices or descents; a path names one value, or
with `[*]` one in each element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LONGEST = 200
"""Characters of a path."""
DEEPEST = 20
"""Steps of a path."""
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]"'\s{}]+)|\[(?P<index>\d{1,6})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|(?P<each>\[\*\])"""
)
_PLAIN = re.compile(r"[^.\[\]\"'\s{}]+")
EACH = None
"""The step `[*]`."""
Step = str | int | None


class NothingThere(LookupError):
    """The document has nothing at this path; `at` is the step that leads nowhere."""

    def __init__(self, at: str) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True)
class JsonPath:
    """A path as its steps: names of fields, places in arrays, `EACH`."""

    steps: tuple[Step, ...]

    @property
    def before(self) -> tuple[Step, ...]:
        """The steps before `[*]`; all without one."""
        return self.steps[: self.steps.index(EACH)] if EACH in self.steps else self.steps

    @property
    def after(self) -> tuple[Step, ...]:
        """The steps after `[*]`."""
        return self.steps[self.steps.index(EACH) + 1 :] if EACH in self.steps else ()

    @property
    def repeats(self) -> bool:
        """Whether it has a `[*]`."""
        return EACH in self.steps

    def __str__(self) -> str:
        return written(self.steps)


def written(steps: tuple[Step, ...]) -> str:
    """The text of these steps."""
    return "$" + "".join(_written(step) for step in steps)


def parse_path(text: str) -> JsonPath:
    """The path of this text. Raises ValueError, in words for the person who wrote it.

    >>> parse_path('$.values[*]["the value"]').steps
    ('values', None, 'the value')
    """
    if len(text) > LONGEST or not text.startswith("$"):
        raise ValueError(f"{text[:60]!r} is not a path such as $.v, $.values[0] or $.readings[*].value")
    steps: list[Step] = []
    place = 1
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None or len(steps) == DEEPEST:
            raise ValueError(f"the path {text!r} cannot be read from {text[place : place + 20]!r} on")
        if step["each"]:
            steps.append(EACH)
        elif step["index"]:
            steps.append(int(step["index"]))
        else:
            try:
                steps.append(json.loads(step["quoted"]) if step["quoted"] else step["name"])
            except ValueError as error:
                raise ValueError(f"{step['quoted']} in the path is not a JSON text") from error
        place = step.end()
    if steps.count(EACH) > 1:
        raise ValueError(f"the path {text!r} has [*] more than once")
    return JsonPath(tuple(steps))


def follow(document: Any, steps: tuple[Step, ...]) -> Any:
    """What these steps, without `[*]`, lead to. Raises NothingThere."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                raise NothingThere(_written(step))
        elif not isinstance(document, list) or step is None or step >= len(document):
            raise NothingThere(_written(step))
        document = document[step]
    return document


def each(document: Any) -> Iterator[tuple[str, Any]]:
    """The elements that `[*]` stands for, each with its place or name. Raises NothingThere."""
    if isinstance(document, dict):
        yield from document.items()
    elif isinstance(document, list):
        yield from ((str(place), element) for place, element in enumerate(document))
    else:
        raise NothingThere("[*]")


def _written(step: Step) -> str:
    if step is EACH:
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(str(step)) else f"[{json.dumps(step, ensure_ascii=False)}]"
