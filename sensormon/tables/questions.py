"""Questions about a file that can be read in two ways, for whoever wants it read."""

from __future__ import annotations

from dataclasses import dataclass

from sensormon.model.errors import UsageError


@dataclass(frozen=True)
class Choice:
    """One way to read the file: the value of the option that chooses it and what it means.

    `first` are the first cells in doubt as this choice reads them, such as `37,125 is 37.125`.
    """

    value: str
    title: str
    first: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What a file leaves open, such as the decimal mark, and the ways to read it.

    `about` says what is in doubt, as a noun phrase ("The numbers of column temp"); `option` is the
    option of the command line that decides it.
    """

    about: str
    option: str
    choices: tuple[Choice, ...]


def ways(question: Question) -> str:
    """The ways to read the file, in one line."""
    return "; ".join(f"{choice.title}: {', '.join(choice.first)}" for choice in question.choices)


def in_ways(question: Question) -> str:
    """That it can be read in several ways: the beginning of a sentence."""
    return f"{question.about} can be read in {len(question.choices)} ways"


def undecided(question: Question, name: str) -> UsageError:
    """The refusal of a file that can be read in several ways, where nobody can be asked: all, in one line."""
    return UsageError(
        f"{in_ways(question)} ({ways(question)})", where=name, hint=f"Say which with {deciding(question)}"
    )


def deciding(question: Question) -> str:
    """The options that decide it, one for each way, such as `--day-first or --no-day-first`."""
    return " or ".join(_decides(question.option, choice.value) for choice in question.choices)


def _decides(option: str, value: str) -> str:
    if option == "--day-first":
        return option if value == "yes" else "--no-day-first"
    return f"{option} '{value}'" if " " in value else f"{option} {value}"
