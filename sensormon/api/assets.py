"""Assets of the pages' components: the files in `ui/browser`, Plotly's script among them.

Only files that exist at the start are served. Each answer is compressed once. In a folder named for their
version the browser may keep them for good, also those that modules import from beside themselves.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from sensormon.api.body import Receive, Scope, Send

_PATH = re.compile(r"(?:(?P<version>[0-9a-f]{12})/)?(?P<name>[\w.-]+)", re.ASCII)
_KINDS = {".js": "text/javascript", ".css": "text/css"}


def _sources() -> dict[str, Traversable]:
    folder = files("sensormon.ui.browser")
    return {file.name: file for file in folder.iterdir() if file.name.endswith(tuple(_KINDS))}


@cache
def version() -> str:
    """Changes whenever a file does; it is the folder in the addresses of assets."""
    digest = hashlib.blake2b(digest_size=6)
    for name, source in sorted(_sources().items()):
        digest.update(name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_sources()[name].read_bytes(), 6, mtime=0)


def compress_all() -> None:
    """Compress every asset, so that no visitor waits for it."""
    for name in _sources():
        _compressed(name)


class Assets:
    """The ASGI app under /assets."""

    def __init__(self) -> None:
        self._known = frozenset(_sources())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        asked = _PATH.fullmatch(path)
        name = asked["name"] if asked else ""
        if asked is None or name not in self._known or request.method not in ("GET", "HEAD"):
            await Response("there is no such file\n", 404, media_type="text/plain")(scope, receive, send)
            return
        body = await anyio.to_thread.run_sync(_compressed, name)
        # A page that was opened before an upgrade gets the new files, but must not keep them as the old ones.
        kept = asked["version"] == version()
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        kind = _KINDS["." + name.rsplit(".", 1)[-1]]
        await Response(body, 200, headers, media_type=kind)(scope, receive, send)
