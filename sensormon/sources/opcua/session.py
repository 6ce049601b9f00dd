"""A connection to a server: its security, its user, its session, which outlives the connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.client.ua_client import UaClient
from asyncua.client.ua_session import UaSession
from asyncua.crypto import security_policies
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sensormon.model.durable_files import replace_file
from sensormon.sources.connected import Secret
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.own_certificate import application_uri, own_certificate
from sensormon.sources.opcua.trust import TrustList
from sensormon.sources.opcua.words import CONNECTION_ERRORS, NeedsPerson, source_error

_POLICIES: dict[str, Any] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_WATCH = 2.0
"""Seconds between two looks whether the server still answers, and how long it may take to."""
_NEVER_OLD = 4e9
"""A time of saving, in seconds since 1970, after which no session has ended yet."""


class Session(UaSession):
    """The services of a session, without the library's own loop of Publish requests, which acknowledges what
    nobody has stored yet.
    """

    def __init__(self, transport: UaClient) -> None:
        super().__init__(transport)
        self.authentication_token = transport.session.authentication_token

    def ensure_publish_loop(self) -> None:
        """Nothing; see `publishing`."""


class SafeClient(Client):
    """The library's client, which never sends a password in the clear, nor encrypted for a stranger."""

    def __init__(self, url: str, timeout: float) -> None:
        super().__init__(url, timeout=timeout, watchdog_intervall=_WATCH)
        self.may_send_plain = False

    async def activate_session(
        self,
        username: str | None = None,
        password: str | None = None,
        certificate: x509.Certificate | None = None,
    ) -> ua.ActivateSessionResult:
        """Sign in, as the library does."""
        encrypted = self.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
        if password and not encrypted and not self.may_send_plain:
            policy = self.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
            if not policy or policy == security_policies.SecurityPolicyNone.URI:
                raise NeedsPerson(
                    "the server wants the password in the clear, which everybody on the network could read",
                    where=self.server_url.geturl(),
                    hint='Set security = "Basic256Sha256", or plain_password = true if the network is yours',
                )
        return await super().activate_session(username, password, certificate)


@dataclass(frozen=True)
class Connection:
    """A client with an active session. `lost` is set by `on_lost` of `connect`."""

    client: SafeClient
    session: Session


async def connect(
    config: OpcUaSource,
    secret: Secret,
    folder: Path,
    state: Path | None,
    on_lost: Callable[[], None],
) -> Connection:
    """Connect and sign in. `state` is a file that lets a later process take the session up again.

    Raises SourceError, also for a certificate that nobody has trusted.
    """
    client = SafeClient(config.url, config.timeout)
    client.name = client.description = "sensormon"
    client.product_uri = "urn:sensormon"
    client.session_timeout = round(config.timing.session * 1000)
    client.may_send_plain = config.plain_password

    async def lost(_: Exception) -> None:
        on_lost()

    client.connection_lost_callback = lost
    try:
        await _secure(client, config, folder)
        await _identify(client, config, secret, folder)
        if state is not None:
            _freshen(state)
            client.session_state_path = state
        await client.connect()
    except CONNECTION_ERRORS as error:
        raise source_error(error, config.url) from error
    return Connection(client, Session(client.uaclient))


async def leave(connection: Connection, keep_session: bool) -> None:
    """End the connection; with `keep_session` the server goes on to queue for it."""
    client = connection.client
    if not keep_session:
        try:
            await client.disconnect()
        except CONNECTION_ERRORS:
            client.disconnect_socket()
        return
    client.uaclient.request_disconnect()
    client.disconnect_socket()


async def _secure(client: SafeClient, config: OpcUaSource, folder: Path) -> None:
    trust = TrustList(folder)
    if config.security == "none":
        client.application_uri = application_uri()
        if config.user and not config.plain_password:  # it is encrypted with the server's certificate

            async def check(certificate: x509.Certificate, _: Any) -> None:
                trust.check(config.url, _der_of(certificate))

            client.certificate_validator = check
        return
    own = own_certificate(folder)
    client.application_uri = own.uri
    policy = _POLICIES[config.security]
    mode = ua.MessageSecurityMode.SignAndEncrypt if config.encrypt else ua.MessageSecurityMode.Sign
    # Whoever answers GetEndpoints is anybody: the certificate counts only once the trust list has it, and the
    # channel then opens only with who has its key.
    asked = SafeClient(config.url, config.timeout)
    endpoints = await asked.connect_and_get_server_endpoints()
    endpoint = Client.find_endpoint(endpoints, mode, policy.URI)
    server = _first_of_chain(endpoint.ServerCertificate or b"")
    trust.check(config.url, server)
    try:
        await client.set_security(policy, own.certificate, own.key, None, server, mode)
    except ValueError as error:
        raise NeedsPerson(
            f"the certificates cannot be used ({error})", where=config.url, hint="Renew them"
        ) from error


async def _identify(client: SafeClient, config: OpcUaSource, secret: Secret, folder: Path) -> None:
    if config.user:
        client.set_user(config.user)
        client.set_password(secret())
    elif config.user_certificate:
        try:
            await client.load_client_certificate(str(folder.parent / config.user_certificate))
            await client.load_private_key(folder.parent / config.user_key, secret() or None)
        except (OSError, ValueError, TypeError) as error:
            raise NeedsPerson(
                "user_certificate and user_key cannot be read as a certificate and its key",
                where=config.url,
                hint="Name files in DER or PEM form, relative to the data folder, and the key's password",
            ) from error


def _der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _first_of_chain(chain: bytes) -> bytes:
    """The server's own certificate, which comes first: an ASN.1 sequence with two bytes of length."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]


def _freshen(state: Path) -> None:
    """Let the library try to resume the session however old it is: the server knows whether it has ended."""
    try:
        content = json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(content, dict):
        content["saved_at"] = _NEVER_OLD
        replace_file(state, json.dumps(content).encode(), mode=0o600)
