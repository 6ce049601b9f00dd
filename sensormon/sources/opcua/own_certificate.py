"""The certificate and key with which the monitor presents itself; made at first use."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from sensormon.model.durable_files import replace_file
from sensormon.sources.opcua.words import NeedsPerson

_DAYS = 3650
"""It has to be trusted at each server anew when it is renewed, so it lasts."""


@dataclass(frozen=True)
class OwnCertificate:
    """Files, and the application's URI that is in the certificate."""

    certificate: Path
    key: Path
    uri: str


def application_uri() -> str:
    """The URI of a monitor on this machine."""
    return f"urn:{socket.gethostname()}:sensormon"


def own_certificate(folder: Path) -> OwnCertificate:
    """That of this folder, made if there is none; only this account can read the key. Raises SourceError."""
    certificate, key = folder / "own" / "certificate.der", folder / "own" / "key.pem"
    try:
        if not (certificate.exists() and key.exists()):
            _make(certificate, key)
        if key.stat().st_mode & 0o077:
            raise NeedsPerson(f"others may read {key}", where="opcua", hint=f"Run chmod 600 {key}")
        return OwnCertificate(certificate, key, _uri_of(certificate))
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise NeedsPerson(
            f"the monitor's own certificate cannot be used ({error})",
            where=str(folder / "own"),
            hint="Delete the folder; a new certificate is made then, which servers have to trust",
        ) from error


def _make(certificate: Path, key: Path) -> None:
    certificate.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(certificate.parent, 0o700)
    private = generate_private_key()
    host = socket.gethostname()
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(application_uri()),
        x509.DNSName(host),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    signed = generate_self_signed_app_certificate(
        private, "sensormon", {}, names, [ExtendedKeyUsageOID.CLIENT_AUTH], _DAYS
    )
    replace_file(key, dump_private_key_as_pem(private), mode=0o600)
    replace_file(certificate, signed.public_bytes(Encoding.DER), mode=0o600)


def _uri_of(path: Path) -> str:
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else application_uri()
