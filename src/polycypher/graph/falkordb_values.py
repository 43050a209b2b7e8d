"""The values of FalkorDB's client as this package's own. Knows the client's classes by their shape."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from polycypher.errors import QueryRejected
from polycypher.graph.values import DEEPEST, Node, Path, Point, Relationship, Temporal, Value

_WGS_84 = 4326


def from_falkordb(value: Any, level: int = 0) -> Value:
    """The value of one cell as FalkorDB's client hands it over, as a `Value`.

    A type unknown here becomes its text. `level` counts the lists and maps around the value.

    Raises:
        QueryRejected: it holds lists or maps more than `DEEPEST` deep.
    """
    if level > DEEPEST:
        raise QueryRejected(
            f"the result holds lists or maps more than {DEEPEST} inside one another; ask for a flatter one"
        )
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, list):
        return [from_falkordb(item, level + 1) for item in value]
    if type(value) is dict and value.keys() == {"latitude", "longitude"}:
        return Point(_WGS_84, (float(value["longitude"]), float(value["latitude"])))  # maps are OrderedDicts
    if isinstance(value, dict):
        return {str(key): from_falkordb(item, level + 1) for key, item in value.items()}
    return _temporal(value) or _from_graph_object(value)


def _temporal(value: Any) -> Temporal | None:
    """Moments, which the server keeps without a time zone; durations, as the client's `relativedelta`."""
    if isinstance(value, datetime):
        return Temporal("LOCAL_DATE_TIME", value.replace(tzinfo=None).isoformat())
    if isinstance(value, date):
        return Temporal("DATE", value.isoformat())
    if isinstance(value, time):
        return Temporal("LOCAL_TIME", value.replace(tzinfo=None).isoformat())
    if type(value).__name__ == "relativedelta":
        return Temporal("DURATION", _duration(value))
    return None


def _duration(value: Any) -> str:
    """ISO 8601: `P1Y2M3DT4H5M6S`, without the parts that are zero."""
    days = "".join(f"{getattr(value, f'{part}s')}{part[0].upper()}" for part in ("year", "month", "day")
                   if getattr(value, f"{part}s"))  # fmt: skip
    seconds = value.seconds + value.microseconds / 1_000_000
    clock = (f"{value.hours}H" if value.hours else "") + (f"{value.minutes}M" if value.minutes else "")
    clock += f"{seconds:g}S" if seconds or not (days or clock) else ""
    return f"P{days}{'T' if clock else ''}{clock}"


def _from_graph_object(value: Any) -> Value:
    kind = type(value).__name__
    if kind == "Node":
        return _node(value)
    if kind == "Edge":
        return _relationship(value)
    if kind == "Path":
        return Path(tuple(map(_node, value.nodes())), tuple(map(_relationship, value.edges())))
    return str(value)


def _node(value: Any) -> Node:
    labels = tuple(sorted(str(label) for label in value.labels or ()))
    return Node(str(value.id), labels, _properties(value))


def _relationship(value: Any) -> Relationship:
    start, end = (str(getattr(node, "id", node)) for node in (value.src_node, value.dest_node))
    return Relationship(str(value.id), str(value.relation), start, end, _properties(value))


def _properties(entity: Any) -> dict[str, Value]:
    return {str(key): from_falkordb(item, 1) for key, item in (entity.properties or {}).items()}
