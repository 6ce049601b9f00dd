"""The control socket: commands to a running monitor from the machine it runs on.

Is: a Unix socket of mode 0600 in the data folder. A connection carries one line of JSON in,
`{"command": NAME, "arguments": {…}}`, and one out, `{"answer": …}` or `{"error": {…}}`. Who is at
the other end is what the kernel says; only this process's own account and root are heard. Is
not: a way in from the network, or a place for readings.

A socket's path has 107 bytes at most, so it is bound and reached through the folder's descriptor.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sensormon.model.clock import SECOND, Clock, SystemClock
from sensormon.model.errors import SensormonError, UsageError

NAME = "control.sock"
LONGEST = 64_000
"""Most bytes of a request."""
LONGEST_ANSWER = 64_000_000
"""Most bytes of an answer that a client takes."""
SECONDS = 10.0
"""How long a connection may take, in all."""
AT_ONCE = 8
"""Connections that are served at once."""
WAITING = 128
"""Connections that wait to be served; further ones are refused."""
WATCH = 0.2
"""Seconds between two looks at whether to stop."""

Answer = Callable[[int, str, Mapping[str, Any]], Any]
"""Runs a command (its name and arguments) for the account of the operating system with this number."""

_log = logging.getLogger(__name__)


class ControlSocket:
    """Of one data folder, whose lock the caller holds. `run` is for a thread of the monitor."""

    def __init__(self, folder: Path, answer: Answer, clock: Clock) -> None:
        self._folder = folder
        self._answer = answer
        self._clock = clock
        self._slots = threading.Semaphore(AT_ONCE)
        self._warned = False

    def run(self, stopping: threading.Event) -> None:
        """Serve until `stopping` is set; without a file system that has sockets, warn and return."""
        try:
            listener = _listen(self._folder)
        except OSError as error:
            if not self._warned:
                _log.warning(
                    "commands cannot reach this monitor while it runs: no socket in %s (%s)",
                    self._folder,
                    error.strerror or error,
                )
            self._warned = True
            return
        try:
            with listener:
                self._serve(listener, stopping)
        finally:
            with suppress(OSError):
                (self._folder / NAME).unlink(missing_ok=True)

    def _serve(self, listener: socket.socket, stopping: threading.Event) -> None:
        listener.settimeout(WATCH)
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            while not self._slots.acquire(timeout=WATCH):
                if stopping.is_set():
                    connection.close()
                    return
            threading.Thread(
                target=self._converse, args=(connection,), name="sensormon-command", daemon=True
            ).start()

    def _converse(self, connection: socket.socket) -> None:
        """One request and its answer; a connection that breaks off concerns nobody else."""
        try:
            with connection, suppress(OSError):
                deadline = _Deadline(self._clock)
                answer = self._answered(connection, deadline)
                connection.settimeout(deadline.left())
                connection.sendall(json.dumps(answer).encode() + b"\n")
        finally:
            self._slots.release()

    def _answered(self, connection: socket.socket, deadline: _Deadline) -> dict[str, Any]:
        try:
            line = _line(connection, LONGEST, deadline)  # first, or the refusal could be lost with it
            uid = _peer(connection)
            if uid not in (os.geteuid(), 0):
                raise UsageError("only the account that runs the monitor may do this", where=NAME)
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("arguments"), dict):
                raise UsageError("the request is not understood", where=NAME)
            return {"answer": self._answer(uid, str(request.get("command")), request["arguments"])}
        except SensormonError as error:
            return {"error": {"what": error.what, "where": error.where, "hint": error.hint}}
        except (ValueError, RecursionError):
            return {"error": {"what": "the request is not JSON", "where": NAME, "hint": ""}}


def ask(folder: Path, command: str, arguments: Mapping[str, Any]) -> Any:
    """The answer of the monitor that runs on this folder.

    Raises OSError if nobody listens there, and SensormonError as the monitor did or if it does not
    answer.
    """
    request = json.dumps({"command": command, "arguments": dict(arguments)}).encode() + b"\n"
    deadline = _Deadline(SystemClock())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SECONDS)
        with _short(folder) as path:
            connection.connect(path)
        try:
            connection.sendall(request)
            answer = json.loads(_line(connection, LONGEST_ANSWER, deadline))
        except (OSError, ValueError) as error:
            raise SensormonError(
                "the running monitor did not answer",
                where=str(folder / NAME),
                hint="Look whether it was done before you try again",
            ) from error
    if "error" in answer:
        refusal = answer["error"]
        raise SensormonError(refusal["what"], where=refusal["where"], hint=refusal["hint"])
    return answer["answer"]


def _listen(folder: Path) -> socket.socket:
    """A listening socket, in place of one that a killed process left. Raises OSError."""
    path = folder / NAME
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # before it has a name that anybody could open
        with _short(folder) as short:
            listener.bind(short)
        os.chmod(path, 0o600)
        listener.listen(WAITING)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path of the folder's socket that is short enough, however long the folder's is."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}/{NAME}" if Path("/proc/self/fd").is_dir() else str(folder / NAME)
    finally:
        os.close(fd)


def _peer(connection: socket.socket) -> int:
    """The account of the process at the other end. Without this question the file's mode must do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.geteuid()
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)


class _Deadline:
    """`SECONDS` from its construction on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.now() + round(SECONDS * SECOND)

    def left(self) -> float:
        """Seconds that are left, in the form of a timeout. Raises TimeoutError if none are."""
        left = min(SECONDS, (self._until - self._clock.now()) / SECOND)
        if left <= 0:
            raise TimeoutError("the conversation takes too long")
        return left


def _line(connection: socket.socket, longest: int, deadline: _Deadline) -> bytes:
    """The bytes up to the first newline. Raises UsageError if there are too many, OSError if too slow."""
    line = bytearray()
    while b"\n" not in line[-65_536:]:
        if len(line) > longest:
            raise UsageError(f"a line has {longest:,} bytes at most", where=NAME)
        connection.settimeout(deadline.left())
        piece = connection.recv(65_536)
        if not piece:
            raise ConnectionAbortedError("the line has no end")
        line += piece
    return bytes(line).split(b"\n", 1)[0]
