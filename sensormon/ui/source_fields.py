"""The fields of a named source, drawn from the description of its kind: `view.source_forms`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from sensormon.model.errors import StoreError, UsageError
from sensormon.model.text import holds_password
from sensormon.monitor.monitor import Monitor
from sensormon.sources.kinds import KINDS
from sensormon.sources.named_keys import Keys, keys_text, read_keys
from sensormon.ui.notify_fields import Fields
from sensormon.ui.source_open import Opened
from sensormon.view.source_forms import COMMON, Field, Form, Input, form_of, other_keys, without_usual

NO_PASSWORD, VARIABLE, FILE = "None", "Environment variable", "File"
ANY = "Any"
_TAKEN = "Never write a password here: name it under Password"


@dataclass(frozen=True)
class Typed:
    """What the fields say: the name, and the keys of the file without what is read."""

    name: str
    keys: Keys


def source_fields(m: Monitor, shown: Opened, fields: Fields) -> Typed:
    """Draw them; what is no value of its field is a problem of `fields`."""
    form = form_of(shown.kind)
    name = shown.name
    if shown.begun is None:
        with fields.field("name", 320):
            name = st.text_input(
                "Name",
                max_chars=60,
                key=shown.key("name"),
                placeholder="line1",
                help="Its readings are counted under it, so it never changes",
            ).strip()
    values = _own(form, shown, fields)
    values |= _common(m, form, shown, fields)
    values |= _others(shown, fields)
    for key, value in values.items():
        if key != "query" and isinstance(value, str) and holds_password(value):
            fields.problems.setdefault(key, _TAKEN)
    return Typed(name, {"kind": shown.kind, **values})


def _own(form: Form, shown: Opened, fields: Fields) -> Keys:
    values: dict[str, Any] = {}
    short = [field for field in form.fields if field.input is not Input.LONG]
    with st.container(horizontal=True, vertical_alignment="top"):
        for field in short:
            with fields.field(field.key, 360 if field.input is Input.TEXT else 220):
                values[field.key] = _input(field, shown)
    for field in form.fields:
        if field.input is Input.LONG:
            with fields.field(field.key):
                values[field.key] = _input(field, shown)
    return without_usual(form.fields, values)


def _input(field: Field, shown: Opened) -> Any:
    """The widget of this field; what it has, None or empty for nothing."""
    key, value, help_ = shown.key(field.key), shown.keys.get(field.key), field.help or None
    match field.input:
        case Input.NUMBER | Input.WHOLE:
            whole = field.input is Input.WHOLE
            usual = "" if field.usual is None else f"{field.usual:g}"
            return st.number_input(
                field.label,
                value=None if value is None else int(value) if whole else float(value),
                step=1 if whole else None,
                key=key,
                placeholder=usual,
                help=help_,
            )
        case Input.CHOICE:
            start = str(value if value is not None else field.usual or "")
            options = [*dict.fromkeys([*([start] if start else []), *field.options])]
            options = [option for option in field.options if option in options] or options
            options += [start] if start and start not in options else []
            return st.selectbox(
                field.label, options, options.index(start) if start else 0, key=key, help=help_
            )
        case Input.LIST:
            text = st.text_input(
                field.label,
                ", ".join(map(str, value or [])),
                key=key,
                placeholder=field.example,
                help=help_,
                max_chars=1_000,
            )
            return [part.strip() for part in text.split(",") if part.strip()] or None
        case Input.LONG:
            return st.text_area(
                field.label,
                str(value or ""),
                key=key,
                placeholder=field.example,
                help=help_,
                height=120,
                max_chars=10_000,
            ).strip()
        case _:
            shown_value = str(value or "")
            return st.text_input(
                field.label,
                "" if holds_password(shown_value) else shown_value,
                key=key,
                placeholder=field.example,
                help=help_,
                max_chars=1_000,
                autocomplete="off",
            ).strip()


def _common(m: Monitor, form: Form, shown: Opened, fields: Fields) -> Keys:
    """The keys of every kind: password, new tags, collector, on."""
    values: dict[str, Any] = {}
    if form.has_secret:
        values |= _secret(shown, fields)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        on = st.checkbox("Runs", shown.keys.get("on", True), key=shown.key("on"))
        new_tags = st.checkbox(
            "Add tags that it meets",
            shown.keys.get("new_tags", getattr(KINDS[shown.kind], "new_tags", False)),
            key=shown.key("new_tags"),
            help="Otherwise readings of tags that the tag table does not have are refused and counted",
        )
        collectors = _collectors(m, str(shown.keys.get("collector", "")))
        if collectors:
            with fields.field("collector", 260):
                chosen = st.selectbox(
                    "Collector that runs it",
                    [ANY, *collectors],
                    [ANY, *collectors].index(shown.keys.get("collector", "") or ANY),
                    key=shown.key("collector"),
                    help="Any: the first that can; another goes on if that one fails",
                )
                values["collector"] = "" if chosen == ANY else chosen
    values |= {"on": None if on else False, "new_tags": bool(new_tags)}  # kinds differ in its default
    return {key: value for key, value in values.items() if value not in (None, "")}


def _collectors(m: Monitor, chosen: str) -> list[str]:
    """The names of the collectors on the store; none where it is this one alone, unless one is chosen."""
    names = [chosen] if chosen else []
    if m.following is not None:
        try:
            names += [account.name for account in m.following.accounts()]
        except StoreError:  # the one that is chosen stays so
            names += []
    return [*dict.fromkeys(names)]


def _secret(shown: Opened, fields: Fields) -> Keys:
    """Only where the password is, never the password."""
    keys = shown.keys
    start = VARIABLE if "password_env" in keys else FILE if "password_file" in keys else NO_PASSWORD
    with st.container(horizontal=True, vertical_alignment="top"):
        way = st.segmented_control(
            "Password",
            [NO_PASSWORD, VARIABLE, FILE],
            default=start,
            required=True,
            key=shown.key("secret"),
            help="Only its place is written down. The page never sees it",
        )
        if way == VARIABLE:
            with fields.field("password_env", 320):
                name = st.text_input(
                    "Name of the variable",
                    keys.get("password_env", ""),
                    key=shown.key("password_env"),
                    placeholder="LINE1_PASSWORD",
                    max_chars=100,
                    autocomplete="off",
                ).strip()
            if not name:
                fields.problems.setdefault("password_env", "Name the variable that holds the password")
            return {"password_env": name}
        if way == FILE:
            with fields.field("password_file", 320):
                path = st.text_input(
                    "File that only the monitor may read",
                    keys.get("password_file", ""),
                    key=shown.key("password_file"),
                    placeholder="/etc/sensormon/line1",
                    max_chars=1_000,
                    autocomplete="off",
                    help="Of mode 0600, on the machine of the monitor",
                ).strip()
            if not path:
                fields.problems.setdefault("password_file", "Name the file that holds the password")
            return {"password_file": path}
    return {}


def _others(shown: Opened, fields: Fields) -> Keys:
    """Keys that have no field, as lines of the file."""
    form = form_of(shown.kind)
    start = keys_text(other_keys(shown.kind, shown.keys))
    with (
        st.expander("More keys", expanded=bool(start) or not form.fields, key=shown.key("more")),
        fields.field("other"),
    ):
        text = st.text_area(
            "One on a line, as in sources.toml",
            start,
            key=shown.key("other"),
            height=100,
            max_chars=20_000,
            placeholder="timeout = 5.0",
        )
    try:
        others = read_keys(text)
    except UsageError as error:
        fields.problems.setdefault("other", error.what.partition(": ")[2])
        return {}
    if twice := sorted(others.keys() & (form.keys | COMMON)):
        fields.problems.setdefault("other", f"{twice[0]} has a field above; set it there")
        return {}
    return others
