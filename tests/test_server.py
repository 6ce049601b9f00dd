"""The one command: the collector starts with the server, once, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from sensormon.__main__ import main
from tests.support.api import TOKEN
from tests.support.server import ROOT, Server
from tests.support.stored import fill_folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", SENSORMON_INTERVAL="0.1")
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)
        running.output()


def test_it_collects_before_the_first_visitor_and_says_so(server: Server) -> None:
    first = server.wait_until_stored()
    server.wait_until("/api/stats", lambda ledger: ledger["stored"] > first["stored"])
    status, health = server.get("/api/health")
    assert status == 200
    assert (health["source"], health["store"], health["problems"]) == ("collecting", "healthy", [])


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is read from /proc")
def test_the_parts_of_the_pages_are_loaded_before_the_first_visitor(server: Server) -> None:
    server.wait_until_stored()
    loaded = Path(f"/proc/{server.process.pid}/maps")
    server.wait_until("/api/health", lambda _: "/PIL/_imaging" in loaded.read_text(encoding="utf-8"))


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_it_stops_within_two_seconds_and_accounts_for_all(server: Server, how: signal.Signals) -> None:
    server.wait_until_stored()
    assert server.stop(how) < 2.0  # well under 1 s on a machine that is not busy
    assert main(["verify", str(server.data_dir)]) == 0
    assert "Traceback" not in server.output()


LONG = "/api/data?limit=1000000"
HALF = (
    "POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\nContent-Length: 99\r\n"
)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server on 500,000 stored readings of 115 days."""
    running: list[Server] = []

    def start(**options: str) -> Server:
        folder = fill_folder(tmp_path / "data", 500_000, every=60)
        running.append(Server(folder, SENSORMON_TOKEN=TOKEN, SENSORMON_INTERVAL="0.1", **options))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)
            server.output()


def ends_in_time(server: Server) -> None:
    assert server.stop() < 3.0
    assert "could not be stopped in time" not in server.output()
    assert main(["verify", str(server.data_dir)]) == 0


@pytest.mark.long
def test_it_stops_within_three_seconds_whatever_its_clients_do(filled: Callable[..., Server]) -> None:
    server = filled()
    server.wait_until_stored(500_001)
    clients = [server.ask(LONG, TOKEN) for _ in range(6)]  # which nobody reads
    clients += [server.ask("/api/data?limit=1000") for _ in range(30)]
    clients += [server.connect(HALF), server.connect(f"{HALF}\r\n{{"), server.connect("GET /")]
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    with ExitStack() as open_until_the_end:
        for client in clients:
            open_until_the_end.enter_context(client)
        for _ in range(3):
            page = connect(address, origin=Origin(server.url), subprotocols=[Subprotocol("streamlit")])
            open_until_the_end.enter_context(page)
        for client in clients[:6]:
            assert client.recv(12) == b"HTTP/1.1 200"
        ends_in_time(server)


@pytest.mark.long
@pytest.mark.parametrize("work", ["export", "import", "roll-up", "scrub", "compute"])
def test_it_stops_within_three_seconds_whatever_it_does(filled: Callable[..., Server], work: str) -> None:
    server = filled(app="tests/support/busy_app.py", BUSY_WITH=work)
    server.wait_until("/api/stats", lambda ledger: ledger["stored"] > 1)
    ends_in_time(server)


def test_it_resumes_after_a_kill(server: Server) -> None:
    before = server.wait_until_stored()
    server.stop(signal.SIGKILL)
    server.output()
    again = Server(server.data_dir, SENSORMON_INTERVAL="0.1")
    try:
        after = again.wait_until_stored(before["stored"] + 10)
        assert after["received"] >= before["received"]
        assert after["difference"] == 0
    finally:
        again.stop()
        again.output()
    assert main(["verify", str(server.data_dir)]) == 0


@pytest.mark.parametrize(
    ("options", "address", "said"),
    [
        ((), "127.0.0.1", False),
        (("HOST=192.0.2.7",), "192.0.2.7", True),
        (("HOST=localhost",), "localhost", False),
    ],
)
def test_make_run_opens_the_port_to_others_only_on_purpose(
    tmp_path: Path, options: tuple[str, ...], address: str, said: bool
) -> None:
    command = ["make", "-f", str(ROOT / "Makefile"), "run", "-o", str(tmp_path / "run"), *options]
    (tmp_path / "run").touch()
    (tmp_path / "streamlit").write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    (tmp_path / "streamlit").chmod(0o700)
    environment = {"PATH": os.environ["PATH"], "MAKEFLAGS": "", "HOME": str(tmp_path)}
    places = [f"VENV={tmp_path}", f"BIN={tmp_path}"]
    output = subprocess.run(
        [*command, *places], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    ).stdout
    assert output.splitlines()[-1] == f"run app.py --server.port 8501 --server.address {address}"
    assert ("every machine that reaches port 8501" in output) is said
    assert len(output.splitlines()) == (3 if said else 2)


def test_a_port_in_use_is_one_line_and_leaves_the_folder_alone(server: Server, tmp_path: Path) -> None:
    server.wait_until_stored()
    other = Server(tmp_path / "other", port=server.port)
    assert other.ended() == 1
    assert f"Port {server.port} is not available" in other.output()
    assert not (tmp_path / "other").exists()


def test_a_second_server_on_the_folder_refuses_in_one_line(server: Server) -> None:
    server.wait_until_stored()
    other = Server(server.data_dir)
    assert other.ended() == 2
    (line,) = [row for row in other.output().splitlines() if row.startswith("sensormon:")]
    assert f"process {server.process.pid}" in line


@pytest.mark.long
def test_settings_may_be_secrets_of_streamlit(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".streamlit"
    folder.mkdir(parents=True)
    (folder / "secrets.toml").write_text('SENSORMON_ACCESS = "users"\n', encoding="utf-8")
    server = Server(tmp_path / "data", HOME=str(tmp_path / "home"))
    try:
        assert server.wait_until("/api/health", bool) == {"status": "ok"}
        assert server.get("/api/stats")[0] == 401
    finally:
        server.stop()
    output = server.output()
    assert "SENSORMON_ACCESS=users: People sign in with an account" in output
    assert "python -m sensormon users add NAME --role administrator" in output


@pytest.mark.long
def test_first_account_is_made_on_the_machine_and_signs_in(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", SENSORMON_ACCESS="users", SENSORMON_SOURCE="none")
    words = "four random words here"
    try:
        server.wait_until("/api/health", lambda health: health["status"] == "ok")
        with httpx.Client(base_url=server.url, headers={"Origin": server.url}) as browser:
            assert "users add NAME" in browser.get("/sign-in").text
            add = ["users", "add", "Jana", "--role", "administrator", "--password-stdin"]
            subprocess.run(
                [sys.executable, "-m", "sensormon", *add],
                input=words,
                env=server.environment,
                text=True,
                check=True,
                timeout=60,
            )
            assert browser.post("/sign-in", data={"name": "Jana", "password": words}).status_code == 303
            acts = [record["act"] for record in browser.get("/api/audit").json()]
            assert acts == ["sign in", "manage users"]
    finally:
        server.stop()
        server.output()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SENSORMON_WINDOW", "abc", "SENSORMON_WINDOW: 'abc' cannot be used"),
        ("SENSORMON_DATA_DIR", "README.md/data", "cannot be written"),
        *(
            pytest.param(*case, marks=pytest.mark.long)
            for case in (
                ("SENSORMON_THRESHOLD", "99", "SENSORMON_THRESHOLD: '99' cannot be used"),
                ("SENSORMON_SOURCE", "replay:README.md", "there is no column of"),
                ("SENSORMON_SOURCE", "replay:nowhere.csv", "nowhere.csv"),
                ("SENSORMON_TAGS", "nowhere.toml", "nowhere.toml"),
            )
        ),
    ],
)
def test_a_wrong_setting_ends_with_one_line_and_exit_2(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    server = Server(tmp_path / "data", **{variable: value})
    assert server.ended() == 2
    output = server.output()
    (line,) = [row for row in output.splitlines() if row.startswith("sensormon:")]
    assert said in line
    assert "Traceback" not in output
    assert not (tmp_path / "data").exists()
