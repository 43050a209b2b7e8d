"""The bodies of requests and answers, of which the OpenAPI file is made. A request has no unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from polycypher.fusion.modes import Mode
from polycypher.translator.translator import LONGEST_QUESTION

SHORTEST_TIMEOUT = 0.05
"""Seconds; nothing can be answered in less."""
LONGEST_QUERY = 20_000
"""Characters of a query of the user's own."""


def _auto(language: str | None) -> str | None:
    return None if language == "auto" else language


Language = Annotated[
    str | None,
    Field(
        max_length=35,
        description="A language of `/v1/languages`: its adapter alone. `auto`, or nothing, asks the gate.",
    ),
    AfterValidator(_auto),
]


Rows: TypeAlias = Annotated[
    StrictInt | None,
    Field(ge=1, le=100_000, description="Rows at most, within the server's own limit."),
]
Timeout: TypeAlias = Annotated[
    StrictFloat | None,
    Field(
        ge=SHORTEST_TIMEOUT,
        le=3600,
        description="Seconds that the answer may take, within the server's own limit.",
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TranslateRequest(_Body):
    """A question to be translated."""

    question: str = Field(
        min_length=1,
        max_length=LONGEST_QUESTION,
        description="In any language.",
        examples=["¿Qué películas dirigió Clint Eastwood?"],
    )
    language: Language = None
    constrain: StrictBool = Field(
        default=True, description="Decode only queries that are valid for the schema."
    )
    mode: Mode | None = Field(
        default=None, description="How the adapters are combined; nothing leaves it to the model."
    )
    timeout: Timeout = None
    stream: StrictBool = Field(
        default=False,
        description="Answer with server-sent events, as the header Accept: text/event-stream does.",
    )


class AskRequest(TranslateRequest):
    """A question to be answered."""

    rows: Rows = None


class RunRequest(_Body):
    """A query of the user's own; it passes the same guard and limits."""

    cypher: str = Field(
        min_length=1,
        max_length=LONGEST_QUERY,
        description="One Cypher query that reads.",
        examples=["MATCH (m:Movie) RETURN m.title ORDER BY m.released LIMIT 5"],
    )
    rows: Rows = None
    timeout: Timeout = None


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow")


class TranslateResponse(_Given):
    """A query and how it came about."""

    question: str
    cypher: str
    weights: dict[str, float] = Field(description="Language → its adapter's weight; they sum to one.")
    elapsed_ms: dict[str, float] = Field(description="Milliseconds a stage.")
    notices: list[str] = Field(description="Sentences for the user.")


class AskResponse(TranslateResponse):
    """A question's answer."""

    columns: list[str]
    rows: list[list[Any]] = Field(
        description="Each as wide as `columns`. A node is {id, labels, properties}, a relationship "
        "{id, type, start, end, properties}, a path {nodes, relationships}; dates are ISO 8601 texts."
    )
    truncated: bool = Field(description="A limit of rows or bytes cut the rest off.")


class RunResponse(_Given):
    """A query's answer."""

    cypher: str
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    elapsed_ms: dict[str, float]
    notices: list[str]


class SchemaResponse(BaseModel):
    """What the graph holds."""

    graph: str
    node_properties: dict[str, dict[str, str]] = Field(description="Label → property → type.")
    relationship_properties: dict[str, dict[str, str]]
    relationships: list[list[str]] = Field(description="[start label, relationship type, end label] each.")
    notices: list[str] = Field(description="Sentences for the user, for example that it was only sampled.")


class LanguagesResponse(BaseModel):
    """The languages of the model."""

    model: str
    languages: list[str]


class Example(BaseModel):
    """A question to begin with."""

    language: str
    question: str


class ExamplesResponse(BaseModel):
    """Questions that the demo graph answers; none for another graph."""

    examples: list[Example]


class Health(BaseModel):
    """Whether the server lives, or is ready."""

    status: str


class ErrorDetail(BaseModel):
    """What was wrong."""

    type: str = Field(description="The error's name, for programs.")
    message: str = Field(description="One line: what was wrong, where, what to do.")


class ErrorResponse(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail
