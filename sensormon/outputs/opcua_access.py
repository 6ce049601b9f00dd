"""Who may do what at our OPC UA server: read, browse and subscribe, nothing else, whoever it is."""

from __future__ import annotations

import hmac
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.crypto.permission_rules import USER_TYPES, SimpleRoleRuleset, User, UserRole
from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.user_managers import UserManager
from cryptography.x509.oid import ExtendedKeyUsageOID

from sensormon.model.errors import OutputError
from sensormon.outputs.config import Server as ServerConfig

_REFUSED = (
    ua.ObjectIds.WriteRequest_Encoding_DefaultBinary,
    ua.ObjectIds.CallRequest_Encoding_DefaultBinary,
    ua.ObjectIds.HistoryReadRequest_Encoding_DefaultBinary,
)
_ALLOWED = frozenset(ua.NodeId(number) for number in USER_TYPES if number not in _REFUSED)
_POLICIES = {
    "none": ua.SecurityPolicyType.NoSecurity,
    "Basic256Sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    "Aes128_Sha256_RsaOaep": ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    "Aes256_Sha256_RsaPss": ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}
SUBSCRIPTIONS = 5
"""Subscriptions that a connection may have on average."""
UNACTIVATED = 10.0
"""Seconds within which a connection must have a session."""
LARGEST = 16 << 20
"""Bytes of a request or an answer, in all of its chunks: whoever reaches the port can send some."""
CERTIFICATES = "opcua-server"
"""The folder of our certificate and key, in the data folder."""


class _ReadOnly(SimpleRoleRuleset):
    """Refuses everything that could change something: BadUserAccessDenied."""

    def check_validity(self, user: Any, action_type_id: Any, body: Any) -> bool:
        del user, body
        return action_type_id in _ALLOWED


class _Users(UserManager):
    """Those of the configuration; without any, whoever reaches the port."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords

    def get_user(
        self,
        iserver: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        del iserver, certificate
        if not self._passwords:
            return User(UserRole.User)
        known = self._passwords.get(username or "", "")
        same = hmac.compare_digest(known.encode(), (password or "").encode())
        return User(UserRole.User, username) if known and same else None


class _NoDirectory(InternalServer):
    """Takes up no other servers, which anybody could register without a session."""

    def register_server(self, server: Any, conf: Any = None) -> None:
        del server, conf
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)


class _Connection(OPCUAProtocol):
    """Closed when a chunk is longer than agreed; the library would gather the 4 GB that it may claim."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if len(self._buffer) > self.limits.max_recv_buffer and self.transport is not None:
            self.transport.close()


class _Listening(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return _Connection(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)


class _Server(Server):
    """The library's, with connections that are bounded."""

    async def start(self) -> None:
        """Listen, as the library does."""
        await self._setup_server_nodes()
        await self.iserver.start()
        try:
            self.bserver = _Listening(self.iserver, *self._get_bind_socket_info(), self.limits)
            self.bserver.set_policies(self._policies)
            await self.bserver.start()
        except Exception:
            await self.iserver.stop()
            raise


def application_uri(name: str) -> str:
    """What our server is called, and its certificate."""
    return f"urn:{socket.gethostname()}:sensormon:{name}"


async def guarded(config: ServerConfig, passwords: Mapping[str, str], folder: Path) -> Server:
    """A server, not started, that lets in whom the configuration says. Raises OutputError."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what matters is in the output's own health
    server = _Server(_NoDirectory(_Users(passwords)))
    await server.init()
    server.set_endpoint(config.url)
    server.set_server_name("sensormon")
    await server.set_application_uri(application_uri(config.common.name))
    internal = server.iserver
    internal.allow_remote_admin = False
    internal.max_connections = config.sessions
    internal.max_subscriptions = SUBSCRIPTIONS * config.sessions
    internal.max_pending_activation_seconds = UNACTIVATED
    server.limits.max_message_size = LARGEST
    server.limits.max_chunk_count = LARGEST // server.limits.max_recv_buffer + 1
    server.set_security_policy([_POLICIES[config.security]], _ReadOnly())
    server.set_identity_tokens([ua.UserNameIdentityToken if passwords else ua.AnonymousIdentityToken])
    if config.security != "none":
        await _certify(server, config, folder)
    return server


async def _certify(server: Server, config: ServerConfig, folder: Path) -> None:
    own = folder / CERTIFICATES
    key, certificate = own / f"{config.common.name}.key.pem", own / f"{config.common.name}.der"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        await setup_self_signed_certificate(
            key,
            certificate,
            application_uri(config.common.name),
            socket.gethostname(),
            [ExtendedKeyUsageOID.SERVER_AUTH],
            {"commonName": "sensormon"},
        )
        key.chmod(0o600)
        await server.load_certificate(str(certificate))
        await server.load_private_key(str(key))
        if config.trusted:
            store = TrustStore([folder / config.trusted], [])
            await store.load()
            options = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
            server.set_certificate_validator(CertificateValidator(options, store))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"its certificates cannot be used ({error})",
            where=config.common.where,
            hint=f"Look at {own} and at the folder named by trusted",
        ) from error
