"""What a form asks of each kind of source: data, from which the page draws any of them.

A key that is not described here can be written as a line of text; nothing that the file has is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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
    LIST = "words between commas"


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
    row: Callable[[Offer], Keys]
    """The row that reads what was picked, without its tag."""
    says: str = ""
    tag: str = "tag"
    is_mapping: bool = False
    """Whether the file has them as names with their tags: the first column is the name."""

    def read(self, value: Any) -> list[Keys]:
        """The rows in the value of the key."""
        if self.is_mapping:
            return [{self.address[0]: name, self.tag: tag} for name, tag in (value or {}).items()]
        return [dict(row) for row in value or []]

    def write(self, values: Sequence[Keys]) -> Any:
        """The value of the key with these rows."""
        if self.is_mapping:
            return {str(row.get(self.address[0], "")): row.get(self.tag, "") for row in values}
        return list(values)

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


def _opcua_row(offer: Offer) -> Keys:
    return {"node": offer.address}


def _mqtt_row(offer: Offer) -> Keys:
    """The address is the topic and, behind a space, the path of the value; the detail says that of the time.

    >>> _mqtt_row(Offer("site/a $.v", "", False, detail="time $.t"))
    {'topic': 'site/a', 'value': '$.v', 'time': '$.t'}
    """
    topic, path, rest = offer.address.rpartition(" $")
    if not path:
        return {"topic": offer.address}
    time = re.match(r"time (\$\S+)", offer.detail)
    return {"topic": topic, "value": f"${rest}", **({"time": time[1]} if time else {})}


def _sparkplug_row(offer: Offer) -> Keys:
    return {"metric": offer.address}


def _modbus_row(offer: Offer) -> Keys:
    """The address is DEVICE/TABLE/ADDRESS, and TYPE and ORDER of what is no bit.

    >>> _modbus_row(Offer("1/holding/10/float32/little", "", False))["order"]
    'little'
    """
    device, table, address, kind, order = [*offer.address.split("/"), "", "", ""][:5]
    row: Keys = {"device": int(device), "table": table, "address": int(address or 0)}
    if table in ("coil", "discrete"):
        return row
    row["type"] = "uint16" if kind in ("", "types") else kind
    return {**row, "order": order} if order not in ("", "big") else row


def _column_row(offer: Offer) -> Keys:
    return {"name": offer.label}


_TAG = Field("tag", "Tag", needed=True, example="ti_101", help="The tag that its readings become")
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
            _opcua_row,
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
            _mqtt_row,
            "Without a row it listens to nothing. Browse to see what is published, or write a topic.",
        ),
    ),
    "sparkplug": Form(
        "Listens to a Sparkplug B group on an MQTT broker: edge nodes, devices and their metrics.",
        (
            Field("url", "Address", help=_URL, example="mqtt://broker.plant.example:1883", needed=True),
            Field("group", "Group", example="Plant1", needed=True),
            Field("nodes", "Edge nodes", Input.LIST, "Patterns between commas. Empty: all"),
            Field("devices", "Devices", Input.LIST, "Patterns between commas. Empty: all"),
            _USER,
        ),
        Rows(
            "metrics",
            "metric",
            (
                Field(
                    "metric",
                    "Metric",
                    needed=True,
                    example="node1/pump/flow",
                    help="NODE/DEVICE/METRIC, or NODE//METRIC",
                ),
                _TAG,
            ),
            ("metric",),
            _sparkplug_row,
            "Without a row it reads all metrics, and names their tags itself.",
        ),
    ),
    "modbus": Form(
        "Polls the registers of a Modbus TCP device.",
        (
            Field("url", "Address", help=_URL, example="modbus://192.0.2.11:502", needed=True),
            Field("device", "Device", Input.WHOLE, "Its unit number, 1 to 247", usual=1),
            _INTERVAL,
        ),
        has_secret=False,
        rows=Rows(
            "registers",
            "register",
            (
                Field(
                    "table", "Table", Input.CHOICE, "", ("holding", "input", "coil", "discrete"), "holding"
                ),
                Field(
                    "address", "Address", Input.WHOLE, "The protocol's own, from 0", needed=True, example="10"
                ),
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
                Field("bit", "Bit", Input.WHOLE, "0 to 15, of the type bit; 0 is the least significant"),
                Field("scale", "Scale", Input.NUMBER, "The value is multiplied by it", usual=1.0),
                Field("offset", "Offset", Input.NUMBER, "Added after that"),
                Field("unit", "Unit"),
                Field("device", "Device", Input.WHOLE, "Empty: the one above"),
                _TAG,
            ),
            ("device", "table", "address", "bit"),
            _modbus_row,
            "Write the registers of the device's manual here, one in a row, or browse.",
        ),
    ),
    "sql": Form(
        "Runs a query on a database again and again, each time from where it stopped.",
        (
            Field(
                "url",
                "Address",
                help=_URL,
                example="postgresql://historian.plant.example:5432/readings",
                needed=True,
            ),
            _USER,
            Field(
                "cursor",
                "Cursor",
                help="The column that tells how far it has read",
                example="time",
                needed=True,
            ),
            Field("interval", "Interval, s", Input.NUMBER, "Seconds between two queries", usual=10.0),
            Field("time", "Time", help="Column with the time, if it is not called so"),
            Field("tag", "Tag", help="Column with the tags; empty: a column for each tag"),
            Field("value", "Value", help="Column with the values beside them"),
            Field(
                "query",
                "Query",
                Input.LONG,
                "It has :cursor where the column of the cursor is compared",
                example="SELECT time, tag, value FROM history WHERE time >= :cursor ORDER BY time",
                needed=True,
            ),
        ),
        Rows(
            "tags",
            "name in the database",
            (Field("name", "Name", needed=True, help="A column, or what the column of tags says"), _TAG),
            ("name",),
            _column_row,
            "Without a row, names in the database are the tags.",
            is_mapping=True,
        ),
    ),
    "influxdb": Form(
        "Runs a query on InfluxDB 1.x again and again, each time from where it stopped.",
        (
            Field("url", "Address", help=_URL, example="http://influx.plant.example:8086", needed=True),
            Field("database", "Database", needed=True, example="plant"),
            _USER,
            Field("interval", "Interval, s", Input.NUMBER, "Seconds between two queries", usual=10.0),
            Field(
                "query",
                "Query",
                Input.LONG,
                "InfluxQL, with $cursor and $end where the time is compared",
                example="SELECT * FROM history WHERE time >= $cursor AND time < $end GROUP BY *",
                needed=True,
            ),
        ),
    ),
    "folder": Form(
        "Watches a folder for new and growing files, by a saved mapping of Data → Import.",
        (
            Field("path", "Folder", example="/srv/loggers/line1", needed=True),
            Field("pattern", "Files", example="*.csv"),
            Field("mapping", "Mapping", help="The name of a saved mapping", example="loggers", needed=True),
        ),
        has_secret=False,
    ),
    "simulator": Form(
        "Invents readings, to try things out.",
        (
            Field(
                "tags",
                "Tags",
                Input.LIST,
                "Names or patterns between commas. Empty: all",
                example="fermenter_*",
            ),
            Field("seed", "Seed", Input.WHOLE, "The same seed gives the same readings", usual=0),
            _INTERVAL,
        ),
        has_secret=False,
    ),
    "replay": Form(
        "Plays a recorded file as if its readings came now.",
        (
            Field("path", "File", example="/data/recorded.csv", needed=True),
            Field("speed", "Speed", Input.NUMBER, "How many times as fast as it was recorded", usual=1.0),
        ),
        has_secret=False,
    ),
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
