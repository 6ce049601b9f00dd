"""How far long work is, with a button to cancel it."""

from __future__ import annotations

import streamlit as st

from sensormon.jobs import Job


def job_line(job: Job) -> None:
    """A bar and a Cancel button while it runs; what went wrong, or that it was cancelled, afterwards."""
    if job.running:
        progress = job.progress
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(progress.share or 0.0, f"{job.title}: {progress.words or 'beginning'}")
            if st.button("Cancel", key=f"cancel-{job.id}", disabled=progress.cancelling):
                progress.cancel()
                st.rerun(scope="fragment")
    elif job.problem is not None:
        st.error(str(job.problem), title=f"{job.title}: it could not be done")
    elif job.cancelled:
        st.info("What was done until then stays.", title=f"{job.title}: cancelled")
