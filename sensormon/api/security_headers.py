"""Headers that tell a browser what a page of ours may do, on every answer.

The policy is the strictest that Streamlit's pages, our components and the API's page work under.
`blob:` is for scripts of components whose JavaScript is inline, `wasm-unsafe-eval` and inline styles
are Streamlit's own needs. Nothing is loaded from elsewhere, and no other site can frame a page.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.mount import App
from sensormon.api.problems import problem_of

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# Where the connection cannot be trusted (plain HTTP from another machine) a browser ignores this header
# and logs an error on each page. It sends Sec-Fetch-Dest only where it trusts the connection.
_OPENER = (b"cross-origin-opener-policy", b"same-origin")
_TRUSTED = b"sec-fetch-dest"
_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


def inline_scripts(html: str) -> list[str]:
    """The CSP source of each inline script of a page: its hash."""
    digests = (hashlib.sha256(text.encode()).digest() for text in _INLINE_SCRIPT.findall(html))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def content_policy() -> str:
    """The Content-Security-Policy, with the inline scripts of the installed Streamlit's page."""
    page = (files("streamlit") / "static" / "index.html").read_text(encoding="utf-8")
    scripts = " ".join(["'self'", *inline_scripts(page), "'wasm-unsafe-eval'", "blob:"])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


def security_headers() -> Mapping[str, str]:
    """The headers by name.

    `same-origin` as the referrer policy, since without a referrer a browser sends the Origin `null`.
    """
    return {
        "content-security-policy": content_policy(),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "x-frame-options": "SAMEORIGIN",
    }


class SecurityHeaders:
    """ASGI middleware: adds these headers to each answer that does not set them itself."""

    def __init__(self, app: App, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers: list[tuple[bytes, bytes]] = [
            (name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        trusted = any(name == _TRUSTED for name, _ in scope["headers"])
        ours = [*self._headers, _OPENER] if trusted else self._headers

        async def send_with_headers(message: Scope) -> None:
            if message["type"] in _STARTS:
                headers = list(message.get("headers", ()))
                present = {bytes(name).lower() for name, _ in headers}
                added = [header for header in ours if header[0] not in present]
                message = {**message, "headers": [*headers, *added]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def faults_answered(headers: Mapping[str, str]) -> object:
    """The handler for an exception outside the API: 500 as JSON, with the headers.

    Starlette calls it outside all middleware, so the answer brings the headers itself.
    """

    async def fault(_: Request, error: Exception) -> Response:
        problem = problem_of(error)
        return Response(problem.body, problem.status, {**headers, **problem.headers}, "application/json")

    return fault
