"""The pages around signing in, as plain HTML: without Streamlit, scripts, or anything from elsewhere."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from sensormon.api.plain_page import plain_page

LONGEST_NAME = 64
LONGEST_PASSWORD = 200


def form(after: str, *, name: str = "", wrong: str = "", status: int = 200, seconds: int = 0) -> HTMLResponse:
    """The form; `wrong` says why the last try failed, `seconds` is when the next is possible."""
    focus = ("", " autofocus") if name else (" autofocus", "")
    return plain_page(
        "Sign in",
        f"""{_wrong(wrong)}<form method="post" action="/sign-in">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required
  maxlength="{LONGEST_NAME}" value="{escape(name[:LONGEST_NAME])}"{focus[0]}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  maxlength="{LONGEST_PASSWORD}"{focus[1]}>
<input type="hidden" name="next" value="{escape(after)}">
<button>Sign in</button>
</form>""",
        status,
        {"Retry-After": str(seconds)} if seconds else {},
    )


def no_accounts() -> HTMLResponse:
    """What to do while nobody can sign in."""
    return plain_page(
        "Sign in",
        """<p>There is no account yet. Whoever runs the monitor makes the first one on its machine:</p>
<p class="command"><code><span>python -m sensormon users add NAME</span>
<span>--role administrator</span></code></p>
<p class="quiet">Then reload this page. The command works while the monitor runs.</p>""",
    )


def signed_in(name: str, role: str, after: str) -> HTMLResponse:
    """Who is signed in, and the way out."""
    return plain_page(
        "Signed in",
        f"""<p>You are signed in as <strong>{escape(name)}</strong>, {escape(role)}.
<a href="{escape(after)}">Continue to the monitor</a></p>
<form method="post" action="/sign-out"><button>Sign out</button></form>""",
    )


def signed_out_here() -> HTMLResponse:
    """After a sign-out here, on the way to the identity provider's own."""
    return plain_page(
        "Signed out",
        """<p>You are signed out here.</p>
<p><a href="/auth/logout">Sign out at the identity provider too</a></p>""",
        refresh="/auth/logout",
    )


def message(title: str, text: str, status: int) -> HTMLResponse:
    """A page that only says something."""
    return plain_page(title, f"<p>{escape(text)}</p>", status)


def provider_away() -> HTMLResponse:
    """What to do while the identity provider does not answer."""
    return plain_page(
        "The identity provider cannot be reached",
        """<p>Nobody can sign in until it answers. The monitor goes on collecting.</p>
<p><a href="/">Try again</a></p>""",
        502,
    )


def ask_from_here(after: str) -> HTMLResponse:
    """A page that asks for the sign-in page itself.

    The browser withholds a strict cookie from a request that a page elsewhere caused, also when it is
    redirected. So somebody who is signed in and follows a link in an e-mail seems not to be.
    """
    address = f"/sign-in?{urlencode({'next': after, 'here': '1'})}"
    return plain_page("One moment", f'<p><a href="{escape(address)}">Continue</a></p>', refresh=address)


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{escape(text)}</p>\n' if text else ""
