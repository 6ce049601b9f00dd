"""Secrets come from the environment or a file that is its owner's alone, and go nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensormon.intake.secrets import secret_of
from sensormon.model.errors import UsageError
from sensormon.sources.named import Common

FILE, VARIABLE, WORDS = "words", "LINE", "known to few"


def test_it_is_read_anew_each_time_from_the_variable(tmp_path: Path) -> None:
    environment = {"LINE": "first"}
    secret = secret_of(Common("line", password_env=VARIABLE), environment, tmp_path)
    assert secret() == "first"
    environment["LINE"] = "second"
    assert secret() == "second"
    del environment["LINE"]
    with pytest.raises(UsageError, match="LINE is not set"):
        secret()


def test_it_is_read_from_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    secret = secret_of(Common("line", password_file=FILE), {}, tmp_path)
    path = tmp_path / FILE
    with pytest.raises(UsageError, match="cannot be read"):
        secret()
    path.write_text(f"{WORDS}\n")
    for mode in (0o644, 0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(UsageError, match="others may read") as refused:
            secret()
        assert WORDS not in str(refused.value)
    path.chmod(0o600)
    assert secret() == WORDS


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b"x" * 10_001, b"a\nb\n", b"A=b\0C=d"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(UsageError):
        secret_of(Common("line", password_file=FILE), {}, tmp_path)()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "."):
        with pytest.raises(UsageError):
            secret_of(Common("line", password_file=name), {}, tmp_path)()


@pytest.mark.parametrize("name", ["token", "./token", "link", "cookie_secret"])
def test_secrets_of_the_monitor_itself_are_sent_to_nobody(tmp_path: Path, name: str) -> None:
    for own in ("token", "cookie_secret"):
        (tmp_path / own).write_text(WORDS)
        (tmp_path / own).chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "token")
    with pytest.raises(UsageError, match="a secret of the monitor itself") as refused:
        secret_of(Common("line", password_file=name), {}, tmp_path)()
    assert WORDS not in str(refused.value)


def test_the_environment_of_a_process_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a password|too long"):
        secret_of(Common("line", password_file="/proc/self/environ"), {}, tmp_path)()


def test_no_secret_is_the_empty_text_and_none_is_shown(tmp_path: Path) -> None:
    assert secret_of(Common("line"), {}, tmp_path)() == ""
    common = Common("line", password_env=VARIABLE)
    secret = secret_of(common, {"LINE": WORDS}, tmp_path)
    assert WORDS not in repr(common) + repr(secret)
