"""Texts and tables of suggested settings.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

from datetime import tzinfo

import pandas as pd

from sensormon.analysis.suggestion import FEW, Candidate, Part, Suggestion, Verdict
from sensormon.model.format import counted, day_and_time
from sensormon.model.profiles import Profile
from sensormon.view.detectors import detector_words, title

_FEW_CHECKED = 3  # with fewer known events in the rest the check says little


def verdict_words(result: Suggestion, zone: tzinfo) -> tuple[str, str]:
    """A title and a sentence on how the search ended."""
    first, rest = result.now.first, result.now.rest
    border = day_and_time(result.border, zone)
    if result.verdict is Verdict.TOO_FEW:
        known = counted(first.known, "known event")
        return (
            "Too few known events",
            f"{known} up to {border}, the first part of the history; {FEW} are needed. "
            "Label events on the Anomalies page or choose a longer history.",
        )
    checked = (
        f"Chosen up to {border} and checked on what came later."
        if rest.known >= _FEW_CHECKED
        else f"Chosen up to {border}. Later: {counted(rest.known, 'known event')}, too few for a check."
    )
    if result.verdict is Verdict.FITS:
        return "These settings keep the known events and meet the target", checked
    alone = (
        f" The {counted(first.must, 'event')} to keep alone are {first.must / first.days:,.1f} a day and tag."
        if first.days > 0 and first.must / first.days > result.target > 0
        else ""
    )
    return "Nothing fits", f"No settings tried keep the known events and meet the target.{alone} The nearest:"


def searched_words(result: Suggestion, asked: int) -> str:
    """What was searched."""
    tags = counted(result.tags, "tag")
    some = (
        f"{tags} of {asked:,}, those with confirmed events and the most flags"
        if result.tags < asked
        else tags
    )
    left = result.planned - result.searched
    cut = f"; {left:,} more were left out for time" if left > 0 else ""
    return f"{result.searched:,} settings tried on {some}{cut}."


def candidate_table(result: Suggestion) -> pd.DataFrame:
    """The present settings and the candidates: what they find, and their events, on both parts."""
    named = [("Present", result.now)]
    named += [(str(number), candidate) for number, candidate in enumerate(result.candidates, 1)]
    return pd.DataFrame([_row(name, candidate) for name, candidate in named])


def detectors_words(profile: Profile) -> str:
    """The titles of its detectors."""
    return " and ".join(title(choice.detector) for choice in profile.detectors)


def _row(name: str, candidate: Candidate) -> dict[str, str]:
    words = "; ".join(
        detector_words(choice.detector, choice.params) for choice in candidate.profile.detectors
    )
    row = {"": name, "Detectors": words}
    for heading, part in (("First part", candidate.first), ("Rest", candidate.rest)):
        row[f"{heading}: found"] = f"{part.found} of {part.known}"
        row[f"{heading}: events a day and tag"] = _rate(part)
        row[f"{heading}: known wrong"] = f"{part.wrong:,}"
    return row


def _rate(part: Part) -> str:
    return f"{part.rate:,.1f} ({counted(part.events, 'event')})" if part.days > 0 else "no data"
