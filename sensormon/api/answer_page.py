"""The page that a message's link opens: its events as they are now, and what can be done with them.

Plain HTML without scripts. Everything from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.responses import HTMLResponse

from sensormon.api.plain_page import plain_page
from sensormon.events.actions import LABEL_WORDS, LONGEST_NOTE, State
from sensormon.model.clock import SECOND
from sensormon.model.format import counted, duration, moment_words
from sensormon.model.timestamps import to_datetime
from sensormon.notify.answering import Given, Opened
from sensormon.notify.choices import ACKNOWLEDGE, CHOICES, LABELS, SHELVES
from sensormon.notify.links import LASTS
from sensormon.notify.parcels import FLOOD
from sensormon.notify.standing import Standing

HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "strict-origin"}
"""Of each page here. Without any referrer a browser would send the Origin `null` with the form."""
_FEW = 3
"""Events above the form that one scrolls past."""
_LINKED = 20
"""Events that an address names."""
_STYLE = """
main { max-width: 34rem; padding: 1.25rem; }
body { place-items: start center; }
h1 { margin-bottom: .25rem; overflow-wrap: anywhere; }
h2 { margin: 0 0 .25rem; font-size: 1.0625rem; line-height: 1.5rem; overflow-wrap: anywhere; }
article { margin: 1rem 0 0; padding: .875rem 0 0; border-top: 1px solid var(--border); }
article p { margin-bottom: .5rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .125rem .875rem; margin: 0 0 .5rem; }
dt { color: var(--secondary); font-size: .875rem; line-height: 1.5rem; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.open { color: var(--anomaly); font-weight: 600; }
.state { font-weight: 600; }
.done { padding: .625rem .875rem; margin: 1rem 0 0; border: 1px solid var(--border);
  border-left: 3px solid var(--interaction); border-radius: .4rem; }
.wrong { margin: 1rem 0 0; }
form { margin-top: 1rem; padding-top: 1rem; border-top: 1px solid var(--border); }
fieldset { display: grid; grid-template-columns: repeat(2, 1fr); gap: .5rem; margin: 1rem 0 0; padding: 0;
  border: 0; min-width: 0; }
@media (min-width: 34rem) { fieldset { grid-template-columns: repeat(4, 1fr); } }
fieldset.hours { grid-template-columns: repeat(3, 1fr); }
legend { margin-bottom: .3rem; padding: 0; font-size: .875rem; color: var(--secondary); }
fieldset button { color: var(--interaction); background: none; border: 1px solid var(--interaction); }
textarea { display: block; width: 100%; min-height: 4rem; margin-bottom: 1rem; padding: .5rem .75rem;
  font: inherit; color: var(--text); background: var(--ground); border: 1px solid var(--border);
  border-radius: .4rem; resize: vertical; }
form p { margin: 1rem 0 0; }
.last { margin-top: 1rem; }
"""


def answer(
    opened: Opened,
    standings: Sequence[Standing],
    now: int,
    *,
    given_now: bool = False,
    wrong: str = "",
    note: str = "",
) -> HTMLResponse:
    """The page of a link that works, at `now` (µs UTC); `wrong` says why the form was refused."""
    message, zone = opened.message, _zone(opened.link.zone, now)
    total = len(opened.ids)
    parts = [
        f'<p class="quiet">Sent to {escape(message.contact)} at {_moment(message.created, now, zone)}'
        f"{f', rule {escape(message.rule)}' if message.rule else ''}</p>"
    ]
    if opened.given:
        parts.append(_done(opened.given, given_now, now, zone))
    if wrong:
        parts.append(f'<p class="wrong" role="alert">{escape(wrong)}</p>')
    form = _form(opened, standings, note)
    if len(standings) > _FEW and "<form" in form:
        parts.append('<p class="last"><a href="#answer">Go to the answer</a></p>')
    parts += [_event(standing, now, zone, named=total > 1) for standing in standings]
    if total > len(standings):
        parts.append(f'<article><p class="quiet">and {total - len(standings):,} more</p></article>')
    parts.append(form)
    title = _title(opened, standings, total)
    return plain_page(title, "\n".join(parts), 400 if wrong else 200, HEADERS, style=_STYLE)


def no_such_link(seconds: int = 0) -> HTMLResponse:
    """The one page for a link that is wrong, cut off or has expired; `seconds`: too many were tried."""
    days = f"{duration(LASTS / SECOND).split()[0]} days"
    later = f"<p>Too many wrong links were opened from here. Try again in {seconds} s.</p>" if seconds else ""
    return plain_page(
        "This link does not work",
        f"{later}<p>It has expired, or it is not complete. A link in a message works for {days}.</p>"
        '<p class="quiet">Open sensormon itself to deal with the event.</p>',
        429 if seconds else 404,
        {**HEADERS, **({"Retry-After": str(seconds)} if seconds else {})},
    )


def failed(text: str, status: int) -> HTMLResponse:
    """A page that says what went wrong."""
    return plain_page("This did not work", f"<p>{escape(text)}</p>", status, HEADERS)


def _title(opened: Opened, standings: Sequence[Standing], total: int) -> str:
    if not total:
        return "Test message"
    if opened.message.storm and total > FLOOD:
        return f"Alarm flood: {counted(total, 'event')}"
    return standings[0].title if total == 1 and standings else counted(total, "event")


def _event(standing: Standing, now: int, zone: tzinfo, *, named: bool) -> str:
    facts = [("Peak", escape(standing.peak))]
    if standing.latest:
        facts.append(("Now", f"{escape(standing.latest)}, {_ago(standing.latest_time, now)}"))
    facts.append(("Since", f"{_moment(standing.began, now, zone)}, {_ago(standing.began, now)}"))
    if standing.ended:
        facts.append(("Until", f"{_moment(standing.ended, now, zone)}, {_ago(standing.ended, now)}"))
    facts.append(("Severity", escape(standing.severity)))
    if standing.label:
        facts.append(("Label", escape(LABEL_WORDS.get(standing.label, standing.label))))
    if standing.note:
        facts.append(("Note", escape(standing.note)))
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    title = f"<h2>{escape(standing.title)}</h2>" if named else ""
    return f"""<article id="e{standing.id}">
{title}{_state(standing, now, zone)}
<dl>{rows}</dl>
<p>{escape(standing.why)}</p>
</article>"""


def _state(standing: Standing, now: int, zone: tzinfo) -> str:
    if not standing.state:
        return '<p class="quiet">As the message said; the present state cannot be read.</p>'
    going_on = "Over" if standing.ended else "Ongoing"
    if standing.acknowledged:
        who, when = escape(standing.acknowledged_by), _moment(standing.acknowledged, now, zone)
        return f'<p class="state">{going_on}, acknowledged by {who} at {when}</p>'
    if standing.shelved_until:
        return f'<p class="state">{going_on}, shelved until {_moment(standing.shelved_until, now, zone)}</p>'
    if standing.state == State.ACKNOWLEDGED:
        return f'<p class="state">{going_on}, acknowledged</p>'
    return f'<p class="open">{going_on}, not acknowledged</p>'


def _done(given: Given, now_given: bool, now: int, zone: tzinfo) -> str:
    who = f"by {escape(given.who)} at {_moment(given.time, now, zone)}"
    done = escape(given.choice.done[:1].upper() + given.choice.done[1:])
    until = f" Until {_moment(given.until, now, zone)}." if given.until else ""
    note = f"<br>Note: {escape(given.note)}" if given.note else ""
    if not given.finished:
        return (
            f'<p class="wrong" role="alert">An answer was begun {who} and cut off: '
            f"{escape(given.choice.done)}. Finish it below.</p>"
        )
    if now_given:
        return f'<p class="done" role="status"><strong>{done}</strong> {who}.{until}{note}</p>'
    return (
        f'<p class="done" role="status"><strong>This message was answered already.</strong> '
        f"{done} {who}.{until}{note}</p>"
    )


def _form(opened: Opened, standings: Sequence[Standing], note: str) -> str:
    total, given = len(opened.ids), opened.given
    if not total:
        return "<p>The links in messages work. A test has no event to answer.</p>"
    if given and given.finished:
        return f'<p class="quiet last">A link works once. For anything else {_pages(opened)}.</p>'
    if given:
        return f'<form method="post">{_button(ACKNOWLEDGE, "Finish this answer")}</form>'
    of_all = "" if total == 1 else f" all {total:,} events"
    acknowledged = all(standing.state == State.ACKNOWLEDGED for standing in standings)
    acknowledge = "" if acknowledged else _button(ACKNOWLEDGE, f"Acknowledge{of_all}")
    shelves = "".join(_button(name, CHOICES[name].words) for name in SHELVES)
    labels = "".join(_button(name, CHOICES[name].words) for name in LABELS)
    return f"""<form method="post" id="answer">
<label for="note">Note (optional)</label>
<textarea id="note" name="note" rows="2" maxlength="{LONGEST_NOTE}">{escape(note[:LONGEST_NOTE])}</textarea>
{acknowledge}
<fieldset class="hours"><legend>Shelve{of_all} for</legend>{shelves}</fieldset>
<fieldset><legend>Label{of_all} as</legend>{labels}</fieldset>
<p class="quiet">This link works once, for one of these, in the name of {escape(opened.link.contact)}.
For more {_pages(opened)}.</p>
</form>"""


def _pages(opened: Opened) -> str:
    """The way to the same events in the pages, for who may sign in there. No referrer tells them the link."""
    ids = ",".join(map(str, opened.ids[:_LINKED]))
    return f'<a rel="noreferrer" href="../anomalies?event={ids}">open sensormon</a>'


def _button(name: str, words: str) -> str:
    return f'<button name="act" value="{name}">{escape(words)}</button>'


def _moment(time: int, now: int, zone: tzinfo) -> str:
    """A time with its zone: "14:03:12 CET", with its date unless that is today."""
    return f"{moment_words(time, now, zone)} {to_datetime(time).astimezone(zone).strftime('%Z')}"


def _ago(time: int, now: int) -> str:
    seconds = (now - time) / SECOND
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def _zone(name: str, now: int) -> tzinfo:
    """The zone of this name, of the machine at this moment without one; UTC if it is not known here."""
    try:
        return ZoneInfo(name) if name else to_datetime(now).astimezone().tzinfo or UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
