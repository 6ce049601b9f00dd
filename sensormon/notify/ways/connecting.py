"""A TCP connection to a checked address that ends at a given time, whatever the other side does.

Timeouts of sockets count from the last byte, so a server that sends a byte now and then would hold a
sender for ever. Here the connection is shut down at the deadline: what waits for it then fails.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sensormon.notify.ways.addresses import Resolve, checked, resolve


@contextmanager
def connected(
    host: str, port: int, until: float, *, allow_private: bool, ask: Resolve = resolve
) -> Iterator[socket.socket]:
    """The connection, open until the end of the block or until `until` (monotonic, s).

    Raises UsageError for a host that may not be called, OSError if it cannot be reached. The block may
    wrap the socket in TLS.
    """
    line = _open(checked(host, port, until, allow_private, ask), port, until)
    cut = line.dup()  # TLS takes the socket over; this one still reaches the connection
    timer = threading.Timer(max(0.0, until - time.monotonic()), _shut_down, [cut])
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        timer.join()
        cut.close()
        line.close()


def _open(addresses: list[str], port: int, until: float) -> socket.socket:
    """A connection to the first address that takes it; each has its share of the time that is left."""
    last: OSError = OSError("it has no address")
    for place, address in enumerate(addresses):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            line = socket.create_connection((address, port), timeout=left / (len(addresses) - place))
        except OSError as error:
            last = error
            continue
        line.settimeout(max(0.001, until - time.monotonic()))
        return line
    raise last


def _shut_down(line: socket.socket) -> None:
    with suppress(OSError):  # the other side has closed it already
        line.shutdown(socket.SHUT_RDWR)


def wrong(error: OSError, host: str, port: int, until: float, deadline: float) -> str:
    """What failed on the way to the host, and what to do about it."""
    place = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{place} has a certificate that is not accepted ({error.verify_message}): give the name that is "
            "in it; SSL_CERT_FILE names an authority of your own"
        )
    if isinstance(error, TimeoutError) or time.monotonic() >= until:
        return f"{place} gave no complete answer within {deadline:g} s"
    if isinstance(error, ssl.SSLError):
        return f"{place}: TLS failed ({error.reason or 'the connection ended'})"
    if isinstance(error, socket.gaierror):
        return f"the name {host} has no address that can be found"
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refuses the connection: look whether the server runs"
    return f"{place}: {error.strerror or 'the connection ended before the answer'}"
