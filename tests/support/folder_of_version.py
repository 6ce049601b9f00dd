"""A data folder written by another version, with what that version says of it beside it.

    python -m tests.support.folder_of_version TREE NAME

TREE is a checkout of the version (`git archive COMMIT | tar x -C TREE`); tests/data/since/NAME.tar.xz is
made. The version is used through its commands and its HTTP routes alone, which stay the same.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.support.server import free_port

INTO = Path(__file__).parents[1] / "data" / "since"
SAID = "said.json"
LEFT_OUT = ("control.sock", "exports", "token", "monitor.lock")
_BEARER = "writes"
_TAGS = """
[tags.temp]
unit = "°C"
valid = [0.0, 100.0]
[tags.ph]
unit = "pH"
valid = [0.0, 14.0]
"""
_STATES = """
[tags.valve]
states = ["closed", "open"]
"""


class Version:
    """One version, its folder, and its server while it runs."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        self.has_states = "state_words" in (tree / "sensormon" / "stores" / "schema.sql").read_text(
            encoding="utf-8"
        )
        folder.mkdir()
        (folder / "tags.toml").write_text(_TAGS + (_STATES if self.has_states else ""), encoding="utf-8")
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
        self.environment = {
            **kept,
            "SENSORMON_DATA_DIR": str(folder),
            "SENSORMON_TAGS": str(folder / "tags.toml"),
            "SENSORMON_SOURCE": "none",
            "SENSORMON_TOKEN": _BEARER,
            "NUMBA_CACHE_DIR": str(tree / "kernels"),
        }

    def command(self, *words: str, entered: str = "", accepted: tuple[int, ...] = (0,)) -> str:
        """What a command prints."""
        done = subprocess.run(
            [sys.executable, "-m", "sensormon", *words],
            cwd=self.tree,
            env=self.environment,
            input=entered,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in accepted, (words, done.stdout, done.stderr)
        return done.stdout

    def start(self) -> subprocess.Popen[bytes]:
        """The running server."""
        options = ["--server.port", str(self.port), "--server.address", "127.0.0.1"]
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=self.tree,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 120
        while self.ask("/api/health") is None:
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < until
            time.sleep(0.1)
        return process

    def ask(self, path: str, body: object = None) -> Any:
        """The answer in JSON; None if nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body).encode())
        try:
            connection.request(method, path, data, {"Authorization": f"Bearer {_BEARER}"})
            return json.load(connection.getresponse())
        except OSError:
            return None
        finally:
            connection.close()


def readings(minute: int, count: int) -> list[dict[str, object]]:
    """A reading a second of two tags, some out of the ordinary, some invalid."""
    rows: list[dict[str, object]] = []
    for second in range(count):
        moment = f"2026-11-29T12:{minute + second // 60:02d}:{second % 60:02d}Z"
        value = 90.0 if second % 67 == 66 else 37.0 + (second * 7 % 5) / 10
        rows.append({"tag": "temp", "timestamp": moment, "value": value})
        rows.append(
            {"tag": "ph", "timestamp": moment, "value": 99.0 if second % 50 == 49 else 7.0 + second % 3 / 10}
        )
    return rows


def fill(version: Version) -> None:
    """Readings stored and not yet loaded, states, an import, an account, a token, and a kill at the end."""
    server = version.start()
    answer = version.ask("/api/ingest/batch", {"batch_id": "first", "readings": readings(0, 150)})
    assert answer["accepted"] == 297, answer
    if version.has_states:
        for second, word in ((1, "open"), (2, "closed"), (3, "open")):
            row = {"tag": "valve", "timestamp": f"2026-11-29T12:00:0{second}Z", "value": word}
            assert version.ask("/api/ingest", row)["status"] == "success"
    until = time.monotonic() + 30
    while version.ask("/api/stats")["pending"]:
        assert time.monotonic() < until
        time.sleep(0.1)
    server.send_signal(signal.SIGTERM)
    server.wait(30)
    file = version.folder / "history.csv"
    rows = "".join(f"2026-11-28T10:00:{second:02d}Z,{36 + second / 10}\n" for second in range(40))
    file.write_text("time,temp\n" + rows, encoding="utf-8")
    version.command("import", str(file))
    file.unlink()
    version.command(
        "users", "add", "Jana", "--role", "operator", "--password-stdin", entered="a long password\n"
    )
    version.command("tokens", "add", "line1", "--scope", "write")
    server = version.start()
    assert (
        version.ask("/api/ingest/batch", {"batch_id": "last", "readings": readings(30, 20)})["accepted"] == 40
    )
    server.kill()
    server.wait(30)


def described(version: Version) -> dict[str, Any]:
    """What the version says of its stopped folder."""
    content: dict[str, Any] = {
        "ledger": json.loads(version.command("ledger", "--json")),
        "readings": version.command("export", "readings").splitlines(),
        "anomalies": version.command("export", "anomalies").splitlines(),
        "audit": [json.loads(line) for line in version.command("audit", "--format", "json").splitlines()],
    }
    listed = version.command("imports", "list", "--json", accepted=(0, 2))
    return {**content, "imports": json.loads(listed) if listed else None}


def main(tree: Path, name: str) -> None:
    """Make the archive: the folder, and beside it SAID."""
    with tempfile.TemporaryDirectory() as scratch:
        version = Version(tree.resolve(), Path(scratch) / "data")
        fill(version)
        said = Path(scratch) / SAID
        said.write_text(json.dumps(described(version), ensure_ascii=False), encoding="utf-8")
        INTO.mkdir(exist_ok=True)
        with tarfile.open(INTO / f"{name}.tar.xz", "w:xz", preset=9) as archive:
            for path in [said, *sorted(version.folder.iterdir())]:
                if path.name not in LEFT_OUT:
                    archive.add(path, path.name if path == said else f"data/{path.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
