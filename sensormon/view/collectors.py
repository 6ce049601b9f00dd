"""The collectors on a shared store, as a sentence and a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sensormon.model.clock import SECOND
from sensormon.model.format import counted, duration
from sensormon.stores.collectors import CollectorAccount
from sensormon.view.phrases import Phrase


def collector_words(accounts: Sequence[CollectorAccount]) -> Phrase:
    """How many report, and which do not."""
    lost = [account.name for account in accounts if not account.runs]
    off = [account.name for account in accounts if account.difference]
    parts = [
        counted(len(accounts), "collector"),
        f"no report from {', '.join(lost)}" if lost else "all report",
        *([f"the ledger of {', '.join(off)} does not balance"] if off else []),
    ]
    return Phrase(" · ".join(parts), bool(lost or off))


def collector_table(accounts: Sequence[CollectorAccount], own: str, now: int) -> pd.DataFrame:
    """The collectors in the order of their numbers, those that do not report first; `own` is our journal.

    Columns: Name, State, Source, Waiting, Lag (s), Received, Stored, Rejected, Dead letters, Difference,
    Host, Version. The lag is the age of the oldest reading that waits in the journal.
    """
    ordered = sorted(accounts, key=lambda account: (account.runs, account.number))
    lags = [
        (now - account.report.oldest) / SECOND if account.report.oldest is not None else 0.0
        for account in ordered
    ]
    return pd.DataFrame(
        {
            "Name": [f"{a.name} (this one)" if a.writer == own else a.name for a in ordered],
            "State": [_state(account) for account in ordered],
            "Source": [account.report.source for account in ordered],
            "Waiting": [account.report.pending for account in ordered],
            "Lag, s": pd.Series(lags, dtype="float64").clip(lower=0.0).round(1),
            "Received": [account.received for account in ordered],
            "Stored": [account.stored for account in ordered],
            "Rejected": [account.rejected for account in ordered],
            "Dead letters": [account.dead for account in ordered],
            "Difference": [account.difference for account in ordered],
            "Host": [account.host for account in ordered],
            "Version": [account.version for account in ordered],
        }
    )


def _state(account: CollectorAccount) -> str:
    if not account.runs:
        return f"no report for {duration(account.seen)}"
    return account.report.wrong or "running"
