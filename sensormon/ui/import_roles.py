"""What each column of an uploaded file is: the guess, and the controls that correct it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import available_timezones

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.exchange.import_table import Table, propose, propose_wide
from sensormon.exchange.mappings import SavedMapping, fitting
from sensormon.model.errors import UsageError
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.tables.numbers import read_numbers
from sensormon.ui.viewer import Viewer

NOT = "not imported"
EACH = "one column per tag"
OWN_TIMES = "one for each tag"
NONE = "none"
_AS_FILE = "as the file shows"
_DECIMALS = {_AS_FILE: "", "comma: 37,1": ",", "point: 37.1": "."}
_ORDERS = {_AS_FILE: None, "day first: 31/1": True, "month first: 1/31": False}


def mapped_columns(m: Monitor, viewer: Viewer, table: Table, stem: str, mapping: SavedMapping) -> Columns:
    """What the columns are, by the guess, the saved mapping, and the person's corrections.

    Raises UsageError for a mapping that names columns of times or tags that the file lacks.
    """
    names = [str(name) for name in table.frame.columns]
    base = fitting(mapping, names).columns
    mark = f"{table.key}-{digest_of(mapping, m.running_tags.now().digest)}"
    given = _reading(viewer, base, mark)
    first = _guessed(table, m.running_tags.now(), stem, given)
    given = _roles(names, first, given, mark)
    columns = _guessed(table, m.running_tags.now(), stem, given, wide=not given.tag and not given.values)
    return columns if columns.tag else _edited(m, table, columns, mark)


def digest_of(*parts: object) -> str:
    """Equal for equal parts: widgets with another one begin anew."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def _guessed(table: Table, tags: TagTable, stem: str, given: Columns, *, wide: bool = False) -> Columns:
    """The guess; only what is given if it is unclear."""
    propose_as = propose_wide if wide else propose
    try:
        return cached_guess(table, tags, stem, given, propose_as.__name__)
    except UsageError:
        return given


def cached_guess(table: Table, tags: TagTable, stem: str, given: Columns, way: str) -> Columns:
    """The guess, remembered for a while."""
    return _cached(table, tags, given, table.key, tags.digest, stem, repr(given), way)


@st.cache_data(max_entries=50, ttl=600, show_spinner="Reading the columns")
def _cached(
    _table: Table, _tags: TagTable, _given: Columns, key: str, digest: str, stem: str, said: str, way: str
) -> Columns:
    del key, digest, said  # stand for the arguments before them in the cache
    values = dict(_given.values)
    if way == propose_wide.__name__:
        return propose_wide(_table, _tags, stem, given=replace(_given, values={}))
    return propose(_table, _tags, stem, given=_given, values=values)


def _reading(viewer: Viewer, base: Columns, mark: str) -> Columns:
    """How cells are read: zone, marks, order of dates, missing values."""
    zones = ["UTC", *sorted(available_timezones() - {"UTC"})]
    wanted = base.zone if base.zone != "UTC" else viewer.zone_name
    left, right = st.columns(2)
    zone = left.selectbox(
        "Time zone", zones, zones.index(wanted) if wanted in zones else 0, key=f"import-zone-{mark}"
    )
    missing = right.text_input(
        "Missing values",
        ", ".join(base.missing),
        key=f"import-missing-{mark}",
        placeholder="such as -999, -200",
        help="Cells with one of these hold no value; empty cells, NaN, null, N/A and dashes never do",
    )
    first, second, third = st.columns(3)
    decimal = first.selectbox(
        "Decimal mark",
        list(_DECIMALS),
        list(_DECIMALS.values()).index(base.decimal),
        key=f"import-decimal-{mark}",
    )
    order = second.selectbox(
        "Dates", list(_ORDERS), list(_ORDERS.values()).index(base.day_first), key=f"import-order-{mark}"
    )
    form = third.text_input(
        "Time format",
        base.form,
        key=f"import-form-{mark}",
        placeholder=_AS_FILE,
        help="As strptime takes it, such as %d/%m/%y %H:%M, or one of s, ms, us, ns, excel, matlab, labview",
    )
    return replace(
        base,
        zone=zone,
        missing=tuple(part for part in (text.strip() for text in (missing or "").split(",")) if part),
        decimal=_DECIMALS[decimal],
        day_first=_ORDERS[order],
        form=(form or "").strip(),
    )


def _roles(names: Sequence[str], guessed: Columns, given: Columns, mark: str) -> Columns:
    """Which columns have the times, the tags and the values."""
    own = [OWN_TIMES] if guessed.times_of else []
    left, middle, right = st.columns(3)
    time = left.selectbox(
        "Time column",
        [*own, *names],
        [*own, *names].index(guessed.time) if guessed.time in names else 0,
        key=f"import-time-{mark}",
    )
    clock = _choice(middle, "Time of day", NONE, names, guessed.clock, f"import-clock-{mark}")
    tag = _choice(right, "Tags", EACH, names, guessed.tag, f"import-tag-{mark}")
    values, qualities = given.values, given.qualities
    value = ""
    if tag:
        value = _choice(left, "Value column", "all of numbers", names, guessed.value, f"import-value-{mark}")
        quality = next(iter(guessed.qualities.values()), "")
        chosen = _choice(middle, "Quality column", NONE, names, quality, f"import-quality-{mark}")
        qualities = {value: chosen} if chosen else {}
        values = guessed.values if not value and guessed.tag == tag else {}
    times_of = guessed.times_of if time == OWN_TIMES else {}
    return replace(
        given,
        time="" if time == OWN_TIMES else time,
        clock=clock if clock != time else "",
        tag=tag,
        value=value,
        values=values,
        qualities=qualities,
        times_of=times_of,
    )


def _choice(
    place: st.delta_generator.DeltaGenerator,
    label: str,
    none: str,
    names: Sequence[str],
    usual: str,
    key: str,
) -> str:
    """The chosen column; empty for `none`."""
    options = [none, *names]
    chosen = place.selectbox(label, options, options.index(usual) if usual in names else 0, key=key)
    return "" if chosen == none else str(chosen)


def _edited(m: Monitor, table: Table, columns: Columns, mark: str) -> Columns:
    """The columns of a wide table, with the tags and qualities that the person gave them."""
    names = [str(name) for name in table.frame.columns]
    times = {columns.time, columns.clock, *columns.times_of.values()}
    others = [name for name in names if name not in times]
    ends = values_of(table, columns, table.key, repr(columns)).reindex(others).reset_index(drop=True)
    shown = pd.DataFrame(
        {
            "Column": others,
            "Tag": [
                tag if (tag := columns.values.get(name, NOT)) in m.running_tags.now() else NOT
                for name in others
            ],
            "Quality": [columns.qualities.get(name, NONE) for name in others],
        }
    )
    edited = st.data_editor(
        pd.concat([shown, ends], axis=1),
        hide_index=True,
        key=f"import-columns-{mark}-{columns.time}",
        disabled=["Column", "Lowest", "Highest"],
        column_config={
            "Tag": st.column_config.SelectboxColumn(
                options=[NOT, *m.running_tags.now().names], required=True
            ),
            "Quality": st.column_config.SelectboxColumn(options=[NONE, *others], required=True),
        },
    )
    rows = list(zip(edited["Column"], edited["Tag"], edited["Quality"], strict=True))
    values = {name: tag for name, tag, _ in rows if tag != NOT}
    return replace(
        columns,
        values=values,
        qualities={name: quality for name, _, quality in rows if name in values and quality != NONE},
        times_of={name: time for name, time in columns.times_of.items() if name in values},
    )


@st.cache_data(max_entries=20, ttl=600, show_spinner="Reading the numbers")
def values_of(_table: Table, _columns: Columns, key: str, said: str) -> pd.DataFrame:
    """The lowest and highest number of each column except the times, as they are imported."""
    del key, said  # stand for the table and the columns in the cache
    times = {_columns.time, _columns.clock, *_columns.times_of.values()}
    numbers = read_numbers(
        {str(name): _table.frame[name] for name in _table.frame.columns if name not in times},
        decimal=_columns.decimal,
        separator=_table.sheet.separator,
        missing=_columns.missing,
    ).values
    ends = [
        (np.nanmin(column), np.nanmax(column)) if np.isfinite(column).any() else (None, None)
        for column in numbers.values()
    ]
    return pd.DataFrame(ends, columns=["Lowest", "Highest"], index=list(numbers), dtype="float64")
