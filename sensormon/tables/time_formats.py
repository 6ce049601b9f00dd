"""Times in a format that somebody names: a word, or a pattern of strptime."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Ints
from sensormon.tables.date_orders import ORDERS
from sensormon.tables.time_numbers import COUNTS

CLOCKS = {"hh": 2, "hhmm": 4, "hhmmss": 6}
"""How many digits a column of clock times has, by the word that says so."""

WORDS = ("iso", *COUNTS, *ORDERS, *CLOCKS)
"""Formats that have a word."""

_WIDTHS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, " ": 1}
_A_DAY = re.compile(r"(?=.*%[Yy])(?=.*%[dj])")
"""Without a year and a day a pattern is no date."""
_DIRECTIVES = re.compile(r"%.|[^%]")


def checked(form: str) -> str:
    """The format without spaces around it. Raises UsageError for one that is neither a word nor a pattern."""
    form = form.strip()
    word = form.lower().replace("µ", "u").replace("μ", "u")
    if word in WORDS or not form:
        return word
    if not _A_DAY.search(form):
        raise UsageError(
            f"{form[:60]!r} is not the format of a date and time",
            where="--time-format",
            hint=f"Give a pattern such as %d.%m.%Y %H:%M:%S, or one of {', '.join(WORDS)}",
        )
    return form


def by_pattern(cells: pa.Array, form: str) -> tuple[Ints, Bools, bool]:
    """µs of these texts by a pattern of strptime, which are wrong, and whether they are in UTC.

    Digits alone get the zeros back that a spreadsheet took: 90000 for %H%M%S. Raises UsageError for a
    pattern that strptime does not know.
    """
    zoned = "%z" in form or "%Z" in form
    text = pd.Series(_padded(cells, form).to_pylist(), dtype="str")
    try:
        stamps = pd.to_datetime(text, format=form, errors="coerce", utc=zoned)
    except (ValueError, TypeError, re.error) as error:
        raise UsageError(
            f"{form[:60]!r} is not a pattern of times ({error})",
            where="--time-format",
            hint="Give a pattern such as %d.%m.%Y %H:%M:%S",
        ) from error
    if zoned:
        stamps = stamps.dt.tz_localize(None)
    micros = stamps.astype("datetime64[us]").to_numpy().astype(np.int64)
    wrong: Bools = stamps.isna().to_numpy(dtype=np.bool_)
    return micros, wrong, zoned


def _padded(cells: pa.Array, form: str) -> pa.Array:
    """The cells with zeros in front of the last digits, as many as the pattern has places for."""
    width = 0
    for directive in reversed(_DIRECTIVES.findall(form)):
        if directive not in _WIDTHS or directive == " ":
            break
        width += _WIDTHS[directive]
    digits = pc.extract_regex(cells, r"^(?P<front>(?:.* )?)(?P<digits>\d+)\??$")
    if not width or not pc.any(digits.is_valid()).as_py():
        return cells
    padded = pc.ascii_lpad(pc.if_else(digits.is_valid(), digits.field("digits"), ""), width, padding="0")
    whole = pc.binary_join_element_wise(digits.field("front"), padded, pa.scalar("", pa.large_string()))
    return pc.if_else(digits.is_valid(), whole, cells)
