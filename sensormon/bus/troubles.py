"""What is wrong with NATS, as a person reads it: what happened and what to do. No text has a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from typing import Any

from sensormon.bus.layout import STREAM
from sensormon.model.errors import BusError

NO_STREAM, NO_CONSUMER, NO_MESSAGE, NO_CLUSTER, NO_PEERS = 10059, 10014, 10037, 10074, 10005
"""Numbers of JetStream's errors."""
_DISABLED = (10076, 10039)
FULL = 0.95
"""A stream that has used this part of what it may keep is called full."""
_REFUSED = "authorization violation"
_PERMISSION = "permissions violation"
_AGAIN = "sensormon tries again by itself"
_LONGEST = 200
"""Characters of a server's own words."""


def unreachable(error: BaseException, place: str) -> BusError:
    """Why there is no connection to these servers."""
    if is_refused(error):
        return BusError(
            "NATS refuses this user or password",
            where=place,
            hint="Correct SENSORMON_BUS, or the file that SENSORMON_BUS_FILE names, and start again",
        )
    if isinstance(error, ConnectionRefusedError):
        reason, hint = "nothing listens at this address", "Start the server, or correct SENSORMON_BUS"
    elif isinstance(error, socket.gaierror):
        reason, hint = "its name is not known", "Correct SENSORMON_BUS, or the name service"
    elif isinstance(error, ssl.SSLError):
        reason = f"TLS fails: {getattr(error, 'verify_message', '') or error.reason or error}"
        hint = "Name the certificate of whoever signed the server's in SSL_CERT_FILE"
    elif isinstance(error, TimeoutError):
        reason, hint = "no answer in time", "See whether it runs, and whether a firewall is between"
    else:
        reason = _own_words(error) or type(error).__name__
        hint = "See the log of the NATS server"
    return BusError(f"NATS cannot be reached: {reason}", where=place, hint=f"{hint}. {_AGAIN}")


def is_refused(error: BaseException) -> bool:
    """Whether the server has refused who we say we are."""
    return _REFUSED in str(error).lower() or type(error).__name__ == "AuthorizationError"


def unanswered(subject: str, error: Exception, refusal: Exception | None, place: str) -> BusError:
    """Why JetStream does not answer a request; `refusal` is what the server has said meanwhile."""
    if refusal is not None and _PERMISSION in str(refusal).lower():
        return BusError(
            f"NATS does not allow this user what a worker does: {_own_words(refusal)}",
            where=place,
            hint="Give it the permissions of the user 'worker' in deploy/compose/nats.conf",
        )
    if type(error).__name__ == "NoRespondersError":
        return _disabled(place)
    return BusError(
        f"JetStream does not answer {subject} ({type(error).__name__})",
        where=place,
        hint="See whether most nodes of its cluster run. sensormon asks again by itself",
    )


def refused(subject: str, problem: Mapping[str, Any], place: str) -> BusError:
    """What JetStream's API has answered in place of what was asked for."""
    code = int(problem.get("err_code", 0))
    if code in _DISABLED:
        return _disabled(place, code)
    if code == NO_STREAM:
        what, hint = f"the stream {STREAM} is gone", "A worker makes a new one; what was in it is lost"
    elif code == NO_CONSUMER:
        what, hint = f"a consumer of the stream {STREAM} is gone", "A worker makes a new one; nothing is lost"
    else:
        what, hint = str(problem.get("description", problem))[:_LONGEST], "See the log of the NATS server"
    return BusError(what, where=f"{place}, {subject}", hint=hint, code=code)


def _disabled(place: str, code: int = 0) -> BusError:
    return BusError(
        "JetStream is off, on this server or for this account",
        where=place,
        hint=f"Give nats.conf a jetstream block, and the account jetstream: enabled. {_AGAIN}",
        code=code,
    )


def fullness(info: Mapping[str, Any], account: Mapping[str, Any], place: str) -> BusError | None:
    """Which limit of the stream or of its account is nearly used up; None if none is."""
    config, state = info["config"], info["state"]
    limits = account.get("limits") or {}
    uses = (
        ("stream", "max_bytes", "bytes", state["bytes"], config.get("max_bytes", -1)),
        ("stream", "max_msgs", "messages", state["messages"], config.get("max_msgs", -1)),
        ("account", "max_file", "bytes", account.get("storage", 0), limits.get("max_storage", -1)),
    )
    for owner, limit, unit, used, most in uses:
        if 0 < most <= used / FULL:
            name = f"the stream {STREAM}" if owner == "stream" else "the account of this user"
            return BusError(
                f"{name} is full: {used:,} of {most:,} {unit}, so NATS refuses what devices publish",
                where=place,
                hint=f"Raise {limit} of the {owner}, or add workers; what is stored leaves the stream",
            )
    return None


def _own_words(error: BaseException) -> str:
    return str(error).removeprefix("nats: ").strip("'\" \r\n")[:_LONGEST]
