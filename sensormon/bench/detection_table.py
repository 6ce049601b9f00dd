"""The tables of `docs/detection.md` from the figures of `bench detection`, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sensormon.analysis.backgrounds import BACKGROUNDS, ROWS_BACKGROUNDS
from sensormon.analysis.typed_faults import FAULTS
from sensormon.bench.detection import (
    BEYOND,
    BYTES,
    CHANCE,
    F1,
    FAR,
    FOUND,
    LEFT_OUT,
    LIVE,
    LONGEST,
    LOW_FP,
    MEDIAN,
    NAB,
    OURS,
    SEED,
    SPEED,
    WORST,
    YOUNG,
    YOUNGEST,
)
from sensormon.bench.measured import Figures, Measured
from sensormon.bench.references import REFERENCES
from sensormon.detectors import MULTIVARIATE

_MISSING = "–"


def tables(detection: Measured) -> str:
    """All tables, each under a line that says what it holds; a column that nobody has is left out."""
    figures = {**detection.figures, **detection.reference}
    single = [OURS, SEED, *(other.name for other in REFERENCES if other.flag is not None)]
    several = [*MULTIVARIATE, *(other.name for other in REFERENCES if other.rows is not None)]
    return "\n\n".join(
        [
            "One tag, ours and theirs:",
            _table(figures, single, _ONE_TAG),
            "Faults found, %, by kind:",
            _table(figures, single, [(title, f"found of {title}, %", 0) for title in FAULTS.values()]),
            f"`{OURS}` by background, flags per 1,000 readings and faults found, %:",
            _by_background(figures),
            "NAB by folder, standard profile, points and wrong flags:",
            _table(figures, single, _folders(figures)),
            "Several tags, rows flagged of clean ones, %, and SKAB:",
            _table(figures, several, _SEVERAL),
        ]
    )


Column = tuple[str, str, int]
"""The heading, the figure and its decimals."""

_ONE_TAG: list[Column] = [
    ("faults found, %", FOUND, 1),
    ("alarms by chance, %", CHANCE, 1),
    ("found beyond chance, %", BEYOND, 1),
    ("flags per 1,000: median", MEDIAN, 2),
    ("worst", WORST, 1),
    ("first 1,000: median", YOUNG, 2),
    ("worst", YOUNGEST, 1),
    ("NAB standard", NAB, 1),
    ("low FP", LOW_FP, 1),
    ("left out", LEFT_OUT, 1),
    ("readings/s", SPEED, 0),
    ("tags at 1 Hz", LIVE, 0),
    ("bytes a tag", BYTES, 0),
]
_SEVERAL: list[Column] = [
    *((name, f"rows flagged on {name}, %", 2) for name in ROWS_BACKGROUNDS),
    ("longest event after a step, rows", LONGEST, 0),
    ("SKAB F1", F1, 3),
    ("false alarms, %", FAR, 1),
]


def _folders(figures: Figures) -> list[Column]:
    start, end = f"{OURS}, NAB ", ", wrong flags"
    names = [
        name[len(start) : -len(end)] for name in figures if name.startswith(start) and name.endswith(end)
    ]
    return [
        column
        for name in names
        for column in (
            (name, f"NAB {name}, standard, points", 1),
            (f"wrong in {name}", f"NAB {name}, wrong flags", 0),
        )
    ]


def _table(figures: Figures, detectors: Iterable[str], columns: Sequence[Column]) -> str:
    rows = []
    for detector in detectors:
        cells = [_cell(figures, f"{detector}, {figure}", decimals) for _, figure, decimals in columns]
        if set(cells) != {_MISSING}:
            rows.append([f"`{detector}`", *cells])
    used = [i for i in range(1, len(columns) + 1) if any(row[i] != _MISSING for row in rows)]
    if not used:
        return "(no recordings: give --data)"
    heading = ["", *(columns[i - 1][0] for i in used)]
    return _markdown(heading, [[row[0], *(row[i] for i in used)] for row in rows])


def _by_background(figures: Figures) -> str:
    heading = ["", "flags", "first 1,000", "found", *FAULTS.values()]
    rows = []
    for name in BACKGROUNDS:
        names = [
            (f"flags per 1,000 on {name}", 2),
            (f"flags per 1,000 of the first on {name}", 2),
            (f"found on {name}, %", 0),
            *((f"found of {title} on {name}, %", 0) for title in FAULTS.values()),
        ]
        rows.append([name, *(_cell(figures, f"{OURS}, {figure}", decimals) for figure, decimals in names)])
    return _markdown(heading, rows)


def _cell(figures: Figures, name: str, decimals: int) -> str:
    """The figure, with its spread over the starts if it has one."""
    value = figures.get(name, math.nan)
    if math.isnan(value):
        return _MISSING
    spread = figures.get(f"{name}, spread")
    return f"{value:,.{decimals}f}" + ("" if spread is None else f" ± {spread:.1f}")


def _markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *("--:" for _ in heading[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, rule, *rows))
