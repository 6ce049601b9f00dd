"""Tags in addresses: by name, and by the titles that links of earlier releases have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sensormon.model.tag_links import NONE, Linked, link_text, read_link, spellings
from sensormon.model.tags import NAME, Tag, TagTable

TAGS = TagTable(
    [
        Tag("ph", "Fermenter pH"),
        Tag("p_top", "Pressure, top"),
        Tag("p_2", "Pump"),
        Tag("p_1", "Pump"),
        Tag("top", "ph"),
    ]
)
KNOWN = spellings(TAGS)


def test_links_of_names_are_read_as_written() -> None:
    assert link_text(["ph", "p_1"]) == "ph,p_1"
    assert read_link("ph,p_1", KNOWN) == Linked(("ph", "p_1"))
    assert read_link(" ph , p_1 ,, ph", KNOWN) == Linked(("ph", "p_1")), "as a person may type it"


@given(st.lists(st.sampled_from(TAGS.names), unique=True))
def test_every_choice_of_names_survives_a_link(names: list[str]) -> None:
    assert read_link(link_text(names), KNOWN) == Linked(tuple(names))


def test_links_of_titles_still_lead_to_their_tags() -> None:
    assert read_link("Fermenter pH,Pump (p_2)", KNOWN) == Linked(("ph", "p_2"))
    assert read_link("Pressure, top,Fermenter pH", KNOWN) == Linked(("p_top", "ph")), "a comma in a title"
    alone = TagTable([Tag("p_2", "Pump")])
    assert read_link("Pump (p_2)", spellings(alone)) == Linked(("p_2",)), "the other pump is gone"


def test_a_name_wins_over_a_title() -> None:
    assert read_link("ph", KNOWN) == Linked(("ph",))


def test_what_stands_for_no_tag_is_named() -> None:
    assert read_link("boiler,ph,Pump,Boiler", KNOWN) == Linked(("ph",), ("boiler", "Pump", "Boiler"))


def test_none_is_no_name_of_a_tag() -> None:
    assert not NAME.fullmatch(NONE)
    assert read_link(NONE, KNOWN) == read_link("", KNOWN) == Linked()
