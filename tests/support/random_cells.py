"""The cells of files made at random: numbers, qualities, and what is none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

BAD_VALUES = ["Bad", "error", "I/O Timeout", "unavailable", "x1", "#####", "12:30"]
BAD_TIMES = ["", "yesterday", "Bad", "2026-13-45 00:00:00"]


@dataclass(frozen=True)
class Cell:
    """A cell as text, and as a file with types has it (None: as text there too); its `number` alone."""

    text: str
    typed: float | datetime | None = None
    number: str = ""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a tag are written; `decimals` below 0 mean an exponent. A `unit` is in each cell."""

    mark: str
    thousands: str
    decimals: int
    size: int
    unit: str = ""

    @staticmethod
    def draw(rng: Random, mark: str, thousands: str) -> NumberForm:
        """A form with these marks."""
        decimals, size = rng.choice([0, 1, 2, 2, 3, 3, 4, -1]), rng.choice([1, 10, 100, 1_000, 100_000])
        return NumberForm(mark, thousands, decimals, size, rng.choice([""] * 20 + [" °C", "%", " bar"]))

    def draw_cell(self, rng: Random) -> Cell:
        """A number of this form."""
        exact = rng.uniform(-0.3, 1.0) * self.size
        if self.decimals < 0:
            text = f"{exact:.3e}"
            return Cell(text.replace(".", self.mark) + self.unit, float(text), text.replace(".", self.mark))
        text = f"{exact:.{self.decimals}f}"
        if not float(text):
            text = text.removeprefix("-")
        whole, _, decimals = text.removeprefix("-").partition(".")
        groups = [whole[max(0, end - 3) : end] for end in range(len(whole), 0, -3)]
        grouped = self.thousands.join(reversed(groups)) if self.thousands else whole
        sign = "-" if text.startswith("-") else ""
        number = sign + grouped + (self.mark + decimals if decimals else "")
        return Cell(number + self.unit, float(text), number)


def number_style(rng: Random) -> tuple[str, str]:
    """A decimal mark and what groups thousands in the same file, mostly nothing."""
    mark = rng.choice([".", ".", ","])
    if rng.random() < 0.7:
        return mark, ""
    return mark, rng.choice(["," if mark == "." else ".", " ", "\u00a0", "\u2009", "'"])


@dataclass(frozen=True)
class QualityForm:
    """A column of qualities: its name, and its words with the standard's names for them, a good one first."""

    name: str
    words: tuple[tuple[str, str], ...]


QUALITIES = [  # the first has empty cells
    QualityForm("Quality", (("GOOD", "Good"), ("BAD", "Bad"), ("", "Good"))),
    QualityForm("quality", (("Good", "Good"), ("Bad", "Bad"), ("Uncertain", "Uncertain"))),
    QualityForm("DataQuality", (("good", "Good"), ("bad sensor failure", "BadSensorFailure"))),
    QualityForm("Status", (("Good", "Good"), ("BadNotConnected", "BadNotConnected"))),
    QualityForm("StatusCode", (("0x00000000", "Good"), ("0x80000000", "Bad"), ("0x40000000", "Uncertain"))),
    QualityForm("quality code", (("0", "Good"), ("2147483648", "Bad"), ("1073741824", "Uncertain"))),
    QualityForm("OpcQuality", (("192", "Good"), ("0", "Bad"), ("64", "Uncertain"))),
    QualityForm("IsGood", (("True", "Good"), ("False", "Bad"))),
]
