"""The link to the sign-in page, which leads back to the view that it was followed from."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

import streamlit as st

from sensormon.api.next_page import sign_in_address


def sign_in_link() -> str:
    """As HTML; back to this page, with the query that it was drawn with.

    `browser/sign_in.js` replaces that by the query at the moment of the click.
    """
    page = urlsplit(st.context.url or "/").path or "/"
    query = urlencode(st.query_params.to_dict())
    return f'<a class="sign-in" href="{escape(sign_in_address(page, query))}" target="_self">Sign in</a>'
