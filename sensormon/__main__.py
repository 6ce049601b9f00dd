"""The command line: `python -m sensormon COMMAND`.

It only parses the options; each command's code is in `sensormon.cli`. Exit codes: 0 success, 1 a finding,
2 wrong use (one line on standard error says what).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sensormon.cli import (
    audit,
    backup,
    bench,
    case,
    collect,
    export,
    import_file,
    imports,
    ledger,
    migrate,
    report,
    restore,
    score,
    sessions,
    tokens,
    users,
    verify,
)
from sensormon.model.errors import SensormonError
from sensormon.model.settings import read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ)
        code: int = options.run(options, settings)
    except BrokenPipeError:
        return 0
    except SensormonError as error:
        print(f"sensormon: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"sensormon: {error.filename}: {error.strerror}. Give another path", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sensormon", description="The sensor monitor's commands.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("ledger", help="where every reading is")
    command.add_argument("--json", action="store_true", help="as JSON")
    command.set_defaults(run=ledger.run)

    command = commands.add_parser("export", help="stored anomalies or readings as a file")
    command.add_argument("what", choices=["anomalies", "readings"])
    command.add_argument("--since", metavar="TIME", help="ISO 8601, UTC if no zone is given")
    command.add_argument("--until", metavar="TIME")
    command.add_argument("--tag", action="append", metavar="NAME", help="may be given more than once")
    command.add_argument(
        "--format", choices=list(export.FORMATS), default="csv", help="excel: 1,048,575 rows at most"
    )
    command.add_argument("--out", type=Path, help="default: standard output")
    command.set_defaults(run=export.run)

    command = commands.add_parser("case", help="one file that another installation opens to the same view")
    command.add_argument("file", type=Path)
    command.add_argument(
        "--tag", action="append", metavar="NAME", help="may be given more than once; default: all"
    )
    command.add_argument("--since", metavar="TIME", help="ISO 8601, UTC if no zone is given")
    command.add_argument("--until", metavar="TIME")
    command.add_argument("--name", default="", help="default: the file's name")
    command.add_argument("--view", default="", metavar="ADDRESS", help="the page it is about, as copied")
    command.set_defaults(run=case.run_case)

    command = commands.add_parser("open", help="open a case")
    command.add_argument("file", type=Path)
    command.add_argument("--preview", action="store_true", help="say what is in it, store nothing")
    command.set_defaults(run=case.run_open)

    command = commands.add_parser("collect", help="collect without pages until stopped")
    command.set_defaults(run=collect.run)

    command = commands.add_parser("verify", help="check journal, store and ledger of a stopped monitor")
    command.add_argument("folder", type=Path, nargs="?", help="default: the data folder")
    command.set_defaults(run=verify.run)

    for own in (
        score,
        import_file,
        imports,
        users,
        tokens,
        sessions,
        audit,
        migrate,
        backup,
        restore,
        report,
    ):
        own.register(commands)

    command = commands.add_parser("bench", help="measure on this machine")
    command.add_argument("name", choices=bench.NAMES)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--table", action="store_true", help="of detection: as the tables of docs/detection.md")
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="for detection: a folder with nab/ and skab/; not downloaded"
    )
    command.add_argument("--readings", type=int, metavar="N", help="how many it is measured with")
    command.add_argument("--full", action="store_true", help="the long form, up to an hour")
    command.set_defaults(run=bench.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
