"""The certificates of servers that a person has trusted, and those that were met and are not (yet).

    opcua/trusted/   what is here is trusted; a person may put files here, too (DER or PEM)
    opcua/unknown/   what servers have shown and nobody has trusted

What it is not: a check of chains. A certificate is trusted as a whole, by every byte of it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from sensormon.model.durable_files import replace_file
from sensormon.sources.opcua.words import NeedsPerson

_MOST_UNKNOWN = 100
_LARGEST = 100_000
"""Bytes of a certificate."""
_SHOWN = 200


@dataclass(frozen=True)
class ShownCertificate:
    """What a person compares: `fingerprint` is SHA-256 in hexadecimal, in pairs."""

    der: bytes
    fingerprint: str
    subject: str
    ends: str


def shown_certificate(der: bytes) -> ShownCertificate:
    """The certificate in these bytes. Raises ValueError if there is none."""
    certificate = x509.load_der_x509_certificate(der)
    digest = certificate.fingerprint(SHA256()).hex().upper()
    pairs = ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))
    subject = "".join(
        char if unicodedata.category(char)[0] != "C" else "·" for char in certificate.subject.rfc4514_string()
    )
    return ShownCertificate(der, pairs, subject[:_SHOWN], f"{certificate.not_valid_after_utc:%Y-%m-%d}")


class TrustList:
    """In this folder."""

    def __init__(self, folder: Path) -> None:
        self._trusted = folder / "trusted"
        self._unknown = folder / "unknown"

    def check(self, url: str, der: bytes) -> None:
        """Return if this certificate of the server is trusted; else keep it aside and raise SourceError."""
        if der in self._in(self._trusted).values():
            return
        try:
            shown = shown_certificate(der)
        except ValueError as error:
            raise NeedsPerson(
                "what the server shows is not a certificate", where=url, hint="Renew the server's certificate"
            ) from error
        self._keep_aside(url, shown)
        before = [
            shown_certificate(known)
            for path, known in self._in(self._trusted).items()
            if path.name.startswith(f"{_server(url)}-")
        ]
        what = f"SHA-256 {shown.fingerprint} ({shown.subject}, valid until {shown.ends})"
        if before:
            raise NeedsPerson(
                f"the server's certificate has changed: trusted is {before[0].fingerprint}, "
                f"now it shows {what}",
                where=url,
                hint="Ask who changed it; if it is meant, compare the fingerprint there and trust it anew",
            )
        raise NeedsPerson(
            f"the server's certificate is not trusted yet: {what}",
            where=url,
            hint="Compare the fingerprint with the one that the server itself shows, then trust it",
        )

    def unknown(self, url: str) -> ShownCertificate | None:
        """What this server showed last and nobody has trusted."""
        paths = [path for path in self._in(self._unknown) if path.name.startswith(f"{_server(url)}-")]
        newest = max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
        return shown_certificate(newest.read_bytes()) if newest is not None else None

    def trust(self, url: str, fingerprint: str) -> None:
        """Trust the certificate with this fingerprint, which the server has shown, in place of earlier ones.

        Raises SourceError if it has not shown it.
        """
        wanted = re.sub(r"[^0-9a-f]", "", fingerprint.casefold())
        for path, der in self._in(self._unknown).items():
            shown = shown_certificate(der)
            if path.name.startswith(f"{_server(url)}-") and _plain(shown) == wanted:
                self._trusted.mkdir(parents=True, exist_ok=True)
                replace_file(self._trusted / path.name, der, mode=0o600)
                for other in self._in(self._trusted):
                    if other.name.startswith(f"{_server(url)}-") and other.name != path.name:
                        other.unlink()
                path.unlink()
                return
        raise NeedsPerson(
            "the server has shown no certificate with this fingerprint",
            where=url,
            hint="Test the connection, then compare the fingerprint",
        )

    def _keep_aside(self, url: str, shown: ShownCertificate) -> None:
        self._unknown.mkdir(parents=True, exist_ok=True)
        kept = sorted(self._in(self._unknown), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[: max(0, len(kept) - _MOST_UNKNOWN + 1)]:
            path.unlink()
        name = f"{_server(url)}-{_plain(shown)[:16]}.der"
        replace_file(self._unknown / name, shown.der, mode=0o600)

    @staticmethod
    def _in(folder: Path) -> dict[Path, bytes]:
        """The certificates of the folder as DER, by file; what is none is left out."""
        certificates = {}
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.suffix.casefold() in (".der", ".pem", ".crt", ".cer") and path.is_file():
                der = _der(path)
                if der:
                    certificates[path] = der
        return certificates


def _der(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST)
    try:
        read = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        return read(content).public_bytes(Encoding.DER)
    except ValueError:
        return b""


def _plain(shown: ShownCertificate) -> str:
    return shown.fingerprint.replace(":", "").casefold()


def _server(url: str) -> str:
    """Host and port of the server as part of a file's name."""
    parts = urlsplit(url)
    host = re.sub(r"[^a-z0-9.]", "_", (parts.hostname or "").casefold())[:100]
    return f"{host}_{parts.port or 4840}"
