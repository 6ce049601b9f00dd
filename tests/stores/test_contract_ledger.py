"""The contract of every store: watermarks, running totals, recounts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sensormon.model.entries import Record
from sensormon.stores.ledger import Accounts, Recount
from sensormon.stores.protocol import Store

Records = Callable[..., list[Record]]


def test_each_journal_writer_has_its_own_watermark(store: Store, records: Records) -> None:
    store.load("old", records(2))
    assert store.ledger.watermark("new") is None
    store.load("new", records(1, 3, 1))
    assert store.ledger.accounts().positions == {"old": 2, "new": 1}
    assert store.ledger.accounts().stored == {"test": 9}


def test_an_empty_store_has_no_records(store: Store) -> None:
    assert store.ledger.next_id() == 1
    assert store.ledger.watermark("w") is None
    assert store.ledger.accounts() == Accounts()
    assert store.ledger.recount() == Recount(0, 0, {}, {}, {})


def test_the_ledger_says_what_is_there(store: Store, records: Records) -> None:
    loaded = records(2, 3)
    store.load("w", loaded)
    values = np.concatenate([record.entry.processed.accepted.value for record in loaded])
    assert store.ledger.values_between(2, 5) == dict(zip((2, 3, 4), values[1:4].tolist(), strict=True))
    assert store.ledger.recount() == Recount(6, 6, {"test": 6}, {}, {})
    assert store.ledger.accounts().stored == {"test": 6}
    assert store.ledger.next_id() == 7
