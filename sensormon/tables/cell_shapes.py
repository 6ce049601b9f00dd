"""What a cell of text looks like: a number or a time, a name, a unit, nothing.

It guesses the layout of a table. What it is not: the reading of a cell; see `times` and `numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sensormon.tables.column_names import TIMES, numbered
from sensormon.tables.missing import WORDS

_NUMBER = r"[+\-−]?(?:\d{1,3}(?:['’\u00a0\u202f\u2009 ]\d{3})+(?:[.,]\d*)?|[.,]?\d[\d.,]*)(?:[eE][+\-]?\d+)?"
_MONTH = r"(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[^\W\d_]*\.?"
_REST = r"(?:[T ,]\ ?[\d:.,+\-−\ ]{0,40}(?:\ ?[^\W\d][\w./]{0,20})?)?"
_TYPED = re.compile(
    rf"""
    {_NUMBER}(?:\s?[%°]\S{{0,3}}|\ [^\W\d_]\S{{0,7}})?       # a number, perhaps with its unit
    | \d{{1,4}}([-/.])\d{{1,2}}\1\d{{1,4}}{_REST}    # 2026-01-31 12:00:00.5+02:00
    | \d{{8}}[T_ ]\d{{4,6}}[\d.,:+\-Z]{{0,12}}                        # 20260131T120000Z
    | \d{{1,2}}[:.]\d{{2}}(?:[:.]\d{{2}})?(?:[.,]\d+)?(?:\s?[AaPp]\.?[Mm]\.?)?   # 18:00:00
    | (?:[^\W\d_]{{2,9}},?\ )?\d{{1,2}}[-/. ]?\ ?{_MONTH}[-/., ]+\d{{2,4}}{_REST}  # 31-Jan-2026
    | (?:[^\W\d_]{{2,9}},?\ )?{_MONTH}\ \d{{1,2}},?\ \d{{2,4}}{_REST}               # Jan 31, 2026
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TROUBLE = frozenset(
    ["bad", "error", "unavailable", "unknown", "i/o timeout", "bad input", "no good", "fault", "offline"]
)
"""What senders write in the place of a number: a row of these is no second row of names."""
_UNITS = frozenset(
    re.findall(
        r"\S+",
        """c k f degc degf celsius kelvin fahrenheit bar mbar barg bara bar(g) bar(a) pa kpa mpa
        hpa psi psig psia atm torr mmhg mh2o inh2o pct percent ppm ppb ppt ph m mm cm km um nm
        in ft inch yd s sec ms us ns min h hr hrs hour hours d day days hz khz mhz ghz rpm u v
        mv kv volt volts a ma ka amp amps w kw mw gw kwh mwh wh va kva var kvar j kj mj n kn kg
        g mg ug t lb lbs oz l ml hl ul gal m3 mol mmol umol lux lx lm cd db dba rad deg ohm kohm
        mohm ntu fnu cp cst mpas pas cfu od vol wt counts count cfm scfm gpm lpm slpm sccm ln nl
        nm3 sm3 ips g's psu""",
    )
)
_CLOCK_FORMAT = re.compile(
    r"[\[(]?(?:utc|gmt|cet|cest|met|mez|local(?: time)?|ts|iso ?8601|unix|epoch"
    r"|(?=.*[ymdhs])[ymdhsfaptz%:/., _'\-]{2,40})[\])]?",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")
_LONGEST, _LONGEST_UNIT = 80, 16


def is_typed(cell: str) -> bool:
    """Whether this looks like a number or a time."""
    cell = cell.strip()
    return (
        bool(cell)
        and len(cell) < _LONGEST
        and (cell[0] in "+-−.,(" or cell[0].isalnum())
        and bool(_TYPED.fullmatch(cell))
    )


def is_nothing(cell: str) -> bool:
    """Whether this says that there is no value."""
    return cell.strip().lower() in WORDS or not cell.strip(" -")


def is_text(cells: Sequence[str]) -> bool:
    """Whether the row has words, and neither numbers nor times."""
    return any(not is_nothing(cell) for cell in cells) and not any(map(is_typed, cells))


def is_trouble(cells: Sequence[str]) -> bool:
    """Whether the row only says, in words, that there are no values."""
    return all(is_nothing(cell) or cell.strip().lower() in _TROUBLE for cell in cells)


def names_time(cell: str) -> bool:
    """Whether this is a usual name of a column of times."""
    return len(cell) < _LONGEST and numbered(cell) in TIMES


def is_unit(cell: str) -> bool:
    """Whether this is a unit, or anything in brackets: `°C`, `m³/h`, `[bar]`, `%`."""
    cell = cell.strip()
    if not cell or len(cell) > _LONGEST_UNIT:
        return False
    if _BRACKETS.fullmatch(cell):
        return True
    parts = re.split(r"[/·*.^ ]|(?<=[^\W\d])[-]?[\d²³⁻¹]+(?=$|[/·*. ])", cell)
    words = [part.lower().lstrip("°µμ%") for part in parts if part and not part.isdigit()]
    if cell.lower() in _UNITS:
        return True
    return bool(words) and all(not word or word in _UNITS for word in words)


def is_units_row(cells: Sequence[str]) -> bool:
    """Whether these, below a header, are its units: most are, beside a zone or format for the times."""
    others = [cell for cell in cells if not is_nothing(cell) and not _CLOCK_FORMAT.fullmatch(cell.strip())]
    if not others:
        return any(not is_nothing(cell) for cell in cells)
    return 2 * sum(map(is_unit, others)) >= len(others)


def plain_unit(cell: str) -> str:
    """The unit without its brackets."""
    cell = cell.strip()
    return cell[1:-1].strip() if _BRACKETS.fullmatch(cell) else cell
