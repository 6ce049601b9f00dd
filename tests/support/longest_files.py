"""The files of tests that take longest: parallel workers begin with them.

A worker takes one file after another (`--dist loadfile`). If it takes one of minutes last, the others have
nothing left to do meanwhile.
"""

from __future__ import annotations

LONGEST = (
    "bench/test_benchmarks.py",
    "bus/test_cluster.py",
    "sources/test_contract.py",
    "monitor/test_drill_pairs.py",
    "monitor/test_kills.py",
    "deploy/test_image.py",
    "deploy/test_community_cloud.py",
    "exchange/test_random_files.py",
    "notify/test_killed_sender.py",
    "monitor/test_import_kills.py",
    "api/hostile/test_parquet_bombs.py",
    "cli/test_migrate.py",
    "monitor/test_power_cut.py",
    "api/hostile/test_floods.py",
    "stores/test_summary.py",
    "exchange/test_states.py",
    "test_server.py",
    "bus/test_troubles.py",
    "sources/opcua/test_outages.py",
    "detectors/test_every_detector.py",
    "detectors/test_detector_behaviour.py",
    "pages/test_tuning.py",
    "sources/opcua/test_security.py",
    "pages/test_anomalies.py",
    "browser/test_endurance.py",
    "browser/test_first_steps.py",
    "browser/test_access.py",
    "browser/test_frame.py",
    "browser/test_live.py",
    "browser/test_twelve_jobs.py",
    "browser/test_content_policy.py",
)
"""In `tests`, those that take longest first, as measured in `make test-long` and `make test`. An order that
is out of date costs time and nothing else."""


def place(name: str) -> int:
    """Where the file of a test comes, by the beginning of the test's name; all others come after these."""
    path = name.partition("::")[0].removeprefix("tests/")
    return LONGEST.index(path) if path in LONGEST else len(LONGEST)
