"""Who the identity provider said somebody is, from the cookie that Streamlit's `st.login` signs.

Streamlit has no public way to read it outside a page; `tests/api/test_provider_cookie.py` holds that
the private one still does. Whether the session has ended is not said here; see `Sessions.begin`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import cookie_parser
from streamlit.auth_util import get_origin_from_redirect_uri
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from sensormon.access.visit import Visit
from sensormon.api.body import Scope
from sensormon.api.visitor import visit_of


def visit_with_claims(scope: Scope) -> Visit:
    """The visit of this request, with what the identity provider said."""
    visit = visit_of(scope)
    header = visit.headers.get("cookie", "")
    return replace(visit, claims=claims_in(cookie_parser(header))) if USER_COOKIE_NAME in header else visit


def claims_in(cookies: dict[str, str]) -> Mapping[str, Any]:
    """The claims, as a page's `st.user` has them; none unless the cookie is whole and made for here."""
    try:
        content = _get_signed_cookie_with_chunks(cookies, USER_COOKIE_NAME)
        claims = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(claims, dict) or not claims.get("is_logged_in"):
        return {}
    ours = get_origin_from_redirect_uri()
    return claims if ours and claims.get("origin") == ours else {}
