"""The two tokens that settings give, compared in constant time; `grants` says what they open.

The token for writes is SENSORMON_TOKEN. If that is unset, the first start makes one in the data
folder's file `token`, which only its owner can read. It also reads. The other is SENSORMON_READ_TOKEN.
A token is never logged. What it is not: the tokens that people make; see `sensormon.access.tokens`.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from sensormon.access.access import Access, first_steps
from sensormon.access.tokens import Scope
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.view.access import mode_words

FILE = "token"
WRITES_AND_READS = frozenset({Scope.WRITE, Scope.READ})
READS = frozenset({Scope.READ})
NOTHING: frozenset[Scope] = frozenset()
_LONGEST_SECRET = 10_000


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
        return cls(
            kept_secret(path, "SENSORMON_TOKEN").encode(),
            read,
            str(path.resolve()),
            f"$(cat {path.resolve()})",
        )

    def scopes(self, secret: bytes) -> frozenset[Scope]:
        """What this secret opens; nothing if it is neither of the two."""
        writes = hmac.compare_digest(secret, self.write)
        reads = hmac.compare_digest(secret, self.read) & bool(self.read)
        if writes:
            return WRITES_AND_READS
        return READS if reads else NOTHING


def announcement(tokens: Tokens, port: int, tags: TagTable, access: Access) -> str:
    """The log message at the start: who may do what, where the token is, and a command to paste.

    It does not say the token.
    """
    mode, steps = access.identity.mode, first_steps(access)
    first = f"\n  {steps[:1].upper()}{steps[1:]}" if steps else ""
    return (
        f"SENSORMON_ACCESS={mode}: {mode_words(mode)}{first}\n"
        f"  Writes need the token in {tokens.where}. Try:\n"
        f"  {sending_line(tokens, port, tags)}\n"
        f"  Routes and examples: http://localhost:{port}/api/docs"
    )


def sending_line(tokens: Tokens, port: int, tags: TagTable) -> str:
    """A shell command that sends a plausible reading of the first tag from the server's own machine.

    It names the place of the token, not the token.
    """
    tag = next((tag for tag in tags if not tag.has_states), None)
    low, high = tag.normal if tag and tag.normal else (37.2, 37.2)
    value = round((low + high) / 2, tag.decimals) if tag else 37.2
    body = json.dumps({"tag": tag.name if tag else "my_tag", "value": value}).replace("'", "'\\''")
    return (
        f'curl -X POST http://localhost:{port}/api/ingest -H "Authorization: Bearer {tokens.shell}"'
        f""" -H "Content-Type: application/json" -d '{body}'"""
    )


def secret_in(authorization: bytes) -> bytes:
    """The token in this header; empty without one."""
    kind, _, token = authorization.strip().partition(b" ")
    return token.strip() if kind.lower() in (b"bearer", b"token") else b""


def kept_secret(path: Path, setting: str = "") -> str:
    """The random secret in this file, which only its owner can read; made at the first call.

    Raises UsageError if it cannot be, or if somebody else may have written it: the file is a link, it
    belongs to another account, or others may write it. `setting` could stand in its place.
    """
    try:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            token = _secret_of_ours(path)
            if not token:
                raise UsageError(
                    "the file is empty",
                    where=str(path),
                    hint="Remove it, so that a secret is made, or write one into it",
                ) from None
            return token
        token = secrets.token_urlsafe(32)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the secret cannot be kept ({error})",
            where=str(path),
            hint="Make the data folder writable" + (f", or set {setting}" if setting else ""),
        ) from error
    return token


def _secret_of_ours(path: Path) -> str:
    """What the file says, after others have lost their rights. Raises UsageError, OSError, UnicodeError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not keep the start waiting
    with os.fdopen(fd, encoding="ascii") as file:
        state = os.fstat(fd)
        foreign = (
            path.is_symlink()
            or not stat.S_ISREG(state.st_mode)
            or state.st_uid not in (os.geteuid(), 0)
            or bool(state.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        )
        if foreign:
            raise UsageError(
                "somebody else may know or have written this secret: the file is a link, belongs to "
                "another account, or others may write it",
                where=str(path),
                hint="Remove it, so that a new secret is made",
            )
        if state.st_mode & 0o077 and state.st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
        return file.read(_LONGEST_SECRET).strip()
