"""What goes wrong with an OPC UA server, in words for the person who has to mend it."""

from __future__ import annotations

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.uaerrors import UaStatusCodeError
from cryptography.exceptions import InvalidSignature

from sensormon.model.errors import SourceError

_HINTS = {
    "BadUserAccessDenied": ("the server does not let this user in", "Check user and password"),
    "BadIdentityTokenRejected": ("the server takes no such sign-in", "Check user and password"),
    "BadIdentityTokenInvalid": ("the server takes no such sign-in", "Check user and password"),
    "BadCertificateUntrusted": (
        "the server does not trust the monitor's certificate",
        "Let the server trust it: it is opcua/own/certificate.der in the data folder",
    ),
    "BadSecurityChecksFailed": (
        "the server refuses the monitor's certificate",
        "Let the server trust it: it is opcua/own/certificate.der in the data folder",
    ),
    "BadCertificateUriInvalid": (
        "the server does not accept the name in the monitor's certificate",
        "Delete the folder opcua/own in the data folder; a new certificate is made then",
    ),
    "BadCertificateTimeInvalid": (
        "a certificate has expired, or a clock is wrong",
        "Compare the clocks, then renew the certificate",
    ),
    "BadTooManySessions": ("the server has no session left", "End other clients, or raise its limit"),
    "BadTooManySubscriptions": ("the server has no subscription left", "End other clients"),
    "BadServerHalted": ("the server has halted", "Start it"),
    "BadTcpEndpointUrlInvalid": ("the server does not know this URL", "Check the path of the URL"),
}
_FOR_A_PERSON = tuple(_HINTS)[:7]


class NeedsPerson(SourceError):
    """Trying again helps only once a person has changed something."""


CONNECTION_ERRORS: tuple[type[Exception], ...] = (
    ua.UaError,
    OSError,
    TimeoutError,
    InvalidSignature,
    ValueError,  # bytes that do not decrypt or make no sense
)
"""What the library raises when a server refuses, is away or makes no sense."""


def status_name(status: ua.StatusCode | int) -> str:
    """The name of a status code, such as BadNodeIdUnknown."""
    code = status if isinstance(status, int) else int(status.value)
    return str(ua.StatusCode(code).name)


def source_error(error: Exception, place: str, doing: str = "") -> SourceError:
    """The error of the library as ours; `doing` says what was tried."""
    if isinstance(error, SourceError):
        return error
    head = f"{doing}: " if doing else ""
    code = _code(error)
    if code is not None:
        name = status_name(code)
        what, hint = _HINTS.get(name, ("the server answers", ""))
        kind = NeedsPerson if name in _FOR_A_PERSON else SourceError
        return kind(f"{head}{what} ({name})", where=place, hint=hint)
    what, hint = _without_code(error)
    return SourceError(f"{head}{what}", where=place, hint=hint)


def _without_code(error: Exception) -> tuple[str, str]:
    """What happened, and what to do."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing answers at this address", "Check it, start the server"
    if isinstance(error, TimeoutError):
        return "no answer in time", "Check the network and whether the server runs"
    if isinstance(error, OSError):
        why = error.strerror or str(error) or "the connection is lost"
        return why, "Check address, port and network"
    if "No matching endpoints" in str(error):
        return "the server does not offer this security", "Change security here or there"
    return str(error)[:300] or type(error).__name__, ""


def _code(error: Exception) -> int | None:
    code = getattr(error, "code", None)
    return int(code) if isinstance(error, UaStatusCodeError | ServiceError) and code is not None else None
