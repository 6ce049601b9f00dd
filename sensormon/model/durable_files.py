"""Files that survive a power cut whole: either the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Sync the folder, so that files made, renamed or removed in it stay so after a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace the file by this content, with this mode if given; durable when it returns.

    Raises OSError; the file is then unchanged.
    """
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        if mode is not None:
            os.fchmod(file.fileno(), mode)  # before anything of it can be read
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
