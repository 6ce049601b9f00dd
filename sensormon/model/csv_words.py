"""What is wrong with a CSV file, in our words."""

from __future__ import annotations

import csv


def csv_problem(error: csv.Error) -> str:
    """The problem for a person. Python speaks of a field limit of its own, which nobody can look up here."""
    if "field limit" in str(error):
        return (
            f"a cell is longer than {csv.field_size_limit():,} characters; "
            "perhaps a quotation mark is never closed"
        )
    return str(error)
