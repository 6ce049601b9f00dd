"""The symbol and the colour of each severity: the same in lists, charts, the bell and the wall screen.

Shape and colour both tell it, so that neither is needed alone. `ui/browser/bell.js` has the same symbols, and
`view/severity_marks.py` gives them to tables and charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sensormon.model.events import Severity
from sensormon.view.palette import Palette

SYMBOLS: Mapping[str, str] = MappingProxyType({Severity.HIGH: "◆", Severity.MEDIUM: "▲", Severity.LOW: "●"})
"""By severity, the symbol in text."""
OPEN_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {Severity.HIGH: "◇", Severity.MEDIUM: "△", Severity.LOW: "○"}
)
"""The same of an event that is over."""


def severity_words(severity: str) -> str:
    """A severity with its symbol.

    >>> severity_words("high"), severity_words("")
    ('◆ high', '')
    """
    return f"{SYMBOLS[severity]} {severity}" if severity in SYMBOLS else severity


def severity_colour(severity: str, palette: Palette) -> str:
    """The colour of a severity, or of text without one."""
    colours = {
        Severity.HIGH: palette.anomaly,
        Severity.MEDIUM: palette.uncertain,
        Severity.LOW: palette.secondary,
    }
    return colours.get(Severity(severity), palette.text) if severity in SYMBOLS else palette.text
