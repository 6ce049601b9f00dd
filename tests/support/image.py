"""An image made from a Dockerfile without a container engine: the machine's own file system under an overlay.

The steps run as they stand, in namespaces of their own, on Linux as root. What it is not: the base image. Its
Python is put at /usr/local, the rest is the machine's system, which must be a Debian as the image is.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = ("unshare", "nsenter", "setpriv", "mount", "chroot")
_JSON = re.compile(r"\[.*\]$")


@dataclass(frozen=True)
class Step:
    """An instruction of a Dockerfile, in capitals, and what follows it on its line."""

    instruction: str
    text: str

    def words(self) -> list[str]:
        """The words of the text: of a list in JSON, or as a shell takes it apart."""
        if _JSON.match(self.text):
            words: list[str] = json.loads(self.text)
            return words
        return shlex.split(self.text)


def read_steps(dockerfile: Path) -> list[Step]:
    """The instructions in order, without comments, continued lines put together."""
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parts = [line.split(None, 1) for line in whole.splitlines() if line.strip()]
    return [Step(name.upper(), text.strip()) for name, text in parts]


def reason_to_skip() -> str:
    """Why images cannot be made on this machine; empty if they can."""
    if os.getuid() != 0:
        return "only root can mount"
    missing = [call for call in _CALLS if shutil.which(call) is None]
    if missing:
        return f"there is no {missing[0]}"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"mounting is not permitted: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass
class Image:
    """Built by `build`; `close` unmounts everything. `folder` must be outside of what is copied."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    commands: dict[str, list[str]] = field(default_factory=dict)
    """Of ENTRYPOINT, CMD and HEALTHCHECK."""

    def __post_init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write("\n")
        self._holder.stdin.flush()
        self._holder.stdout.readline()  # now the namespace is there
        self.root = self.folder / "root"
        python = Path(sys.base_prefix)
        self._mounted(
            f"mount -t tmpfs tmpfs {self.folder}",
            f"mkdir {self.root} {self.folder}/upper {self.folder}/work",
            f"mount -t overlay overlay -o lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work "
            f"{self.root}",
            f"mount --bind -o ro {python} {self.root}/usr/local",
            f"mount -t proc proc {self.root}/proc",
            f"mount --bind /dev {self.root}/dev",
            f"chroot {self.root} ldconfig",  # its library, too, is that of /usr/local
        )

    def _mounted(self, *lines: str) -> None:
        subprocess.run([*self._inside(), "sh", "-ec", "\n".join(lines)], check=True, umask=_UMASK)

    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--mount"]

    def build(self, steps: Sequence[Step], context: Path) -> None:
        """Carry the steps out. All stages share a file system; COPY --from has nothing left to do."""
        inherited = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        arguments: dict[str, str] = {}
        for step in steps:
            words = step.words() if step.instruction not in ("RUN", "HEALTHCHECK") else []
            match step.instruction:
                case "ARG":
                    name, _, value = step.text.partition("=")
                    arguments[name] = value
                case "FROM":
                    self.environment, self.workdir, self.user = {"PATH": _PATH, "HOME": "/root"}, "/", "0:0"
                case "ENV":
                    self.environment |= dict(word.split("=", 1) for word in words)
                case "WORKDIR":
                    self.workdir = step.text
                    self._mounted(f"mkdir -p {self.root}{step.text}")
                case "COPY" if not words[0].startswith("--from="):
                    self._copy(words[:-1], words[-1], context)
                case "RUN":
                    self.run(["sh", "-ec", step.text], {**inherited, **self.environment})
                case "USER":
                    self.user = step.text
                case "ENTRYPOINT" | "CMD":
                    self.commands[step.instruction] = words
                case "HEALTHCHECK":
                    self.commands[step.instruction] = json.loads(step.text.partition(" CMD ")[2])
                case "COPY" | "LABEL" | "EXPOSE" | "VOLUME" | "STOPSIGNAL":
                    pass
                case other:
                    raise AssertionError(f"a Dockerfile with {other} cannot be followed")

    def _copy(self, sources: Sequence[str], target: str, context: Path) -> None:
        into = f"{self.root}{self.workdir}/{target}"
        for source in sources:
            content = "/." if (context / source).is_dir() else ""
            parent = into if into.endswith("/") else str(Path(into).parent)
            self._mounted(f"mkdir -p {parent}", f"cp -a {context / source}{content} {into}")

    def run(self, command: Sequence[str], environment: dict[str, str]) -> None:
        """Run a step as the user in force; raises CalledProcessError with what it printed."""
        subprocess.run(
            [*self._inside(), *self._as_user(command)],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=580,
            umask=_UMASK,
        )

    def seal(self, volumes: Sequence[str], scratch: Sequence[str]) -> None:
        """Make the file system read-only except for these folders; volumes keep owner and mode."""
        lines = [f"mount -o remount,ro {self.root}"]
        for number, path in enumerate(volumes):
            disk = self.folder / f"volume{number}"
            lines += [f"cp -a {self.root}{path} {disk}", f"mount --bind {disk} {self.root}{path}"]
        lines += [f"mount -t tmpfs -o mode=1777,size=64m tmpfs {self.root}{path}" for path in scratch]
        self._mounted(*lines)

    @contextmanager
    def running(self, command: Sequence[str], **environment: str) -> Iterator[subprocess.Popen[str]]:
        """The entry point with this command, as process 1 and as a user without any capability."""
        arguments = [*self.commands["ENTRYPOINT"], *command]
        with subprocess.Popen(
            [
                *self._inside(),
                *("unshare", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc"),
                *self._as_user(arguments),
            ],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as started:
            try:
                yield started
            finally:
                started.kill()

    def check(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the health check, as an engine does, with these arguments after its own."""
        return subprocess.run(
            [*self._inside(), *self._as_user([*self.commands["HEALTHCHECK"], *arguments])],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _as_user(self, command: Sequence[str]) -> list[str]:
        user, _, group = self.user.partition(":")
        bound = (
            ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--clear-groups"]
            if user != "0"
            else ["--keep-groups"]
        )
        inside = ["setpriv", f"--reuid={user}", f"--regid={group}", *bound]
        enter = 'cd "$0" && exec "$@"'
        return [_CHROOT, str(self.root), *inside, "sh", "-ec", enter, self.workdir, *command]

    def close(self) -> None:
        """Let go of the namespace, and with it of every mount."""
        self._holder.kill()
        self._holder.communicate(timeout=20)


_UMASK = 0o022
"""As an engine builds; a monitor that ran in this process before has left its own, which is narrower."""
_CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin") or "chroot"
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def first_process(started: subprocess.Popen[str]) -> int:
    """The process that is number 1 in its own namespace, by its number out here."""
    return next(iter(_children(started.pid)))


def _children(process: int) -> Iterator[int]:
    for child in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split():
        yield int(child)


def terminate(started: subprocess.Popen[str]) -> int:
    """Send SIGTERM to process 1, as an engine does, and return the exit code."""
    os.kill(first_process(started), signal.SIGTERM)
    return started.wait(10)
