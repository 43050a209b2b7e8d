"""What in a gold query its schema does not have, found without the grammar that `grammar_coverage` measures.

Reads a canonical query word by word (`polycypher.cypher.syntax`), follows its variables to their labels and
types, and holds names, properties and relationships against the schema. It asks less than the grammar in one
respect, several hops or types at once, and more in another, a variable's own label where letters agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from polycypher.cypher import guard
from polycypher.cypher.lexer import name_value, tokenize
from polycypher.cypher.syntax import BindingKind, Role, Structure, Word, read_structure
from polycypher.errors import GuardError
from polycypher.schema import GraphSchema

REFUSED = "a call that the guard refuses"
PARAMETER = "a parameter"
NAME = "a label, type or property that the schema lacks"
PROPERTY = "a property of another label or type"
DIRECTION = "a relationship the other way round"
ENDS = "a relationship between labels that the schema does not join so"
_COMPONENTS = frozenset(
    (
        *("year", "quarter", "month", "week", "weekYear", "dayOfQuarter", "day", "ordinalDay", "dayOfWeek"),
        *("weekDay", "weekday", "hour", "minute", "second", "millisecond", "microsecond", "nanosecond"),
        *("timezone", "offset", "epochSeconds", "epochMillis", "years", "quarters", "months", "weeks"),
        *("days", "hours", "minutes", "seconds", "milliseconds", "x", "y", "z", "latitude", "longitude"),
        *("height", "srid", "crs"),
    )
)
"""Of values in Cypher 5, whatever the grammar lists."""


@dataclass(slots=True)
class _Part:
    """A node or relationship of a pattern: its variable, labels or types, map (word → key), and direction."""

    variable: str | None = None
    names: list[str] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)
    left: bool = False
    right: bool = False
    hops: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A query's paths (nodes and relationships in turn), what its variables are bound to, and its words."""

    paths: list[list[_Part]]
    nodes: dict[str, set[str]]
    edges: dict[str, set[str]]
    structure: Structure

    @classmethod
    def of(cls, query: str) -> Reading:
        """Read a query. Raises `QueryError` where it cannot be understood."""
        structure = read_structure(tokenize(query))
        paths = list(_paths(structure.words))
        nodes: dict[str, set[str]] = {}
        edges: dict[str, set[str]] = {}
        for path in paths:
            for index, part in enumerate(path):
                if part.variable is not None:
                    (edges if index % 2 else nodes).setdefault(part.variable, set()).update(part.names)
        return cls(paths, nodes, edges, structure)

    def owners(self, variable: str) -> set[str]:
        """The labels or types of a variable; empty where it has none, or is no node or relationship."""
        return self.nodes.get(variable, set()) | self.edges.get(variable, set())


def faults(query: str, schema: GraphSchema) -> list[str]:
    """Why a query is outside what a schema's grammar is to cover, the gravest first; empty if it is inside.

    Raises:
        QueryError: the query cannot be read.
    """
    found: set[str] = set()
    try:
        guard.check(query)
    except GuardError:
        found.add(REFUSED)
    reading = Reading.of(query)
    if any(word.role is Role.PARAMETER for word in reading.structure.words):
        found.add(PARAMETER)
    found.update(_names(reading, schema))
    for path in reading.paths:
        found.update(_ends(path, reading, schema))
    return [fault for fault in (REFUSED, PARAMETER, NAME, PROPERTY, DIRECTION, ENDS) if fault in found]


def homes(query: str) -> dict[str, set[tuple[str, str]]]:
    """String literal as written → the (label or type, property) pairs of which a query asks for it."""
    reading = Reading.of(query)
    words = reading.structure.words
    found: dict[str, set[tuple[str, str]]] = {}
    owners: set[str] = set()
    name = ""
    for index, word in enumerate(words):
        if word.role is Role.PROPERTY and words[index - 1].text == ".":
            owners, name = reading.owners(words[index - 2].text), name_value(word.text)
        elif word.role is Role.PROPERTY:
            parts = (part for path in reading.paths for part in path if index in part.keys)
            owners, name = {owner for part in parts for owner in part.names}, name_value(word.text)
        elif word.role is Role.STRING:
            found.setdefault(word.text, set()).update((owner, name) for owner in owners)
    return found


# ---------------------------------------------------------------------- names


def _names(reading: Reading, schema: GraphSchema) -> Iterator[str]:
    known = {*schema.labels, *schema.relationship_types}
    words = reading.structure.words
    if any(word.role is Role.LABEL and name_value(word.text) not in known for word in words):
        yield NAME
    for path in reading.paths:
        for part in path:
            owners = set(part.names) or reading.owners(part.variable or "")
            yield from (fault for key in part.keys.values() if (fault := _property(key, owners, schema)))
    bound = {
        name_value(words[binding.word].text)
        for binding in reading.structure.bindings
        if binding.kind in (BindingKind.NODE, BindingKind.RELATIONSHIP)
    }
    for index, word in enumerate(words):
        dotted = word.role is Role.PROPERTY and index > 1 and words[index - 1].text == "."
        if dotted and words[index - 2].role is Role.VARIABLE and words[index - 2].text in bound:
            variable = words[index - 2].text
            owners = reading.owners(variable)
            if variable in reading.edges and not owners:
                owners = set(schema.relationship_types)
            fault = _property(word.text, owners, schema)
            if fault:
                yield fault
            elif words[index + 1 : index + 2] and words[index + 1].text == ".":
                yield from _component(words[index + 2])


def _property(text: str, owners: set[str], schema: GraphSchema) -> str | None:
    name = name_value(text)
    if name not in schema.properties:
        return NAME
    maps = {**schema.node_properties, **schema.relationship_properties}
    return PROPERTY if owners and not any(name in maps.get(owner, ()) for owner in owners) else None


def _component(word: Word) -> Iterator[str]:
    """A part of a date, a duration or a point, which are the only values that have any."""
    if name_value(word.text) not in _COMPONENTS:
        yield NAME


# ---------------------------------------------------------------------- relationships


def _ends(path: Sequence[_Part], reading: Reading, schema: GraphSchema) -> Iterator[str]:
    everything = set(schema.labels)
    for index in range(1, len(path) - 1, 2):
        edge = path[index]
        if edge.hops:
            continue
        before, after = (
            set(node.names) or reading.nodes.get(node.variable or "", set()) or everything
            for node in (path[index - 1], path[index + 1])
        )
        types = set(edge.names) or set(schema.relationship_types)

        def joined(start: set[str], end: set[str], types: set[str] = types) -> bool:
            return any(p.type in types and p.start in start and p.end in end for p in schema.relationships)

        ahead, back = joined(before, after), joined(after, before)
        if not (ahead or back):
            placed = {pattern.type for pattern in schema.relationships}
            if types <= placed:
                yield ENDS
        elif (edge.right and not ahead) or (edge.left and not back):
            yield DIRECTION


# ---------------------------------------------------------------------- reading


def _paths(words: Sequence[Word]) -> Iterator[list[_Part]]:
    """Every chain of nodes and relationships; those inside others' conditions come after."""
    seen: set[int] = set()
    for index in range(len(words)):
        if index not in seen and _opens_node(words, index):
            path, at = [], index
            while at < len(words) and _opens_node(words, at):
                seen.add(at)
                part, at = _filled(words, at + 1, ")")
                path.append(part)
                if at < len(words) and words[at].role is Role.PATTERN and words[at].text in ("-", "<-"):
                    left = words[at].text == "<-"
                    edge = _Part()
                    at += 1
                    if words[at].text == "[":
                        edge, at = _filled(words, at + 1, "]")
                    edge.left, edge.right = left, words[at].text == "->"
                    path.append(edge)
                    at += 1
            yield path


def _opens_node(words: Sequence[Word], index: int) -> bool:
    word, before = words[index], words[index - 1] if index else None
    in_label = before is not None and before.role is Role.PATTERN and before.text in (":", "!", "&", "|")
    return word.role is Role.PATTERN and word.text == "(" and not in_label


def _filled(words: Sequence[Word], at: int, closer: str) -> tuple[_Part, int]:
    """The inside of a node's or relationship's brackets, and the index behind them."""
    part = _Part()
    if words[at].role is Role.VARIABLE:
        part.variable = name_value(words[at].text)
        at += 1
    depth = 0
    while depth or words[at].role is not Role.PATTERN or words[at].text != closer:
        word = words[at]
        if word.text in ("{", "(", "["):
            depth += 1
        elif word.text in ("}", ")", "]"):
            depth -= 1
        elif word.role is Role.LABEL and not depth:
            part.names.append(name_value(word.text))
        elif word.role is Role.PROPERTY and depth == 1 and words[at + 1].text == ":":
            part.keys[at] = word.text
        elif word.role is Role.PATTERN and word.text == "*" and not depth:
            part.hops = True
        at += 1
    return part, at + 1
