"""How people are named in records."""

from __future__ import annotations

import pytest

from sensormon.access.person import UNVERIFIED, Person, Way
from sensormon.access.roles import Role
from sensormon.model.text import LONGEST_NAME


def typed(name: str) -> Person:
    return Person("", Role.VIEWER, Way.VISITOR, typed=name)


def test_a_name_that_was_proved_stands_as_it_is() -> None:
    jana = Person("Jana", Role.OPERATOR, Way.ACCOUNT, typed="somebody else")
    assert jana.verified
    assert jana.signature == "Jana"


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("Jana", "Jana (unverified)"),
        ("  Jana\n", "Jana (unverified)"),
        ("Jana (unverified)", "Jana (unverified)"),
        ("", "visitor (unverified)"),
        ("\u202e\x00\ud800", "visitor (unverified)"),
        (UNVERIFIED, "(unverified) (unverified)"),
    ],
)
def test_a_name_that_was_typed_is_marked(name: str, signature: str) -> None:
    assert not typed(name).verified
    assert typed(name).signature == signature


@pytest.mark.parametrize("length", [1, LONGEST_NAME - 13, LONGEST_NAME, 10_000])
def test_the_mark_is_never_cut_off(length: int) -> None:
    signature = typed("x" * length).signature
    assert signature.endswith(UNVERIFIED)
    assert len(signature) <= LONGEST_NAME


def test_nobody_can_sign_with_the_name_of_an_account() -> None:
    assert typed("Jana").signature != Person("Jana", Role.VIEWER, Way.ACCOUNT).signature
