"""The manifests for Kubernetes: valid by its schemas, closed, and with settings that exist."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.settings_named import unknown_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
PODS = [document for document in OBJECTS if document["kind"] == "StatefulSet"]
VERSIONS = ("1.31", "1.35")
"""Of Kubernetes."""


def name_of(document: dict[str, Any]) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


@pytest.fixture(params=OBJECTS, ids=name_of)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return copy.deepcopy(request.param)


@pytest.fixture(params=PODS, ids=name_of)
def pod(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Of a set, the specification of its pods."""
    specification: dict[str, Any] = request.param["spec"]["template"]["spec"]
    return specification


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [only] = pod["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_valid_by_the_schema(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_an_unknown_key_is_not_valid(document: dict[str, Any]) -> None:
    document["metadata"]["lables"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


def test_every_file_is_a_resource() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])


def test_pods_are_closed(pod: dict[str, Any], container: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]
    assert {"startupProbe", "livenessProbe"} <= set(container)


def test_what_is_written_is_mounted(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/var/lib/sensormon",
        str(Path("/", "tmp")),
    }
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]


@pytest.mark.parametrize("document", PODS, ids=name_of)
def test_data_is_on_a_claimed_volume(document: dict[str, Any]) -> None:
    [claim] = document["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    labels = document["spec"]["template"]["metadata"]["labels"]
    assert document["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_every_setting_exists(container: dict[str, Any]) -> None:
    [literals] = [each["literals"] for each in KUSTOMIZATION["configMapGenerator"]]
    names = {entry["name"] for entry in container["env"]} | {line.partition("=")[0] for line in literals}
    assert {"SENSORMON_STORE", "SENSORMON_SOURCE", "SENSORMON_COLLECTOR"} <= names
    assert unknown_settings(names) == set()


def test_secrets_are_referred_to(container: dict[str, Any]) -> None:
    assert not [document for document in OBJECTS if document["kind"] == "Secret"]
    [password] = [entry for entry in container["env"] if entry["name"] == "PGPASSWORD"]
    assert set(password) == {"name", "valueFrom"}


def test_every_pod_is_in_a_policy_that_denies_the_rest() -> None:
    policies = [document["spec"] for document in OBJECTS if document["kind"] == "NetworkPolicy"]
    assert any(spec["podSelector"] == {} and "ingress" not in spec for spec in policies)
    ports = [port["port"] for spec in policies for rule in spec.get("egress", []) for port in rule["ports"]]
    assert set(ports) == {53, 5432}
