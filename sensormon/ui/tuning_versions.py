"""The section Versions of Tuning: who changed the settings, when, why and how; and going back to one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import pandas as pd
import streamlit as st

from sensormon.access.roles import Act
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import StoreError
from sensormon.model.format import day_and_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.acts import allowed
from sensormon.ui.drawing import panel
from sensormon.ui.parts import dialog, every
from sensormon.ui.profile_apply import apply_form, bullets, change_lines, said
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import literal
from sensormon.view.profiles import profiles_words
from sensormon.view.versions import change_words, version_title


def section(m: Monitor, viewer: Viewer) -> None:
    """The list, and the version chosen in it beside the one in force."""
    said()
    try:
        versions = m.tuner.versions()
    except StoreError:
        st.caption("The versions are in the database and will be shown once it is back.")
        return
    _follow(m, m.detection.in_force.id)
    _table(viewer, versions)
    with panel("version"):
        _shown(m, viewer, versions)


@every(2)
def _follow(m: Monitor, drawn: int) -> None:
    """Draw the page again once another version is in force."""
    if m.detection.in_force.id != drawn:
        st.rerun()


def _table(viewer: Viewer, versions: Sequence[DetectorSettings]) -> None:
    """Every version with what it changed, newest first."""
    pairs = zip_longest(versions, versions[1:])
    st.dataframe(
        pd.DataFrame(
            {
                "id": [version.id for version in versions],
                "applied": pd.to_datetime([version.applied for version in versions], unit="us", utc=True),
                "who": [version.who for version in versions],
                "change": [change_words(old, new) for new, old in pairs],
                "reason": [version.reason for version in versions],
            }
        ),
        hide_index=True,
        alt="Versions of the settings, newest first",
        height=min(38 + 35 * len(versions), 388),
        column_config={
            "id": st.column_config.NumberColumn(
                "No.", help="Every stored reading carries the number of the version that judged it"
            ),
            "applied": st.column_config.DatetimeColumn(
                "Applied", format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "who": "Who",
            "change": st.column_config.TextColumn("What changed", width="large"),
            "reason": st.column_config.TextColumn("Reason", width="medium"),
        },
    )


def _shown(m: Monitor, viewer: Viewer, versions: Sequence[DetectorSettings]) -> None:
    """A version: its content, how it differs from the one in force, and a button to go back to it."""
    by_id = {version.id: version for version in versions}
    now = m.detection.in_force
    start = next((version.id for version in versions if version.id != now.id), now.id)
    number = st.selectbox(
        "Version",
        list(by_id),
        list(by_id).index(start),
        format_func=lambda number: version_title(by_id[number], viewer.zone, number == now.id),
        key="version",
    )
    version = by_id.get(number or start, now)
    if version.reason:
        st.caption(f"Reason: {literal(version.reason)}")
    if version.id == now.id:
        st.markdown("This version is in force.")
    else:
        _difference(m, viewer, now, version)
    with st.expander(f"Everything in version {version.id}"):
        st.markdown("\n".join(f"- {literal(line)}" for line in profiles_words(version.in_use).splitlines()))


def _difference(m: Monitor, viewer: Viewer, now: DetectorSettings, version: DetectorSettings) -> None:
    """What going back to this version would change."""
    lines = change_lines(m, now.in_use, version.in_use)
    if lines:
        st.markdown("**Reverting to it would change:**")
        st.markdown(bullets(lines))
    else:
        st.markdown("Judges the same as the version in force.")
    if st.button(
        f"Revert to version {version.id} …",
        key="revert",
        **allowed(m, Act.APPLY_SETTINGS, disabled=not lines),
    ):
        revert(m, viewer, version, now.id)


@dialog("Revert to an earlier version", icon=":material/history:")
def revert(m: Monitor, viewer: Viewer, version: DetectorSettings, over: int) -> None:
    """Say what changes, ask for a name and a reason, and apply the old content over the version `over`."""
    why = f"Back to version {version.id} of {day_and_time(version.applied, viewer.zone)}"
    if apply_form(m, f"revert-{version.id}", version.in_use, over, why):
        st.rerun()
