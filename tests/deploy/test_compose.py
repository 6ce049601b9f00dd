"""The Compose files: valid by the specification's schema, closed, and with settings that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from tests.support.compose import FOLDER, read, shapes
from tests.support.settings_named import unknown_settings

SCHEMA = json.loads(
    files("check_jsonschema").joinpath("builtin_schemas", "vendor", "compose-spec.json").read_text("utf-8")
)


@pytest.fixture(params=shapes(), ids=" ".join)
def shape(request: pytest.FixtureRequest) -> dict[str, Any]:
    names: Sequence[str] = request.param
    return read(*names)


def test_it_is_valid_by_the_specification(shape: dict[str, Any]) -> None:
    jsonschema.validate(shape, SCHEMA)


def test_a_wrong_file_is_not_valid(shape: dict[str, Any]) -> None:
    shape["services"]["pages"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(shape, SCHEMA)


def test_every_container_is_closed(shape: dict[str, Any]) -> None:
    for name, service in shape["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service), name


def test_images_are_pinned(shape: dict[str, Any]) -> None:
    for service in shape["services"].values():
        assert re.search(r":[\w-]*(\d+\.\d+|local\})", service["image"]), service["image"]


def test_every_container_says_whether_it_is_well(shape: dict[str, Any]) -> None:
    for name, service in shape["services"].items():
        ours = "deploy/health.py" in service.get("healthcheck", {}).get("test", [])
        assert "healthcheck" in service or name == "pages", name  # the image's own asks for the pages
        assert ours == ("collect" in service.get("command", [])), name


def test_every_name_leads_somewhere(shape: dict[str, Any]) -> None:
    for service in shape["services"].values():
        assert set(service.get("depends_on", {})) <= set(shape["services"])
        assert set(service.get("networks", [])) <= set(shape["networks"])
        assert set(service.get("secrets", [])) <= set(shape.get("secrets", {}))
        sources = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert not [
            source
            for source in sources
            if not ((FOLDER / source).exists() if source.startswith(".") else source in shape["volumes"])
        ]


def test_nobody_shares_a_volume(shape: dict[str, Any]) -> None:
    mounted = [
        volume.split(":")[0]
        for service in shape["services"].values()
        for volume in service.get("volumes", [])
    ]
    assert len(mounted) == len(set(mounted))


def test_every_setting_exists(shape: dict[str, Any]) -> None:
    named = {name for service in shape["services"].values() for name in service.get("environment", {})}
    assert "SENSORMON_SOURCE" in named
    assert unknown_settings(named) == set()


def test_secrets_are_files_and_not_in_the_environment(shape: dict[str, Any]) -> None:
    assert all(list(secret) == ["file"] for secret in shape.get("secrets", {}).values())
    for service in shape["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not re.search("PASSWORD|TOKEN|SECRET", name) or value.startswith("/run/secrets/"), name
            assert not re.search(r"://[^/@]*:[^/@]*@", str(value)), name


def test_only_the_proxy_is_in_reach_of_the_network(shape: dict[str, Any]) -> None:
    published = {
        name: port for name, service in shape["services"].items() for port in service.get("ports", [])
    }
    expected = {"proxy": "443:8443"} if "proxy" in shape["services"] else {"pages": "127.0.0.1:8501:8501"}
    for name, port in (("bus", "4222"), ("broker", "1883")):
        if name in shape["services"]:
            expected[name] = f"127.0.0.1:{port}:{port}"
    assert published == expected
    for name, network in shape["networks"].items():
        assert (network or {}).get("internal", False) == (name == "back")


def test_the_databases_network_leads_nowhere_else() -> None:
    services = read("postgresql.yaml", "tls.yaml")["services"]
    assert services["database"]["networks"] == ["back"]
    assert services["proxy"]["networks"] == ["front"]


def test_collectors_on_a_bus_wait_for_it_and_make_no_readings_of_their_own() -> None:
    services = read("postgresql.yaml", "bus.yaml")["services"]
    for name in ("collector-1", "collector-2"):
        worker = services[name]
        assert {*worker["depends_on"]} == {"database", "bus"}
        assert worker["secrets"] == ["pgpass", "bus_url"]
        assert worker["environment"]["SENSORMON_SOURCE"] == "none"
        assert worker["environment"]["SENSORMON_COLLECTOR"] == name
    assert "SENSORMON_BUS_FILE" not in services["pages"]["environment"]
