"""Every change that a page makes goes through the gate in `ui/acts`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ROOT

FILES = [*sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "sensormon" / "ui").rglob("*.py"))]
GATES = {"carried_out", "managed"}
MONITOR = {"m", "_m", "monitored", "watched"}
"""What pages call the monitor."""
READS: dict[str, set[str]] = {
    "actions": {"count"},
    "annotations": {"readable", "changes"},
    "attention": {"acknowledged", "losses", "now", "history", "of_the_ledger"},
    "calculated": {"status", "check", "preview"},
    "cases": {"glance"},
    "clock": {"now"},
    "depth": {"frame"},
    "detection": {"in_force", "by_id", "readable"},
    "disk_usage": {"measure"},
    "drills": {"runs"},
    "events": {"between", "actions"},
    "following": {"accounts", "problems", "writer"},
    "explorer": {
        "extent",
        "overview",
        "since_whole",
        "distribution",
        "outside_normal",
        "relation",
        "controlled",
        "state_course",
        "similar",
        "statistics",
    },
    "frame_definitions": {"all"},
    "frame_reader": {"conditions", "samples", "samples_of"},
    "exporter": {"count", "count_readings", "files"},
    "import_log": {"entries"},
    "jobs": {"of", "find", "wait"},
    "ledger": {"now"},
    "maintenance": {"all"},
    "model_runner": {"status"},
    "newest": set(),
    "quiet": {"of", "is_quiet"},
    "readings": {"recent", "live_tags", "wrong", "questions", "verdicts", "peaks"},
    "retention": {"policy", "problem", "plan"},
    "running_tags": {"now"},
    "shelved_tags": {"now", "at", "versions"},
    "settings": {"data_dir", "interval", "notify_file", "source"},
    "simulated": {"within", "spans", "running"},
    "source_ages": set(),
    "state_words": set(),
    "tag_ages": set(),
    "source": {"simulator", "status", "tags", "name", "interval"},
    "started": set(),
    "status": set(),
    "stored": {
        "frame",
        "rejected",
        "live_anomalies",
        "first_time",
        "outside",
        "anomalies",
        "summary",
        "tags",
    },
    "streams": set(),
    "tag_file": {"read", "changes", "path"},
    "tag_models": {"standing", "known", "train"},
    "tags": {"names", "title", "digest", "get", "values", "with_tags", "numbers", "code"},
    "tuner": {"versions", "tag_history", "watching", "known", "outcomes", "suggestion"},
    "access": {"accounts", "sessions", "tokens", "audit", "identity", "greetings"},
    "greetings": {"is_over"},
    "accounts": {"all", "find"},
    "sessions": {"all", "find"},
    "tokens": {"all", "state"},
    "audit": {"read"},
    "identity": {"mode", "closed", "has_accounts", "of", "lacks_role"},
    "undoing": {"check", "last"},
    "workers": set(),
}
"""What pages read of each part of the monitor, anywhere; all else is a change and belongs in a gate."""
CHANGES = {
    "start_imports",
    "cancel",
    "inject",
    "submit",
    "retry_dead_letters",
    "send_again",
    "send_test",
    "set_home",
}
"""Names that change something, whatever they are called on."""
ALLOWED = {
    ("tuning_scope.py", "jobs.start"): "counts the events of all tags for this viewer, and changes nothing",
    ("tuning_scope.py", "cancel"): "cancels this viewer's own count when its settings have changed",
    ("notify_forecast.py", "jobs.start"): "works out what a rule would have sent, and changes nothing",
    ("notify_forecast.py", "cancel"): "cancels this viewer's own forecast when the rule has changed",
    ("tuning_suggest.py", "jobs.start"): "searches settings for this viewer, and changes nothing",
    ("tuning_suggest.py", "cancel"): "cancels this viewer's own search when another one begins",
    ("help.py", "greetings.put_away"): "notes that this person has been greeted, and nothing else",
    ("acts.py", "audit.perform"): "the gate itself",
    ("acts.py", "audit.record"): "the gate itself",
    ("acts.py", "audit.record_of"): "the gate itself",
    ("acts.py", "audit.refuse"): "the gate itself",
}


def in_gates(tree: ast.Module) -> set[ast.AST]:
    """Every node that only runs inside a gate: lambdas and local functions passed to one."""
    given: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GATES:
            given.append(node.args[2])
    names = {node.id for node in given if isinstance(node, ast.Name)}
    bodies: list[ast.AST] = [node for node in given if isinstance(node, ast.Lambda)]
    bodies += [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    return {inner for body in bodies for inner in ast.walk(body)}


def changes(path: Path) -> Iterator[tuple[int, str]]:
    """(line, name) of everything outside a gate that may change the monitor."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = in_gates(tree)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if node in inside:
            continue
        if isinstance(node, ast.Name) and node.id in CHANGES and isinstance(node.ctx, ast.Load):
            yield node.lineno, node.id
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr in CHANGES:
            yield node.lineno, node.attr
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id in MONITOR and node.attr not in READS:
            yield node.lineno, f"monitor.{node.attr}"
        named = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        of_monitor = isinstance(owner, ast.Attribute) or named == "drills"
        if of_monitor and named in READS and READS[named] and node.attr not in READS[named]:
            yield node.lineno, f"{named}.{node.attr}"
        renamed = parents.get(node)
        if isinstance(renamed, ast.Assign) and isinstance(owner, ast.Name) and owner.id in MONITOR:
            yield node.lineno, f"another name for {node.attr}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pages_change_nothing_outside_the_gate(path: Path) -> None:
    outside = [(line, name) for line, name in changes(path) if (path.name, name) not in ALLOWED]
    assert not outside, f"{path.name} changes the monitor outside carried_out: {outside}"


@pytest.mark.parametrize(
    "line",
    [
        "m.retention.set(1, 'Ana')",
        "m.actions.record([1], 'acknowledge', 'Ana')",
        "m.submit(batch)",
        "m.parts.collector.submit(batch)",
        "m.access.accounts.remove(me, 'Ana')",
        "drills.start('kill_loader')",
        "keeping = m.retention",
        "st.button('x', on_click=m.retention.start)",
        "start_imports(m.jobs, m.importer, m.loading.keep_up, m.exporter.files, parts, 0)",
        "job.progress.cancel()",
    ],
)
def test_a_change_outside_the_gate_is_noticed(line: str, tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text(line)
    assert list(changes(page))


def test_the_same_change_inside_the_gate_is_allowed(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    page.write_text("carried_out(m, change, lambda name: m.retention.set(1, name), 'Nothing was changed')")
    assert not list(changes(page))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_parts_that_run_by_themselves_ask_who_is_there(path: Path) -> None:
    uses = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st"
    }
    if path.name not in ("parts.py", "navigation.py"):  # navigation asks in its own part
        assert not uses & {"fragment", "dialog"}, "use sensormon.ui.parts"
