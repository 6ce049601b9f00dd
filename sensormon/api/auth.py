"""Who may write and read: one token each, compared in constant time.

The token for writes is SENSORMON_TOKEN. If that is unset, the first start makes one in the data
folder's file `token`, which only its owner can read. Reads are open unless SENSORMON_READ_TOKEN
is set; then the token for writes also opens reads. A token is never logged.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sensormon.api.problems import Problem
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable

FILE = "token"


@dataclass(frozen=True)
class Tokens:
    """The tokens in force; `where` tells a person where the token for writes is."""

    write: bytes
    read: bytes
    where: str
    shell: str  # a shell expression for the token

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """The tokens of these settings; makes the file at the first start. Raises UsageError if it cannot."""
        read = settings.read_token.encode()
        if settings.token:
            return cls(settings.token.encode(), read, "SENSORMON_TOKEN", "$SENSORMON_TOKEN")
        path = settings.data_dir / FILE
        return cls(_token_in(path).encode(), read, str(path.resolve()), f"$(cat {path.resolve()})")

    def check_write(self, authorization: bytes) -> None:
        """Raises Problem (401) unless the header has the token for writes."""
        if not hmac.compare_digest(_given(authorization), self.write):
            raise Problem(
                401,
                "unauthorized",
                "the token is missing or wrong",
                "Send the header Authorization: Bearer TOKEN; the server's log says where the token is",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def may_read(self, authorization: bytes) -> bool:
        """Whether reads are open, or the header has a token that opens them."""
        return not self.read or self.is_token(authorization)

    def is_token(self, authorization: bytes) -> bool:
        """Whether the header has the token for writes or, if there is one, for reads."""
        given = _given(authorization)
        # A read token that is not set is empty, and so is what a request without a header gives.
        is_read = hmac.compare_digest(given, self.read) and bool(self.read)
        return is_read | hmac.compare_digest(given, self.write)

    def check_read(self, authorization: bytes) -> None:
        """Raises Problem (401) unless this header may read."""
        if not self.may_read(authorization):
            raise Problem(
                401,
                "unauthorized",
                "reading needs a token here",
                "Send the header Authorization: Bearer TOKEN with SENSORMON_READ_TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )


def announcement(tokens: Tokens, port: int, tags: TagTable) -> str:
    """The log message at the start: where the token is, and a command to paste, without the token."""
    return (
        f"writes need the token in {tokens.where}. Try:\n"
        f"  {sending_line(tokens, port, tags)}\n"
        f"  Routes and examples: http://localhost:{port}/api/docs"
    )


def sending_line(tokens: Tokens, port: int, tags: TagTable) -> str:
    """A shell command that sends a plausible reading of the first tag from the server's own machine.

    It names the place of the token, not the token.
    """
    tag = next(iter(tags), None)
    low, high = tag.normal if tag and tag.normal else (37.2, 37.2)
    value = round((low + high) / 2, tag.decimals) if tag else 37.2
    body = json.dumps({"tag": tag.name if tag else "my_tag", "value": value}).replace("'", "'\\''")
    return (
        f'curl -X POST http://localhost:{port}/api/ingest -H "Authorization: Bearer {tokens.shell}"'
        f""" -H "Content-Type: application/json" -d '{body}'"""
    )


def _given(authorization: bytes) -> bytes:
    kind, _, token = authorization.strip().partition(b" ")
    return token.strip() if kind.lower() in (b"bearer", b"token") else b""


def _token_in(path: Path) -> str:
    try:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            token = path.read_text(encoding="ascii").strip()
            if not token:
                raise UsageError(
                    "the token file is empty",
                    where=str(path),
                    hint="Remove it, so that a token is made, or write one into it",
                ) from None
            return token
        token = secrets.token_urlsafe(32)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the token cannot be kept ({error})",
            where=str(path),
            hint="Make the data folder writable, or set SENSORMON_TOKEN",
        ) from error
    return token
