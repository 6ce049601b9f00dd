"""What a source reads, as a table that a person edits, and the tags that are new with it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from sensormon.model.format import listed
from sensormon.model.tags import NAME, Tag, TagTable
from sensormon.sources.connected import Offer
from sensormon.sources.named_keys import Keys
from sensormon.view.source_forms import Input, Rows
from sensormon.view.source_names import Naming, is_pattern, name_by_rule

_SHOWN = 8
_LONGEST = 200


def plain(offer: Offer) -> Offer:
    """The offer with words that can be shown: a server may call its nodes anything, at any length. Its
    address stays, since the server knows it only so.
    """
    label, value, detail = (_plain(text) for text in (offer.label, offer.value, offer.detail))
    return replace(offer, label=label, value=value, detail=detail)


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else "·" for sign in text[:_LONGEST])


def frame_of(rows: Rows, values: Sequence[Keys]) -> pd.DataFrame:
    """A row for each, with the columns of the form by their labels; other keys stay in `values`."""
    frame = pd.DataFrame({column.label: [row.get(column.key) for row in values] for column in rows.columns})
    for column in rows.columns:
        match column.input:
            case Input.NUMBER:
                frame[column.label] = frame[column.label].astype("float64")
            case Input.WHOLE:
                frame[column.label] = frame[column.label].astype("Int64")
            case _:
                frame[column.label] = frame[column.label].astype("object")
    return frame


def rows_of(rows: Rows, frame: pd.DataFrame, before: Sequence[Keys]) -> list[Keys]:
    """The rows in these cells; one with the index of a row `before` keeps the keys that have no column."""
    columns = {column.key for column in rows.columns}
    old = dict(enumerate(before))
    result = []
    for index, cells in frame.iterrows():
        was = old.get(index, {}) if isinstance(index, int) else {}
        row = {key: value for key, value in was.items() if key not in columns}
        typed = {column.key: _cell(column.input, cells[column.label]) for column in rows.columns}
        typed = {key: value for key, value in typed.items() if value is not None}
        if typed:
            result.append({**typed, **row})
    return result


def _cell(kind: Input, value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind is Input.WHOLE:
        return int(value)
    if kind is Input.NUMBER:
        return float(value)
    return str(value).strip() or None


def problems_of(rows: Rows, values: Sequence[Keys]) -> list[str]:
    """What is wrong with them, one line each: the file would say it without the place."""
    lines = []
    for number, row in enumerate(values, 1):
        for column in rows.columns:
            if column.needed and row.get(column.key) in (None, ""):
                lines.append(f"Row {number}: {column.label} is missing")
        tag = str(row.get(rows.tag, ""))
        if tag and not is_pattern(tag) and not NAME.fullmatch(tag):
            lines.append(
                f"Row {number}: {tag[:100]!r} cannot be a tag's name: use letters, digits and _ . : / -"
            )
    return lines


def picked(rows: Rows, values: Sequence[Keys], offers: Iterable[Offer], naming: Naming) -> list[Keys]:
    """The rows with these added, each with a tag by the rule; what is read already stays as it is."""
    known = {rows.address_of(row) for row in values}
    taken = [str(row.get(rows.tag, "")) for row in values]
    result = list(values)
    for offer in offers:
        tag = name_by_rule(naming, offer.address, _title(offer), taken)
        row = {**rows.row(offer), rows.tag: tag}
        if (address := rows.address_of(row)) in known:
            continue
        known.add(address)
        taken.append(str(row[rows.tag]))
        result.append(row)
    return result


def renamed(rows: Rows, values: Sequence[Keys], offered: Mapping[str, Tag], naming: Naming) -> list[Keys]:
    """The rows with all tags by the rule, except those that only messages fill."""
    taken: list[str] = []
    result = []
    for row in values:
        address = rows.address_of(row)
        if is_pattern(str(row.get(rows.tag, ""))):
            result.append(dict(row))
            continue
        label = offered[address].name if address in offered else ""
        tag = name_by_rule(naming, address, label, taken)
        taken.append(tag)
        result.append({**row, rows.tag: tag})
    return result


def new_tags(rows: Rows, values: Sequence[Keys], offered: Mapping[str, Tag], tags: TagTable) -> list[Tag]:
    """The tags that the table does not have, with what the server says of them."""
    new: dict[str, Tag] = {}
    for row in values:
        name = str(row.get(rows.tag, ""))
        if not NAME.fullmatch(name) or name in tags or name in new:
            continue
        tag = offered.get(rows.address_of(row))
        unit, states = str(row.get("unit", "")), tuple(row.get("states", ()))
        if tag is None:
            tag = Tag(name, name, unit, states=states, kind=_kind(row))
        new[name] = replace(tag, name=name, label=tag.label or name, simulated=False)
    return list(new.values())


def _kind(row: Keys) -> str:
    """A coil or a bit without words of its own is true or false."""
    is_bit = row.get("type") == "bit" or row.get("table") in ("coil", "discrete")
    return "boolean" if is_bit and not row.get("states") else "number"


def _title(offer: Offer) -> str:
    return offer.tag.name if offer.tag is not None and offer.tag.name else offer.label


def offers_frame(offers: Sequence[Offer], chosen: frozenset[str]) -> pd.DataFrame:
    """The offers with a value as a table to choose from; `chosen` are the addresses that are read already."""
    tags = [offer.tag or Tag("", "") for offer in offers]
    return pd.DataFrame(
        {
            "Name": [offer.label for offer in offers],
            "Value": [offer.value for offer in offers],
            "Unit": [tag.unit for tag in tags],
            "Range": [_range(tag) for tag in tags],
            "Read": ["yes" if offer.address in chosen else "" for offer in offers],
            "Address": [offer.address for offer in offers],
            "Detail": [offer.detail for offer in offers],
        }
    )


def _range(tag: Tag) -> str:
    if tag.has_states:
        return listed(tag.states, _SHOWN) if tag.states else tag.kind
    low, high = tag.valid
    if math.isinf(low) and math.isinf(high):
        return ""
    return f"{low:g} to {high:g}"


def matching(offers: Sequence[Offer], searched: str) -> list[Offer]:
    """Those whose name, address or detail has these words."""
    wanted = searched.casefold().split()
    return [
        offer
        for offer in offers
        if all(word in f"{offer.label} {offer.address} {offer.detail}".casefold() for word in wanted)
    ]
