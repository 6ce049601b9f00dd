"""The parameters of a detector as sliders and fields, each of them in the address."""

from __future__ import annotations

import streamlit as st

from sensormon.detectors import DEFAULT
from sensormon.detectors.base import Parameter
from sensormon.ui.glossary import meaning

SLIDER = 1_000
"""A parameter with more steps than this gets a field, not a slider."""


def key_of(detector: str, parameter: Parameter) -> str:
    """The name of a parameter in the address."""
    return parameter.name if detector == DEFAULT else f"{detector}_{parameter.name}"


def _is_slider(parameter: Parameter) -> bool:
    return parameter.unset is None and (parameter.high - parameter.low) / parameter.step <= SLIDER


def field_value(parameter: Parameter, value: float) -> float | None:
    """What the widget of this parameter has for this value: None where each tag's own counts."""
    if value == parameter.unset:
        return None
    if not _is_slider(parameter):
        return float(value)
    return int(value) if parameter.step == int(parameter.step) else float(value)


def parameter_input(detector: str, parameter: Parameter, start: float) -> float:
    """A slider, or a field if the range is too wide for one; the value in the address overrides `start`."""
    label, key = parameter.label_with_unit, key_of(detector, parameter)
    kind = int if parameter.step == int(parameter.step) else float
    help_text = meaning(*parameter.terms) if parameter.terms else None
    low, high, step = kind(parameter.low), kind(parameter.high), kind(parameter.step)
    if parameter.unset is not None:
        value = st.number_input(
            label,
            low,
            high,
            None if start == parameter.unset else float(start),
            placeholder="each tag's own",
            key=key,
            bind="query-params",
            help=help_text,
        )
        return parameter.unset if value is None else float(value)
    decimals = 0 if kind is int else len(f"{parameter.step:g}".partition(".")[2])
    if _is_slider(parameter):
        return st.slider(
            label,
            low,
            high,
            kind(start),
            step,
            format=f"%.{decimals}f",
            key=key,
            bind="query-params",
            help=help_text,
        )
    # A field for whole numbers cannot read one from an address that is too long.
    value = st.number_input(
        label,
        float(low),
        float(high),
        float(start),
        max(float(step), 10.0 ** (len(str(int(max(start, 1)))) - 2)),
        format=f"%.{decimals}f",
        key=key,
        bind="query-params",
        help=help_text,
    )
    return round(value) if kind is int else value
