"""`ValueSource`: where the values in questions come from: a live graph, or invention.

Knows nothing of languages. A source hands out whole nodes and whole walks, so that the values of one
question fit together and, from a live graph, its query returns rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol

from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern
from polycypher.synthesis.invention import MAKERS, MAKERS_BY_TYPE, read_pools
from polycypher.synthesis.language import load_concepts
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.plan import Scalar

Properties = Mapping[str, Any]


class Step(NamedTuple):
    """One relationship of a walk, along its direction (`forward`) or against it."""

    pattern: Pattern
    forward: bool


class Walk(NamedTuple):
    """Properties of the nodes (one more than steps) and of the relationships of a walk."""

    nodes: list[Properties]
    relationships: list[Properties]


class ValueSource(Protocol):
    """Values for the names of one schema. `invented` says that any value is as good as another."""

    invented: bool

    def node(self, label: str, rng: Random) -> Properties:
        """The properties of some node with that label; empty if there is none."""

    def walk(self, steps: Sequence[Step], rng: Random) -> Walk | None:
        """A walk along `steps` (at least one), or None if the graph has none."""


class FictionalValues:
    """Invented values: a property's concept decides what they look like."""

    invented = True

    def __init__(self, schema: GraphSchema, kinds: Mapping[tuple[str, str], str]) -> None:
        self._schema = schema
        self._kinds = kinds
        self._pools: Mapping[str, Sequence[str]] = read_pools()

    def node(self, label: str, rng: Random) -> Properties:
        """A value for every property of the label."""
        return _Lazy(self, label, self._schema.node_properties.get(label, {}), rng)

    def walk(self, steps: Sequence[Step], rng: Random) -> Walk:
        """Invented nodes and relationships."""
        first = steps[0].pattern.start if steps[0].forward else steps[0].pattern.end
        nodes = [self.node(first, rng)]
        relationships = []
        for pattern, forward in steps:
            nodes.append(self.node(pattern.end if forward else pattern.start, rng))
            named = self._schema.relationship_properties.get(pattern.type, {})
            relationships.append(_Lazy(self, pattern.type, named, rng))
        return Walk(nodes, list(relationships))

    def value(self, owner: str, name: str, kind: str, rng: Random) -> Any:
        """One invented value of the type `kind`."""
        wanted = self._kinds.get((owner, name))
        if kind in MAKERS_BY_TYPE and wanted not in MAKERS:
            return MAKERS_BY_TYPE[kind](rng, self._pools)
        made = MAKERS[wanted or "name"](rng, self._pools)
        if kind in ("INTEGER", "LONG") and isinstance(made, float):
            return round(made * 10)
        if kind == "LIST":
            return [made, MAKERS[wanted or "name"](rng, self._pools)]
        return made


class _Lazy(dict[str, Any]):
    """The properties of an invented node, made when read."""

    def __init__(self, source: FictionalValues, owner: str, named: Mapping[str, str], rng: Random) -> None:
        super().__init__()
        self._source, self._owner, self._named, self._rng = source, owner, named, rng

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._source.value(self._owner, name, self._named[name], self._rng)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._named else default


class GraphValues:
    """Values of a real graph, held as lists of nodes and relationships.

    `nodes[label]` are property mappings; `edges[pattern]` are triples of start index, properties and
    end index into them.
    """

    invented = False

    def __init__(
        self,
        nodes: Mapping[str, Sequence[Properties]],
        edges: Mapping[Pattern, Sequence[tuple[int, Properties, int]]],
    ) -> None:
        self._nodes = nodes
        self._edges = edges
        self._from: dict[Pattern, dict[int, list[tuple[Properties, int]]]] = {}
        self._to: dict[Pattern, dict[int, list[tuple[Properties, int]]]] = {}
        for pattern, triples in edges.items():
            forward: dict[int, list[tuple[Properties, int]]] = {}
            backward: dict[int, list[tuple[Properties, int]]] = {}
            for start, properties, end in triples:
                forward.setdefault(start, []).append((properties, end))
                backward.setdefault(end, []).append((properties, start))
            self._from[pattern], self._to[pattern] = forward, backward

    def node(self, label: str, rng: Random) -> Properties:
        """A node at random."""
        nodes = self._nodes.get(label)
        return nodes[int(rng.random() * len(nodes))] if nodes else {}

    def walk(self, steps: Sequence[Step], rng: Random) -> Walk | None:
        """A random walk over relationships that exist; a few tries, then None."""
        for _ in range(6):
            pattern, forward = steps[0]
            triples = self._edges.get(pattern)
            if not triples:
                return None
            start, properties, end = triples[int(rng.random() * len(triples))]
            here, there = (start, end) if forward else (end, start)
            labels = (pattern.start, pattern.end) if forward else (pattern.end, pattern.start)
            nodes = [self._nodes[labels[0]][here], self._nodes[labels[1]][there]]
            relationships = [properties]
            before = (pattern, here)
            for pattern, forward in steps[1:]:
                ways = (self._from if forward else self._to).get(pattern, {}).get(there, [])
                # Cypher never walks one relationship twice.
                ways = [way for way in ways if (pattern, way[1]) != before]
                if not ways:
                    break
                properties, following = ways[int(rng.random() * len(ways))]
                before = (pattern, there)
                there = following
                nodes.append(self._nodes[pattern.end if forward else pattern.start][there])
                relationships.append(properties)
            if len(relationships) == len(steps):
                return Walk(nodes, relationships)
        return None

    @classmethod
    def read(cls, store: Any, schema: GraphSchema) -> GraphValues:
        """Read all nodes and relationships of a small graph from a `polycypher.graph` store.

        Raises:
            SchemaError: the graph holds no node with a label of the schema.
        """
        nodes: dict[str, list[Properties]] = {}
        places: dict[str, dict[str, int]] = {}
        for label in schema.labels:
            rows = store.read(f"MATCH (n:`{label}`) RETURN n").rows
            nodes[label] = [dict(row[0].properties) for row in rows]
            places[label] = {row[0].id: index for index, row in enumerate(rows)}
        if not any(nodes.values()):
            raise SchemaError("the graph holds no node of the schema; load data first")
        edges: dict[Pattern, list[tuple[int, Properties, int]]] = {}
        for pattern in schema.relationships:
            query = f"MATCH (a:`{pattern.start}`)-[r:`{pattern.type}`]->(b:`{pattern.end}`) RETURN a, r, b"
            found: list[tuple[int, Properties, int]] = []
            for start, relationship, end in store.read(query).rows:
                found.append(
                    (
                        places[pattern.start][start.id],
                        dict(relationship.properties),
                        places[pattern.end][end.id],
                    )
                )
            edges[pattern] = found
        return cls(nodes, edges)


def value_kind(concept: str | None) -> str | None:
    """How values of a property concept are made; None for an unknown concept."""
    entry = load_concepts()["properties"].get(concept) if concept else None
    return str(entry["value"]) if entry else None


def as_scalar(value: Any) -> Scalar | None:
    """A value that a question can name, or None; a date of a graph (`Temporal`) becomes its text."""
    if isinstance(value, bool | int | float | str):
        return value
    text = getattr(value, "text", None)
    return text if isinstance(text, str) else None


World = tuple[GraphSchema, Lexicon, ValueSource]
"""What questions are about: a schema, the concepts of its names, and values."""
