"""Why there is no connection to a broker, in words for the person who has to mend it."""

from __future__ import annotations

import socket
import ssl

from sensormon.model.errors import SourceError
from sensormon.sources.mqtt.broker import Broker


class MustBeMended(SourceError):
    """Trying again does not help until somebody has changed something, here or at the broker."""


def unreachable(error: OSError, broker: Broker) -> SourceError:
    """Why no connection could be made, or TLS did not come about."""
    where = broker.place
    if isinstance(error, ssl.SSLCertVerificationError):
        return MustBeMended(
            f"the broker's certificate is not trusted ({error.verify_message})",
            where=where,
            hint="Name the certificate of its authority in ca_file, and the host as in the certificate",
        )
    if isinstance(error, ssl.SSLError):
        return MustBeMended(
            f"TLS does not come about ({_reason(error)})",
            where=where,
            hint="Use a port at which the broker speaks TLS, and the client certificate that it wants",
        )
    if isinstance(error, socket.gaierror):
        return SourceError(f"the host {broker.host!r} is not known", where=where, hint="Correct url")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(
            "nothing listens there", where=where, hint="Start the broker, or correct the port in url"
        )
    if isinstance(error, TimeoutError):
        return SourceError(
            "no answer in time", where=where, hint="Correct url, or open the port in the firewall"
        )
    hint = "Use a port at which the broker speaks TLS" if broker.tls else "Correct url"
    return SourceError(f"no connection ({_reason(error)})", where=where, hint=hint)


def refused(reason: str, broker: Broker) -> SourceError:
    """Why the broker did not let this client in; `reason` is the standard's name of it."""
    words, where = reason.lower(), broker.place
    if "user name" in words:
        return MustBeMended(
            "the broker refuses user and password",
            where=where,
            hint="Correct user, and the password in the variable of password_env",
        )
    if "authorized" in words:
        return MustBeMended(
            "the broker does not let this client in (not authorised)",
            where=where,
            hint="Correct user and the password of password_env, or allow the client at the broker",
        )
    if "protocol version" in words:
        return MustBeMended(
            f"the broker does not speak MQTT {broker.version}",
            where=where,
            hint='Write version = "3.1.1"' if broker.version == "5" else 'Write version = "5"',
        )
    if "identifier" in words:
        return MustBeMended(
            f"the broker refuses the client id {broker.client_id!r}",
            where=where,
            hint="Write another client_id",
        )
    return SourceError(f"the broker refuses the connection ({reason})", where=where)


def ended(reason: str, answered: bool, broker: Broker) -> SourceError:
    """Why a connection came to its end; `reason` is the broker's, if it gave one.

    `answered`: the broker had let the client in before.
    """
    where = broker.place
    if "taken over" in reason.lower():
        return SourceError(
            f"another client with the id {broker.client_id!r} has taken over the session",
            where=where,
            hint="Give each of them a client_id of its own",
        )
    if reason:
        return SourceError(f"the broker ended the connection ({reason})", where=where)
    if answered:
        return SourceError("the connection is lost", where=where, hint="Look whether the broker runs")
    return SourceError(
        "the broker ended the connection without an answer",
        where=where,
        hint="Use mqtts:// if the port speaks TLS, mqtt:// if not; the broker's log has the reason",
    )


def short_lived(broker: Broker) -> SourceError:
    """The broker lets this client in and ends the connection soon after, several times in a row."""
    return SourceError(
        f"the broker ends each connection soon after it began: another client may have the id "
        f"{broker.client_id!r} too",
        where=broker.place,
        hint="Give each client of the broker a client_id of its own; the broker's log has the reason",
    )


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or type(error).__name__
