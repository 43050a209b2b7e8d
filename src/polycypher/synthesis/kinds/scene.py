"""`Scene`: one schema with its lexicon and values, indexed for drawing; and `Draft`, a query in the making.

Queries come out in the canonical form of `polycypher.cypher.normalise`: variables are the lower-case
initial of the label, equality stands inside the node pattern, other conditions in WHERE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import TypeVar

from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.cypher.variables import node_name
from polycypher.schema import GraphSchema, Pattern
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.plan import Scalar
from polycypher.synthesis.values import ValueSource

T = TypeVar("T")
NUMERIC = frozenset({"INTEGER", "LONG", "FLOAT", "DOUBLE"})
DATES = frozenset({"DATE", "DATE_TIME", "LOCAL_DATE_TIME"})
_PLACE = re.compile("\x01(.)(\\d+)\x02")


class Scene:
    """A schema ready to be asked about. `rng` decides everything."""

    def __init__(self, schema: GraphSchema, lexicon: Lexicon, values: ValueSource, rng: Random) -> None:
        self.schema = schema
        self.lexicon = lexicon
        self.values = values
        self.rng = rng
        self.labels = [label for label in schema.labels if label in lexicon.main]
        known = set(self.labels)
        self.patterns = [p for p in schema.relationships if p.start in known and p.end in known]
        self.by_label: dict[str, list[tuple[Pattern, bool]]] = {label: [] for label in self.labels}
        for pattern in self.patterns:
            self.by_label[pattern.start].append((pattern, True))
            self.by_label[pattern.end].append((pattern, False))

    def one(self, choices: Sequence[T]) -> T:
        """One of the choices at random."""
        return choices[int(self.rng.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.rng.random() < probability

    def label(self) -> str:
        """A label at random."""
        return self.one(self.labels)

    def properties(self, label: str, types: frozenset[str] | None = None, *, main: bool = True) -> list[str]:
        """Names of the label's properties of the given types; without its main property on demand."""
        named = self.schema.node_properties.get(label, {})
        skip = None if main else self.lexicon.main.get(label)
        return [name for name, kind in named.items() if name != skip and (types is None or kind in types)]

    def kind(self, owner: str, name: str) -> str:
        """The type of a property of a label or relationship type."""
        nodes = self.schema.node_properties.get(owner, {})
        return nodes.get(name) or self.schema.relationship_properties.get(owner, {}).get(name, "STRING")

    def main(self, label: str) -> str:
        """The main property of a label."""
        return self.lexicon.main[label]


class Node:
    """A node pattern of a draft."""

    __slots__ = ("inline", "label", "var")

    def __init__(self, var: str, label: str) -> None:
        self.var = var
        self.label = label
        self.inline: dict[str, Scalar] = {}

    def dot(self, name: str) -> str:
        """`var.name`."""
        return f"{self.var}.{quoted(name)}"

    def text(self, *, bare: bool = False) -> str:
        """The pattern: with variable and label, or only the variable when it was introduced before."""
        if bare:
            return f"({self.var})"
        return f"({self.var}:{quoted(self.label)}{inline(self.inline)})"


class Draft:
    """A query in the making: nodes, pattern parts, conditions.

    Variables are named last, in the order in which the text binds them, as the canonical form wants.
    """

    def __init__(self) -> None:
        self._count = 0
        self.parts: list[str] = []
        self.where: list[str] = []

    def node(self, label: str) -> Node:
        """A node with a variable of its own."""
        return Node(self._variable(node_name(label)), label)

    def relationship(self) -> str:
        """A relationship variable."""
        return self._variable("r")

    def _variable(self, initial: str) -> str:
        self._count += 1
        return f"\x01{initial}{self._count}\x02"

    def query(self, returned: str, tail: str = "") -> str:
        """The whole text: MATCH, WHERE, RETURN."""
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        return self.finish(f"MATCH {', '.join(self.parts)}{where} RETURN {returned}{tail}")

    def finish(self, text: str) -> str:
        """`text` with the variables named: an initial, numbered from its second use on."""
        names: dict[str, str] = {}
        used: dict[str, int] = {}

        def write(found: re.Match[str]) -> str:
            known = names.get(found[2])
            if known is None:
                initial = found[1]
                count = used[initial] = used.get(initial, 0) + 1
                known = names[found[2]] = initial if count == 1 else f"{initial}{count}"
            return known

        return _PLACE.sub(write, text)


@lru_cache(maxsize=65536)
def quoted(name: str) -> str:
    """A label, type or property name, in backticks if it needs them."""
    return quote_name(name)


def literal(value: Scalar) -> str:
    """A value as Cypher writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote_string(value) if isinstance(value, str) else repr(value)


def inline(properties: Mapping[str, Scalar]) -> str:
    """` {name: value, …}`, or nothing."""
    if not properties:
        return ""
    return " {" + ", ".join(f"{quoted(key)}: {literal(value)}" for key, value in properties.items()) + "}"


def arrow(pattern: Pattern, forward: bool, var: str = "", properties: str = "") -> str:
    """`-[var:TYPE]->` or `<-[var:TYPE]-`."""
    inside = f"[{var}:{quoted(pattern.type)}{properties}]"
    return f"-{inside}->" if forward else f"<-{inside}-"
