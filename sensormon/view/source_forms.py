"""What a form asks of each kind of source: data, from which the page draws any of them.

A key that is not described here can be written as a line of text; nothing that the file has is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sensormon.sources.connected import Offer
from sensormon.sources.named_keys import Keys


class Input(StrEnum):
    """What a person does to give a value."""

    TEXT = "text"
    LONG = "lines of text"
    NUMBER = "number"
    WHOLE = "whole number"
    CHOICE = "choice"
    FLAG = "switch"


@dataclass(frozen=True)
class Field:
    """A key of the file. `usual` is what it means where the file does not have it."""

    key: str
    label: str
    input: Input = Input.TEXT
    help: str = ""
    options: tuple[str, ...] = ()
    usual: Any = None
    example: str = ""
    needed: bool = False


@dataclass(frozen=True)
class Rows:
    """The key with what is read, a table for each: `noun` names one. `columns` begin with those of the
    address; the column `tag` has the tag.
    """

    key: str
    noun: str
    columns: tuple[Field, ...]
    address: tuple[str, ...]
    says: str = ""
    tag: str = "tag"

    def address_of(self, row: Mapping[str, Any]) -> str:
        """What the row reads, in one text."""
        return " ".join(str(row[key]) for key in self.address if row.get(key) not in (None, ""))


@dataclass(frozen=True)
class Form:
    """A kind of source: what it is for in one sentence, its fields, what it reads."""

    says: str
    fields: tuple[Field, ...] = ()
    rows: Rows | None = None
    has_secret: bool = True
    """Whether servers of this kind ask for a password."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys that the form has."""
        return frozenset([field.key for field in self.fields] + ([self.rows.key] if self.rows else []))


COMMON = frozenset(("kind", "on", "collector", "new_tags", "password_env", "password_file"))
"""Keys that every kind has; the page asks for them itself."""

_TAG = Field("tag", "Tag", needed=True, help="The tag that its readings become")
_INTERVAL = Field(
    "interval", "Interval, s", Input.NUMBER, "Seconds between two readings", usual=1.0, example="1"
)
_URL = "Where the server is. Never write a password into it"
_USER = Field("user", "User", help="Empty: anonymous. The password is named below", example="sensormon")

FORMS: dict[str, Form] = {
    "opcua": Form(
        "Reads an OPC UA server by subscription: a PLC, a DCS, a gateway.",
        (
            Field("url", "Address", help=_URL, example="opc.tcp://192.0.2.10:4840/", needed=True),
            Field(
                "security",
                "Security",
                Input.CHOICE,
                "How messages are signed and encrypted. Certificates are made at first use",
                ("none", "Basic256Sha256", "Aes256_Sha256_RsaPss"),
                "none",
            ),
            _USER,
        ),
        Rows(
            "tags",
            "node",
            (
                Field("node", "Node", example="ns=2;s=TI-101", needed=True, help="Its NodeId"),
                _TAG,
            ),
            ("node",),
        ),
    ),
    "mqtt": Form(
        "Listens to topics of an MQTT broker, version 3.1.1 or 5.",
        (
            Field("url", "Address", help=_URL, example="mqtts://broker.plant.example:8883", needed=True),
            Field(
                "qos",
                "Quality of service",
                Input.WHOLE,
                "0: may be lost on the way. 1: a message is acknowledged once it is safe here",
                usual=1,
            ),
            _USER,
        ),
        Rows(
            "topics",
            "topic",
            (
                Field("topic", "Topic", example="site/+/value", needed=True, help="+ and # are wildcards"),
                Field(
                    "tag", "Tag", needed=True, help="A name, or {1} for what the first wildcard stands for"
                ),
                Field("value", "Value", example="$.v", help="JSON path. Empty: the payload is the number"),
                Field("time", "Time", example="$.t", help="JSON path. Empty: the time of arrival"),
            ),
            ("topic", "value"),
        ),
    ),
    "sparkplug": Form(
        "Listens to a Sparkplug B group on an MQTT broker: nodes, devices and their metrics.",
        (
            Field("url", "Address", help=_URL, example="mqtt://broker.plant.example:1883", needed=True),
            Field("group", "Group", example="Plant1", needed=True),
            _USER,
        ),
    ),
    "modbus": Form(
        "Polls the registers of a Modbus TCP device.",
        (
            Field("url", "Address", help=_URL, example="modbus://192.0.2.11:502", needed=True),
            Field("device", "Device", Input.WHOLE, "Its unit number, 1 to 247", usual=1),
            _INTERVAL,
        ),
        Rows(
            "registers",
            "register",
            (
                Field(
                    "table", "Table", Input.CHOICE, "", ("holding", "input", "coil", "discrete"), "holding"
                ),
                Field("address", "Address", Input.WHOLE, "The protocol's own, from 0", needed=True),
                Field(
                    "type",
                    "Type",
                    Input.CHOICE,
                    "",
                    ("int16", "uint16", "int32", "uint32", "float32", "int64", "float64", "bit"),
                ),
                Field(
                    "order",
                    "Order",
                    Input.CHOICE,
                    "Byte and word order",
                    ("big", "little", "big-swapped", "little-swapped"),
                    "big",
                ),
                Field("scale", "Scale", Input.NUMBER, "The value is multiplied by it", usual=1.0),
                _TAG,
            ),
            ("table", "address"),
            "Read a register table of the device's manual into these rows, or paste one from a sheet.",
        ),
    ),
    "sql": Form(
        "Runs a query on a database now and then, from where it stopped.",
        (
            Field(
                "url",
                "Address",
                help=_URL,
                example="postgresql://reader@db.plant.example/history",
                needed=True,
            ),
            Field(
                "query",
                "Query",
                Input.LONG,
                "Its columns: time, tag and value, or time and a column for each tag",
                example="SELECT time, tag, value FROM readings WHERE time > :cursor ORDER BY time",
                needed=True,
            ),
            Field("cursor", "Cursor", help="The column that tells how far it has read", example="time"),
            _INTERVAL,
        ),
    ),
    "influxdb": Form(
        "Runs a query on InfluxDB 1.x now and then, from where it stopped.",
        (
            Field("url", "Address", help=_URL, example="http://influx.plant.example:8086", needed=True),
            Field("database", "Database", needed=True, example="plant"),
            _USER,
            Field("query", "Query", Input.LONG, "InfluxQL", example='SELECT * FROM "sensors"', needed=True),
            _INTERVAL,
        ),
    ),
    "folder": Form(
        "Watches a folder for new and growing files, by a saved mapping of Data → Import.",
        (
            Field("path", "Folder", example="/data/incoming", needed=True),
            Field("pattern", "Files", example="*.csv"),
            Field("mapping", "Mapping", help="The name of a saved mapping"),
        ),
    ),
    "simulator": Form("Invents readings of the tags that say they are simulated."),
    "replay": Form("Delivers a recorded file as if it came now."),
}
_ANY = Form("Write its keys below, one on a line.")


def form_of(kind: str) -> Form:
    """The form of this kind; one without fields if none is described."""
    return FORMS.get(kind, _ANY)


def other_keys(kind: str, keys: Keys) -> Keys:
    """Those of the keys that neither the form nor the page asks for."""
    return {key: value for key, value in keys.items() if key not in form_of(kind).keys | COMMON}


def without_usual(fields: Sequence[Field], values: Mapping[str, Any]) -> Keys:
    """The values as keys of the file: nothing for an empty field, nor for what is usual."""
    usual = {field.key: field.usual for field in fields}
    return {
        key: value
        for key, value in values.items()
        if value not in (None, "") and (key not in usual or value != usual[key])
    }


def row_of(rows: Rows, offer: Offer, tag: str) -> Keys:
    """What is read if this is picked."""
    return {rows.address[0]: offer.address, rows.tag: tag}
