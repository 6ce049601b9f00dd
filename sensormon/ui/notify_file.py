"""The file of notifications as the page has it: what it says, what is wrong with it, and saving a change.

A change is made to the newest text, so that two people can edit two rules at a time. What somebody else
has changed since it was opened here is not overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.notify.config import Calendar, Contact, Mail, NotifyConfig, Rule
from sensormon.notify.config_edit import Edited, with_value, without_value
from sensormon.notify.config_text import parse_config
from sensormon.notify.notifications import notifications_of
from sensormon.ui.acts import NOTHING, carried_out
from sensormon.ui.edited_file import say_file
from sensormon.ui.notify_words import calendar_words, contact_words, mail_words, rule_words

NOUNS: Mapping[type[Edited], str] = {
    Rule: "rule",
    Contact: "contact",
    Calendar: "calendar",
    Mail: "mail server",
}
SAID = "notify-said"
"""Key in the session's state: what was done, for the next run to say."""

_KEYS = re.compile(r"(\w+)(?:: | is not set)")


@dataclass(frozen=True)
class Known:
    """What the file says. `text` is None while it cannot be edited, and `problem` says why."""

    config: NotifyConfig
    text: str | None
    seen: str = ""
    problem: str = ""
    path: str = ""


def known(m: Monitor) -> Known:
    """What the file says now; what is in force if it is wrong."""
    file = notifications_of(m).file
    try:
        draft = file.read()
    except (UsageError, StoreError, JournalError) as error:
        return Known(file.current(), None, problem=str(error), path=str(file.path))
    return Known(draft.config, draft.text, draft.seen, file.problem)


def say_problem(now: Known) -> None:
    """A block that says what is wrong with the file, if anything is, and what was done last."""
    say_file(SAID, "notifications", now.problem, now.path, wrong=now.text is None)


def standing(config: NotifyConfig, kind: type[Edited], name: str) -> Edited | None:
    """The rule, contact or calendar of this name, or the mail server; None if there is none."""
    if kind is Mail:
        return config.mail
    tables: Mapping[type[Edited], Mapping[str, Edited]] = {
        Rule: config.rules,
        Contact: config.contacts,
        Calendar: config.calendars,
    }
    return tables[kind].get(name)


def words_of(value: Edited | None) -> str:
    """What it says, for the audit trail; nothing of it is secret."""
    match value:
        case Rule():
            return rule_words(value)
        case Contact():
            return contact_words(value)
        case Calendar():
            return calendar_words(value)
        case Mail():
            return mail_words(value)
        case None:
            return NOTHING


def refusal_of(text: str, *values: Edited) -> UsageError | None:
    """Why the file would be wrong with these values; None if it would not."""
    try:
        for value in values:
            text = with_value(text, value)
        parse_config(text)
    except UsageError as error:
        return error
    return None


def key_of_refusal(error: UsageError) -> str:
    """The key of the file that was refused, so that the reason can stand beside its field; empty if unclear.

    >>> key_of_refusal(UsageError("after: a number of seconds is needed", where="[rules.hot]"))
    'after'
    >>> key_of_refusal(UsageError("there is no contact 'x'", where="[rules.hot]"))
    'to'
    """
    if error.what.startswith("there is no contact"):
        return "to"
    if error.what.startswith("there is no calendar"):
        return "when"
    match = _KEYS.match(error.what)
    key = match[1] if match else ""
    return "name" if key in ("rules", "contacts", "calendars") else key


def save(m: Monitor, begun: Edited | None, value: Edited, typed: str | None, problem: str) -> bool:
    """Write the value in place of `begun`, which is None if it is new; says why it was not done."""
    name = getattr(value, "name", "")
    noun = NOUNS[type(value)]

    def text(now: NotifyConfig, old: str) -> str:
        _same(standing(now, type(value), name), begun, noun, name)
        return with_value(old, value)

    return _change(m, f"{noun} {name}".strip(), (begun, value), text, typed, problem)


def save_all(m: Monitor, values: list[Edited], typed: str | None, problem: str) -> bool:
    """Write these values, all or none; none of them may be there yet."""

    def text(now: NotifyConfig, old: str) -> str:
        for value in values:
            name = getattr(value, "name", "")
            _same(standing(now, type(value), name), None, NOUNS[type(value)], name)
            old = with_value(old, value)
        return old

    def write(by: str) -> None:
        _write(m, text, by)

    subject = ", ".join(f"{NOUNS[type(value)]} {getattr(value, 'name', '')}".strip() for value in values)
    after = "; ".join(map(words_of, values))
    return carried_out(m, Change(Act.MANAGE_NOTIFICATIONS, subject, NOTHING, after), write, problem, typed)


def remove(m: Monitor, begun: Edited, typed: str | None, problem: str) -> bool:
    """Take it out of the file, unless others need it; says why it was not done."""
    name = getattr(begun, "name", "")
    noun = NOUNS[type(begun)]

    def text(now: NotifyConfig, old: str) -> str:
        _same(standing(now, type(begun), name), begun, noun, name)
        return without_value(old, type(begun), name)

    return _change(m, f"{noun} {name}".strip(), (begun, None), text, typed, problem)


def _change(
    m: Monitor,
    subject: str,
    values: tuple[Edited | None, Edited | None],
    text: Callable[[NotifyConfig, str], str],
    typed: str | None,
    problem: str,
) -> bool:
    def write(by: str) -> None:
        _write(m, text, by)

    change = Change(Act.MANAGE_NOTIFICATIONS, subject, *map(words_of, values))
    return carried_out(m, change, write, problem, typed)


def _write(m: Monitor, text: Callable[[NotifyConfig, str], str], by: str) -> None:
    """Read, change and save the file. For gates alone."""
    file = notifications_of(m).file
    draft = file.read()
    file.save(draft, text(draft.config, draft.text), by)


def _same(now: Edited | None, begun: Edited | None, noun: str, name: str) -> None:
    """Raises UsageError if it is no longer as it was when it was opened."""
    if now == begun:
        return
    if begun is None:
        raise UsageError(f"there is already a {noun} {name}".strip(), where=noun, hint="Choose another name")
    raise UsageError(
        f"somebody has changed this {noun} since you opened it; nothing was written",
        where=f"{noun} {name}".strip(),
        hint="Go back and open it again",
    )
