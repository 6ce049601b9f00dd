"""The process that sends one message through apprise, and ends.

A process of its own, since only that can be bounded: apprise knows no deadline as a whole, and its
plugins log what they please. An order comes as JSON on standard input, so that no secret stands in a
list of processes; the outcome goes as JSON to standard output. Every connection of this process is
judged where it is opened (an audit hook, which no plugin can undo), whatever host a plugin calls, and
starting a program is refused. Redirects are not followed, TLS is verified, answers are bounded.

Not for import, except by its test; `apprise_way` starts it.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import ssl
import sys
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase

from sensormon.notify.ways.addresses import refusal
from sensormon.notify.ways.schemes import SCHEMES

LONGEST_READ = 1_000_000
"""Bytes of an answer that a plugin gets to see."""
LONGEST_SAID = 2_048
"""Bytes of an answer that are handed on."""
_PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"}


class Guard:
    """An audit hook: what may be called, and what was refused last."""

    def __init__(self, allow_private: bool) -> None:
        self.refused = ""
        self._allow_private = allow_private
        self._judging = threading.local()

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            raise PermissionError("no program is started")
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and not self._inside():
            self._judge(details[1])

    def _inside(self) -> bool:
        """Whether this comes of judging, which connects without sending."""
        return bool(getattr(self._judging, "now", False))

    def _judge(self, address: Any) -> None:
        place = str(address[0]) if isinstance(address, tuple) else "a local socket"
        self._judging.now = True
        try:
            why = refusal(place, self._allow_private)
        finally:
            self._judging.now = False
        if why is not None:
            self.refused = f"{place}, {why}"
            raise PermissionError(f"{place} is {why}")


class Requests:
    """Stands in for `requests.Session.send`: bounds each request and keeps how it went."""

    def __init__(self, timeout: float) -> None:
        self.went: list[dict[str, Any]] = []
        self._timeout = timeout
        self._send = requests.Session.send
        paths = ssl.get_default_verify_paths()
        self._authorities = paths.cafile or paths.capath or True

    def install(self) -> None:
        """Let every request of this process go through here."""
        went = self

        def send(
            session: requests.Session, request: requests.PreparedRequest, **options: Any
        ) -> requests.Response:
            return went._bounded(session, request, options)

        type.__setattr__(requests.Session, "send", send)

    def _bounded(
        self, session: requests.Session, request: requests.PreparedRequest, options: dict[str, Any]
    ) -> requests.Response:
        options |= {
            "allow_redirects": False,
            "stream": True,
            "timeout": self._timeout,
            "verify": self._authorities,
            "proxies": {},
        }
        outcome: dict[str, Any] = {"host": urlsplit(request.url or "").hostname or ""}
        self.went.append(outcome)
        try:
            answer = self._send(session, request, **options)
            content = answer.raw.read(LONGEST_READ, decode_content=True)
        except (OSError, urllib3.exceptions.HTTPError) as error:  # RequestException is an OSError
            outcome["error"] = type(error).__name__
            raise
        answer._content = content
        answer._content_consumed = True
        outcome["status"] = answer.status_code
        outcome["said"] = content[:LONGEST_SAID].decode("utf-8", "replace")
        outcome["retry_after"] = answer.headers.get("Retry-After", "")
        return answer


def service(url: str, timeout: float) -> NotifyBase | None:
    """What apprise makes of this URL; None if it cannot use it."""
    scheme = url.partition("://")[0].lower()
    module = importlib.import_module(f"apprise.plugins.{SCHEMES[scheme]}")
    asset = AppriseAsset(
        app_id="sensormon",
        app_desc="sensormon",
        http_redirects=False,
        async_mode=False,
        default_service_retry=0,
        storage_mode="memory",
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
        image_url_mask="",
        image_url_logo="",
        service_timeout=timeout,
    )
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, NotifyBase) and scheme in _schemes(value):
            parts = value.parse_url(url)
            if not parts:
                return None
            try:
                return value(**parts, overflow="truncate", asset=asset)
            except (TypeError, ValueError):
                return None
    return None


def _schemes(kind: type[NotifyBase]) -> set[str]:
    names: set[str] = set()
    for value in (kind.protocol, kind.secure_protocol):
        names |= {value} if isinstance(value, str) else set(value or ())
    return names


def outcome(order: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is ordered: `usable`, and if `send`, whether it was `taken` and how the requests went."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    chosen = service(order["url"], order["timeout"])
    if chosen is None or not order["send"]:
        return {"usable": chosen is not None}
    kept = Requests(order["timeout"])
    kept.install()
    guard = Guard(order["allow_private"])
    sys.addaudithook(guard)
    sender = Apprise(asset=chosen.asset)
    sender.add(chosen)
    result = sender.notify(
        title=order["title"],
        body=order["body"],
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType(order["type"]),
    )
    return {"usable": True, "taken": bool(result), "refused": guard.refused, "went": kept.went}


def main() -> None:
    """Read the order, write the outcome, end at once whatever threads are left."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would have the secrets
    result = outcome(json.load(sys.stdin))
    sys.stdout.write(json.dumps(result))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
