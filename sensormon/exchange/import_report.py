"""What came of an import, added up piece by piece and said in sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sensormon.exchange.importer import Imported
from sensormon.model.readings import Rejection
from sensormon.view.phrases import counted, refused

EXAMPLES = 5
"""So many rejected readings are named one by one."""


@dataclass
class Report:
    """`first` is what the first row of the file is called: `line 2`, or `row 1` of Parquet."""

    first: str
    rows: int = 0
    accepted: int = 0
    flagged: int = 0
    again: int = 0
    unsure: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[Rejection] = field(default_factory=list)

    def add(self, one: Imported) -> None:
        """Count this piece."""
        self.rows += one.rows
        self.accepted += one.accepted
        self.flagged += one.flagged
        self.again += one.rows if one.again else 0
        self.unsure += one.unsure
        self.reasons.update(str(rejection.reason) for rejection in one.rejected)
        self.examples += one.rejected[: max(0, EXAMPLES - len(self.examples))]

    @property
    def nothing_taken(self) -> bool:
        """There was something in the file and none of it is in the store."""
        return bool(self.rows) and not self.accepted and not self.again

    def sentences(self) -> list[str]:
        """What was imported, what was there before, what was rejected and why, where it stood."""
        lines = [
            f"{self.accepted:,} of {counted(self.rows, 'reading')} imported, {self.flagged:,} of them flagged"
        ]
        if self.again:
            lines.append(f"{self.again:,} were imported before and are not stored twice")
        if self.unsure:
            lines.append(
                f"{self.unsure:,} are of an hour that the clock showed twice, and their order does not tell "
                "of which; they are taken for the later"
            )
        lines += [f"{count:,} rejected: {refused(reason)}" for reason, count in sorted(self.reasons.items())]
        word, number = self.first.split()
        lines += [
            f"{word} {int(number) + one.index:,}: {one.tag} {one.value!r}: {one.detail}"
            for one in self.examples
        ]
        return lines
