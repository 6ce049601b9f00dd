"""Everything that can go wrong, and what the program or the person does then.

SensormonError              what happened, where, and what to do
├── UsageError              a setting, an argument or a file is wrong: one line, exit 2
│   ├── WrongArgument       an argument of a call is of a wrong kind; also a TypeError
│   └── FormulaError        a formula cannot be used: says where, with a caret
├── Forbidden               a role or a token does not allow it: nothing was done
├── SignInRefused           a name, a password or a claim does not open a session
├── Overloaded              too many requests are waiting: send again later
├── AboveShare              too many of one sender's are waiting, while others wait too
├── MonitorAway             a monitor elsewhere does not answer: look whether it runs, try again
├── SourceError             a source cannot deliver: shown, the others go on
├── OutputError             an output cannot publish: shown, tried again, the others go on
├── BusError                the bus does not answer or refuses: asked again, the stream keeps the readings
├── JournalError            the journal cannot take a batch: nothing was acknowledged
│   ├── JournalFull         no space: refuse readings until there is some again
│   │   └── JournalQuotaUsed    its own quota is used up, not the disk
│   ├── JournalUnwritable   the folder is not writable: refuse readings until it is
│   └── JournalDamaged      a sealed segment does not read back: quarantine and show
└── StoreError              the store cannot take or give rows
    ├── StoreUnavailable    it will pass (locked, network, space): retry with backoff
    ├── StoreBroken         this connection is lost: close, reopen, load again
    ├── StoreCorrupt        the file is damaged or gone: set it aside, rebuild
    ├── Overtaken           another worker has stored more of this partition: read it again
    ├── RowsRefused         these rows can never be stored: dead-letter them
    └── StoreFault          a bug in sensormon: stop loading and show it
        └── StoreNewer      a newer version wrote it: do not start
"""

from __future__ import annotations


class SensormonError(Exception):
    """`what` happened, `where` (a path, an operation, a setting), `hint`: what to do."""

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.hint}" if self.hint else head


class UsageError(SensormonError):
    """A setting, an argument or a file given by a person is wrong. Exit code 2."""


class WrongArgument(UsageError, TypeError):
    """An argument of a call is of a kind that cannot be used; `hint` says what to pass."""


class FormulaError(UsageError):
    """A formula cannot be used. `at` is the place in `text` where, counted from 0."""

    def __init__(self, what: str, *, text: str, at: int, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.text = text
        self.at = at

    def pointed(self) -> str:
        """The formula's line with a caret under the place, as two lines."""
        before = self.text[: self.at]
        start = before.rfind("\n") + 1
        line = self.text[start:].partition("\n")[0]
        return f"{line}\n{' ' * (self.at - start)}^"


class Forbidden(SensormonError):
    """A person's role, or a token's scope, does not allow this; `needs` is the role or scope that does."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", needs: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.needs = needs


class SignInRefused(SensormonError):
    """Somebody could not sign in; `seconds` is how long to wait before the next try."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", seconds: int = 0) -> None:
        super().__init__(what, where=where, hint=hint)
        self.seconds = seconds


class Overloaded(SensormonError):
    """Too many requests are waiting, or the monitor is stopping. Nothing of this request was stored."""


class AboveShare(SensormonError):
    """A sender has more than its fair share waiting while others wait. Nothing of this request was stored."""


class MonitorAway(SensormonError):
    """A monitor that is asked over HTTP does not answer, or not as one does. Try again later."""


class SourceError(SensormonError):
    """A source cannot deliver readings."""


class OutputError(SensormonError):
    """An output cannot publish or serve what was collected."""


class BusError(SensormonError):
    """NATS JetStream does not answer, or refuses; `code` is the number of its error, 0 without one."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: int = 0) -> None:
        super().__init__(what, where=where, hint=hint)
        self.code = code


class JournalError(SensormonError):
    """The journal could not make a batch durable, so it was not acknowledged."""


class JournalFull(JournalError):
    """There is no space left for the journal; readings are refused until there is."""


class JournalQuotaUsed(JournalFull):
    """The journal has used up the quota of its settings; the disk may have space left."""


class JournalUnwritable(JournalError):
    """The journal's folder or file system does not let it write: permissions, or mounted read-only."""


class JournalDamaged(JournalError):
    """A sealed part of the journal does not read back; it is set aside and shown."""


class StoreError(SensormonError):
    """The store could not take or give rows."""


class StoreUnavailable(StoreError):
    """A passing state: locked, unreachable, out of space or memory. Try again later."""


class StoreBroken(StoreError):
    """The connection can no longer be used. Close it, open a new one, load again."""


class StoreCorrupt(StoreError):
    """The database is damaged or gone. Set it aside and rebuild it from the journal."""


class Overtaken(StoreError):
    """Another worker has stored more of a partition of the bus. Nothing was stored; load it again."""


class RowsRefused(StoreError):
    """The store can never take these rows. They go to the dead letters."""


class StoreFault(StoreError):
    """The store refused our request, which is a bug in sensormon. Stop and show it."""


class StoreNewer(StoreFault):
    """A newer version of sensormon wrote the store. Start that one, or a later one; nothing was changed."""
