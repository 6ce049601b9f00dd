"""Benchmarks: `python -m sensormon bench NAME [--json]`; see `sensormon.bench`.

With `--json` standard output has one JSON object alone: figures, reference, ratio, load.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module

from sensormon.bench.detection import detection, left_out
from sensormon.bench.detection_table import tables
from sensormon.bench.measured import Benchmark, Measured, Size
from sensormon.model import garbage
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import read_tags

BENCHMARKS = (
    "analyses",
    "http",
    "journal",
    "memory",
    "modbus",
    "mqtt",
    "notify",
    "opcua",
    "outputs",
    "pages",
    "pipeline",
    "query",
    "rescore",
    "restart",
    "scale",
    "sessions",
    "soak",
    "tick",
)
"""But for `detection`, which has options of its own. Each is a function in the module of its name."""
NAMES = sorted([*BENCHMARKS, "detection"])


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run a benchmark and print its figures. Raises UsageError for data that it cannot use."""
    garbage.look_seldom()  # as in the processes that are measured
    measured = _detection(options, settings) if options.name == "detection" else _other(options)
    if options.table:
        print(tables(measured))
    elif options.json:
        print(json.dumps(asdict(measured)))
    else:
        for part in ("figures", "reference", "ratio", "load"):
            _print(part, getattr(measured, part))
    return 0


def _benchmark(name: str) -> Benchmark:
    # Imported only when it runs: some need libraries that the other commands do without.
    benchmark: Benchmark = getattr(import_module(f"sensormon.bench.{name}"), name)
    return benchmark


def _detection(options: argparse.Namespace, settings: Settings) -> Measured:
    for option, value in (("--readings", options.readings), ("--full", options.full or None)):
        if value is not None:
            raise UsageError("bench detection has one size", where=option, hint="Leave it out")
    tags = list(read_tags(settings.tags)) if settings.tags.exists() else None
    for note in left_out(options.data, tags):
        print(f"note: {note}", file=sys.stderr)
    return detection(options.data, tags)


def _other(options: argparse.Namespace) -> Measured:
    if options.table:
        raise UsageError(f"bench {options.name} has no tables", where="--table", hint="Leave it out")
    if options.data is not None:
        raise UsageError(f"bench {options.name} reads no recordings", where="--data", hint="Leave it out")
    if options.readings is not None and options.readings < 1:
        raise UsageError("there is nothing to measure", where="--readings", hint="Give a number above 0")
    return _benchmark(options.name)(Size(options.readings, options.full))


def _print(part: str, figures: Mapping[str, float]) -> None:
    print(part)
    width = max([40, *map(len, figures)])
    for name, figure in figures.items():
        print(f"  {name:<{width}} {figure:>16,.3f}")
