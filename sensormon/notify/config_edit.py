"""Changes the text of `notify.toml`: only what a person changed, comments and order stay.

What it is not: a check; `parse_config` reads the result before it is kept.
"""

from __future__ import annotations

from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from sensormon.model.errors import UsageError
from sensormon.notify.config import Calendar, Contact, Limit, Mail, Rule
from sensormon.notify.config_text import DAYS

_STRETCHES = {60: "minute", 3_600: "hour", 86_400: "day"}

Edited = Mail | Contact | Calendar | Rule
"""What a table of the file says."""

_PLACES: dict[type[Edited], str] = {Contact: "contacts", Calendar: "calendars", Rule: "rules"}


def with_value(text: str, value: Edited) -> str:
    """The text with this contact, calendar, rule or mail server, new or changed. Raises UsageError."""
    document = _document(text)
    if isinstance(value, Mail):
        _set(document, "mail", _mail_items(value))
    else:
        place = _PLACES[type(value)]
        if place not in document:
            document[place] = tomlkit.table(is_super_table=True)
        _set(document[place], value.name, _items(value))
    return tomlkit.dumps(document)


def without_value(text: str, kind: type[Edited], name: str = "") -> str:
    """The text without this table; as it is if it has none. Raises UsageError."""
    document = _document(text)
    if kind is Mail:
        document.pop("mail", None)
    else:
        document.get(_PLACES[kind], {}).pop(name, None)
    return tomlkit.dumps(document)


def limit_text(limit: Limit) -> str:
    """The limit as the file has it: "20/hour"."""
    return f"{limit.messages}/{_STRETCHES[limit.seconds]}"


def _document(text: str) -> Any:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as error:
        raise UsageError(f"the file cannot be read ({error})", where="notify.toml") from error


def _set(parent: Any, name: str, items: dict[str, Any]) -> None:
    """Set the keys that have a value, and leave the others out."""
    if name not in parent:
        parent[name] = tomlkit.table()
    table = parent[name]
    for key, value in items.items():
        if value is None:
            table.pop(key, None)
        elif key not in table or table[key] != value:
            table[key] = value


def _mail_items(mail: Mail) -> dict[str, Any]:
    return {
        "server": mail.server,
        "from": mail.sender,
        "user": mail.user or None,
        "password_env": mail.password_env or None,
    }


def _items(value: Contact | Calendar | Rule) -> dict[str, Any]:
    match value:
        case Contact():
            return _contact_items(value)
        case Calendar():
            return _calendar_items(value)
        case Rule():
            return _rule_items(value)


def _contact_items(contact: Contact) -> dict[str, Any]:
    return {
        "ways": [*contact.ways],
        "limit": limit_text(contact.limit),
        "group": _number(contact.group),
        "secret_env": contact.secret_env or None,
        "allow_private": contact.allow_private or None,
    }


def _calendar_items(calendar: Calendar) -> dict[str, Any]:
    return {
        "zone": calendar.zone,
        "days": [DAYS[day] for day in calendar.days],
        "begin": calendar.begin.strftime("%H:%M"),
        "end": calendar.end.strftime("%H:%M"),
        "but": [day.isoformat() for day in calendar.but] or None,
    }


def _rule_items(rule: Rule) -> dict[str, Any]:
    lists = {
        "tags": rule.tags,
        "groups": rule.groups,
        "profiles": rule.profiles,
        "detectors": rule.detectors,
        "labels": rule.labels,
        "states": rule.states,
        "health": [*map(str, rule.health)],
        "when": rule.calendars,
    }
    return {
        **{key: [*values] or None for key, values in lists.items()},
        "severity": str(rule.severity) if rule.of_events else None,
        "heartbeat": _number(rule.heartbeat) or None,
        "after": _number(rule.after) or None,
        "to": [*rule.to],
        "remind": _number(rule.remind) or None,
        "escalate": [_inline(step.after, step.to) for step in rule.escalate] or None,
        "returned": rule.returned or None,
        "on": None if rule.on else False,
    }


def _inline(after: float, to: tuple[str, ...]) -> Any:
    table = tomlkit.inline_table()
    table.update({"after": _number(after), "to": [*to]})
    return table


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
