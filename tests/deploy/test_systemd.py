"""The units of systemd: valid by systemd's own check, closed by its own measure, with settings that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.settings_named import unknown_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
MOST_EXPOSED = 2.5
"""Of 10; a unit without any protection has 9.6."""
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze: apt-get install systemd")


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the unit whose programs are those of this environment."""
    text = request.param.read_text(encoding="utf-8")
    assert text.count("/opt/sensormon/.venv/bin/") == 1
    copy = tmp_path / str(request.param.name).replace("@.", "@line1.")
    programs = f"{Path(sys.executable).parent}/"
    copy.write_text(text.replace("/opt/sensormon/.venv/bin/", programs), encoding="utf-8")
    return copy


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ANALYZE), *words], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    done = analyzed("verify", "--man=no", str(unit))
    about = [
        line for line in done.stderr.splitlines() if unit.name.split("@")[0] in line or "sensormon" in line
    ]
    assert about == []


@needs_systemd
def test_a_wrong_line_would_be_found(unit: Path) -> None:
    with unit.open("a", encoding="utf-8") as file:
        file.write("[Service]\nProtectSytem=strict\n")
    assert "ProtectSytem" in analyzed("verify", "--man=no", str(unit)).stderr


@needs_systemd
def test_it_is_closed(unit: Path) -> None:
    done = analyzed("security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout[-400:]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_every_setting_exists(path: Path) -> None:
    named = set(re.findall(r"(SENSORMON_\w+)=", path.read_text(encoding="utf-8")))
    assert "SENSORMON_DATA_DIR" in named
    assert unknown_settings(named) == set()


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_what_it_needs_of_a_service_is_said(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "StateDirectory=sensormon",
        "TimeoutStopSec=15",
        "User=sensormon",
    } <= set(lines)
    assert "CapabilityBoundingSet=" in lines
