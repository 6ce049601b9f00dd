"""The options that say how a file is to be read, the same for every command that reads one.

Also the question of what a file leaves open: asked on a terminal, refused elsewhere with every way
to read it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TextIO

from sensormon.exchange.import_plan import answered
from sensormon.model.errors import UsageError
from sensormon.tables.columns import Columns
from sensormon.tables.questions import Question, deciding, in_ways

FORMS = "iso, s, ms, us, ns, excel, excel1904, matlab, filetime, labview"


def register(command: argparse.ArgumentParser) -> None:
    """Add the options to this command."""
    command.add_argument("--time", default="", metavar="COLUMN", help="the column of times")
    command.add_argument(
        "--time-format",
        default="",
        metavar="F",
        help=f"as strptime takes it, such as %%d/%%m/%%y, or {FORMS}",
    )
    command.add_argument(
        "--day-first",
        action=argparse.BooleanOptionalAction,
        help="03/04/2026 is 3 April, or with --no-day-first 4 March",
    )
    command.add_argument("--zone", default="", help="time zone of times that name none; default: UTC")
    command.add_argument("--decimal", default="", choices=["", ",", "."], help="the decimal mark")
    command.add_argument("--tag-column", default="", metavar="COLUMN", help="a column with a tag in each row")
    command.add_argument("--value-column", default="", metavar="COLUMN", help="the column of their values")
    command.add_argument("--quality-column", default="", metavar="COLUMN", help="the column of qualities")
    command.add_argument(
        "--missing",
        action="append",
        default=[],
        metavar="TEXT",
        help="what stands where there is no value, such as -999; may be given more than once",
    )
    command.add_argument("--sheet", default="", metavar="NAME", help="the sheet of a workbook")
    command.add_argument(
        "--names", default="", metavar="A,B,C", help="names of the columns of a file without a header"
    )


def given(options: argparse.Namespace, base: Columns | None = None) -> Columns:
    """What these options say of the columns, and `base` of what they leave open."""
    base = base or Columns()
    value = options.value_column or base.value
    qualities = {value or "": options.quality_column} if options.quality_column else base.qualities
    return Columns(
        time=options.time or base.time,
        tag=options.tag_column or base.tag,
        value=value,
        zone=options.zone or base.zone,
        clock="" if options.time else base.clock,
        qualities=qualities,
        times_of={} if options.time else base.times_of,
        form=options.time_format or base.form,
        day_first=base.day_first if options.day_first is None else options.day_first,
        decimal=options.decimal or base.decimal,
        missing=tuple(options.missing) or base.missing,
    )


def column_names(options: argparse.Namespace) -> list[str]:
    """The names of the columns that `--names` gives."""
    return [name.strip() for name in options.names.split(",")] if options.names else []


def pairs(options: argparse.Namespace) -> Mapping[str, str]:
    """Columns and their tags from `--column COLUMN=TAG`. Raises UsageError for one that is no pair."""
    for pair in options.column:
        if not all(pair.rpartition("=")[::2]):
            raise UsageError(
                f"{pair!r} is not COLUMN=TAG", where="--column", hint="Try 'Reactor T=reactor_temp'"
            )
    return dict(pair.rpartition("=")[::2] for pair in options.column)


def show(question: Question, name: str, out: TextIO) -> None:
    """Write the question and what each answer would mean."""
    out.write(f"{name}: {in_ways(question)}:\n")
    for number, choice in enumerate(question.choices, 1):
        out.write(f"  {number}. {choice.title}: {'; '.join(choice.first)}\n")
    out.write(f"{question.option} decides: {deciding(question)}\n")


def ask(
    question: Question, name: str, columns: Columns, answers: Callable[[], str], out: TextIO
) -> Columns | None:
    """The columns with the answer of a person at the terminal; None if there is none."""
    show(question, name, out)
    out.write(f"Which one? (1 to {len(question.choices)}, anything else stops) ")
    out.flush()
    answer = answers().strip()
    if not answer.isdecimal() or not 1 <= int(answer) <= len(question.choices):
        return None
    return answered(columns, question, question.choices[int(answer) - 1].value)
