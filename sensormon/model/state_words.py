"""The words of states: what each code stands for, by tag.

A reading of a tag of states is stored as the code of its word. A word gets its code when it is first met;
from then on the code stands for it for good, whatever tags.toml says later. The states that
tags.toml lists get theirs in the order of the list: 0, 1, 2 …

What it is not: durable. New words travel with the first readings that use them, in the journal.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from sensormon.model.readings import StateWord
from sensormon.model.tags import TagTable

Words = Mapping[str, Mapping[float, str]]
"""By tag, the word of each code, as codes stand in a column of values."""


def folded(word: str) -> str:
    """The word as words are compared: without case, and without spaces around it."""
    return word.strip().casefold()


def codes_of(words: Mapping[float, str], word: str) -> list[float]:
    """The codes among these that stand for this word: most often one, none for an unknown word."""
    return [code for code, known in words.items() if folded(known) == folded(word)]


class StateWords:
    """Of one monitor. Thread-safe; words are only ever added.

    `first` is the lowest code to give. If the store could not be asked for its codes, it must be above all
    of them; then a word may have a second code, which stands for it just as well.
    """

    def __init__(self, words: Iterable[StateWord] = (), first: int = 0) -> None:
        self._lock = threading.Lock()
        self._first = first
        self._words: dict[str, dict[int, str]] = {}
        self._codes: dict[str, dict[str, int]] = {}
        self._saved: dict[str, set[int]] = {}
        self.take(words)

    def take(self, words: Iterable[StateWord]) -> None:
        """Take up words with the codes that they have."""
        with self._lock:
            for entry in words:
                self._add(entry.tag, entry.code, entry.word)

    def register(self, tags: TagTable) -> None:
        """Give the states that these tags list their codes, unless they have them."""
        for tag in tags:
            for word in tag.states:
                self.code_for(tag.name, word)

    def code(self, tag: str, word: str) -> int | None:
        """The code of this word of the tag; None if it has none."""
        return self._codes.get(tag, {}).get(folded(word))

    def code_for(self, tag: str, word: str) -> int:
        """The code of this word of the tag, a new one if it has none."""
        with self._lock:
            known = self._codes.get(tag, {}).get(folded(word))
            if known is not None:
                return known
            code = max(self._first, max(self._words.get(tag, ()), default=-1) + 1)
            self._add(tag, code, word.strip())
            return code

    def count(self, tag: str) -> int:
        """How many words of this tag are known."""
        return len(self._codes.get(tag, ()))

    def of(self, tag: str) -> dict[int, str]:
        """The words of this tag by code, in order of the codes."""
        with self._lock:
            return dict(sorted(self._words.get(tag, {}).items()))

    def of_tags(self, tags: Iterable[str]) -> dict[str, dict[float, str]]:
        """The words by code of each of these tags; none for a tag of numbers."""
        return {tag: {float(code): word for code, word in self.of(tag).items()} for tag in tags}

    def unsaved(self, tags: Iterable[str]) -> tuple[StateWord, ...]:
        """The words of these tags that `saved` has not been given since the start.

        Those read back at the start are among them: so each run's records name the words that they use.
        """
        with self._lock:
            return tuple(
                StateWord(tag, code, word)
                for tag in tags
                for code, word in self._words.get(tag, {}).items()
                if code not in self._saved.get(tag, ())
            )

    def saved(self, words: Iterable[StateWord]) -> None:
        """Note that these words are durable; `unsaved` leaves them out from now on."""
        with self._lock:
            for entry in words:
                self._saved.setdefault(entry.tag, set()).add(entry.code)

    def by_tag(self, tags: TagTable) -> dict[str, dict[float, str]]:
        """The words by code of every tag of states: those in this table, and former tags."""
        with self._lock:
            return {
                name: {float(code): word for code, word in words.items()}
                for name, words in self._words.items()
                if name not in tags or tags[name].has_states
            }

    def _add(self, tag: str, code: int, word: str) -> None:
        self._words.setdefault(tag, {}).setdefault(code, word)
        self._codes.setdefault(tag, {}).setdefault(folded(word), code)
