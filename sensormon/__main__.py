"""The command line: `python -m sensormon COMMAND`.

Exit codes: 0 good, 1 a finding, 2 wrong use (one line on standard error says what).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sensormon.cli.bench import BENCHMARKS
from sensormon.cli.bench_detection import detection, left_out
from sensormon.cli.case import make_case, open_case
from sensormon.cli.export import FORMATS, export
from sensormon.cli.import_file import import_file
from sensormon.cli.score import score_file
from sensormon.detectors import DETECTORS
from sensormon.ingest.validation import EARLIEST
from sensormon.model import timestamps
from sensormon.model.clock import SystemClock
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.ledger import LedgerLine
from sensormon.model.settings import Settings, read_settings
from sensormon.model.tags import read_tags
from sensormon.monitor.data_folder import holder_of, read_snapshot
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify

FOREVER = timestamps.parse("9000-01-01")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
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

    ledger = commands.add_parser("ledger", help="where every reading is")
    ledger.add_argument("--json", action="store_true", help="as JSON")
    ledger.set_defaults(run=_ledger)

    score = commands.add_parser("score", help="score a file without the app")
    score.add_argument(
        "file",
        type=Path,
        help="CSV or Parquet: a column `value`, or columns `tag` and `value`, or one column a tag; "
        "times in `timestamp`, `time` or `datetime`",
    )
    score.add_argument("--detector", default="zscore", help=f"one of: {', '.join(DETECTORS)}")
    score.add_argument("--param", action="append", default=[], metavar="NAME=NUMBER")
    score.add_argument("--out", type=Path, metavar="CSV", help="default: standard output")
    score.set_defaults(run=_score)

    take = commands.add_parser(
        "import", help="history from a CSV or Parquet file, scored as it would have been"
    )
    take.add_argument("file", type=Path)
    take.add_argument("--zone", default="UTC", help="time zone of times that name none; default: UTC")
    take.add_argument("--time", default="", metavar="COLUMN", help="the column of times")
    take.add_argument(
        "--column", action="append", default=[], metavar="COLUMN=TAG", help="may be given more than once"
    )
    take.add_argument("--preview", action="store_true", help="say what each column is, import nothing")
    take.set_defaults(run=_import)

    give = commands.add_parser("export", help="stored anomalies or readings as a file")
    give.add_argument("what", choices=["anomalies", "readings"])
    give.add_argument("--since", metavar="TIME", help="ISO 8601, UTC where no zone is given")
    give.add_argument("--until", metavar="TIME")
    give.add_argument("--tag", action="append", metavar="NAME", help="may be given more than once")
    give.add_argument("--format", choices=list(FORMATS), default="csv", help="excel: 1,048,575 rows at most")
    give.add_argument("--out", type=Path, help="default: standard output")
    give.set_defaults(run=_export)

    case = commands.add_parser("case", help="one file that another installation opens to the same view")
    case.add_argument("file", type=Path)
    case.add_argument(
        "--tag", action="append", metavar="NAME", help="may be given more than once; default: all"
    )
    case.add_argument("--since", metavar="TIME", help="ISO 8601, UTC where no zone is given")
    case.add_argument("--until", metavar="TIME")
    case.add_argument("--name", default="", help="default: the file's name")
    case.add_argument("--view", default="", metavar="ADDRESS", help="the page it is about, as copied")
    case.set_defaults(run=_case)

    opened = commands.add_parser("open", help="open a case")
    opened.add_argument("file", type=Path)
    opened.add_argument("--preview", action="store_true", help="say what is in it, store nothing")
    opened.set_defaults(run=_open)

    collect = commands.add_parser("collect", help="collect without pages until stopped")
    collect.set_defaults(run=_collect)

    check = commands.add_parser("verify", help="check journal, store and ledger of a stopped monitor")
    check.add_argument("folder", type=Path, nargs="?", help="default: the data folder")
    check.set_defaults(run=_verify)

    bench = commands.add_parser("bench", help="measure on this machine")
    bench.add_argument("name", choices=sorted(BENCHMARKS))
    bench.add_argument("--json", action="store_true", help="as JSON")
    bench.add_argument(
        "--data", type=Path, metavar="DIR", help="for detection: a folder with nab/ and skab/; not downloaded"
    )
    bench.set_defaults(run=_bench)
    return parser


def _ledger(options: argparse.Namespace, settings: Settings) -> int:
    if holder_of(settings.data_dir) is not None:
        snapshot = read_snapshot(settings.data_dir)
        counts: dict[str, Any] = snapshot["ledger"]
        age = (SystemClock().now() - int(snapshot["time"])) / 1e6
        title = f"as of {age:.1f} s ago, by the running monitor"
    else:
        stopped = StoppedMonitor(settings.data_dir, settings.store_url)
        with stopped.store() as store:
            counts = stopped.ledger(store).to_dict()
        title = "the monitor is stopped"
    if options.json:
        print(json.dumps(counts))
    else:
        print(f"{settings.data_dir}: {title}")
        _print_ledger(counts)
    return 0 if counts["balanced"] else 1


def _print_ledger(counts: dict[str, Any]) -> None:
    sources = counts["sources"]
    names = [name for name in LedgerLine.__dataclass_fields__ if name != "source"] + ["difference"]
    rows = [*sources.items(), ("all", counts)]
    width = max(len(str(name)) for name, _ in rows)
    print(" " * width, *(f"{name.replace('_', ' '):>18}" for name in names))
    for name, row in rows:
        print(f"{name:<{width}}", *(f"{row[column]:>18,}" for column in names))
    if reasons := counts["reasons"]:
        print("rejected:", ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())))


def _score(options: argparse.Namespace, _: Settings) -> int:
    params = {}
    for text in options.param:
        name, _sign, number = text.partition("=")
        if name in ("detector", "times", "resolution"):
            raise UsageError(f"there is no parameter {name!r}", where="--param", hint="See docs/detection.md")
        try:
            params[name] = float(number)
        except ValueError as error:
            raise UsageError(f"{text!r} is no NAME=NUMBER", where="--param", hint="Try window=50") from error
    scored = score_file(options.file, options.detector, params)
    scored.result.to_csv(options.out or sys.stdout, index=scored.timed, index_label="timestamp")
    for note in scored.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _import(options: argparse.Namespace, settings: Settings) -> int:
    return import_file(
        settings,
        options.file,
        zone=options.zone,
        time=options.time,
        pairs=options.column,
        only_preview=options.preview,
    )


def _export(options: argparse.Namespace, settings: Settings) -> int:
    since = _time(options.since, "--since", EARLIEST)
    until = _time(options.until, "--until", FOREVER)
    return export(settings, options.what, options.tag, since, until, options.format, options.out)


def _case(options: argparse.Namespace, settings: Settings) -> int:
    since = _time(options.since, "--since", EARLIEST)
    until = _time(options.until, "--until", FOREVER)
    return make_case(settings, options.file, options.name, options.tag, since, until, options.view)


def _open(options: argparse.Namespace, settings: Settings) -> int:
    return open_case(settings, options.file, only_preview=options.preview)


def _time(text: str | None, where: str, default: int) -> int:
    if text is None:
        return default
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not an ISO 8601 time", where=where, hint="Try 2026-01-31T12:00:00Z"
        ) from error


def _collect(_: argparse.Namespace, settings: Settings) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stopping.set())
    monitor = Monitor(settings)
    monitor.start()
    print(f"collecting from {settings.source} into {settings.data_dir}; stop with Ctrl-C", file=sys.stderr)
    stopping.wait()
    monitor.stop()
    return 0


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    if options.folder is not None:
        settings = replace(settings, data_dir=options.folder, store="")
    report = verify(StoppedMonitor(settings.data_dir, settings.store_url))
    for text in report.notes:
        print(f"note: {text}")
    for text in report.findings:
        print(f"found: {text}")
    if report.ledger is not None:
        _print_ledger(report.ledger.to_dict())
    print("nothing lost, doubled or damaged" if not report.findings else f"{len(report.findings)} findings")
    return 1 if report.findings else 0


def _bench(options: argparse.Namespace, settings: Settings) -> int:
    if options.name == "detection":
        tags = list(read_tags(settings.tags)) if settings.tags.exists() else None
        for note in left_out(options.data, tags):
            print(f"note: {note}", file=sys.stderr)
        figures = detection(options.data, tags)
    elif options.data is not None:
        raise UsageError(f"bench {options.name} reads no recordings", where="--data", hint="Leave it out")
    else:
        figures = BENCHMARKS[options.name]()
    if options.json:
        print(json.dumps(figures))
    else:
        width = max(40, *map(len, figures))
        for name, figure in figures.items():
            print(f"{name:<{width}} {figure:>16,.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
