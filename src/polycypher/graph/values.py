"""The values a query returns, as plain frozen dataclasses and Python's own types.

Knows nothing of drivers but the shape of their objects: `from_driver` is the one function that looks at
the `neo4j` driver's classes, so that the rest of the package never meets them.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from polycypher.errors import QueryRejected

DEEPEST = 100
"""Lists and maps inside one another in a value of a result."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node; `id` is the server's element id and means nothing outside its server."""

    id: str
    labels: tuple[str, ...]
    properties: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship; `start` and `end` are the ids of its nodes."""

    id: str
    type: str
    start: str
    end: str
    properties: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Path:
    """A path: n+1 nodes and the n relationships between them, in the path's order."""

    nodes: tuple[Node, ...]
    relationships: tuple[Relationship, ...]


@dataclass(frozen=True, slots=True)
class Temporal:
    """A date, a time or a duration: its kind as `GraphSchema` names types, and its ISO 8601 text.

    Text and not `datetime`: Cypher has nanoseconds and calendar durations, which Python has not.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point: the number of its coordinate system (4326 is WGS 84) and its two or three coordinates."""

    srid: int
    coordinates: tuple[float, ...]


Value: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | Temporal
    | Point
    | Node
    | Relationship
    | Path
    | list["Value"]
    | dict[str, "Value"]
    | None
)
"""Everything that can stand in a cell of a result."""

_TEMPORAL_KINDS = {"Date": "DATE", "Time": "TIME", "DateTime": "DATE_TIME", "Duration": "DURATION"}


def from_driver(value: Any, level: int = 0) -> Value:
    """The value of one cell as the `neo4j` driver hands it over, as a `Value`.

    Labels are sorted, because servers give them in no fixed order. A type unknown here becomes its text.
    `level` counts the lists and maps around the value.

    Raises:
        QueryRejected: it holds lists or maps more than `DEEPEST` deep.
    """
    if level > DEEPEST:
        raise QueryRejected(
            f"the result holds lists or maps more than {DEEPEST} inside one another; ask for a flatter one"
        )
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, list):
        return [from_driver(item, level + 1) for item in value]
    if type(value) is dict:
        return {str(key): from_driver(item, level + 1) for key, item in value.items()}
    return _from_graph_object(value)


def _from_graph_object(value: Any) -> Value:
    from neo4j import graph, spatial, time

    if isinstance(value, graph.Node):
        return _node(value)
    if isinstance(value, graph.Relationship):
        return _relationship(value)
    if isinstance(value, graph.Path):
        return Path(tuple(map(_node, value.nodes)), tuple(map(_relationship, value.relationships)))
    if isinstance(value, time.Date | time.Time | time.DateTime | time.Duration):
        kind = _TEMPORAL_KINDS[type(value).__name__]
        local = kind in ("TIME", "DATE_TIME") and getattr(value, "tzinfo", None) is None
        return Temporal(f"LOCAL_{kind}" if local else kind, value.iso_format())
    if isinstance(value, spatial.Point):
        return Point(int(value.srid or 0), tuple(float(part) for part in value))
    return str(value)


def _properties(entity: Any) -> dict[str, Value]:
    return {str(key): from_driver(item) for key, item in entity.items()}


def _node(node: Any) -> Node:
    return Node(str(node.element_id), tuple(sorted(node.labels)), _properties(node))


def _relationship(relationship: Any) -> Relationship:
    start, end = (str(node.element_id) if node is not None else "" for node in relationship.nodes)
    return Relationship(
        str(relationship.element_id), relationship.type, start, end, _properties(relationship)
    )


def to_json(value: Value) -> Any:
    """`value` as what `json.dumps` takes.

    Nodes, relationships and paths become objects that name their parts; dates become ISO 8601 text,
    points `{"srid", "coordinates"}`, bytes base64. Numbers that JSON has not (infinity, not-a-number)
    become text.
    """
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return b64encode(value).decode("ascii")
        case list():
            return [to_json(item) for item in value]
        case Mapping():
            return {key: to_json(item) for key, item in value.items()}
        case Temporal():
            return value.text
        case Point():
            return {"srid": value.srid, "coordinates": [to_json(part) for part in value.coordinates]}
        case Node():
            return {"id": value.id, "labels": list(value.labels), "properties": to_json(value.properties)}
        case Relationship():
            return {
                "id": value.id,
                "type": value.type,
                "start": value.start,
                "end": value.end,
                "properties": to_json(value.properties),
            }
        case Path():
            return {
                "nodes": [to_json(node) for node in value.nodes],
                "relationships": [to_json(relationship) for relationship in value.relationships],
            }


def type_name(value: Value) -> str:
    """The type's name as `GraphSchema` writes it: `STRING`, `INTEGER`, `LIST`, `DATE`, …"""
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INTEGER"
        case float():
            return "FLOAT"
        case list():
            return "LIST"
        case Temporal():
            return value.kind
        case Point():
            return "POINT"
        case dict():
            return "MAP"
        case bytes():
            return "BYTES"
        case Node():
            return "NODE"
        case Relationship():
            return "RELATIONSHIP"
        case Path():
            return "PATH"
        case _:
            return "STRING"


def approximate_bytes(value: Value) -> int:
    """About how many bytes `value` takes as text; what a result's size limit is counted in."""
    match value:
        case str() | bytes():
            return len(value) + 2
        case list():
            return 2 + sum(approximate_bytes(item) for item in value)
        case dict():
            return 2 + sum(len(key) + 4 + approximate_bytes(item) for key, item in value.items())
        case Node():
            return 40 + sum(map(len, value.labels)) + approximate_bytes(value.properties)
        case Relationship():
            return 60 + len(value.type) + approximate_bytes(value.properties)
        case Path():
            nodes = sum(approximate_bytes(node) for node in value.nodes)
            return nodes + sum(approximate_bytes(relationship) for relationship in value.relationships)
        case _:
            return 8
