"""Signing in and out with accounts that are kept here: /sign-in and /sign-out, without Streamlit.

The session is kept on the server; the browser has its token in a cookie that scripts cannot read and
that other sites' pages cannot send. Cookies ignore ports: without https, other programs under the same
host name see it. `origins.SameOrigin` stands in front, so no form of another site's page gets here.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse, Response

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.sessions import LONGEST
from sensormon.access.visit import COOKIE, Visit
from sensormon.api import sign_in_page
from sensormon.api.body import Receive, Scope, Send, read_body
from sensormon.api.few_threads import FewThreads
from sensormon.api.form_pages import answer_or_page, read_form
from sensormon.api.mount import App
from sensormon.api.next_page import HOME, SIGN_IN, safe_next
from sensormon.api.problems import Problem
from sensormon.api.visitor import Visitor
from sensormon.model.clock import SECOND
from sensormon.model.errors import Overloaded, SignInRefused, UsageError
from sensormon.monitor.monitor import Monitor

SIGN_OUT = "/sign-out"
LONGEST_BODY = 10_000
"""Bytes of a form."""
_THREADS = 20
"""For sign-ins, which wait for each other."""


class SignIn:
    """ASGI middleware: answers the two paths; all others go on."""

    def __init__(self, app: App, monitor: Callable[[], Monitor], visit: Visitor) -> None:
        self._app = app
        self._monitor = monitor
        self._visit = visit
        self._threads = FewThreads(_THREADS, "too many people are signing in")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in (SIGN_IN, SIGN_OUT):
            await self._app(scope, receive, send)
            return
        response = await answer_or_page(self._answer(scope, receive), _failed)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        method, path = scope["method"], scope["path"]
        if method == "POST":
            body = await read_body(scope, receive, LONGEST_BODY)
            answer = self._sign_out if path == SIGN_OUT else self._sign_in
            return await self._threads.run(lambda: answer(scope, _fields(body)))
        if method in ("GET", "HEAD") and path == SIGN_IN:
            return await self._threads.run(lambda: self._show(scope, _fields(scope["query_string"])))
        raise Problem(
            405, "refused", "this is a form's address", f"Open {SIGN_IN}", headers={"Allow": "GET, POST"}
        )

    def _show(self, scope: Scope, query: Fields) -> Response:
        monitor, visit = self._monitor(), self._visit(scope)
        after = safe_next(_first(query, "next"))
        if not monitor.access.identity.has_accounts:
            return _redirect(after)
        person = monitor.access.identity.of(visit)
        here = _first(query, "here") == "1"
        if person.session:
            return _redirect(after) if here else sign_in_page.signed_in(person.name, str(person.role), after)
        if not here and not visit.cookie and visit.headers.get("sec-fetch-site") == "cross-site":
            return sign_in_page.ask_from_here(after)
        if not monitor.access.accounts.all():
            return sign_in_page.no_accounts()
        return sign_in_page.form(after)

    def _sign_in(self, scope: Scope, fields: Fields) -> Response:
        monitor, visit = self._monitor(), self._visit(scope)
        access, after, name = monitor.access, safe_next(_first(fields, "next")), _first(fields, "name")
        address = scope["client"][0] if scope.get("client") else ""  # a trusted proxy's word, if it has one
        if not access.identity.has_accounts:
            return _redirect(HOME)
        try:
            account = access.accounts.sign_in(name, _first(fields, "password"), address)
            _end(monitor, access.identity.of(visit))
            token = access.sessions.start(account.name, account.role, Way.ACCOUNT, address, visit.browser)
        except SignInRefused as error:
            words = f"{error.what[:1].upper()}{error.what[1:]}. {error.hint}."
            status = 429 if error.seconds else 401
            return sign_in_page.form(after, name=name, wrong=words, status=status, seconds=error.seconds)
        except Overloaded as error:
            words = f"{error.what[:1].upper()}{error.what[1:]}. {error.hint}."
            return sign_in_page.form(after, name=name, wrong=words, status=503, seconds=2)
        response = _redirect(after)
        response.set_cookie(
            COOKIE,
            token,
            max_age=LONGEST // SECOND,
            path="/",
            secure=_is_secure(scope, monitor, visit),
            httponly=True,
            samesite="strict",
        )
        return response

    def _sign_out(self, scope: Scope, _: Fields) -> Response:
        """End the session on the server, then have the browser forget its token."""
        monitor, visit = self._monitor(), self._visit(scope)
        identity = monitor.access.identity
        _end(monitor, identity.of(visit))
        if identity.mode == "oidc":
            return sign_in_page.signed_out_here()
        response = _redirect(SIGN_IN if identity.mode == "users" else HOME)
        response.delete_cookie(
            COOKIE, path="/", secure=_is_secure(scope, monitor, visit), httponly=True, samesite="strict"
        )
        return response


Fields = dict[str, list[str]]


def _end(monitor: Monitor, person: Person) -> None:
    if person.session and person.role is not Role.NOBODY:
        try:
            monitor.access.sessions.end(person, person.session)
        except UsageError:
            return  # it has ended meanwhile


def _is_secure(scope: Scope, monitor: Monitor, visit: Visit) -> bool:
    """Whether people reach the pages by https, here or at the proxy in front."""
    schemes = (scope.get("scheme"), visit.headers.get("x-forwarded-proto"))
    return "https" in schemes or monitor.settings.url.startswith("https://")


def _redirect(path: str) -> Response:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})


def _failed(text: str, status: int) -> Response:
    return sign_in_page.message("This did not work", text, status)


def _fields(text: bytes) -> Fields:
    return read_form(text, f"Open {SIGN_IN}")


def _first(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[0]
