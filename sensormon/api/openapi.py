"""The bodies in the OpenAPI description: shapes, units, examples."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_TIME = "2026-01-31T12:00:00Z"


class Reading(BaseModel):
    """One reading."""

    model_config = ConfigDict(extra="forbid")

    tag: str = Field(description="A name that GET /api/tags lists.", examples=["fermenter_temp"])
    value: float | str | bool = Field(
        description="A number in the tag's unit; of a tag of states a word, true or false.", examples=[37.2]
    )
    timestamp: str | None = Field(
        None,
        description="ISO 8601, UTC if no zone is given; left out, the time of arrival.",
        examples=[_TIME],
    )
    quality: str | int | None = Field(
        None,
        description="Good, Uncertain, Bad, or the name or number of a status code of OPC UA; left out, Good.",
        examples=["Good"],
    )


class KeyedBatch(BaseModel):
    """A batch with its key."""

    model_config = ConfigDict(extra="forbid")

    batch_id: str = Field("", max_length=255, description="As the header Idempotency-Key.")
    readings: list[Reading]


class Taken(BaseModel):
    """The reading is on disk."""

    status: str = Field(examples=["success"])
    id: int = Field(examples=[4711])
    is_anomaly: bool
    score: float | None = Field(
        description="Of the detector that spoke: the one with the largest score over its threshold. "
        "Null while every detector warms up, and for a reading that is not judged."
    )
    threshold: float | None = Field(description="Of that detector.", examples=[3.0])
    detector: str | None = Field(description="Its name.", examples=["zscore"])


class RowProblem(BaseModel):
    """Why a row was rejected."""

    index: int
    reason: str = Field(examples=["out_of_range"])
    detail: str


class BatchTaken(BaseModel):
    """The result: accepted readings, now on disk, and rejections with their reasons."""

    accepted: int
    rejected: list[RowProblem] = Field(description="The first 100 of the rejected rows.", max_length=100)
    rejected_count: int = Field(description="How many rows were rejected.")
    rejected_ranges: list[list[int]] = Field(
        description="Every rejected row, as ranges [first, last] of indexes, both included.",
        examples=[[[0, 2], [7, 7]]],
    )
    anomalies: int


class Refusal(BaseModel):
    """The problem and what to do."""

    error: str = Field(examples=["unauthorized"])
    detail: str
    hint: str
    reason: str | None = None
    needs: str | None = Field(None, description="The scope or role that allows it.", examples=["write"])


class LineRefusal(BaseModel):
    """An error in InfluxDB's format."""

    code: str = Field(examples=["invalid"])
    message: str


class TagFacts(BaseModel):
    """A tag; numbers are in its unit, null is no limit.

    `kind` is number, states, boolean or text. `states` are the words that its readings are: those listed,
    or of text those met so far; null for numbers.
    """

    name: str
    label: str
    unit: str
    group: str
    description: str
    priority: str = Field(description="low, medium, high or critical.", examples=["medium"])
    valid: list[float | None]
    normal: list[float | None] | None
    resolution: float
    kind: str
    states: list[str] | None
    simulated: bool = Field(description="Whether the simulator makes its readings now.")
    formula: str = Field(
        description="What it is calculated from; empty for a tag whose readings come from a source.",
        examples=["feed_temp - jacket_temp"],
    )
    profile: str = Field(
        description="The profile that judges its readings now; empty for a model's scores.",
        examples=["default"],
    )


class AuditFacts(BaseModel):
    """What somebody did or tried to do; `failure` says why it was not done."""

    time: str
    who: str
    verified: bool
    role: str
    address: str
    act: str
    subject: str
    before: str
    after: str
    failure: str


class OwnScore(BaseModel):
    """What one detector of the profile said of a reading; null where it did not say."""

    detector: str
    score: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    threshold: float | None


class StoredReading(BaseModel):
    """A reading with its score; the value of a tag of states is the word.

    `score`, `threshold` and `detector` are of the detector that spoke. `expected`, `lower` and `upper` are
    its too if the reading is flagged, and elsewhere the band that charts draw.
    """

    id: int
    timestamp: str
    tag: str
    value: float | str
    is_anomaly: bool
    score: float | None
    threshold: float | None = Field(description="Null in readings from before there were profiles.")
    detector: str | None = Field(description="Null as `threshold`, and where no detector judged.")
    expected: float | None
    lower: float | None
    upper: float | None
    quality: int
    received: str
    n: int
    settings: int
    profile: str | None = Field(description="The profile that judged it; null as `threshold`.")
    withheld: Literal["condition", "settling", "on-delay", "change", "late"] | None = Field(
        description="Why it was not judged (the profile's condition not met, or not for long enough) or not "
        "flagged (within the on-delay, or shortly after a change of the condition's tag)."
    )
    source: str
    origin: str
    simulated: bool = Field(description="Whether the simulator made it; no sensor did.")
    detectors: list[OwnScore] = Field(
        description="In JSON and Arrow: what each detector of the profile that judged it said."
    )


class EventFacts(BaseModel):
    """An event: flagged readings of a tag that belong together. Its id is that of the first of them.

    `value` to `upper` are of the peak, the reading furthest over its threshold. `state`, `label`, `note` and
    `who` say what people did with it; empty where nobody did.
    """

    id: int
    tag: str
    start: str
    end: str = Field(description="Of the last flagged reading.")
    seconds: float
    readings: int = Field(description="How many are flagged.")
    value: float
    score: float
    threshold: float
    expected: float | None
    lower: float | None
    upper: float | None
    severity: Literal["low", "medium", "high"]
    over: bool
    state: str
    label: str
    note: str
    who: str
    acted: str | None
    shelved_until: str | None
    settings: int
    detector: str
    profile: str
    peak_id: int
    peak_time: str


class EventList(BaseModel):
    """Events, the newest first."""

    complete: bool = Field(description="Whether no older event of the span is left out.")
    events: list[EventFacts]


def _failures(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    words = {
        400: "The request cannot be used; nothing was stored.",
        401: "The token is missing or wrong.",
        403: "The token is of another scope, or does not cover a tag; nothing was done.",
        404: "Not found.",
        408: "The body did not arrive in time.",
        413: "The body is over a limit.",
        415: "The content encoding is not known.",
        422: "The idempotency key was used before with different content.",
        429: "More than a fair share, of requests or of rows without a token: see Retry-After.",
        503: "Too many requests, a full disk, or an unavailable part: see Retry-After.",
    }
    return {status: {"model": model, "description": words[status]} for status in statuses}


FAILURES = _failures(Refusal, 401, 403, 503)
READ_FAILURES = _failures(Refusal, 400, 401, 403, 404, 429, 503)
WRITE_FAILURES = _failures(Refusal, 400, 401, 403, 408, 413, 415, 422, 429, 503)

_BINARY = {"schema": {"type": "string", "format": "binary"}}

READINGS: dict[str, Any] = {
    "responses": {
        **READ_FAILURES,
        200: {
            "description": "The readings.",
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/StoredReading"}}
                },
                "text/csv": {"schema": {"type": "string"}},
                "application/vnd.apache.parquet": _BINARY,
                "application/vnd.apache.arrow.stream": _BINARY,
            },
        },
    },
}
EVENTS: dict[str, Any] = {
    "responses": {
        **READ_FAILURES,
        200: {
            "description": "The events.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventList"}}},
        },
    },
}
REPORT: dict[str, Any] = {
    "responses": {
        **READ_FAILURES,
        200: {
            "description": "The report.",
            "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
}
METRICS: dict[str, Any] = {
    "responses": {
        **FAILURES,
        200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    }
}
AUDIT: dict[str, Any] = {
    "responses": {
        **_failures(Refusal, 400, 401, 403, 503),
        200: {
            "description": "The records, the newest first.",
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/AuditFacts"}}
                },
                "text/csv": {"schema": {"type": "string"}},
            },
        },
    },
}
HEALTH: dict[int | str, dict[str, Any]] = {
    503: {"description": "Readings cannot be taken or stored; `problems` says why."}
}

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Within 24 hours a request with the same key stores nothing and gets the same answer; "
    "without a key, if each reading has a timestamp, what a body stored within an hour is a duplicate.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]*$"},
    "example": "6f1f4f0e-4f5e-4f0a-9d4e-0b9f5c3c7a01",
}


def _body(media_type: str, schema: dict[str, Any], example: object) -> dict[str, Any]:
    return {"required": True, "content": {media_type: {"schema": schema, "example": example}}}


def _model(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_ONE = {"timestamp": _TIME, "tag": "fermenter_temp", "value": 37.2}

INGEST: dict[str, Any] = {
    "status_code": 201,
    "responses": {**WRITE_FAILURES, 201: {"model": Taken, "description": "It is on disk."}},
    "openapi_extra": {
        "parameters": [_KEY],
        "requestBody": _body("application/json", _model("Reading"), _ONE),
    },
}
BATCH: dict[str, Any] = {
    "status_code": 201,
    "responses": {
        **WRITE_FAILURES,
        201: {"model": BatchTaken, "description": "What was accepted is on disk."},
    },
    "openapi_extra": {
        "parameters": [_KEY],
        "requestBody": _body(
            "application/json",
            {"anyOf": [{"type": "array", "items": _model("Reading")}, _model("KeyedBatch")]},
            [_ONE, {"timestamp": _TIME, "tag": "fermenter_ph", "value": 7.1}],
        ),
    },
}
LINES: dict[str, Any] = {
    "status_code": 204,
    "responses": {
        **_failures(LineRefusal, 400, 401, 403, 408, 413, 415, 422, 429, 503),
        204: {"description": "All of it is on disk."},
    },
    "openapi_extra": {
        "parameters": [
            {
                "name": "precision",
                "in": "query",
                "description": "Of the timestamps.",
                "schema": {"type": "string", "enum": ["ns", "us", "ms", "s"], "default": "ns"},
            },
            {
                "name": "tag",
                "in": "query",
                "description": "Names the tags, instead of SENSORMON_LINE_TAG.",
                "schema": {"type": "string", "maxLength": 200},
                "example": "{host}.{measurement}.{field}",
            },
            {"name": "org", "in": "query", "description": "Not used.", "schema": {"type": "string"}},
            {"name": "bucket", "in": "query", "description": "Not used.", "schema": {"type": "string"}},
        ],
        "requestBody": _body(
            "text/plain", {"type": "string"}, "plant,sensor=fermenter_ph value=7.1 1769860800000000000"
        ),
    },
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's description, with the models and tokens it cannot know and without its own 422."""
    schemas = schema["components"]["schemas"]
    for model in (Reading, KeyedBatch, StoredReading, EventList, AuditFacts):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(own.pop("$defs", {}))
        schemas[model.__name__] = own
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            needed = method == "post" or path == "/audit"
            operation["security"] = [{"token": []}] if needed else [{}, {"token": []}]
            if operation["responses"].get("422", {}).get("description") == "Validation Error":
                del operation["responses"]["422"]
            if path in ("/metrics", "/report"):
                operation["responses"]["200"]["content"].pop("application/json", None)
    return schema
