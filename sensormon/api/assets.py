"""Assets of the pages' components: the modules in `ui/browser`, and Plotly's bundled script.

Only files that exist at the start are served. Each answer is compressed once, and the browser
may keep it for as long as its version stays in the address.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from sensormon.api.body import Receive, Scope, Send

_KINDS = {".js": "text/javascript", ".css": "text/css"}


def _sources() -> dict[str, Traversable]:
    folder = files("sensormon.ui.browser")
    own = {file.name: file for file in folder.iterdir() if file.name.endswith(tuple(_KINDS))}
    return {**own, "plotly.min.js": files("plotly") / "package_data" / "plotly.min.js"}


@cache
def version() -> str:
    """Changes whenever a file does; addresses of assets carry it as `v`."""
    digest = hashlib.blake2b(digest_size=6)
    for name, source in sorted(_sources().items()):
        digest.update(name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_sources()[name].read_bytes(), 6, mtime=0)


class Assets:
    """The ASGI app under /assets."""

    def __init__(self) -> None:
        self._known = frozenset(_sources())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        if name not in self._known or request.method not in ("GET", "HEAD"):
            await Response("there is no such file\n", 404, media_type="text/plain")(scope, receive, send)
            return
        body = await anyio.to_thread.run_sync(_compressed, name)
        kept = request.query_params.get("v") == version()
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
