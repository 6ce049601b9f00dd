"""The files of tests that take longest: parallel workers begin with them.

A worker takes one file after another (`--dist loadfile`). If it takes one of minutes last, the others have
nothing left to do meanwhile.
"""

from __future__ import annotations

LONGEST = (
    "bench/test_benchmarks.py",
    "bus/test_cluster.py",
    "sources/test_contract.py",
    "browser/test_endurance.py",
    "monitor/test_kills.py",
    "exchange/test_random_files.py",
    "browser/test_live.py",
    "deploy/test_image.py",
    "notify/test_killed_sender.py",
    "browser/test_first_steps.py",
    "deploy/test_community_cloud.py",
    "api/hostile/test_floods.py",
    "browser/test_access.py",
    "api/hostile/test_parquet_bombs.py",
    "test_server.py",
    "browser/test_twelve_jobs.py",
    "cli/test_migrate.py",
    "browser/test_frame.py",
    "monitor/test_drill_pairs.py",
    "monitor/test_power_cut.py",
    "browser/test_content_policy.py",
    "monitor/test_import_kills.py",
    "stores/test_summary.py",
    "browser/test_events.py",
    "browser/test_felt_speed.py",
    "browser/test_answer.py",
    "browser/test_roles.py",
    "bus/test_troubles.py",
    "exchange/test_states.py",
    "sources/opcua/test_outages.py",
    "pages/test_tuning.py",
    "detectors/test_every_detector.py",
    "detectors/test_detector_behaviour.py",
    "sources/opcua/test_security.py",
    "pages/test_anomalies.py",
)
"""In `tests`, those that take longest first, as measured with both suites at once. An order that is out of
date costs time and nothing else."""


def place(name: str) -> int:
    """Where the file of a test comes, by the beginning of the test's name; all others come after these."""
    path = name.partition("::")[0].removeprefix("tests/")
    return LONGEST.index(path) if path in LONGEST else len(LONGEST)
