"""What an explorer offers whose server shows a certificate that a person has to trust first."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class ShownCertificate(Protocol):
    """What a person compares: `fingerprint` is SHA-256 in hexadecimal, in pairs; `ends` is a day."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def ends(self) -> str: ...


@runtime_checkable
class Trusting(Protocol):
    """An `Explorer` may be one, too."""

    def unknown_certificate(self) -> ShownCertificate | None:
        """What the server showed last that is not trusted."""

    def trust(self, fingerprint: str) -> None:
        """Trust the certificate with this fingerprint, which a person has compared. Raises SourceError."""
