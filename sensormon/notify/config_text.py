"""Reads the text of `notify.toml`: every key is known, every value checked, every name leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sensormon.events.actions import LABELS, State
from sensormon.model.errors import UsageError
from sensormon.model.events import Severity
from sensormon.model.toml_table import (
    Table,
    entries,
    flag,
    meant,
    some,
    tables,
    texts,
    variable,
)
from sensormon.model.toml_table import table as table_of
from sensormon.model.toml_table import text as text_of
from sensormon.model.toml_text import TomlBounds, read_toml
from sensormon.notify.config import Calendar, Condition, Contact, Escalation, Limit, Mail, NotifyConfig, Rule

BOUNDS = TomlBounds(characters=1 << 20, lines=20_000, keys=20_000, tables=5_000, values=40_000)
"""The most that the file may have."""
MOST_WAYS = 20
"""The most ways of a contact."""
LONGEST_PATTERN = 300
"""Characters of a pattern: more than a tag or a group has."""
_IN_A_WAY = re.compile(r"\$\{([^}]*)\}")
_LIMIT = re.compile(r"([1-9][0-9]{0,5})/(minute|hour|day)")
_STRETCH = {"minute": 60, "hour": 3_600, "day": 86_400}
_SERVERS = ("smtp://", "smtp+starttls://", "smtps://")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_WAIT = 30 * 86_400.0
"""Seconds."""

Value = TypeVar("Value")


def parse_config(text: str, path: Path | str = "notify.toml") -> NotifyConfig:
    """What the text says. Raises UsageError, one line that names the table and the key, if it is wrong."""
    try:
        content = read_toml(text, BOUNDS)
    except ValueError as error:
        raise UsageError(
            f"it cannot be read ({error})", where=str(path), hint="docs/notifications.md shows such a file"
        ) from error
    top = Table(str(path), content)
    named = {name: top.take(name, tables) or {} for name in ("contacts", "calendars", "rules")}
    mail = top.take("mail", table_of)
    top.end()
    config = NotifyConfig(
        None if mail is None else _mail(Table("[mail]", mail)),
        {name: _contact(name, table) for name, table in named["contacts"].items()},
        {name: _calendar(name, table) for name, table in named["calendars"].items()},
        {name: _rule(name, table) for name, table in named["rules"].items()},
    )
    _check_names(config)
    return config


def _mail(table: Table) -> Mail:
    mail = Mail(
        table.needed("server", _server, '"smtp+starttls://mail.plant.example:587"'),
        table.needed("from", _sender, '"sensormon@plant.example"'),
        table.take("user", text_of) or "",
        table.take("password_env", variable) or "",
    )
    table.end()
    if mail.user and not mail.password_env:
        raise UsageError("password_env: a user needs the variable with the password", where=table.where)
    if mail.password_env and not mail.user:
        raise UsageError("user: a password needs its user", where=table.where)
    return mail


def _contact(name: str, content: Mapping[str, Any]) -> Contact:
    table = Table(f"[contacts.{name}]", content)
    contact = Contact(
        name,
        table.needed("ways", _ways, '["mailto:lead@plant.example"]'),
        table.take("limit", _limit) or Contact.limit,
        _otherwise(table.take("group", _within(0, 3_600)), Contact.group),
        table.take("secret_env", variable) or "",
        table.take("allow_private", flag) or False,
    )
    table.end()
    return contact


def _calendar(name: str, content: Mapping[str, Any]) -> Calendar:
    table = Table(f"[calendars.{name}]", content)
    calendar = Calendar(
        name,
        table.take("zone", _zone) or Calendar.zone,
        table.take("days", _days) or Calendar.days,
        table.take("begin", _clock) or Calendar.begin,
        table.take("end", _clock) or Calendar.end,
        table.take("but", _dates) or (),
    )
    table.end()
    return calendar


def _rule(name: str, content: Mapping[str, Any]) -> Rule:
    table = Table(f"[rules.{name}]", content)
    selections = {
        key: table.take(key, _patterns) or () for key in ("tags", "groups", "profiles", "detectors")
    }
    rule = Rule(
        name,
        table.needed("to", _names, '["shift"]'),
        **selections,
        severity=table.take("severity", _choice(Severity)) or Severity.LOW,
        labels=table.take("labels", some(LABELS)) or (),
        states=table.take("states", some([str(state) for state in State])) or (),
        health=tuple(Condition(word) for word in table.take("health", some([*map(str, Condition)])) or ()),
        heartbeat=table.take("heartbeat", _within(60, _LONGEST_WAIT)) or 0.0,
        after=table.take("after", _within(0, _LONGEST_WAIT)) or 0.0,
        calendars=table.take("when", _names) or (),
        remind=table.take("remind", _within(60, _LONGEST_WAIT)) or 0.0,
        escalate=table.take("escalate", _escalations) or (),
        returned=table.take("returned", flag) or False,
        on=_otherwise(table.take("on", flag), True),
    )
    table.end()
    _check_rule(rule, table.where)
    return rule


def _check_rule(rule: Rule, where: str) -> None:
    if rule.health and rule.heartbeat:
        raise UsageError("health and heartbeat need a rule each", where=where)
    of_events = rule.tags or rule.groups or rule.profiles or rule.detectors or rule.labels or rule.states
    if not rule.of_events and (of_events or rule.severity is not Severity.LOW):
        raise UsageError(
            "a rule tells of events or of the monitor, not of both",
            where=where,
            hint="Make two rules: the one with health or heartbeat has no tags, severity or states",
        )
    if [step.after for step in rule.escalate] != sorted({step.after for step in rule.escalate}):
        raise UsageError("escalate: the steps must follow one another in time", where=where)


def _check_names(config: NotifyConfig) -> None:
    for rule in config.rules.values():
        where = f"[rules.{rule.name}]"
        for name in (*rule.to, *(name for step in rule.escalate for name in step.to)):
            if name not in config.contacts:
                hint = meant(name, config.contacts) or f"Add [contacts.{name}]"
                raise UsageError(f"there is no contact {name!r}", where=where, hint=hint)
        for calendar in rule.calendars:
            if calendar not in config.calendars:
                hint = meant(calendar, config.calendars) or f"Add [calendars.{calendar}]"
                raise UsageError(f"there is no calendar {calendar!r}", where=where, hint=hint)
    for contact in config.contacts.values():
        if config.mail is None and any(way.startswith("mailto:") for way in contact.ways):
            raise UsageError(
                "it has an address, but there is no mail server",
                where=f"[contacts.{contact.name}]",
                hint='Add [mail] with server = "smtp+starttls://…" and from = "…"',
            )


# -- values; each raises ValueError ----------------------------------------------------


def _otherwise(value: Value | None, default: Value) -> Value:
    return default if value is None else value


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = texts(value)
    if any(len(pattern) > LONGEST_PATTERN for pattern in patterns):
        raise ValueError(f"a pattern has more than {LONGEST_PATTERN} characters")
    return patterns


def _names(value: Any) -> tuple[str, ...]:
    names = texts(value)
    if not names:
        raise ValueError("the list is empty")
    return names


def _ways(value: Any) -> tuple[str, ...]:
    ways = _names(value)
    if len(ways) > MOST_WAYS:
        raise ValueError(f"more than {MOST_WAYS} entries")
    for way in ways:
        scheme, colon, rest = way.partition(":")
        if not (colon and rest and re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme)) or " " in way:
            raise ValueError("a way begins with mailto:, https:// or another scheme, without spaces")
        if scheme == "mailto":
            _address(rest)
        elif not rest.startswith("//"):
            raise ValueError(f"after {scheme}: come two slashes")
        _check_variables(scheme, rest)
    return ways


def _check_variables(scheme: str, rest: str) -> None:
    """Raises ValueError for a variable that is somebody else's, or where what it holds would be shown."""
    host = re.split("[/?#]", rest.removeprefix("//"), maxsplit=1)[0].rpartition("@")[2]
    if "${" in {"mailto": rest, "http": host, "https": host}.get(scheme, ""):
        raise ValueError("a variable cannot stand in a mail address or for the host of a webhook")
    for name in _IN_A_WAY.findall(rest):
        variable(name)


def _address(value: Any) -> str:
    text = text_of(value)
    local, at, domain = text.rpartition("@")
    if not (at and local and domain) or re.search(r"[\s,;<>?&]", text):
        raise ValueError("one address such as lead@plant.example is needed")
    return text


def _sender(value: Any) -> str:
    text = text_of(value)
    named = re.fullmatch(r'[^<>,;:@"]{1,100} <([^<>]+)>', text)
    _address(named[1] if named else text)
    return text


def _server(value: Any) -> str:
    text = text_of(value)
    if not text.startswith(_SERVERS) or "@" in text:
        raise ValueError(
            f"use {', '.join(_SERVERS)} with host and port; a user is `user`, a password `password_env`"
        )
    try:
        usable = urlsplit(text).port != 0  # a port that is no number raises ValueError
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("the port is a number from 1 to 65535")
    return text


def _within(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (value == 0 or least <= value <= most):
            raise ValueError(f"a number of seconds from {least:g} to {most:,.0f} is needed")
        return float(value)

    return read


def _choice(words: type[Severity]) -> Callable[[Any], Severity]:
    def read(value: Any) -> Severity:
        if value not in [*map(str, words)]:
            raise ValueError(f"use {', '.join(words)}")
        return words(value)

    return read


def _limit(value: Any) -> Limit:
    match = _LIMIT.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a limit such as "20/hour" is needed, per minute, hour or day')
    return Limit(int(match[1]), _STRETCH[match[2]])


def _zone(value: Any) -> str:
    text = text_of(value)
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a time zone such as Europe/Prague is needed") from error
    return text


def _days(value: Any) -> tuple[int, ...]:
    days = [str(item).lower() for item in entries(value)]
    if not days or (unknown := [day for day in days if day not in DAYS]):
        raise ValueError(f"use some of {', '.join(DAYS)}" + (f", not {unknown[0][:40]!r}" if days else ""))
    return tuple(sorted({DAYS.index(day) for day in days}))


def _clock(value: Any) -> time:
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('a time of the day such as "06:00" is needed')
    return time(int(match[1]), int(match[2]))


def _dates(value: Any) -> tuple[date, ...]:
    days = []
    for item in entries(value):
        try:
            day = date.fromisoformat(item) if isinstance(item, str) else item
        except ValueError:
            day = None
        if type(day) is not date:
            raise ValueError("days such as 2026-12-24 are needed")
        days.append(day)
    return tuple(sorted(set(days)))


def _escalations(value: Any) -> tuple[Escalation, ...]:
    steps = []
    for content in entries(value):
        table = Table("", table_of(content))
        try:
            step = Escalation(
                table.needed("after", _within(1, _LONGEST_WAIT), "900"),
                table.needed("to", _names, '["boss"]'),
            )
            table.end()
        except UsageError as error:
            raise ValueError(error.what) from error
        steps.append(step)
    return tuple(steps)
