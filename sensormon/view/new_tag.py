"""What adding a tag will do, in sentences. Pure."""

from __future__ import annotations

import math

from sensormon.model.tags import Tag


def new_tag_words(tag: Tag, profile: str) -> str:
    """What this tag will be and what happens to its readings; `profile` judges it, empty for states."""
    unit = f" {tag.unit}" if tag.unit else ""
    if tag.has_states:
        kinds = ", ".join(tag.states) if tag.states else "any words"
        parts = [f"Readings of {tag.name} are words: {kinds}. Anything else is rejected"]
    else:
        parts = [f"Readings of {tag.name} are numbers{f' in {tag.unit}' if unit else ' without a unit'}"]
        parts.append(_rejected(tag.valid, unit))
    if tag.normal:
        parts.append(f"The band from {tag.normal[0]:,.10g} to {tag.normal[1]:,.10g}{unit} is drawn as normal")
    if profile:
        parts.append(f"The profile {profile} judges them")
    parts.append(
        "The built-in simulator makes its readings"
        if tag.simulated
        else "It waits for readings from a source, a file or over HTTP"
    )
    return ". ".join(parts) + "."


def _rejected(valid: tuple[float, float], unit: str) -> str:
    low, high = valid
    if math.isinf(low) and math.isinf(high):
        return "None is rejected for its value"
    if math.isinf(low):
        return f"Those above {high:,.10g}{unit} are rejected and counted"
    if math.isinf(high):
        return f"Those below {low:,.10g}{unit} are rejected and counted"
    return f"Those below {low:,.10g} or above {high:,.10g}{unit} are rejected and counted"
