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
from polycypher.synthesis.language import load_concepts, read_data
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
    """Values for the names of one schema."""

    def node(self, label: str, rng: Random) -> Properties:
        """The properties of some node with that label; empty if there is none."""

    def walk(self, steps: Sequence[Step], rng: Random) -> Walk | None:
        """A walk along `steps` (at least one), or None if the graph has none."""


class FictionalValues:
    """Invented values: a property's concept decides what they look like."""

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
        if kind in _MAKERS_BY_TYPE and wanted not in _MAKERS:
            return _MAKERS_BY_TYPE[kind](rng, self._pools)
        made = _MAKERS[wanted or "name"](rng, self._pools)
        if kind in ("INTEGER", "LONG") and isinstance(made, float):
            return round(made * 10)
        if kind == "LIST":
            return [made, _MAKERS[wanted or "name"](rng, self._pools)]
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
            found = []
            for start, relationship, end in store.read(query).rows:
                found.append(
                    (places[pattern.start][start.id], dict(relationship.properties), places[pattern.end][end.id])
                )
            edges[pattern] = found
        return cls(nodes, edges)


# ---------------------------------------------------------------------- invention

_POOLS: dict[str, Sequence[str]] = {}


def read_pools() -> Mapping[str, Sequence[str]]:
    """The word pools of `values.yaml`, read once."""
    if not _POOLS:
        _POOLS.update({name: [str(v) for v in values] for name, values in read_data("values.yaml").items()})
    return _POOLS


Pools = Mapping[str, Sequence[str]]


def _one(rng: Random, pool: Sequence[str]) -> str:
    return pool[int(rng.random() * len(pool))]


def _between(rng: Random, low: int, high: int) -> int:
    return low + int(rng.random() * (high - low + 1))


def invent_word(rng: Random, pools: Pools, least: int = 2, most: int = 3) -> str:
    """A pronounceable word that no dictionary has."""
    count = _between(rng, least, most)
    return "".join([_one(rng, pools["syllables"]) for _ in range(count)]) + (
        _one(rng, pools["endings"]) if rng.random() < 0.5 else ""
    )


def _name(rng: Random, pools: Pools) -> str:
    turn = rng.random()
    if turn < 0.25:
        return _one(rng, pools["adjectives"]).capitalize() + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.45:
        return invent_word(rng, pools).capitalize()
    if turn < 0.6:
        return invent_word(rng, pools).capitalize() + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.72:
        return _code(rng, pools)
    if turn < 0.8:
        return _one(rng, pools["surnames"]) + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.9:
        return _one(rng, pools["things"])
    return _one(rng, pools["cities"])


def _person(rng: Random, pools: Pools) -> str:
    first = _one(rng, pools["first_names"])
    if rng.random() < 0.2:
        return first + " " + invent_word(rng, pools).capitalize()
    if rng.random() < 0.08:
        return first + " " + chr(65 + int(rng.random() * 26)) + ". " + _one(rng, pools["surnames"])
    return first + " " + _one(rng, pools["surnames"])


def _title(rng: Random, pools: Pools) -> str:
    turn = rng.random()
    if turn < 0.3:
        return "The " + _one(rng, pools["adjectives"]).capitalize() + " " + _one(rng, pools["things"]).capitalize()
    if turn < 0.5:
        return _one(rng, pools["things"]).capitalize() + " of " + _one(rng, pools["cities"])
    if turn < 0.65:
        return _one(rng, pools["titles"])
    if turn < 0.8:
        return invent_word(rng, pools).capitalize() + " " + str(_between(rng, 2, 9))
    return _one(rng, pools["adjectives"]).capitalize() + " " + _one(rng, pools["things"]).capitalize()


def _code(rng: Random, pools: Pools) -> str:
    letters = "".join([chr(65 + int(rng.random() * 26)) for _ in range(_between(rng, 1, 3))])
    turn = rng.random()
    if turn < 0.5:
        return f"{letters}-{_between(rng, 1, 999)}"
    if turn < 0.75:
        return f"{letters}{_between(rng, 1, 99)}-{_one(rng, pools['things'])[:3].upper()}-{_between(rng, 1, 20)}"
    return f"{_one(rng, pools['things'])}{_between(rng, 1, 20)}"


def _text(rng: Random, pools: Pools) -> str:
    return " ".join([_one(rng, pools["adjectives"]), _one(rng, pools["things"]), "and", _one(rng, pools["things"])])


def _date(rng: Random, pools: Pools) -> str:
    return f"{_between(rng, 1990, 2025)}-{_between(rng, 1, 12):02d}-{_between(rng, 1, 28):02d}"


def _round(rng: Random, low: int, high: int) -> int:
    value = _between(rng, low, high)
    if rng.random() < 0.7:
        size = 10 ** max(0, len(str(value)) - 1 - int(rng.random() * 2))
        value = max(size, value // size * size)
    return value


_MAKERS: dict[str, Any] = {
    "name": _name,
    "person": _person,
    "title": _title,
    "code": _code,
    "text": _text,
    "address": lambda r, p: f"{_between(r, 1, 400)} {_one(r, p['surnames'])} Street",
    "city": lambda r, p: _one(r, p["cities"]),
    "country": lambda r, p: _one(r, p["countries"]),
    "email": lambda r, p: f"{_one(r, p['first_names']).lower()}@{_one(r, p['things'])}.com",
    "phone": lambda r, p: f"{_between(r, 200, 999)}-{_between(r, 1000, 9999)}",
    "status": lambda r, p: _one(r, p["statuses"]),
    "color": lambda r, p: _one(r, p["colors"]),
    "language": lambda r, p: _one(r, p["languages"]),
    "nationality": lambda r, p: _one(r, p["nationalities"]),
    "kind": lambda r, p: _one(r, p["kinds"]) if r.random() < 0.7 else _name(r, p),
    "version": lambda r, p: f"{_between(r, 1, 12)}.{_between(r, 0, 20)}",
    "year": lambda r, p: _between(r, 1900, 2024),
    "birth_year": lambda r, p: _between(r, 1920, 2005),
    "age": lambda r, p: _between(r, 1, 99),
    "big": lambda r, p: _round(r, 1000, 9000000),
    "money": lambda r, p: _round(r, 1000, 90000000),
    "price": lambda r, p: round(r.random() * 10 ** _between(r, 1, 3) + 1, int(r.random() * 3)) + 0.0,
    "rating": lambda r, p: round(r.random() * (5 if r.random() < 0.5 else 10), 1),
    "score": lambda r, p: _between(r, 0, 100),
    "count": lambda r, p: _round(r, 2, 5000),
    "minutes": lambda r, p: _between(r, 1, 300),
    "small": lambda r, p: _between(r, 1, 60),
    "measure": lambda r, p: round(r.random() * 10 ** _between(r, 1, 4) + 0.1, 1),
    "measure_int": lambda r, p: _round(r, 1, 5000),
    "height": lambda r, p: _between(r, 140, 210),
    "power": lambda r, p: 2 ** _between(r, 1, 12),
    "port": lambda r, p: int(_one(r, ("22", "25", "53", "80", "443", "5432", "7687", "8080", "9092"))),
    "bool": lambda r, p: r.random() < 0.5,
    "date": _date,
}

_MAKERS_BY_TYPE: dict[str, Any] = {
    "STRING": _name,
    "INTEGER": lambda r, p: _round(r, 1, 5000),
    "LONG": lambda r, p: _round(r, 1, 5000),
    "FLOAT": lambda r, p: round(r.random() * 100, 1),
    "DOUBLE": lambda r, p: round(r.random() * 100, 1),
    "BOOLEAN": lambda r, p: r.random() < 0.5,
    "DATE": _date,
    "DATE_TIME": _date,
    "LOCAL_DATE_TIME": _date,
    "LIST": lambda r, p: [_one(r, p["kinds"]), _name(r, p)],
}


def value_kind(concept: str | None) -> str | None:
    """How values of a property concept are made; None for an unknown concept."""
    entry = load_concepts()["properties"].get(concept) if concept else None
    return str(entry["value"]) if entry else None


def as_scalar(value: Any) -> Scalar | None:
    """A value that a question can name, or None: dates become ISO text."""
    if isinstance(value, bool | int | float | str):
        return value
    return str(value) if hasattr(value, "isoformat") or hasattr(value, "iso_format") else None
