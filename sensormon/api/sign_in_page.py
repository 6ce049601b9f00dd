"""The pages around signing in, as plain HTML: without Streamlit, scripts, or anything from elsewhere."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from starlette.responses import HTMLResponse

from sensormon.view.palette import DARK, LIGHT, Palette

LONGEST_NAME = 64
LONGEST_PASSWORD = 200
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_SHOWN = ("ground", "panel", "text", "secondary", "border", "anomaly", "interaction")
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 1rem; display: grid; place-items: center;
  background: var(--ground); color: var(--text); font: 1rem/1.5 "Source Sans", system-ui, sans-serif; }
main { width: 100%; max-width: 23rem; background: var(--panel); border: 1px solid var(--border);
  border-radius: .4rem; padding: 1.75rem; }
.product { margin: 0 0 .25rem; color: var(--secondary); font-size: .875rem; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 2rem; font-weight: 600; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
label { display: block; margin-bottom: .3rem; font-size: .875rem; color: var(--secondary); }
input { width: 100%; min-height: 2.75rem; margin-bottom: 1rem; padding: .5rem .75rem; font: inherit;
  color: var(--text); background: var(--ground); border: 1px solid var(--border); border-radius: .4rem; }
button { width: 100%; min-height: 2.75rem; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--panel); background: var(--interaction); border: 0; border-radius: .4rem; }
:focus-visible { outline: 2px solid var(--interaction); outline-offset: 2px; }
a { color: var(--interaction); }
.wrong { padding-left: .75rem; border-left: 3px solid; color: var(--anomaly); font-weight: 600; }
.quiet { color: var(--secondary); font-size: .875rem; }
p:last-child { margin-bottom: 0; }
button + p, form + p { margin-top: 1rem; }
code { font: .8rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.command { overflow-x: auto; }
.command span { white-space: nowrap; }
"""


def form(after: str, *, name: str = "", wrong: str = "", status: int = 200, seconds: int = 0) -> HTMLResponse:
    """The form; `wrong` says why the last try failed, `seconds` is when the next is possible."""
    focus = ("", " autofocus") if name else (" autofocus", "")
    return _page(
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
    return _page(
        "Sign in",
        """<p>There is no account yet. Whoever runs the monitor makes the first one on its machine:</p>
<p class="command"><code><span>python -m sensormon users add NAME</span>
<span>--role administrator</span></code></p>
<p class="quiet">Then reload this page. The command works while the monitor runs.</p>""",
    )


def signed_in(name: str, role: str, after: str) -> HTMLResponse:
    """Who is signed in, and the way out."""
    return _page(
        "Signed in",
        f"""<p>You are signed in as <strong>{escape(name)}</strong>, {escape(role)}.
<a href="{escape(after)}">Continue to the monitor</a></p>
<form method="post" action="/sign-out"><button>Sign out</button></form>""",
    )


def signed_out_here() -> HTMLResponse:
    """After a sign-out here, on the way to the identity provider's own."""
    return _page(
        "Signed out",
        """<p>You are signed out here.</p>
<p><a href="/auth/logout">Sign out at the identity provider too</a></p>""",
        refresh="/auth/logout",
    )


def message(title: str, text: str, status: int) -> HTMLResponse:
    """A page that only says something."""
    return _page(title, f"<p>{escape(text)}</p>", status)


def provider_away() -> HTMLResponse:
    """What to do while the identity provider does not answer."""
    return _page(
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
    return _page("One moment", f'<p><a href="{escape(address)}">Continue</a></p>', refresh=address)


def _page(
    title: str,
    body: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    refresh: str = "",
) -> HTMLResponse:
    again = f'\n<meta http-equiv="refresh" content="0; url={escape(refresh)}">' if refresh else ""
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{again}
<title>{escape(title)} · sensormon</title>
<style>{_COLOURS}{_STYLE}</style>
</head>
<body>
<main>
<p class="product">sensormon</p>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    return HTMLResponse(html, status, {**_HEADERS, **(headers or {})})


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{escape(text)}</p>\n' if text else ""


def _variables(palette: Palette) -> str:
    return "".join(f"--{name}: {getattr(palette, name)}; " for name in _SHOWN)


_COLOURS = (
    f":root {{ {_variables(LIGHT)}}}\n@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)}}} }}"
)
