"""Which events a rule takes. Pure, and by columns: each pattern is held against each different word once.

What it is not: a judgement whether an event is told now; see `planning`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sensormon.model.events import Severity
from sensormon.model.readings import Bools, Ints
from sensormon.model.tags import TagTable
from sensormon.notify.config import Rule

RANKS = {str(severity): rank for rank, severity in enumerate(Severity)}
"""Severities as numbers, the worst the highest."""


@dataclass(frozen=True, eq=False)
class Words:
    """A column of words: the place of each row's word among the different ones, of which there are some."""

    places: Ints
    different: tuple[str, ...]

    @classmethod
    def of(cls, column: pd.Series[Any]) -> Words:
        """These of a frame's column; a missing word is empty."""
        coded = pa.array(column, pa.large_string(), from_pandas=True)
        coded = (coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded).dictionary_encode()
        words = tuple(coded.dictionary.to_pylist())
        places = coded.indices.fill_null(len(words)) if coded.null_count else coded.indices
        return cls(places.to_numpy().astype(np.int64), (*words, ""))

    def rows(self, taken: Callable[[str], bool]) -> Bools:
        """The rows whose word is taken."""
        rows: Bools = np.array([*map(taken, self.different)], dtype=np.bool_)[self.places]
        return rows

    def at(self, rows: Ints | Bools) -> Words:
        """These rows alone."""
        return Words(self.places[rows], self.different)


@dataclass(frozen=True, eq=False)
class Facets:
    """What rules ask of events, an item of each column for each event; `groups` has the group of each tag."""

    tag: Words
    groups: tuple[str, ...]
    profile: Words
    detector: Words
    severity: Words
    label: Words
    state: Words

    @classmethod
    def of(cls, events: pd.DataFrame, row: Ints, tags: TagTable) -> Facets:
        """Those of these rows of a frame as `EventReader.between` returns it."""
        columns = ("tag", "profile", "detector", "severity", "label", "state")
        tag, *rest = (Words.of(events[name]).at(row) for name in columns)
        return cls(tag, tuple(tags[name].group for name in tag.different), *rest)


def taken(facets: Facets, rule: Rule) -> Bools:
    """For each event whether the rule takes it: by every selection, and by severity."""
    return taken_by_what(facets, rule) & taken_by_acts(facets, rule)


def taken_by_acts(facets: Facets, rule: Rule) -> Bools:
    """The same by what people did with it alone: its label and its state, which change."""
    rows = np.ones(len(facets.tag.places), dtype=np.bool_)
    for words, chosen in ((facets.label, rule.labels), (facets.state, rule.states)):
        if chosen:
            rows &= words.rows(chosen.__contains__)
    return rows


def taken_by_what(facets: Facets, rule: Rule) -> Bools:
    """The same by everything else."""
    least = RANKS[str(rule.severity)]
    rows = facets.severity.rows(lambda word: RANKS.get(word, 0) >= least)
    for words, patterns in (
        (facets.tag, rule.tags),
        (facets.profile, rule.profiles),
        (facets.detector, rule.detectors),
    ):
        if patterns:
            rows &= words.rows(matcher(patterns))
    if rule.groups:
        in_group = matcher(rule.groups)
        of_tag = [any(map(in_group, with_those_above(group))) for group in facets.groups]
        rows &= np.array(of_tag, dtype=np.bool_)[facets.tag.places]
    return rows


@lru_cache(2_000)
def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a word matches one of these patterns; * stands for any characters, ? for one.

    Upper and lower case differ; everything else, brackets too, stands for itself.

    >>> hot = matcher(("fermenter_*", "T[1]"))
    >>> hot("fermenter_ph"), hot("Fermenter_ph"), hot("T[1]"), hot("T1")
    (True, False, True, False)
    """
    # A bracket is no set of characters here, since tags and groups may have brackets in their names.
    whole = re.compile("|".join(translate(pattern.replace("[", "[[]")) for pattern in patterns))
    return lambda word: whole.match(word) is not None


def with_those_above(group: str) -> Iterable[str]:
    """A group and all that it is below, by slashes.

    >>> list(with_those_above("Hall 1/Line 2/Pump"))
    ['Hall 1', 'Hall 1/Line 2', 'Hall 1/Line 2/Pump']
    """
    parts = group.split("/")
    return ("/".join(parts[: place + 1]) for place in range(len(parts)))
