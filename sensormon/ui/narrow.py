"""Controls that take one line on a phone: a line that says what is set, and opens them.

On a wide screen they stand there as always. `browser/controls.js` writes what is set into the line; without
it the line has only its name, and still opens.
"""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def folded(name: str = "Controls") -> DeltaGenerator:
    """The container for the controls at the top of a page; the line before it has this name."""
    summary = f'<summary><b>{escape(name)}</b> <span class="controls-set"></span></summary>'
    st.html(f'<details class="controls">{summary}</details>')
    return st.container()
