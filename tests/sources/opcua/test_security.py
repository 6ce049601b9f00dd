"""Certificates, trust and users, against a real server that checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sensormon.model.errors import SourceError
from sensormon.sources.named import Common
from sensormon.sources.opcua.explorer import OpcUaExplorer
from sensormon.sources.opcua.kind import OpcUaSource
from tests.support.opcua_line import Line, source_text
from tests.support.opcua_plant import OpcUaPlant
from tests.support.server import free_port

StartPlant = Callable[..., OpcUaPlant]
StartLine = Callable[[str], Line]
SECONDS = 30.0


def explorer(
    url: str, folder: Path, security: str = "Basic256Sha256", secret: str = "", **more: object
) -> OpcUaExplorer:
    config = OpcUaSource(Common("line"), url, security=security, **more)  # type: ignore[arg-type]
    return OpcUaExplorer(config, lambda: secret, folder)


def fingerprint_in(text: str) -> str:
    match = re.search(r"SHA-256 ([0-9A-F:]{95})", text)
    assert match is not None, text
    return match[1]


@pytest.mark.parametrize("security", ["Basic256Sha256", "Aes256_Sha256_RsaPss"])
def test_a_certificate_is_trusted_once_a_person_has_compared_it(
    start_plant: StartPlant, tmp_path: Path, security: str
) -> None:
    plant = start_plant(security=str(tmp_path / "server"), plain=False)
    asked = explorer(plant.plant.url, tmp_path, security)
    with pytest.raises(SourceError, match="is not trusted yet") as unknown:
        asked.test(SECONDS)
    shown = asked.unknown_certificate()
    assert shown is not None
    assert shown.fingerprint == fingerprint_in(str(unknown.value))
    asked.trust(shown.fingerprint)
    assert asked.test(SECONDS).summary == "connects, sees 3 nodes"
    assert (tmp_path / "opcua" / "own" / "key.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.long
def test_a_changed_certificate_is_refused_until_it_is_trusted_anew(
    start_plant: StartPlant, start_line: StartLine, tmp_path: Path
) -> None:
    port = free_port()
    plant = start_plant(port=port, security=str(tmp_path / "first"), plain=False)
    data = tmp_path / "data"
    asked = explorer(plant.plant.url, data)
    with pytest.raises(SourceError) as unknown:
        asked.test(SECONDS)
    first = fingerprint_in(str(unknown.value))
    asked.trust(first)
    line = start_line(source_text(plant.plant.url, 3, 'security = "Basic256Sha256"\n'))
    line.until(lambda health: health.stored == 3)
    plant.kill()
    start_plant(port=port, security=str(tmp_path / "second"), plain=False)
    health = line.until(lambda health: health.link == "failed")
    assert health.trouble is not None
    assert f"the server's certificate has changed: trusted is {first}" in health.trouble.what
    second = fingerprint_in(health.trouble.what.partition("now it shows")[2])
    assert second != first
    asked.trust(second)
    line.connected()


def test_a_server_that_does_not_know_the_monitor_is_told_apart(
    start_plant: StartPlant, tmp_path: Path
) -> None:
    clients = tmp_path / "clients"
    plant = start_plant(security=str(tmp_path / "server"), plain=False, clients=str(clients))
    asked = explorer(plant.plant.url, tmp_path)
    with pytest.raises(SourceError) as unknown:
        asked.test(SECONDS)
    asked.trust(fingerprint_in(str(unknown.value)))
    with pytest.raises(SourceError, match=r"(does not trust|refuses) the monitor's certificate") as refused:
        asked.test(SECONDS)
    assert "own/certificate.der" in str(refused.value)


@pytest.mark.parametrize(
    ("user", "password", "problem"),
    [("op", "right", ""), ("op", "wrong", "does not let this user in|sign-in")],
)
def test_a_user_signs_in_with_a_password(
    start_plant: StartPlant, tmp_path: Path, user: str, password: str, problem: str
) -> None:
    plant = start_plant(security=str(tmp_path / "server"), plain=False, people={"op": "right"})
    asked = explorer(plant.plant.url, tmp_path, secret=password, user=user)
    with pytest.raises(SourceError) as unknown:
        asked.test(SECONDS)
    asked.trust(fingerprint_in(str(unknown.value)))
    if not problem:
        assert asked.test(SECONDS).summary.startswith("connects")
        return
    with pytest.raises(SourceError, match=problem) as refused:
        asked.test(SECONDS)
    assert password not in str(refused.value)


def test_a_password_never_goes_in_the_clear_unless_that_is_meant(
    start_plant: StartPlant, tmp_path: Path
) -> None:
    people: Mapping[str, str] = {"op": "right"}
    plant = start_plant(people=people)
    with pytest.raises(SourceError, match="in the clear"):
        explorer(plant.plant.url, tmp_path, "none", "right", user="op").test(SECONDS)
    meant = explorer(plant.plant.url, tmp_path, "none", "right", user="op", plain_password=True)
    assert meant.test(SECONDS).summary.startswith("connects")


def test_a_user_signs_in_with_a_certificate(start_plant: StartPlant, tmp_path: Path) -> None:
    plant = start_plant(security=str(tmp_path / "server"), plain=False, people={"": ""})
    asked = explorer(
        plant.plant.url,
        tmp_path,
        user_certificate="opcua/own/certificate.der",
        user_key="opcua/own/key.pem",
    )
    with pytest.raises(SourceError) as unknown:
        asked.test(SECONDS)
    asked.trust(fingerprint_in(str(unknown.value)))
    assert asked.test(SECONDS).summary.startswith("connects")


def test_security_that_the_server_lacks_is_no_reason_to_do_without(
    start_plant: StartPlant, tmp_path: Path
) -> None:
    plant = start_plant()
    with pytest.raises(SourceError, match="does not offer this security"):
        explorer(plant.plant.url, tmp_path).test(SECONDS)
