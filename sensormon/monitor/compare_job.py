"""The alarm load of all tags under other settings, as work that says how far it is and can be cancelled.

What is read is kept on a `Shelf`: other settings then cost the scoring alone, and work that was
cancelled while it read goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Load, loads, sorted_loads
from sensormon.detectors.base import Detector
from sensormon.model.jobs import Progress
from sensormon.monitor.monitor import Monitor

KIND = "compare"

TOGETHER = 400_000
"""Readings of all tags together that are read and scored without being asked, and without a job."""


@dataclass(eq=False)
class Shelf:
    """The histories of one span, by tag, as far as they have been read."""

    names: tuple[str, ...] | None = None
    found: dict[str, History] = field(default_factory=dict)


def all_loads(
    m: Monitor,
    shelf: Shelf,
    own: History,
    since: int,
    until: int,
    detector: Detector,
    most_tags: int,
    most_readings: int,
) -> Callable[[Progress], dict[str, Load]]:
    """The work: the load of each tag with this detector, the worst first.

    Of `most_tags` tags at the most, those with the most flags, and of `most_readings` readings
    of all together, about. `own` is the history that is there already. It raises StoreError.
    """

    def work(progress: Progress) -> dict[str, Load]:
        if shelf.names is None:
            progress.step("which tags have the most flags")
            names = list(m.tags.names)
            if len(names) > most_tags:
                counts = m.anomalies(None, since, until)["tag"].value_counts()
                names = [name for name in counts.index if name in m.tags.names][:most_tags]
            shelf.names = tuple(names)
        names = list(shelf.names)
        share = max(1_000, most_readings // max(1, len(names)))
        for number, name in enumerate(names):
            if name not in shelf.found:
                progress.step(f"{number} of {len(names)} tags read", number, 2 * len(names))
                shelf.found[name] = (
                    own if name == own.tag.name else m.tuner.tag_history(name, since, until, share)
                )
        made: dict[str, Load] = {}
        for number, name in enumerate(names):
            progress.step(f"{number} of {len(names)} tags scored", len(names) + number, 2 * len(names))
            made |= loads([shelf.found[name]], detector)
        return sorted_loads(made)

    return work
