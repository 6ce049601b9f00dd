"""A message in words: the subject, the text, the page of a mail, and what a webhook gets.

Pure: the message, its link and a zone in, words out. What it is not: the sentence of why, which the message
has from the detector that spoke.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from sensormon.detectors.judged import off_expected
from sensormon.detectors.kernel import HIGHEST
from sensormon.model import timestamps
from sensormon.model.clock import DAY, SECOND
from sensormon.model.events import Severity
from sensormon.model.format import counted, day_and_time, duration, listed
from sensormon.model.text import cleaned
from sensormon.notify.links import LASTS
from sensormon.notify.messages import Kind, Message, ToldEvent
from sensormon.notify.parcels import FLOOD
from sensormon.notify.words_html import Fact, Part, mail_page

SUBJECT = 78
"""Characters that a subject has at most (RFC 5322, 2.1.1); programs cut longer ones."""
_SEVERITIES = tuple(Severity)
_PREFIXES: Mapping[Kind, str] = {
    Kind.REMINDER: "Not acknowledged: ",
    Kind.ESCALATION: "Escalation: ",
    Kind.RETURNED: "Returned to normal: ",
}
_HEARTBEAT = "heartbeat"
"""The condition of a message that says that the monitor is alive."""
_PREFIXES_OF_CONDITIONS: Mapping[Kind, str] = {
    Kind.REMINDER: "Monitor, still: ",
    Kind.ESCALATION: "Monitor, escalation: ",
}


@dataclass(frozen=True)
class Words:
    """A message as its ways hand it over. `html` shows a picture, if there is one, as `cid:chart`."""

    subject: str
    text: str
    html: str
    payload: Mapping[str, Any]


def outgoing(
    message: Message, link: str = "", zone: tzinfo = UTC, *, picture: bool = False, attached: str = ""
) -> Words:
    """The words of this message, with its link if it has one; times are in `zone`.

    With `picture` the mail's page has a place for it; `attached` is the name of the file that goes with it.
    """
    subject = subject_of(message, zone)
    intro, invitation = _intro(message), _invitation(message) if link else ""
    intro = (*intro, f"Attached: {_line(attached)}") if attached else intro
    parts = [_part(event, zone) for event in message.events]
    more = f"{counted(message.held_back, 'more event')} not listed." if message.held_back else ""
    by_rule = f" by rule {message.rule}" if message.rule else ""
    sender = _line(f"sensormon · sent to {message.contact}{by_rule}")
    lasts = (
        f"The link works once, within {LASTS // DAY} days." if link and message.kind is not Kind.TEST else ""
    )
    return Words(
        subject=subject,
        text=_text(intro, parts, more, (invitation, link, lasts), sender),
        html=mail_page(subject, intro, parts, more, (invitation, link, lasts), sender, picture=picture),
        payload=payload_of(message, link),
    )


def payload_of(message: Message, link: str) -> dict[str, Any]:
    """The JSON that a webhook gets.

    A message on the monitor itself, and one with an attachment, has `text` as well: it has no events that
    would say what it is about.
    """
    payload: dict[str, Any] = {
        "key": message.key,
        "kind": str(message.kind),
        "rule": message.rule,
        "contact": message.contact,
        "events": [
            {
                "id": event.id,
                "tag": event.tag,
                "began": timestamps.render(event.began),
                "value": _finite(event.number),
                "score": _finite(event.score),
                "severity": event.severity,
                "why": event.why,
                "link": link,
            }
            for event in message.events
        ],
        "held_back": message.held_back,
    }
    return payload | ({"text": message.text} if message.condition or message.attachment else {})


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def subject_of(message: Message, zone: tzinfo) -> str:
    """One line that says what is wrong, of at most `SUBJECT` characters."""
    choices = [_line(choice) for choice in _subjects(message, zone)]
    fitting = (choice for choice in choices if len(choice) <= SUBJECT)
    return next(fitting, choices[-1][: SUBJECT - 1] + "…" if len(choices[-1]) > SUBJECT else choices[-1])


def _subjects(message: Message, zone: tzinfo) -> Iterator[str]:
    """The subject, then shorter ones."""
    events, total = message.events, len(message.events) + message.held_back
    if not events:
        yield from _without_events(message)
        return
    rest = f"; {len(events):,} listed, {message.held_back:,} more" if message.held_back else ""
    first = min(event.began for event in events)
    since = f"since {_clock(first, message.created, zone)}"
    worst = max((event.severity for event in events), key=_rank)
    titles = [*dict.fromkeys(event.title for event in events)]
    if message.storm and message.kind in (Kind.EVENT, Kind.DIGEST):  # others say what they are
        span = duration((message.created - first) / SECOND)
        if total > FLOOD:
            yield f"Alarm flood: {counted(total, 'event')} in {span}{rest}"
        else:
            for most in range(min(len(titles), 4), 0, -1):
                yield f"Alarm flood, {counted(total, 'more event')}: {listed(titles, most)} — {worst}"
            yield f"Alarm flood, {counted(total, 'more event')} in {span} — {worst}"
        return
    if message.kind is Kind.DIGEST:
        yield f"Digest: {counted(total, 'event')} {since}{rest}"
        return
    prefix = _PREFIXES.get(message.kind, "")
    if total == 1:
        yield from (f"{prefix}{words}" for words in _of_one(events[0], message, since))
        return
    end = "" if message.kind is Kind.RETURNED else f" — {worst}"
    for most in range(min(len(titles), 4), 0, -1):
        names = listed([*titles, *[""] * message.held_back], most)
        yield f"{prefix}{counted(total, 'event')} {since}: {names}{end}"
    yield f"{prefix}{counted(total, 'event')} {since}{end}"


def _of_one(event: ToldEvent, message: Message, since: str) -> Iterator[str]:
    if message.kind is Kind.RETURNED:
        ends = [f", peak {event.value}, {since}", f", peak {event.value}", ""]
    else:
        off = off_expected(event.why) or _score(event)
        ends = [
            *([f" {event.value}, {off} {since} — {event.severity}"] if off else []),
            f" {event.value} {since} — {event.severity}",
        ]
    yield from (f"{event.title}{end}" for end in ends)
    yield from (f"{event.tag}{end}" for end in ends)
    room = SUBJECT - len(_PREFIXES.get(message.kind, "")) - len(ends[-1])
    yield f"{event.tag[: max(1, room - 1)]}…{ends[-1]}"


def _without_events(message: Message) -> Iterator[str]:
    lines = message.text.splitlines()
    if message.attachment and lines:
        yield lines[0]
        return
    if not message.condition or not lines:
        yield f"Test message from sensormon to {message.contact}"
        yield "Test message from sensormon"
        return
    prefix = _PREFIXES_OF_CONDITIONS.get(message.kind, "Monitor: ")
    whole = lines[0].rstrip(".")
    if message.condition == _HEARTBEAT:
        yield whole
        yield whole.split(". ", maxsplit=1)[0]
        return
    more = f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else ""
    yield f"{prefix}{whole}{more}"
    yield f"{prefix}{whole.split('. ', maxsplit=1)[0]}{more}"


def _intro(message: Message) -> tuple[str, ...]:
    """What stands before the events, a paragraph each."""
    one = len(message.events) + message.held_back == 1
    these = "this event" if one else "these events"
    lines: list[str] = []
    if message.storm and message.kind is not Kind.RETURNED:
        lines.append(
            "More than 10 events within 10 minutes are an alarm flood: look for a common cause first."
        )
    if not message.events:
        lines += message.text.splitlines()
        if message.kind is Kind.TEST:
            lines.insert(0, "This is a test: messages for this contact arrive here. Nothing is wrong.")
        elif message.kind is Kind.REMINDER:
            lines.insert(0, "This is still so:")
        elif message.kind is Kind.ESCALATION:
            lines.insert(0, "This was told before, and it is still so:")
    elif message.kind is Kind.REMINDER:
        lines.append(f"Nobody has acknowledged {these} yet.")
    elif message.kind is Kind.ESCALATION:
        lines.append(f"Nobody has acknowledged {these} yet, so they come to you." if not one else _ESCALATED)
    elif message.kind is Kind.RETURNED:
        lines.append(f"{these[:1].upper()}{these[1:]} {'is' if one else 'are'} over.")
    elif message.kind is Kind.DIGEST:
        lines.append(
            f"There were more events than the limit of {message.contact} lets through one by one. "
            "This message has all of them."
        )
    return tuple(lines)


_ESCALATED = "Nobody has acknowledged this event yet, so it comes to you."


def _invitation(message: Message) -> str:
    return "Try the link of a message" if message.kind is Kind.TEST else "Acknowledge, shelve or label"


def _part(event: ToldEvent, zone: tzinfo) -> Part:
    facts = [
        Fact("Peak", event.value),
        Fact("Since", _moment(event.began, zone)),
        Fact("Severity", event.severity),
    ]
    score = _score(event).removeprefix("score ")
    if score:
        facts.append(Fact("Score", score))
    return Part(
        _line(event.title), tuple(facts), _line(event.why), event.over, event.severity == str(Severity.HIGH)
    )


def _text(
    intro: tuple[str, ...], parts: list[Part], more: str, link: tuple[str, str, str], sender: str
) -> str:
    blocks = ["\n".join(intro)]
    for part in parts:
        facts = ", ".join(f"{fact.name.lower()} {fact.words}" for fact in part.facts)
        over = " (over)" if part.over else ""
        blocks.append(f"{part.title}{over}\n{facts}\n{part.why}")
    invitation, address, lasts = link
    ways = f"{invitation}, without signing in:\n{address}\n{lasts}".rstrip() if address else ""
    blocks += [more, ways, f"-- \n{sender}"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _score(event: ToldEvent) -> str:
    """The score in words; empty for one that has no number."""
    usable = math.isfinite(event.score) and event.score < HIGHEST
    return f"score {event.score:,.1f}" if usable else ""


def _rank(severity: str) -> int:
    known = [str(each) for each in _SEVERITIES]
    return known.index(severity) if severity in known else -1


def _clock(time: int, now: int, zone: tzinfo) -> str:
    """Hours and minutes, with the date unless that is today."""
    said, today = day_and_time(time, zone), day_and_time(now, zone)
    return said[11:16] if said[:10] == today[:10] else said[:16]


def _moment(time: int, zone: tzinfo) -> str:
    """A time with its zone: "2026-11-30 14:03:12 CET"."""
    return f"{day_and_time(time, zone)} {timestamps.to_datetime(time).astimezone(zone).strftime('%Z')}"


def _line(text: str) -> str:
    return " ".join(cleaned(text).split())
