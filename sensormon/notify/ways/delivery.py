"""What a way is given, what it answers, and which answers are worth another try.

Is: the words that all ways share. Is not: a retry or a queue; a way tries once, the outbox decides.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from sensormon.model.text import cleaned

LONGEST_WORDS = 300
"""Characters of an answer's words."""
LONGEST_WAIT = 3600.0
"""Seconds that a server can make us wait at most."""
_SHORTEST_SECRET = 4
"""Characters; what is shorter is in every answer by chance."""
_LATER = {408, 425, 429}
"""Refusals (4xx) that say to come again."""


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail; `media_type` such as application/pdf."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Outgoing:
    """A message ready to be handed over.

    `key` (printable ASCII) is the same at each try, so that a receiver can drop what arrives twice.
    `html` is a complete, already escaped body for mail, "" for text alone; it shows `picture`, a PNG,
    as `cid:chart`. `payload` is the JSON of our webhook. Only mail takes the `attachment`.
    """

    key: str
    subject: str
    text: str
    html: str
    picture: bytes | None
    payload: Mapping[str, Any]
    attachment: Attachment | None = None


@dataclass(frozen=True)
class Answer:
    """What became of a try.

    `words`: the server's answer, or what failed and what to do; one line of at most LONGEST_WORDS
    characters without secrets. `lasting`: trying again cannot help. `wait`: seconds that the server
    asked for, at most LONGEST_WAIT.
    """

    delivered: bool
    words: str
    lasting: bool = False
    wait: float | None = None


class Way(Protocol):
    """Hands messages over."""

    def send(self, outgoing: Outgoing, deadline: float) -> Answer:
        """Try once, for `deadline` seconds at most. Never raises for what a server does."""
        ...


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, and as whom.

    `url`: smtp://, smtp+starttls:// or smtps:// with HOST or HOST:PORT.
    """

    url: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


def line_of(text: str, secrets: Iterable[str] = ()) -> str:
    """The text as the words of an answer: one line, bounded, with each of these secrets as `…`.

    >>> line_of("no such hook:\\n T0K3N%2Fx", ["T0K3N/x"])
    'no such hook: …'
    """
    line = without(" ".join(cleaned(" ".join(text[: 20 * LONGEST_WORDS].split())).split()), secrets)
    return line if len(line) <= LONGEST_WORDS else line[: LONGEST_WORDS - 1] + "…"


def without(line: str, secrets: Iterable[str]) -> str:
    """The line with each of these secrets, also as a URL has them, as `…`; those of a few letters stay."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), unquote(secret))}
    for form in sorted((form for form in forms if len(form) >= _SHORTEST_SECRET), key=len, reverse=True):
        line = _without(line, form)
    return line


def _without(line: str, secret: str) -> str:
    """The line with the secret, in whatever case, as `…`."""
    # Lower case can be longer than what it stands for ("İ"), then places in the two differ.
    low = line.lower() if len(line.lower()) == len(line) else line
    at = low.find(secret.lower())
    while at >= 0:
        line, low = line[:at] + "…" + line[at + len(secret) :], low[:at] + "…" + low[at + len(secret) :]
        at = low.find(secret.lower())
    return line


def secrets_of(url: str) -> list[str]:
    """The parts of a URL that may be secret: all but its scheme, host and port."""
    parts = urlsplit(url)
    pieces = [parts.path, parts.query, parts.fragment, *parts.path.split("/")]
    pieces += [piece for pair in parts.query.split("&") for piece in pair.split("=", 1)[1:]]
    pieces += [parts.netloc.rpartition("@")[0], *parts.netloc.rpartition("@")[0].split(":")]
    return [piece for piece in pieces if len(piece) >= _SHORTEST_SECRET]


def answer_to_status(status: int, said: str, retry_after: str, secrets: Iterable[str]) -> Answer:
    """The answer that an HTTP status is; `said` is the beginning of the body or the server's own reason."""
    if 200 <= status < 300:
        return Answer(True, line_of(f"{status} {_phrase(status)}"))
    words = f"{status} {_phrase(status)}" + (f": {said}" if said.strip() else "")
    if 300 <= status < 400:
        words = f"{status} {_phrase(status)}: redirects are not followed, give the address it leads to"
    lasting = 300 <= status < 500 and status not in _LATER
    wait = None if lasting else seconds_to_wait(retry_after)
    return Answer(False, line_of(words, secrets), lasting, wait)


def _phrase(status: int) -> str:
    return responses.get(status, "")


def seconds_to_wait(retry_after: str) -> float | None:
    """What a Retry-After header asks for, in seconds or as a date; None if it cannot be read.

    >>> seconds_to_wait("120"), seconds_to_wait("99999999"), seconds_to_wait("soon")
    (120.0, 3600.0, None)
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
