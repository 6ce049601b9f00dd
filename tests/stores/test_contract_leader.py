"""Who leads among the processes on a store: one at a time, and another when that one is gone."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sensormon.model.errors import StoreUnavailable
from sensormon.stores import postgresql_leader
from sensormon.stores.leader import Leader
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from tests.support.postgresql import PostgreSQL


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    return postgresql.new_database()


@pytest.fixture
def two(url: str) -> Iterator[tuple[Leader, Leader]]:
    """Two processes on one database."""
    stores = open_store(url), open_store(url)
    for store in stores:
        store.open()
    leaders = stores[0].leader("notifications"), stores[1].leader("notifications")
    yield leaders
    for leader, store in zip(leaders, stores, strict=True):
        leader.resign()
        store.close()


def test_a_process_alone_leads_until_it_resigns_and_again(store: Store) -> None:
    leader = store.leader("notifications")
    assert leader.leads()
    assert leader.leads()
    assert leader.holds()
    leader.resign()
    leader.resign()
    assert leader.leads()
    leader.resign()


def test_a_store_that_can_be_shared_has_no_leader_while_it_is_closed(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="not open"):
        open_store(url).leader("notifications").leads()


def test_two_processes_never_lead_both(two: tuple[Leader, Leader]) -> None:
    first, second = two
    assert first.leads()
    assert not second.leads()
    assert first.leads()
    first.resign()
    assert not second.holds(), "who only asks does not take over"
    assert second.leads()
    assert not first.leads()


def test_other_names_have_other_leaders(store: Store) -> None:
    leaders = store.leader("notifications"), store.leader("outputs")
    assert [leader.leads() for leader in leaders] == [True, True]
    for leader in leaders:
        leader.resign()


def test_who_loses_the_connection_leads_no_longer_and_another_does(
    two: tuple[Leader, Leader], url: str
) -> None:
    first, second = two
    assert first.leads()
    with psycopg.connect(url, autocommit=True) as connection:
        ((pid,),) = connection.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'").fetchall()
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert second.leads()
    with pytest.raises(StoreUnavailable):
        first.leads()
    assert not first.leads()
    second.resign()
    assert first.leads()


@pytest.mark.long
def test_a_process_that_hangs_leads_no_longer(
    two: tuple[Leader, Leader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_leader, "IDLE", 1)
    first, second = two
    assert first.leads()
    for _ in range(1_000):  # each asks the server
        if second.leads():
            break
    assert second.leads()
    with pytest.raises(StoreUnavailable):
        first.leads()


@pytest.mark.long
def test_a_server_that_hangs_has_no_leader_until_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_leader, "ANSWER", 1.0)
    server = PostgreSQL()
    try:
        url = server.new_database()
        stores = open_store(url), open_store(url)
        for store in stores:
            store.open()
        first, second = (store.leader("notifications") for store in stores)
        assert first.leads()
        with server.hanging():
            for leader in (first, second):
                with pytest.raises(StoreUnavailable):
                    leader.leads()
        assert second.leads()
        assert not first.leads()
        second.resign()
        for store in stores:
            store.close()
    finally:
        server.stop()


def test_many_things_are_held_by_one_process_each(url: str) -> None:
    stores = open_store(url), open_store(url)
    for store in stores:
        store.open()
    first, second = (store.claims("source") for store in stores)
    assert first.hold({"a", "b"}) == {"a", "b"}
    assert second.hold({"b", "c"}) == {"c"}
    assert first.hold({"a", "b", "c"}) == {"a", "b"}, "asking again takes nothing twice"
    assert first.hold({"a"}) == {"a"}
    assert second.hold({"b", "c"}) == {"b", "c"}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
            " AND pid <> pg_backend_pid() AND objid IS NOT NULL GROUP BY pid"
        )
    with pytest.raises(StoreUnavailable):
        first.hold({"a"})
    assert first.hold({"a", "b"}) == {"a", "b"}, "the other lost its own, too"
    first.resign()
    second.resign()
    for store in stores:
        store.close()


def test_a_store_of_one_process_holds_whatever_it_asks_for(store: Store) -> None:
    claims = store.claims("source")
    assert claims.hold({"a", "b"}) == {"a", "b"}
    assert claims.hold(set()) == frozenset()
    claims.resign()
