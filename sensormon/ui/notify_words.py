"""Rules, contacts and calendars of notifications in words, and the lengths of time that people type.

Pure functions: plain data in, text out; whoever shows a text escapes it. Of a way only a mail address is
shown in full: what stands behind the host of the others, or in its place, may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sensormon.events.actions import LABEL_WORDS
from sensormon.model.errors import UsageError
from sensormon.model.events import Severity
from sensormon.model.format import duration
from sensormon.notify.config import Calendar, Condition, Contact, Limit, Mail, Rule
from sensormon.notify.config_edit import limit_text
from sensormon.notify.messages import Kind

CONDITIONS: Mapping[Condition, str] = {
    Condition.SILENT: "a tag or source is silent",
    Condition.STORE: "the database is away",
    Condition.JOURNAL: "readings are refused or the journal fills",
    Condition.DISK: "the disk is about to be full",
    Condition.LOSS: "the ledger is off or the journal is damaged",
    Condition.THREAD: "a part of the monitor has stopped",
}
"""When a rule of this condition tells."""
KINDS: Mapping[Kind, str] = {
    Kind.EVENT: "New",
    Kind.REMINDER: "Reminder",
    Kind.ESCALATION: "Escalation",
    Kind.RETURNED: "Back to normal",
    Kind.DIGEST: "Digest",
    Kind.HEALTH: "Monitor",
    Kind.TEST: "Test",
}
"""What messages are, in the order of tables."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = {"s": 1, "sec": 1, "second": 1, "min": 60, "m": 60, "minute": 60, "h": 3_600, "hour": 3_600}
_UNITS |= {"d": 86_400, "day": 86_400}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]+)")


def seconds_of(text: str) -> float:
    """A length of time as people write it, in seconds; an empty one is 0. Raises UsageError.

    >>> seconds_of("15 min"), seconds_of("1 h 30 min"), seconds_of("90s"), seconds_of("")
    (900.0, 5400.0, 90.0, 0.0)
    """
    words = text.strip().lower().replace(",", " ")
    parts = _LENGTH.findall(words)
    units = [unit if unit in _UNITS else unit.removesuffix("s") for _, unit in parts]
    if re.sub(r"\s", "", _LENGTH.sub("", words)) not in ("", "0") or not set(units) <= set(_UNITS):
        raise UsageError(f"{text[:40]!r} is not a length of time: write 30 s, 15 min, 2 h or 1 d", where="")
    return float(sum(float(count) * _UNITS[unit] for (count, _), unit in zip(parts, units, strict=True)))


def length(seconds: float) -> str:
    """A length of time as `seconds_of` reads it; empty for none.

    >>> length(900), length(5400), length(90), length(0), length(0.5)
    ('15 min', '1 h 30 min', '1 min 30 s', '', '0.5 s')
    """
    rest, parts = seconds, []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if rest >= size:
            parts.append(f"{int(rest // size)} {unit}")
            rest %= size
    return " ".join([*parts, f"{rest:g} s"] if rest else parts)


def rule_sentence(rule: Rule) -> str:
    """What the rule does, in a sentence or a few.

    >>> rule_sentence(Rule("hot", ("shift",), tags=("fermenter_*",), severity=Severity.MEDIUM))
    'Tells shift of events of at least medium severity on fermenter_*, at once.'
    >>> rule_sentence(Rule("alive", ("shift",), heartbeat=86_400.0))
    'Tells shift every day that the monitor is alive.'
    """
    whom = _and(rule.to) or "nobody"
    if rule.heartbeat:
        return f"Tells {whom} {_every(rule.heartbeat)} that the monitor is alive{_when(rule)}."
    conditions = [CONDITIONS[each] for each in rule.health]
    if len(conditions) == len(CONDITIONS):
        conditions = ["anything is wrong with the monitor itself"]
    first = f"Tells {whom} when {_or(conditions)}"
    if rule.of_events:
        first = f"Tells {whom} of {_events(rule)}"
    wait = f" once it has lasted {duration(rule.after)}" if rule.after else ", at once"
    if rule.of_events and rule.after:
        wait = f" that last {duration(rule.after)} or longer"
    steps = [f"{_and(step.to) or 'nobody'} after {duration(step.after)}" for step in rule.escalate]
    later = f"; {', '.join(steps)} without acknowledgement" if steps else ""
    more = []
    if rule.remind:
        more.append(f"Repeats the message {_every(rule.remind)} until somebody acknowledges.")
    if rule.returned:
        more.append("Also tells when it is back to normal.")
    return " ".join([f"{first}{wait}{_when(rule)}{later}.", *more])


def rule_words(rule: Rule | None) -> str:
    """A rule for the audit trail; empty if there is none."""
    if rule is None:
        return ""
    return rule_sentence(rule) if rule.on else f"Off. {rule_sentence(rule)}"


def _events(rule: Rule) -> str:
    """Which events, as a noun phrase."""
    which = "all events" if rule.severity is Severity.LOW else f"events of at least {rule.severity} severity"
    where = [*rule.tags]
    places = [f"on {_or(where)}"] if where else []
    places += [f"in {_or(rule.groups)}"] if rule.groups else []
    places += [f"with the profile {_or(rule.profiles)}"] if rule.profiles else []
    places += [f"found by {_or(rule.detectors)}"] if rule.detectors else []
    places += [f"labelled {_or([LABEL_WORDS[each] for each in rule.labels])}"] if rule.labels else []
    places += [f"that are {_or(rule.states)}"] if rule.states else []
    if places and rule.severity is Severity.LOW:
        which = "events of any severity"
    return " ".join([which, *places])


def _when(rule: Rule) -> str:
    return f", during {_or(rule.calendars)}" if rule.calendars else ""


def _every(seconds: float) -> str:
    single = {60.0: "every minute", 3_600.0: "every hour", 86_400.0: "every day"}
    return single.get(seconds) or f"every {length(seconds)}"


def _and(names: Sequence[str]) -> str:
    return _joined(names, "and")


def _or(names: Sequence[str]) -> str:
    return _joined(names, "or")


def _joined(names: Sequence[str], word: str) -> str:
    shown = [*map(str, names)]
    if len(shown) > 4:
        shown = [*shown[:3], f"{len(shown) - 3} more"]
        word = "and" if word == "and" else "or"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {word} {shown[-1]}" if shown else ""


def calendar_sentence(calendar: Calendar) -> str:
    """When it applies.

    >>> from datetime import time
    >>> calendar_sentence(Calendar("night", "Europe/Prague", (0, 1, 2, 3, 4), time(22), time(6)))
    'Mon–Fri from 22:00 to 06:00 the next day, Europe/Prague'
    """
    begin, end = calendar.begin.strftime("%H:%M"), calendar.end.strftime("%H:%M")
    over_night = calendar.end <= calendar.begin
    times = f"from {begin} to {end}{' the next day' if over_night else ''}"
    if begin == end == "00:00":
        times = "all day"
    but = f", but not on {_and([day.isoformat() for day in calendar.but])}" if calendar.but else ""
    return f"{_days(calendar.days)} {times}, {calendar.zone}{but}"


def calendar_words(calendar: Calendar | None) -> str:
    """A calendar for the audit trail; empty if there is none."""
    return calendar_sentence(calendar) if calendar else ""


def _days(days: Sequence[int]) -> str:
    if len(days) == len(DAYS):
        return "Every day"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{DAYS[days[0]]}–{DAYS[days[-1]]}"
    return ", ".join(DAYS[day] for day in days)


def way_words(way: str) -> str:
    """A way to a contact without what may be secret in it.

    >>> way_words("mailto:lead@plant.example"), way_words("https://me:pass@hooks.example:8443/T0/B1?k=2")
    ('lead@plant.example', 'https://hooks.example:8443/…')
    >>> way_words("tgram://123:token/42"), way_words("http://hooks.plant.example")
    ('tgram://…', 'http://hooks.plant.example')
    """
    scheme, _, rest = way.partition(":")
    if scheme == "mailto":
        return rest
    if scheme not in ("http", "https"):
        return f"{scheme}://…"
    netloc, _, path = rest.removeprefix("//").partition("/")
    host = re.split(r"[?#]", netloc.rpartition("@")[2])[0]
    plain = urlsplit(f"//{host}").netloc == netloc and not path.strip("/")
    return f"{scheme}://{host}" if plain else f"{scheme}://{host}/…"


def limit_words(limit: Limit) -> str:
    """The limit: "20 per hour"."""
    return limit_text(limit).replace("/", " per ")


def contact_sentence(contact: Contact) -> str:
    """How the contact is told, with its limit."""
    grouped = (
        f"events within {duration(contact.group)} in one message"
        if contact.group
        else "a message for each event"
    )
    ways = ", then ".join(map(way_words, contact.ways)) or "no way yet"
    return f"{ways} · at most {limit_words(contact.limit)} · {grouped}"


def contact_words(contact: Contact | None) -> str:
    """A contact for the audit trail; empty if there is none."""
    if contact is None:
        return ""
    signed = f" · signed with {contact.secret_env}" if contact.secret_env else ""
    private = " · may call this machine and its network" if contact.allow_private else ""
    return f"{contact_sentence(contact)}{signed}{private}"


def mail_words(mail: Mail | None) -> str:
    """The mail server; empty if there is none."""
    if mail is None:
        return ""
    login = f", as {mail.user} with the password in {mail.password_env}" if mail.user else ", without a login"
    return f"{mail.server} from {mail.sender}{login}"
