"""Read a `GraphSchema` from a live graph by plain Cypher over MATCH.

Knows nothing of any vendor: no `db.schema.*`, no APOC, because ArcadeDB, Memgraph and a Neo4j without
plugins have not all of them. Bounded in time: labels and patterns come from the whole graph where that
is quick enough, else from a sample; property names and types from a sample of each label and type.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from polycypher.cypher import guard
from polycypher.cypher.lexer import quote_name
from polycypher.errors import GuardError, QueryTimeout
from polycypher.graph.bolt import Limits, Result
from polycypher.graph.failures import one_line
from polycypher.graph.values import Value, type_name
from polycypher.schema import GraphSchema, Pattern

Run = Callable[[str, Limits], Result]
"""Runs one query within limits; introspection's only door to the graph."""

SAMPLE = 2000
"""Nodes of a label, or relationships of a type, whose properties are looked at."""

SCAN = 200_000
"""Nodes or relationships looked at where a full count takes longer than its share of the time."""

SECONDS = 30.0
"""Time for the whole of it; what is known by then is returned."""

_ROWS = 20_000

_log = logging.getLogger(__name__)


def read_schema(run: Run, *, sample: int = SAMPLE, seconds: float = SECONDS) -> GraphSchema:
    """Labels, relationship types, their properties with types, and the patterns that exist.

    A property with values of several types gets the most frequent one; `INTEGER` among `FLOAT` counts
    as `FLOAT`. Labels without a node, and types without a relationship, are not part of the schema, nor
    are those whose names the guard lets into no query.

    Args:
        run: executes one query; see `Run`.
        sample: nodes of each label and relationships of each type whose properties are read.
        seconds: time in all; labels come first, then patterns, then properties.

    Raises:
        QueryTimeout: not even the labels could be read in time.
    """
    ends = time.monotonic() + seconds
    labels = _askable("label", _labels(run, seconds / 4))
    patterns = _patterns(run, labels, sample, seconds / 4) if labels else ()
    types = _askable("relationship type", sorted({pattern.type for pattern in patterns}))
    patterns = tuple(
        pattern
        for pattern in patterns
        if pattern.type in types and pattern.start in labels and pattern.end in labels
    )
    nodes: dict[str, dict[str, str]] = {}
    for label in labels:
        query = f"MATCH (n:{quote_name(label)}) RETURN properties(n) LIMIT {sample}"
        nodes[label] = _property_types(run, query, ends)
    edges: dict[str, dict[str, str]] = {}
    for kind in sorted({pattern.type for pattern in patterns}):
        query = f"MATCH ()-[r:{quote_name(kind)}]->() RETURN properties(r) LIMIT {sample}"
        if properties := _property_types(run, query, ends):
            edges[kind] = properties
    return GraphSchema(nodes, edges, patterns)


def _labels(run: Run, seconds: float) -> list[str]:
    limits = Limits(rows=_ROWS, seconds=seconds)
    try:
        rows = run("MATCH (n) RETURN DISTINCT labels(n) AS labels", limits).rows
    except QueryTimeout:
        rows = run(f"MATCH (n) WITH n LIMIT {SCAN} RETURN DISTINCT labels(n) AS labels", limits).rows
    return sorted({name for (names,) in rows for name in _texts(names)})


def _askable(kind: str, names: Iterable[str]) -> list[str]:
    """The names that may stand in a query; whoever named the others may have meant to end a quote."""
    kept: list[str] = []
    for name in names:
        try:
            guard.check(f"MATCH (n:{quote_name(name)}) RETURN n")
            kept.append(name)
        except GuardError as error:
            shown, reason = one_line(ascii(name)), one_line(str(error))
            _log.warning("the %s %s is left out of the schema: %s", kind, shown, reason)
    return kept


def _patterns(run: Run, labels: Iterable[str], sample: int, seconds: float) -> tuple[Pattern, ...]:
    ends = "labels(a) AS starts, type(r) AS type, labels(b) AS ends"
    try:
        rows = run(f"MATCH (a)-[r]->(b) RETURN DISTINCT {ends}", Limits(rows=_ROWS, seconds=seconds)).rows
    except QueryTimeout:
        rows = _sampled_patterns(run, labels, sample, ends, seconds)
    return tuple(
        sorted(
            {
                Pattern(start, str(kind), end)
                for starts, kind, stops in rows
                for start in _texts(starts)
                for end in _texts(stops)
            }
        )
    )


def _sampled_patterns(
    run: Run, labels: Iterable[str], sample: int, columns: str, seconds: float
) -> tuple[tuple[Value, ...], ...]:
    """Patterns that start at a sample of each label: the first rows of all would be of one type."""
    until = time.monotonic() + seconds
    found: list[tuple[Value, ...]] = []
    for label in labels:
        left = until - time.monotonic()
        if left <= 0:
            break
        query = (
            f"MATCH (a:{quote_name(label)}) WITH a LIMIT {sample} "
            f"MATCH (a)-[r]->(b) WITH a, r, b LIMIT {SCAN} RETURN DISTINCT {columns}"
        )
        try:
            found += run(query, Limits(rows=_ROWS, seconds=left)).rows
        except QueryTimeout:
            break
    return tuple(found)


def _property_types(run: Run, query: str, ends: float) -> dict[str, str]:
    left = ends - time.monotonic()
    if left <= 0:
        return {}
    try:
        rows = run(query, Limits(rows=_ROWS, seconds=left)).rows
    except QueryTimeout:
        return {}
    counts: dict[str, dict[str, int]] = {}
    for (properties,) in rows:
        if isinstance(properties, dict):
            for name, value in properties.items():
                if value is not None:
                    kinds = counts.setdefault(name, {})
                    kind = type_name(value)
                    kinds[kind] = kinds.get(kind, 0) + 1
    return {name: _one_type(kinds) for name, kinds in sorted(counts.items())}


def _one_type(counts: dict[str, int]) -> str:
    if set(counts) == {"INTEGER", "FLOAT"}:
        return "FLOAT"
    return max(sorted(counts), key=lambda kind: counts[kind])


def _texts(value: Value) -> Iterable[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
