"""Similar stretches on Explore: where else did it look like the stretch in view?"""

from __future__ import annotations

import streamlit as st

from sensormon.model.errors import UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.similar import Nearest, Similar, Wanted
from sensormon.ui.explore_measures import tag_to_measure
from sensormon.ui.explore_view import OTHER, Chosen, show
from sensormon.ui.memo import remembered
from sensormon.ui.time_range import span_of, span_text
from sensormon.ui.url_state import write, write_bound
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times
from sensormon.view.phrases import literal
from sensormon.view.similar import (
    before_or_after,
    earlier_choice,
    likeness,
    no_close_match,
    overlay,
    search_words,
)
from sensormon.view.traces import Span

SHAPE, LEVEL = "Shape", "Shape and level"
THIS, SHOWN = "This tag", "Tags in view"
_ROUND = "similar_round"


def similar_look(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """The stretches most like the one searched for. Raises StoreError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = tag_to_measure(m, chosen)
        if name is None:
            return
        by = st.segmented_control(
            "Compare",
            [SHAPE, LEVEL],
            default=SHAPE,
            required=True,
            key="similar_by",
            bind="query-params",
            help="Shape: the same course at any level and of any size. Shape and level: the same values.",
        )
        where = THIS
        if len(chosen.names) > 1:
            where = st.segmented_control(
                "Search in",
                [THIS, SHOWN],
                default=THIS,
                required=True,
                key="similar_in",
                bind="query-params",
            )
        kept = _kept()
        pressed = st.button(
            "Search for the stretch in view",
            key="similar-search",
            type="secondary" if kept else "primary",
            icon=":material/search:",
            help="Zoom or drag in the chart until it shows the stretch, and no more",
        )
    if pressed:
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        write({"similar": span_text(chosen.span), "similar_of": name})
        kept = (name, chosen.span)
    if kept is None:
        st.caption(
            "Where did it look like this? Zoom until the chart shows the stretch, then search: the whole "
            "history of the tag is compared with it."
        )
        return
    _answer(m, viewer, chosen, kept, level=by == LEVEL, in_view=where == SHOWN)


def _kept() -> tuple[str, Span] | None:
    """The tag and the stretch in the address."""
    span = span_of(*st.query_params.get("similar", "").partition("/")[::2])
    name = st.query_params.get("similar_of", "")
    return (name, span) if span and name else None


def _answer(
    m: Monitor, viewer: Viewer, chosen: Chosen, query: tuple[str, Span], *, level: bool, in_view: bool
) -> None:
    name, span = query
    if name not in m.tags:
        st.info("The tag of this search is not in the tag table.", title="Unknown tag")
        return
    among = tuple(dict.fromkeys((name, *(chosen.names if in_view else ()))))
    wanted = Wanted(name, *span, among, level)
    try:
        result: Similar = remembered(
            "explore-similar",
            (m.started, wanted, st.session_state.get(_ROUND)),
            lambda: m.explorer.similar(m.tags, wanted),
        )
    except UsageError as error:
        st.info(f"{error.what[:1].upper()}{error.what[1:]}. {error.hint}.", title="No search")
        return
    stretch = (result.since, result.until)
    with st.container(horizontal=True, vertical_alignment="center"):
        title = literal(m.tags.title(name))
        st.markdown(f"**Searched for:** {title}, {times(*stretch, viewer.zone)}", width="content")
        st.button("Show it", key="similar-query", on_click=show, args=(stretch,))
        st.button("Clear", key="similar-clear", on_click=write, args=({"similar": "", "similar_of": ""},))
    if caution := no_close_match(result, level=level):
        st.warning(caution)
    for place, match in enumerate(result.matches):
        _row(m, viewer, result, place, match, level=level)
    for line in search_words(result, m.tags, viewer.zone):
        st.caption(literal(line))


def _row(m: Monitor, viewer: Viewer, result: Similar, place: int, match: Nearest, *, level: bool) -> None:
    """A match: its picture over the query, when, how like; a click shows it in the chart."""
    tag, when = m.tags[match.tag], times(match.since, match.until, viewer.zone)
    words = likeness(match, tag, level=level)
    apart = before_or_after(match, result.since)
    own = match.tag == st.query_params.get("similar_of")
    of = "" if len(result.searched) == 1 else f"{literal(m.tags.title(match.tag))} · "
    with st.container(horizontal=True, vertical_alignment="center", key=f"similar-{place}"):
        st.html(
            overlay(result.cells, match.cells, viewer.palette, level=level, alt=f"{when}: {words}"),
            width="content",
        )
        st.button(
            when,
            key=f"similar-show-{place}",
            type="tertiary",
            help="Show this stretch in the chart",
            on_click=show,
            args=((match.since, match.until),),
        )
        st.markdown(f"{of}{literal(words)} · {apart}", width="stretch")
        if own:
            st.button(
                "Overlay",
                key=f"similar-overlay-{place}",
                help="Show both in the chart: the later one, with the earlier one dashed",
                on_click=_compare,
                args=((result.since, result.until), (match.since, match.until)),
            )


def _compare(query: Span, match: Span) -> None:
    """Show the later of two spans, compared with the earlier one."""
    earlier, text = earlier_choice(match[0] - query[0], OTHER)
    st.session_state["earlier"] = earlier
    write_bound("earlier", earlier)
    if text:
        st.session_state["offset"] = text
        write_bound("offset", text)
    show(max(query, match))
