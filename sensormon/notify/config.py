"""What `notify.toml` says: the mail server, contacts, calendars and rules. Values only; see `config_file`.

    [mail]
    server = "smtp+starttls://mail.plant.example:587"
    from = "sensormon@plant.example"

    [contacts.shift]
    ways = ["mailto:lead@plant.example", "https://hooks.plant.example/alarm"]

    [calendars.night]
    zone = "Europe/Prague"
    days = ["mon", "tue", "wed", "thu", "fri"]
    begin = "22:00"
    end = "06:00"

    [rules.hot]
    tags = ["fermenter_*"]
    severity = "medium"
    to = ["shift"]

A name of an environment variable stands for each secret; its value is never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

from sensormon.model.events import Severity


class Condition(StrEnum):
    """A condition of the monitor itself that a rule can tell of."""

    SILENT = "silent"  # a tag or a source that reports no longer
    STORE = "store"  # the store is away, or takes nothing
    JOURNAL = "journal"  # readings are refused, or the journal fills
    DISK = "disk"  # the forecast says that the disk will be full
    LOSS = "loss"  # the ledger is off, the journal is damaged
    THREAD = "thread"  # a part of the monitor has stopped


@dataclass(frozen=True)
class Mail:
    """The mail server: smtp://, smtp+starttls:// or smtps:// with host and port."""

    server: str
    sender: str
    user: str = ""
    password_env: str = ""


@dataclass(frozen=True)
class Limit:
    """At most this many messages in any stretch of so many seconds; "20/hour" in the file."""

    messages: int = 20
    seconds: int = 3_600


@dataclass(frozen=True)
class Contact:
    """Somebody who is told. `ways` are tried in order. `group` is how many seconds a message waits for events
    that belong with it; 0: each event by itself.
    """

    name: str
    ways: tuple[str, ...]
    limit: Limit = Limit()
    group: float = 30.0
    secret_env: str = ""
    allow_private: bool = False


@dataclass(frozen=True)
class Calendar:
    """The times at which a rule applies: on these days (0 is Monday) from `begin` to `end` by the clock of
    `zone`. If `end` is not after `begin` it lasts into the next day, which belongs to the day it began on.
    It does not apply on days of `but`.
    """

    name: str
    zone: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    begin: time = time(0)
    end: time = time(0)
    but: tuple[date, ...] = ()


@dataclass(frozen=True)
class Escalation:
    """Whom to tell of an event that nobody has acknowledged `after` seconds after the first message."""

    after: float
    to: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """Which events are told, when, and to whom. Empty selections take everything.

    `tags`, `groups`, `profiles` and `detectors` are patterns with * and ?. A group takes those below it.
    `severity` is the least. `labels` and `states` take events that have one of them when the message is
    made. `after` is how many seconds an event must last. `calendars` are names: the rule applies while any of
    them does. `remind` repeats the message after so many seconds while nobody has acknowledged and the event
    lasts; 0: never. With `health` the rule tells of these conditions of the monitor instead of events, and
    with `heartbeat` every so many seconds that it is alive.
    """

    name: str
    to: tuple[str, ...]
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    severity: Severity = Severity.LOW
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    health: tuple[Condition, ...] = ()
    heartbeat: float = 0.0
    after: float = 0.0
    calendars: tuple[str, ...] = ()  # `when` in the file
    remind: float = 0.0
    escalate: tuple[Escalation, ...] = ()
    returned: bool = False
    on: bool = True

    @property
    def of_events(self) -> bool:
        """Whether it tells of events, not of the monitor itself."""
        return not self.health and not self.heartbeat


def contacts_of(rule: Rule) -> tuple[str, ...]:
    """Everybody whom it tells, at once or by escalation, each once."""
    return tuple(dict.fromkeys((*rule.to, *(name for step in rule.escalate for name in step.to))))


@dataclass(frozen=True)
class NotifyConfig:
    """All of it; contacts, calendars and rules by name, in the order of the file."""

    mail: Mail | None = None
    contacts: Mapping[str, Contact] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
