"""What a page that edits a file says above it: what was done last, and what is wrong with the file."""

from __future__ import annotations

import streamlit as st

from sensormon.view.phrases import literal


def say_file(said: str, about: str, problem: str, path: str, *, wrong: bool) -> None:
    """What was done last, which the session's state has under the key `said`, and the problem, if any.

    `wrong` says that the file of what it is `about` cannot be edited here until somebody corrects it by hand.
    """
    if words := st.session_state.pop(said, None):
        st.info(literal(words))
    if wrong:
        st.error(
            f"{literal(problem)}\n\nWhat was in force before stays in force. Correct {literal(path)} by "
            "hand; then it can be edited here again.",
            title=f"The file of {about} is wrong",
        )
    elif problem:
        st.warning(literal(problem))
