"""Which readings the cells of a file allow: slow and obvious, one way after the other.

The reference for the questions that an import asks. It knows the conventions that the documentation
names: dates with dots put the day first, so does a file with decimal commas; in a file with
semicolons or tabs between its columns a comma is the decimal mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

_ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}
"""Where year, month and day are, by the order."""


def number(text: str, mark: str) -> Decimal | None:
    """The number that this text is if `mark` stands before the decimals; None if it is none.

    >>> number("37,125", ","), number("37,125", "."), number("0,125", "."), number("1,23", ".")
    (Decimal('37.125'), Decimal('37125.0'), None, None)
    """
    other = "," if mark == "." else "."
    text = re.sub("[\u00a0\u2009\u202f]", " ", text)
    sign = -1 if text.startswith("-") else 1
    text = text.removeprefix("-").removeprefix("+")
    for thousands in (other, " ", "'"):
        head, _, decimals = text.partition(mark)
        groups = head.split(thousands)
        begins = len(groups) > 1 and re.fullmatch(r"[1-9]\d{0,2}", groups[0])
        goes_on = all(re.fullmatch(r"\d{3}", group) for group in groups[1:])
        if begins and goes_on and re.fullmatch(r"\d*", decimals):
            return sign * Decimal("".join(groups) + "." + (decimals or "0"))
    if re.fullmatch(rf"(\d+({re.escape(mark)}\d*)?|{re.escape(mark)}\d+)([eE][+-]?\d+)?", text):
        return sign * Decimal(text.replace(mark, "."))
    return None


def marks_of(texts: Iterable[str]) -> dict[str, list[Decimal]]:
    """The decimal marks with which all of these texts are numbers, and which numbers."""
    ways = {mark: [number(text, mark) for text in texts] for mark in (".", ",")}
    return {
        mark: [value for value in values if value is not None]
        for mark, values in ways.items()
        if None not in values
    }


def numbers_differ(texts: Sequence[str]) -> bool:
    """Whether the texts are numbers with either mark, and not the same ones."""
    ways = marks_of(texts)
    return len(ways) == 2 and ways["."] != ways[","]


def usual_mark(texts: Sequence[str], separator: str) -> str:
    """The mark that convention gives to numbers that differ; empty if somebody has to be asked."""
    in_doubt = [text for text in texts if number(text, ".") != number(text, ",")]
    commas = any("," in text for text in in_doubt)
    points = any("." in text for text in in_doubt)
    if commas:
        return "," if separator in (";", "\t") and not points else ""
    return "" if separator == ";" else "."


def day(text: str, order: str) -> date | None:
    """The day that a date of three numbers is in this order; None if there is no such day."""
    parts = re.split(r"[-/.]", text)
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    year, month, number = (parts[place] for place in _ORDERS[order])
    if len(year) not in (2, 4) or max(len(month), len(number)) > 2:
        return None
    whole = int(year) if len(year) == 4 else 1900 + int(year) if int(year) >= 69 else 2000 + int(year)
    try:
        return date(whole, int(month), int(number))
    except ValueError:
        return None


def orders_of(texts: Sequence[str]) -> list[str]:
    """The orders in which all of these are dates, the first of those that mean the same days.

    >>> orders_of(["3/4/2026", "5/4/2026"]), orders_of(["3/4/2026", "15/4/2026"]), orders_of(["4/4/2026"])
    (['dmy', 'mdy'], ['dmy'], ['dmy'])
    """
    ways: dict[tuple[date, ...], str] = {}
    for order in _ORDERS:
        days = tuple(each for each in (day(text, order) for text in texts) if each is not None)
        if len(days) == len(texts):
            ways.setdefault(days, order)
    return list(ways.values())
