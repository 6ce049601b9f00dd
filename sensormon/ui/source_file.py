"""The file of named sources as the page has it: what it says, what is wrong with it, and saving a change.

A change is made to the newest text, so that two people can edit two sources at a time. What somebody else
has changed since it was opened here is not overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.intake.named_sources import sources_of
from sensormon.intake.sources_file import SourcesDraft
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.model.text import holds_password
from sensormon.monitor.monitor import Monitor
from sensormon.sources.named import NamedSource
from sensormon.sources.named_edit import with_source, without_source
from sensormon.sources.named_text import Sources, parse_sources
from sensormon.ui.acts import NOTHING, carried_out
from sensormon.ui.edited_file import say_file
from sensormon.view.sources import file_changes, source_changes, source_words

SAID = "sources-said"
"""Key in the session's state: what was done, for the next run to say."""


@dataclass(frozen=True)
class Known:
    """What is in force. `draft` is None while the file cannot be edited, and `problem` says why."""

    config: Sources
    draft: SourcesDraft | None
    problem: str
    path: str

    @property
    def text(self) -> str:
        return self.draft.text if self.draft else ""


def known(m: Monitor) -> Known:
    """What the file says now; what is in force if it is wrong."""
    file = sources_of(m).file
    try:
        draft = file.read()
    except (UsageError, StoreError, JournalError) as error:
        return Known(file.current(), None, str(error), str(file.path))
    return Known(draft.config, draft, file.problem, str(file.path))


def say_problem(now: Known) -> None:
    """A block that says what is wrong with the file, if anything is, and what was done last."""
    say_file(SAID, "sources", now.problem, now.path, wrong=now.draft is None)


def refusal_of(now: Known, source: NamedSource) -> UsageError | None:
    """Why the file would be wrong with this source, or say something else of it; None if it would not."""
    try:
        _with(now.text, source)
    except UsageError as error:
        return error
    return None


def save(m: Monitor, begun: NamedSource | None, source: NamedSource, typed: str | None, problem: str) -> bool:
    """Write the source in place of `begun`, which is None if it is new; says why it was not done."""

    def text(sources: Sources, old: str) -> str:
        _same(sources.get(source.name), begun, source.name)
        return _with(old, source)

    before, after = source_changes(begun, source) if begun else (NOTHING, source_words(source))
    return _change(m, source.name, (before, after), text, typed, problem)


def switch(m: Monitor, begun: NamedSource, *, on: bool, problem: str) -> bool:
    """Let it run, or not."""
    common = replace(begun.common, on=on)
    return save(m, begun, replace(begun, common=common), None, problem)


def remove(m: Monitor, begun: NamedSource, problem: str) -> bool:
    """Take it out of the file; says why it was not done."""

    def text(sources: Sources, old: str) -> str:
        _same(sources.get(begun.name), begun, begun.name)
        return without_source(old, begun.name)

    return _change(m, begun.name, (source_words(begun), NOTHING), text, None, problem)


def save_text(m: Monitor, draft: SourcesDraft, text: str, typed: str) -> bool:
    """Write the whole file; says why it was not done."""
    problem = "The file was not saved"
    try:
        after = parse_sources(text, sources_of(m).file.path)
        words = file_changes(draft.config, after)
    except UsageError:  # recorded like any other refusal, below
        words = ("", "")

    def write(by: str) -> None:
        if holds_password(text):
            raise UsageError(
                "a password stands in it",
                where="sources.toml",
                hint='Put it into an environment variable and write password_env = "ITS_NAME"',
            )
        sources_of(m).file.save(draft, text, by)

    return carried_out(m, Change(Act.MANAGE_SOURCES, "the file of sources", *words), write, problem, typed)


def _change(
    m: Monitor,
    name: str,
    words: tuple[str, str],
    text: Callable[[Sources, str], str],
    typed: str | None,
    problem: str,
) -> bool:
    def write(by: str) -> None:
        file = sources_of(m).file
        draft = file.read()
        file.save(draft, text(draft.config, draft.text), by)

    return carried_out(m, Change(Act.MANAGE_SOURCES, f"source {name}", *words), write, problem, typed)


def _with(text: str, source: NamedSource) -> str:
    """The text with this source, which it then states exactly. Raises UsageError."""
    new = with_source(text, source)
    if parse_sources(new).get(source.name) != source:
        raise UsageError(
            "its form does not allow this change from here; nothing was written",
            where=f"[sources.{source.name}]",
            hint="Write the source as a [sources.NAME] table, or change it in the text of the file",
        )
    return new


def _same(now: NamedSource | None, begun: NamedSource | None, name: str) -> None:
    """Raises UsageError if it is no longer as it was when it was opened."""
    if now == begun:
        return
    if begun is None:
        raise UsageError(f"there is already a source {name}", where="source", hint="Choose another name")
    raise UsageError(
        "somebody has changed this source since you opened it; nothing was written",
        where=f"source {name}",
        hint="Go back and open it again",
    )
