"""Readings of tags of states: from the words or numbers that came to the codes that are stored.

A number that comes for a tag with listed states is the place in the list; `true` and `false` are the
second and the first of two; on, off, yes and no are those of a boolean tag. Every word of a tag of kind
text is a state, and a number is the word of its digits. What cannot be a state of its tag is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sensormon.ingest.refusals import ACCEPTED, Codes, code_of
from sensormon.model.format import listed
from sensormon.model.readings import Batch, Bools, Reason, StateWord
from sensormon.model.state_words import StateWords, folded
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, MOST_STATES, UNFIT, Tag, TagTable

_TRUTHS = {"on": "true", "yes": "true", "off": "false", "no": "false"}
"""Words that switches and people have for the two states of a boolean tag."""
_LISTED = 10
"""This many states are listed in a refusal."""
_DIGITS = 5
"""A place in a list of states has fewer digits."""
_SHOWN = 40
"""The most characters of each."""

Places = NDArray[np.int32]


class States:
    """The tags of states of a table; `words` is shared by everything that takes readings in."""

    def __init__(self, tags: TagTable, words: StateWords) -> None:
        self._tags = tags
        self._words = words
        self._has_states = np.array([tag.has_states for tag in tags], dtype=np.bool_)
        self._any = bool(self._has_states.any())
        words.register(tags)

    def rows(self, codes: Places) -> Bools | None:
        """Which readings are states, by their tags' codes in the table; None if the table has no such tag."""
        if not self._any:
            return None
        states: Bools = self._has_states[codes] & (codes >= 0)
        return states

    def coded(self, batch: Batch, codes: Places, states: Bools | None, reason: Codes) -> Batch:
        """The batch with the code of each state in `value`, and without words.

        Of the readings that are not refused yet, those that are no state of their tag, and words for tags of
        numbers, are refused: their `reason` is set.
        """
        if batch.word is None and (states is None or not states.any()):
            return batch
        value = batch.value.copy()
        open_rows = reason == ACCEPTED
        worded = np.zeros(len(batch), dtype=np.bool_) if batch.word is None else batch.word >= 0
        ours = np.zeros(len(batch), dtype=np.bool_) if states is None else states
        reason[open_rows & worded & ~ours] = code_of(Reason.NOT_A_NUMBER)
        if batch.word is not None:
            words = batch.words
            rows = np.flatnonzero(open_rows & worded & ours)
            self._resolve(value, rows, codes, batch.word, lambda tag, place: self._of_word(tag, words[place]))
        rows = np.flatnonzero(open_rows & ~worded & ours)
        numbers, places = np.unique(value[rows], return_inverse=True)
        place = np.zeros(len(batch), dtype=np.int32)
        place[rows] = places
        self._resolve(value, rows, codes, place, lambda tag, at: self._of_number(tag, float(numbers[at])))
        reason[open_rows & ours & np.isnan(value)] = code_of(Reason.UNKNOWN_STATE)
        return replace(batch, value=value, words=(), word=None)

    def new_words(self, batch: Batch) -> tuple[StateWord, ...]:
        """The words of the states in this accepted batch, and of their tags, that are not durable yet."""
        present = [batch.tags[code] for code in np.unique(batch.tag).tolist()]
        return self._words.unsaved(name for name in present if self._tags[name].has_states)

    def _resolve(
        self,
        value: NDArray[np.float64],
        rows: NDArray[np.intp],
        codes: Places,
        place: Places,
        code_of_state: Callable[[Tag, int], int | None],
    ) -> None:
        """Put the codes of the states of these rows into `value`; NaN for no state.

        `place` tells equal states of a tag, which are looked up once.
        """
        if not len(rows):
            return
        tags = list(self._tags)
        pairs, inverse = np.unique(np.stack((codes[rows], place[rows]), axis=1), axis=0, return_inverse=True)
        resolved = [code_of_state(tags[code], at) for code, at in pairs.tolist()]
        value[rows] = np.array([math.nan if code is None else code for code in resolved], dtype=np.float64)[
            inverse.reshape(-1)
        ]

    def _of_word(self, tag: Tag, word: str) -> int | None:
        if not tag.states:
            return self._of_text(tag, word)
        if folded(word) in map(folded, tag.states):
            return self._words.code_for(tag.name, word)
        if len(tag.states) == 2 and folded(word) in BOOLEAN:
            return self._words.code_for(tag.name, tag.states[BOOLEAN.index(folded(word))])
        if tag.kind == "boolean" and folded(word) in _TRUTHS:
            return self._words.code_for(tag.name, _TRUTHS[folded(word)])
        digits = word.strip()
        is_place = len(digits) < _DIGITS and digits.isascii() and digits.isdecimal()
        return self._of_number(tag, int(digits)) if is_place else None

    def _of_number(self, tag: Tag, number: float) -> int | None:
        if not tag.states:
            return self._of_text(tag, f"{number:.15g}")
        if number != int(number) or not 0 <= number < len(tag.states):
            return None
        return self._words.code_for(tag.name, tag.states[int(number)])

    def _of_text(self, tag: Tag, word: str) -> int | None:
        known = self._words.code(tag.name, word)
        if known is not None:
            return known
        if problem_of(word) or self._words.count(tag.name) >= MOST_STATES:
            return None
        return self._words.code_for(tag.name, word)


def problem_of(word: str) -> str:
    """Why this text cannot be a state of any tag; empty if it can."""
    if not word.strip():
        return "there is no word"
    if len(word.strip()) > LONGEST_STATE:
        return f"a state has at most {LONGEST_STATE} characters"
    return "it holds an invisible character" if UNFIT.search(word) else ""


def why_unknown(tag: Tag, word: str) -> str:
    """Why this word, or number, is no state of the tag, with the states that it has."""
    if not tag.states:
        return problem_of(word) or f"{tag.label} has {MOST_STATES:,} states already, and no more are accepted"
    return f"not one of the tag's states: {listed([state[:_SHOWN] for state in tag.states], _LISTED)}"
