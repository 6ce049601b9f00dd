"""Requests generated from the OpenAPI schema, valid and invalid: every answer conforms to it.

The seed is fixed and the number is bounded, so that every run does the same within seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.tokens import Scope
from sensormon.api import Api, make_api
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.api import BEARER, TOKEN


class Running:
    """The monitor behind the API, one for the module."""

    monitor: Monitor | None = None

    @classmethod
    def get(cls) -> Monitor:
        assert cls.monitor is not None
        return cls.monitor


api: Api = make_api(Running.get)


@pytest.fixture(scope="module", autouse=True)
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    folder: Path = tmp_path_factory.mktemp("schema")
    Running.monitor = monitor = Monitor(
        replace(Settings(), data_dir=folder / "data", source="none", token=TOKEN)
    )
    monitor.start()
    yield monitor
    monitor.stop()


schema = schemathesis.openapi.from_dict(api.described.openapi())
schema.app = api
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SOMEBODY = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)


@schema.parametrize()
@settings(
    max_examples=100, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_conforms_to_the_schema(case: schemathesis.Case) -> None:
    case.call_and_validate(headers=BEARER, checks=CHECKS)


@pytest.mark.parametrize("kind", ["none", "read", "write", "admin", "one tag"])
@schema.parametrize()
@settings(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_conforms_with_every_scope(case: schemathesis.Case, kind: str) -> None:
    answer = case.call_and_validate(headers=bearer(kind), checks=CHECKS)
    method, path = case.operation.method.upper(), case.operation.path
    if method == "POST" and kind in ("none", "read"):
        assert 400 <= answer.status_code < 500
    if path == "/audit" and kind != "admin":
        assert 400 <= answer.status_code < 500


def bearer(kind: str) -> dict[str, str]:
    """The header with a token of this kind, made when it is first asked for."""
    if kind == "none":
        return {"Authorization": ""}
    if kind not in secrets:
        scope, tags = (Scope.ADMIN, ("fermenter_ph",)) if kind == "one tag" else (Scope(kind), ())
        secrets[kind] = Running.get().access.tokens.add(SOMEBODY, kind, scope, tags)[1]
    return {"Authorization": f"Bearer {secrets[kind]}"}


secrets: dict[str, str] = {}


def test_ledger_balances_after_all_requests(running: Monitor) -> None:
    ledger = running.ledger.now().to_dict()
    assert ledger["received"] > 50
    assert ledger["difference"] == 0
