"""How a file's times are read, in a sentence, before anything of it is taken in."""

from __future__ import annotations

from datetime import tzinfo

from sensormon.exchange.import_table import Columns, Table
from sensormon.exchange.import_times import read_times, unit_of
from sensormon.view.phrases import counted, day_and_time


def times_line(table: Table, columns: Columns, zone: tzinfo) -> str:
    """From when to when the times go, as a clock in this zone shows it, what they count, what is wrong."""
    column = table.frame[columns.time]
    times = read_times(column, columns.zone, table.frame[columns.tag] if columns.tag else None)
    good = times.time[~times.wrong]
    if not len(good):
        return "None of the times can be read."
    line = f"Times from {day_and_time(int(good.min()), zone)} to {day_and_time(int(good.max()), zone)}"
    if unit := unit_of(column):
        line += f", read as {unit} since 1970"
    if times.wrong.any():
        line += f"; {counted(int(times.wrong.sum()), 'row')} without one that can be read"
    if times.unsure.any():
        line += f"; {counted(int(times.unsure.sum()), 'row')} of an hour that came twice, taken for the later"
    return f"{line}."
