"""The files of tests that take longest, so that parallel workers begin with them and end together.

A worker takes one file after another. Whoever takes a file of minutes last leaves the other workers idle.
"""

from __future__ import annotations

SECONDS: dict[str, int] = {}
