"""The parameters of a detector as sliders and fields, each of them in the address."""

from __future__ import annotations

import streamlit as st

from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Parameter
from sensormon.detectors.limits import UNSET
from sensormon.ui.glossary import meaning
from sensormon.view.detectors import parameter_label

SLIDER = 1_000
"""A range of more steps than this is a field, not a slider."""

_HELP: dict[tuple[str, str], tuple[str, ...]] = {
    ("zscore", "window"): ("window",),
    ("zscore", "threshold"): ("threshold", "z-score", "σ"),
    ("hampel", "window"): ("window",),
    ("hampel", "threshold"): ("threshold", "MAD"),
    ("cusum", "k"): ("CUSUM's k",),
    ("cusum", "h"): ("CUSUM's h",),
    ("page_hinkley", "threshold"): ("threshold",),
    ("recommended", "threshold"): ("threshold", "score"),
}


def key_of(detector: str, parameter: Parameter) -> str:
    """The name of a parameter in the address."""
    return parameter.name if detector == "zscore" else f"{detector}_{parameter.name}"


def reset(detector: str) -> None:
    """Put this detector's parameters to its defaults."""
    made = make(detector)
    for one in PER_TAG[detector].PARAMETERS:
        value = getattr(made, one.name)
        field = one.high == UNSET or (one.high - one.low) / one.step > SLIDER
        st.session_state[key_of(detector, one)] = (
            None if abs(value) == UNSET else float(value) if field else value
        )


def parameter_input(detector: str, parameter: Parameter, start: float) -> float:
    """A slider, or a field where the range is too wide for one; out of the address where that is usable."""
    label, key = parameter_label(detector, parameter), key_of(detector, parameter)
    kind = int if parameter.step == int(parameter.step) else float
    words = _HELP.get((detector, parameter.name))
    told = meaning(*words) if words else None
    low, high, step = kind(parameter.low), kind(parameter.high), kind(parameter.step)
    if parameter.high == UNSET:
        value = st.number_input(
            label,
            low,
            high,
            None if abs(start) == UNSET else float(start),
            placeholder="each tag's own",
            key=key,
            bind="query-params",
            help=told,
        )
        unset = high if "high" in parameter.name else low
        return unset if value is None else float(value)
    decimals = 0 if kind is int else len(f"{parameter.step:g}".partition(".")[2])
    if (high - low) / step <= SLIDER:
        return st.slider(
            label,
            low,
            high,
            kind(start),
            step,
            format=f"%.{decimals}f",
            key=key,
            bind="query-params",
            help=told,
        )
    # A field for whole numbers cannot read an endless one in an address.
    value = st.number_input(
        label,
        float(low),
        float(high),
        float(start),
        max(float(step), 10.0 ** (len(str(int(max(start, 1)))) - 2)),
        format=f"%.{decimals}f",
        key=key,
        bind="query-params",
        help=told,
    )
    return round(value) if kind is int else value
