"""The image: what its Dockerfile says; its steps carried out, run on a read-only file system and stopped."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.image import Image, Step, read_steps, reason_to_skip, terminate
from tests.support.server import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
STEPS = read_steps(DOCKERFILE)
LAST_STAGE = STEPS[max(i for i, step in enumerate(STEPS) if step.instruction == "FROM") :]
SCRATCH = str(Path("/", "tmp"))
PATIENCE = 120.0


def texts(steps: list[Step], instruction: str) -> list[str]:
    return [step.text for step in steps if step.instruction == instruction]


def test_the_base_is_pinned_to_a_release() -> None:
    [version] = [text.partition("=")[2] for text in texts(STEPS, "ARG") if text.startswith("PYTHON=")]
    assert re.fullmatch(r"3\.\d+\.\d+-slim-[a-z]+", version)
    assert {text.split()[0] for text in texts(STEPS, "FROM")} == {"python:${PYTHON}"}


def test_it_runs_as_a_user_by_number_that_is_not_root() -> None:
    assert texts(LAST_STAGE, "USER") == ["10001:10001"]
    assert LAST_STAGE[-1].instruction == "CMD"


def test_it_has_the_library_for_the_bus() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [installing] = [text for text in texts(STEPS, "RUN") if "pip install" in text]
    assert shlex.split(installing)[-1:] == project["optional-dependencies"]["bus"]


def test_it_holds_no_secrets() -> None:
    environment = [word for text in texts(STEPS, "ENV") + texts(STEPS, "ARG") for word in text.split()]
    assert not [word for word in environment if re.search("TOKEN|SECRET|PASSWORD", word)]


def copied() -> list[str]:
    steps = [step.words() for step in STEPS if step.instruction == "COPY"]
    return [source.rstrip("/") for words in steps for source in words[:-1] if words[0][0] != "-"]


def test_all_that_is_copied_passes_dockerignore_and_nothing_else_does() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied())
    assert not [source for source in copied() if not (ROOT / source).exists()]
    assert not [source for source in copied() if any(fnmatch(source, rule) for rule in rules[1:])]


def test_all_that_the_app_needs_is_copied() -> None:
    needed = {"app.py", "pages", "sensormon", "data/tags.toml", ".streamlit/config.toml", "requirements.txt"}
    assert needed <= set(copied())


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    image = Image(tmp_path_factory.mktemp("image"))
    try:
        image.build(STEPS, ROOT)
        image.seal(volumes=["/var/lib/sensormon"], scratch=[SCRATCH])
        yield image
    finally:
        image.close()


def until(condition: Callable[[], bool], started: subprocess.Popen[str], seconds: float = PATIENCE) -> float:
    """Seconds until the condition holds."""
    begun = time.monotonic()
    while not condition():
        assert started.poll() is None, started.communicate()[0]
        assert time.monotonic() - begun < seconds
        time.sleep(0.2)
    return time.monotonic() - begun


@pytest.mark.long
def test_nothing_but_volume_and_scratch_is_written(image: Image) -> None:
    for folder in ("/opt/sensormon", "/opt/venv", "/etc"):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            image.run(["touch", f"{folder}/file"], image.environment)
        assert "Read-only file system" in refused.value.stderr
    image.run(["touch", "/var/lib/sensormon/file", f"{SCRATCH}/file"], image.environment)


@pytest.mark.long
def test_the_pages_run_on_a_read_only_file_system_and_end_on_sigterm(image: Image) -> None:
    port = str(free_port())
    assert image.check(STREAMLIT_SERVER_PORT=port).returncode == 1
    with image.running(image.commands["CMD"], STREAMLIT_SERVER_PORT=port) as started:
        seconds = until(lambda: image.check(STREAMLIT_SERVER_PORT=port).returncode == 0, started)
        assert seconds < 20, "the kernels were compiled again"
        assert terminate(started) == 0


@pytest.mark.long
def test_a_collector_runs_on_a_read_only_file_system_and_ends_on_sigterm(image: Image) -> None:
    folder = "/var/lib/sensormon/collector"
    command = ["python", "-m", "sensormon", "collect"]

    def healthy() -> bool:
        return image.check("collector", SENSORMON_DATA_DIR=folder).returncode == 0

    assert not healthy()
    with image.running(command, SENSORMON_DATA_DIR=folder) as started:
        until(healthy, started)
        assert terminate(started) == 0
