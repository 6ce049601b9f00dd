"""Which readings are durable already: in the store, or on their way to it."""

from __future__ import annotations

from dataclasses import replace

from sensormon.model.errors import StoreUnavailable
from sensormon.model.readings import Batch, Bools
from sensormon.model.state_words import StateWords
from sensormon.monitor.assembly import Parts


def known_readings(batch: Batch, parts: Parts) -> Bools:
    """For each reading, whether one with the same tag, time and value is.

    Raises StoreError, also while the store lacks what the journal had before the start: that is not in
    memory, so nobody could say.
    """
    if parts.collector.unstored.waits(parts.before):
        raise StoreUnavailable(
            "the database does not have the readings from before the start yet",
            hint="It goes on by itself once they are loaded",
        )
    coded = _in_codes(batch, parts.collector.words)
    first = parts.store.ledger.next_id()  # what is stored after this is in memory too
    return parts.store.imports.known(coded) | parts.newest.known(coded, first)


def _in_codes(batch: Batch, words: StateWords) -> Batch:
    """The batch with the codes of its words as values, as they are stored; -1 for a word that has none."""
    if batch.word is None:
        return batch
    value = batch.value.copy()
    codes: dict[tuple[int, int], float] = {}
    for row, (tag, word) in enumerate(zip(batch.tag.tolist(), batch.word.tolist(), strict=True)):
        if word < 0:
            continue
        if (tag, word) not in codes:
            code = words.code(batch.tags[tag], batch.words[word])
            codes[tag, word] = -1.0 if code is None else float(code)
        value[row] = codes[tag, word]
    return replace(batch, value=value, words=(), word=None)
