"""Which texts of a question are values in the graph, and of which property.

One bounded query a text property; what does not answer in time is passed over, so that a large graph
without indexes costs a question little. Knows nothing of models.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.errors import GraphError, QueryError
from polycypher.graph.client import Limits, Result
from polycypher.schema import GraphSchema

Homes = dict[str, frozenset[tuple[str, str]]]
"""Stored text → the (label or relationship type, property) pairs that hold it."""

SECONDS = 1.0
"""For all properties together."""
MOST_PROPERTIES = 60
_MOST_VALUES = 40


def find_stored(
    read: Callable[[str, Limits], Result],
    schema: GraphSchema,
    texts: Sequence[str],
    *,
    seconds: float = SECONDS,
) -> Homes:
    """The stored values that equal one of `texts`, whatever their case, with the properties that hold them.

    Args:
        read: runs a read-only query within limits.
        schema: whose text properties are looked into, `MOST_PROPERTIES` at most.
        texts: candidates.
        seconds: after which no further property is looked into.
    """
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    if not texts:
        return {}
    listed = ", ".join(quote_string(text) for text in sorted({text.lower() for text in texts}))
    began = time.monotonic()
    for number, (owner, name, pattern) in enumerate(text_places(schema)):
        left = seconds - (time.monotonic() - began)
        if number == MOST_PROPERTIES or left <= 0:
            break
        value = f"x.{quote_name(name)}"
        query = (
            f"MATCH {pattern} WHERE toLower({value}) IN [{listed}] "
            f"RETURN DISTINCT {value} LIMIT {_MOST_VALUES}"
        )
        try:
            rows = read(query, Limits(rows=_MOST_VALUES, seconds=max(0.1, left))).rows
        except (QueryError, GraphError):
            continue  # a hint that cannot be had; the question is answered without
        for (text,) in rows:
            if isinstance(text, str):
                found[text].add((owner, name))
    return {text: frozenset(places) for text, places in found.items()}


def text_places(schema: GraphSchema) -> Iterator[tuple[str, str, str]]:
    """Every text property: its label or relationship type, its name, and a pattern whose `x` has it."""
    for label, properties in schema.node_properties.items():
        for name, kind in properties.items():
            if kind.upper() == "STRING":
                yield label, name, f"(x:{quote_name(label)})"
    for kind_of, properties in schema.relationship_properties.items():
        for name, kind in properties.items():
            if kind.upper() == "STRING":
                yield kind_of, name, f"()-[x:{quote_name(kind_of)}]->()"
