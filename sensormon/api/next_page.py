"""Where a browser goes after signing in: a path of this server, and nothing else."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

HOME = "/"
SIGN_IN = "/sign-in"
LONGEST = 2_000
_ELSEWHERE = (
    "/sign-in",
    "/sign-out",
    "/answer/",
    "/auth/",
    "/oauth2callback",
    "/_stcore/",
    "/api/",
    "/media/",
)
"""Paths that are no pages."""


def safe_next(text: str) -> str:
    """This path and query, if it is that of a page here; otherwise the first page.

    >>> safe_next("/explore?tag=a")
    '/explore?tag=a'
    >>> [safe_next(text) for text in ("//evil.example", "https://evil.example", "/\\\\evil", "explore")]
    ['/', '/', '/', '/']
    """
    if not text.startswith("/") or text.startswith(("//", *_ELSEWHERE)) or len(text) > LONGEST:
        return HOME
    if "\\" in text or not text.isprintable():
        return HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc:
        return HOME
    return quote(text, safe="/?&=%:@!$'()*+,;~-._[]|", errors="replace")


def sign_in_address(path: str, query: str = "") -> str:
    """The address of the sign-in page that leads back there."""
    after = safe_next(f"{path}?{query}" if query else path)
    return SIGN_IN if after == HOME else f"{SIGN_IN}?{urlencode({'next': after})}"
