"""Boards and saved views as PDF, on demand and on a schedule.

`order` says what is asked for and what is refused, `spans` over which time; `gather` reads it, `drawing`
draws a chart, `pages` lays out what is on them, `typesetting` makes the PDF of that; `making` does all of it
for a monitor.
"""
