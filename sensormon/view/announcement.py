"""What is read aloud to those who do not see the status line: that something became abnormal, or is over.

Pure functions. The words have no numbers that tick, so that a state is said once, when it
begins and when it ends, and not every second. What it is not: the status line (`status_words`).
"""

from __future__ import annotations

from sensormon.model.ledger import Ledger
from sensormon.model.status import SourceState, Status, StoreState
from sensormon.view.status import late


def abnormal(status: Status, ledger: Ledger) -> tuple[str, ...]:
    """What is abnormal now, each in a few words that stay the same while it lasts."""
    source, store = status.source, status.store
    silent = ", ".join(one.label for one in status.silent[:3])
    more = f" and {len(status.silent) - 3} more" if len(status.silent) > 3 else ""
    found = (
        (bool(status.failures) or source.state is SourceState.FAILED, "a part of the monitor has stopped"),
        (source.state is SourceState.REFUSING, "readings are refused"),
        (late(status) and not status.failures, "no data comes in"),
        (bool(silent) and not late(status) and not status.failures, f"no readings of {silent}{more}"),
        (store.state in (StoreState.RETRYING, StoreState.FAILED), "the database is unreachable"),
        (bool(status.journal.damaged), "a part of the journal is damaged"),
        (not ledger.balanced, "the ledger does not balance"),
    )
    return tuple(words for is_so, words in found if is_so)


def announcement(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """What to say of the change; empty without one.

    >>> announcement((), ("no data comes in",))
    'Abnormal: no data comes in.'
    >>> announcement(("no data comes in",), ())
    'Over: no data comes in. All is normal again.'
    """
    began = [one for one in now if one not in before]
    ended = [one for one in before if one not in now]
    parts = [f"Abnormal: {', '.join(began)}."] if began else []
    parts += [f"Over: {', '.join(ended)}."] if ended else []
    parts += ["All is normal again."] if ended and not now else []
    return " ".join(parts)
