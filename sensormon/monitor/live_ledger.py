"""The ledger of a running monitor: store, journal and dead letters seen at one moment.

What it is not: the counting itself, which is done where the readings are.
"""

from __future__ import annotations

from contextlib import suppress

from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.unstored import Unstored
from sensormon.journal.journal import Journal
from sensormon.model.errors import StoreError
from sensormon.model.ledger import Ledger, add_up, balance
from sensormon.stores.ledger import Accounts, StoredLedger


class LiveLedger:
    """Of one monitor."""

    def __init__(
        self,
        unstored: Unstored,
        stored: StoredLedger,
        journal: Journal,
        dead_letters: DeadLetters,
    ) -> None:
        self._unstored = unstored
        self._stored = stored
        self._journal = journal
        self._dead_letters = dead_letters
        self._accounts = Accounts()
        self._last = Ledger(())

    def now(self) -> Ledger:
        """Where every reading is. If the store is unavailable, as of its last answer."""
        return self._look()[0]

    def measured(self) -> Ledger | None:
        """The same, but None if the store could not be asked: then a difference means nothing."""
        ledger, asked = self._look()
        return ledger if asked else None

    @property
    def kept_dead_letters(self) -> int:
        """How many dead letters the store itself keeps, as of its last answer."""
        return sum(self._accounts.kept.values())

    def _look(self) -> tuple[Ledger, bool]:
        asked = False
        for _ in range(10):
            accounts = self._accounts
            with suppress(StoreError):  # the last accounts and the journal beyond them still balance
                accounts = self._stored.accounts()
                asked = True
            account = self._unstored.account(accounts.positions.get(self._journal.writer, 0))
            if account is not None:
                break
        else:  # the database was lost, and the records it must reload are not counted yet
            return self._last, False
        self._accounts = accounts
        received, pending = account
        mine = self._journal.writer
        self._last = balance(
            received=add_up(received, accounts.received_elsewhere(mine)),
            stored=accounts.stored,
            rejected=accounts.rejected,
            dead_lettered=add_up(self._dead_letters.counts(), accounts.dead_elsewhere(mine)),
            pending=pending,
            undone=accounts.undone,
        )
        return self._last, asked
