"""The contract of every store: opening, loading, closing, each record stored once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sensormon.model.clock import SECOND
from sensormon.model.entries import Record
from sensormon.model.errors import StoreUnavailable
from sensormon.stores.protocol import Store
from tests.support.plant import START

Records = Callable[..., list[Record]]
FAR = START + 10**6 * SECOND


def test_loaded_record_is_not_loaded_again(store: Store, records: Records) -> None:
    loaded = records(3)
    store.load("w", loaded[:2])
    store.load("w", loaded)
    store.load("w", loaded)
    assert store.ledger.recount().rows == store.ledger.recount().distinct_ids == 9
    assert store.ledger.accounts().stored == {"test": 9}
    assert store.ledger.accounts().received == {"w": {"test": 9}}
    mark = store.ledger.watermark("w")
    assert mark is not None
    assert (mark.number, mark.next_id) == (3, 10)


def test_excluded_rows_are_not_counted(store: Store, records: Records) -> None:
    store.load("w", records(1, 5), without={2, 4})
    assert store.readings.frame(None, 0, FAR)["id"].tolist() == [1, 3, 5]
    assert store.ledger.accounts().stored == {"test": 3}


def test_single_row_is_stored_once(store: Store, records: Records) -> None:
    record = records(1, 1)[0]
    store.store_row(record)
    store.store_row(record)
    assert store.ledger.recount().rows == 1
    assert store.ledger.accounts().stored == {"test": 1}


def test_closed_store_is_unavailable_and_reopens(store: Store, records: Records) -> None:
    store.load("w", records(2))
    store.checkpoint()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.readings.frame(None, 0, FAR)
    store.open()
    store.open()
    assert store.ledger.recount().rows == 6
