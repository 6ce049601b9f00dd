"""Teams, Slack, Telegram, SMS gateways and others, through apprise (`pip install '.[notify]'`).

Each try is a process of its own (`apprise_child`, about 0.5 s and 35 MB): it is killed at the deadline.
It gets the text alone, no picture, cut to what the service takes rather than split in several messages.
A URL with several targets is one try: if one of them fails, all get the message again, so give each a
way of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sensormon.model.errors import UsageError
from sensormon.notify.ways.addresses import check_written
from sensormon.notify.ways.delivery import Answer, Outgoing, answer_to_status, line_of, secrets_of
from sensormon.notify.ways.schemes import HOSTED, OURS, OUTSIDE

_ROOT = Path(__file__).parents[3]
"""The folder that has the package."""
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT")
"""Variables that the process gets; not proxies, and no secrets of others."""
_PATIENCE = 20.0
"""Seconds for a URL to be looked at."""
_TYPES = {"returned": "success", "test": "info"}
"""What apprise calls a message, by the kind in its payload."""


@dataclass(frozen=True)
class ThroughApprise:
    """The service at this URL, whose scheme is in `schemes`. Raises UsageError for what cannot be used."""

    url: str = field(repr=False)
    allow_private: bool = False

    def __post_init__(self) -> None:
        scheme = self._scheme
        if importlib.util.find_spec("apprise") is None:
            raise UsageError(
                f"{scheme}:// needs apprise, which is not installed",
                where="ways",
                hint="Run pip install '.[notify]'",
            )
        try:
            parts = urlsplit(self.url)
            host, query = parts.hostname or "", parse_qsl(parts.query, keep_blank_values=True)
        except ValueError:
            raise _unusable(scheme) from None
        refused = sorted({name.lower() for name, _ in query} & (OURS | OUTSIDE))
        if refused:
            raise UsageError(
                f"a {scheme}:// URL cannot set {', '.join(refused)}", where="ways", hint="Leave that out"
            )
        if scheme in HOSTED:
            check_written(unquote(host), self.allow_private, "ways")
        if not _usable(self.url):
            raise _unusable(scheme)

    @property
    def _scheme(self) -> str:
        return self.url.partition("://")[0].lower()

    def send(self, outgoing: Outgoing, deadline: float) -> Answer:
        """See `Way`."""
        order = {
            "url": self.url,
            "send": True,
            "title": " ".join(outgoing.subject.split()),
            "body": outgoing.text,
            "type": _TYPES.get(str(outgoing.payload.get("kind")), "warning"),
            "allow_private": self.allow_private,
        }
        try:
            outcome = _ran(order, deadline)
        except subprocess.TimeoutExpired:
            return Answer(False, f"{self._scheme}: no complete answer within {deadline:g} s")
        except (OSError, ValueError):
            return Answer(False, f"{self._scheme}: the process of apprise could not be run or failed")
        return self._answer(outcome)

    def _answer(self, outcome: dict[str, Any]) -> Answer:
        if not outcome["usable"]:
            return Answer(False, line_of(str(_unusable(self._scheme))), lasting=True)
        went = outcome["went"]
        failed = [request for request in went if not 200 <= request.get("status", 0) < 300]
        last = (failed or went or [{}])[-1]
        place = last.get("host") or self._scheme
        if outcome["taken"]:
            return Answer(
                True, line_of(f"{place}: {answer_to_status(last.get('status', 200), '', '', []).words}")
            )
        if outcome["refused"] and "status" not in last:
            words = f"{place} leads to {outcome['refused']}. Messages do not go there"
            return Answer(False, line_of(words), lasting=True)
        if "error" in last:
            return Answer(False, line_of(f"{place}: {_ERRORS.get(last['error'], last['error'])}"))
        if "status" not in last:
            return Answer(False, f"{self._scheme}: apprise sent nothing; look whether the URL has a target")
        return self._refused(place, last)

    def _refused(self, place: str, last: dict[str, Any]) -> Answer:
        secrets = [*secrets_of(self.url), *_tokens(self.url)]
        answer = answer_to_status(last["status"], last["said"], last["retry_after"], secrets)
        if answer.delivered:  # the status is well, but the plugin has read a refusal in the body
            words = line_of(f"answered {last['status']} but did not take it: {last['said']}", secrets)
            answer = Answer(False, words)
        return Answer(False, line_of(f"{place}: {answer.words}"), answer.lasting, answer.wait)


_ERRORS = {
    "SSLError": "its certificate is not accepted; SSL_CERT_FILE names an authority of your own",
    "ConnectTimeout": "no answer in time",
    "ReadTimeout": "no answer in time",
    "ReadTimeoutError": "no answer in time",
    "ConnectionError": "it cannot be reached, or ended the connection before the answer",
}


def _tokens(url: str) -> list[str]:
    """What stands where a host would: a token with some services."""
    return urlsplit(url).netloc.replace("@", ":").split(":")


def _unusable(scheme: str) -> UsageError:
    return UsageError(
        f"apprise cannot use this {scheme}:// URL",
        where="ways",
        hint=f"Compare it with apprise's description of {scheme}://",
    )


@lru_cache(256)
def _usable(url: str) -> bool:
    """Whether apprise can use it; True also if that cannot be found out: sending then says what is wrong."""
    try:
        return bool(_ran({"url": url, "send": False}, _PATIENCE)["usable"])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return True


def _ran(order: dict[str, Any], deadline: float) -> dict[str, Any]:
    """What the process says to this order.

    Raises subprocess.TimeoutExpired at the deadline (s), OSError or ValueError if it fails.
    """
    until = time.monotonic() + deadline
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(  # our own interpreter and module
        [sys.executable, "-P", "-m", "sensormon.notify.ways.apprise_child"],
        input=json.dumps(order | {"timeout": deadline}).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(_ROOT), "NETRC": os.devnull},
        timeout=max(0.001, until - time.monotonic()),
        check=False,
    )
    outcome = json.loads(done.stdout)
    if not isinstance(outcome, dict):
        raise ValueError("no outcome")
    return outcome
