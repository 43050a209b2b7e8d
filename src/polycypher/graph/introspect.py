"""Read a `GraphSchema` from a live graph by plain Cypher over MATCH.

Knows nothing of any vendor: no `db.schema.*`, no APOC, because ArcadeDB, Memgraph and a Neo4j without
plugins have not all of them. Bounded in time: labels and patterns come from the whole graph where that
is quick enough, else from a sample; property names and types from a sample of each label and type, the
smaller the more of them there are. What was left out for want of time is told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from polycypher.cypher import guard
from polycypher.cypher.lexer import quote_name
from polycypher.errors import GuardError, QueryTimeout
from polycypher.graph.client import Limits, Result
from polycypher.graph.failures import one_line
from polycypher.graph.values import Value, type_name
from polycypher.notices import Notice
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
_SAMPLED = 200_000
"""Nodes and relationships whose properties are looked at in all."""
_FEW, _FEW_SECONDS = 20, 0.25
"""How many are looked at of a label that took too long, and for how long at least."""
_SHARES = 4.0
"""How many times its even share of the time left the properties of one label may take."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SchemaReading:
    """A schema as it was read; `gaps` are parts of a sentence that say what was only sampled or left out."""

    schema: GraphSchema
    gaps: tuple[str, ...] = ()


def read_schema(run: Run, *, sample: int = SAMPLE, seconds: float = SECONDS) -> SchemaReading:
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
    gaps: list[str] = []
    labels = _askable("label", _labels(run, seconds / 4, gaps))
    patterns = _patterns(run, labels, sample, seconds / 4, gaps) if labels else ()
    types = _askable("relationship type", sorted({pattern.type for pattern in patterns}))
    patterns = tuple(
        pattern
        for pattern in patterns
        if pattern.type in types and pattern.start in labels and pattern.end in labels
    )
    sources = {f"(n:{quote_name(label)})": label for label in labels}
    sources |= {f"()-[n:{quote_name(kind)}]->()": kind for kind in types}
    sample = max(_FEW, min(sample, _SAMPLED // max(1, len(sources))))
    found: dict[str, dict[str, str]] = {}
    missed = 0
    for number, pattern in enumerate(sources):
        left = ends - time.monotonic()
        share = max(_FEW_SECONDS, _SHARES * left / (len(sources) - number))
        properties = _property_types(run, pattern, sample, min(share, left)) if left > 0 else None
        missed += properties is None
        found[pattern] = properties or {}
    if missed:
        gaps.append(Notice("gap_properties", missed=missed, all=len(sources)))
    nodes = {label: found[pattern] for pattern, label in sources.items() if pattern.startswith("(n")}
    edges = {
        kind: found[pattern]
        for pattern, kind in sources.items()
        if pattern.startswith("()") and found[pattern]
    }
    return SchemaReading(GraphSchema(nodes, edges, patterns), tuple(gaps))


def _labels(run: Run, seconds: float, gaps: list[str]) -> list[str]:
    limits = Limits(rows=_ROWS, seconds=seconds)
    try:
        rows = run("MATCH (n) RETURN DISTINCT labels(n) AS labels", limits).rows
    except QueryTimeout:
        rows = run(f"MATCH (n) WITH n LIMIT {SCAN} RETURN DISTINCT labels(n) AS labels", limits).rows
        gaps.append(Notice("gap_labels", nodes=SCAN))
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


def _patterns(
    run: Run, labels: Iterable[str], sample: int, seconds: float, gaps: list[str]
) -> tuple[Pattern, ...]:
    ends = "labels(a) AS starts, type(r) AS type, labels(b) AS ends"
    try:
        rows = run(f"MATCH (a)-[r]->(b) RETURN DISTINCT {ends}", Limits(rows=_ROWS, seconds=seconds)).rows
    except QueryTimeout:
        rows = _sampled_patterns(run, labels, sample, ends, seconds)
        gaps.append(Notice("gap_relationships", nodes=sample))
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


def _property_types(run: Run, pattern: str, sample: int, seconds: float) -> dict[str, str] | None:
    """Names and types of the properties of what matches; None if not even a few were read in time."""
    try:
        rows = _sampled(run, pattern, sample, seconds)
    except QueryTimeout:
        try:
            rows = _sampled(run, pattern, _FEW, _FEW_SECONDS)
        except QueryTimeout:
            return None
    counts: dict[str, dict[str, int]] = {}
    for (properties,) in rows:
        if isinstance(properties, dict):
            for name, value in properties.items():
                if value is not None:
                    kinds = counts.setdefault(name, {})
                    kind = type_name(value)
                    kinds[kind] = kinds.get(kind, 0) + 1
    return {name: _one_type(kinds) for name, kinds in sorted(counts.items())}


def _sampled(run: Run, pattern: str, sample: int, seconds: float) -> tuple[tuple[Value, ...], ...]:
    query = f"MATCH {pattern} RETURN properties(n) LIMIT {sample}"
    return run(query, Limits(rows=_ROWS, seconds=seconds)).rows


def _one_type(counts: dict[str, int]) -> str:
    if set(counts) == {"INTEGER", "FLOAT"}:
        return "FLOAT"
    return max(sorted(counts), key=lambda kind: counts[kind])


def _texts(value: Value) -> Iterable[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
