"""How often Python looks for garbage in a process that stays."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 20)
"""Objects made and not freed between two looks, and of how many looks one goes further back.

What the loader takes at once is some ten thousands of objects, none of them garbage before they are stored.
With Python's own 700 the looks were a fifth of the time that draining a journal takes.
"""


def look_seldom() -> None:
    """Look for garbage seldom, and never among what exists now: for when what stays has been loaded."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
