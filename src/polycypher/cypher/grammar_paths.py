"""The rules of `grammar` for paths: after a node, what may follow depends on the label it carries.

The engine's parser is Earley's, so a path is a chain of rules, one a label ("the rest of a path after a node
that is a Person"), which keeps directions right without any look back. A node that is only named again,
`(p)`, is known by its name in the canonical form: what may follow is what its letter's labels have. A node
without name and label is taken for what the relationship before it leads to, if that is one label only.

It knows no strings, models or tokenizers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from polycypher.cypher.lexer import quote_name
from polycypher.cypher.variables import node_name
from polycypher.schema import GraphSchema, Pattern

OPTIONS = '%llguidance { "no_forcing": true }'
"""The first line of every grammar. Without it the engine allows, where only one text can follow, one way
alone of cutting it into tokens, its own, and that need not be the model's."""

Ends = Mapping[str, set[str]]
"""Relationship type → the labels at its other end."""

OPEN_NAMES = ("n", "x", "value")
"""What `normalise` calls a node without a label, an element of a list, and a computed value: each may be
a node or a map with any property."""


def path_rules(schema: GraphSchema, *, directions: bool, canonical_names: bool) -> list[str]:
    """The rules `path` and `linked` (a path with at least one relationship, in an expression) and theirs.

    Args:
        schema: labels, types, their properties and the patterns that exist.
        directions: False lets a relationship be written either way round.
        canonical_names: nodes are named by the first letters of their labels; see `schema_grammar`.
    """
    return _Paths(schema, directions, canonical_names).lines


def any_of(texts: Iterable[str]) -> str:
    """Lark alternatives of fixed texts, or, for none, a terminal that matches nothing."""
    return " | ".join(map(quoted, sorted(set(texts)))) or r"/a/ & /b/"


def quoted(text: str) -> str:
    """A Lark string of a fixed text."""
    return json.dumps(text, ensure_ascii=False)


def suffix(letter: str) -> str:
    """An ending for the terminals and rules of one letter, which in lower case may be two characters."""
    return "".join(f"_{ord(char)}" for char in letter)


def letters(schema: GraphSchema) -> dict[str, list[str]]:
    """The first letters by which nodes are named, and the labels that share each, sorted.

    A letter that names unlabelled nodes too says nothing of a label and is left out.
    """
    found: dict[str, list[str]] = {}
    for label in schema.labels:
        found.setdefault(node_name(label), []).append(label)
    return {letter: found[letter] for letter in sorted(found) if letter not in OPEN_NAMES}


class _Paths:
    """`rest_3` is all of a path after the name and label of a node that has the fourth label: the rest of
    that node (`close_3` without properties), and `tail_3` the relationships that can follow; `bond_3` is the
    same where one must. `…_any` are those of a node of unknown label, `…_of_112` of one named `p`.
    """

    def __init__(self, schema: GraphSchema, directions: bool, canonical_names: bool) -> None:
        self.lines: list[str] = []
        self._labels = {label: number for number, label in enumerate(schema.labels)}
        self._types = {kind: number for number, kind in enumerate(schema.relationship_types)}
        self._letters = letters(schema) if canonical_names else {}
        self._unknown = "OPEN" if canonical_names else "NODE"
        self._targets: dict[frozenset[str], str] = {}
        out: dict[str, dict[str, set[str]]] = {label: {} for label in self._labels}
        into: dict[str, dict[str, set[str]]] = {label: {} for label in self._labels}
        turned = (Pattern(end, kind, start) for start, kind, end in schema.relationships)
        for start, kind, end in (*schema.relationships, *(() if directions else turned)):
            out[start].setdefault(kind, set()).add(end)
            into[end].setdefault(kind, set()).add(start)

        everything = {name for names in schema.node_properties.values() for name in names}
        everything.update(name for names in schema.relationship_properties.values() for name in names)
        anything = self._map("any", everything)
        for kind, number in self._types.items():
            own = self._map(f"type_{number}", schema.relationship_properties.get(kind, ()))
            self.lines.append(f"type_{number}: {quoted(':' + quote_name(kind))} {own}")
        # Several hops may pass through nodes of any kind, and several types join many: any label may follow.
        self.lines.append(f"loose: (LOOSE_TYPE | TYPES HOPS? | TYPE? HOPS) {anything}")
        self._bare = bool(anything)
        inside = "EDGE | EDGE? loose"
        if anything:
            self.lines.append('bare: "{" any_pair (", " any_pair)* "}"')
            inside += " | EDGE any_map | bare"
        self.lines.append(f"inside: {inside}")
        self.lines.append('free: "-[" inside to path | "<-[" inside "]-" path | UNTYPED path')

        self._node("any", anything, _joined(out.values()), _joined(into.values()))
        for label, n in self._labels.items():
            own = self._map(f"label_{n}", schema.node_properties.get(label, ()))
            self._node(str(n), own, out[label], into[label])
            self.lines.append(f"node_{n}: {self._named(label)} (rest_{n} | OTHER_LABELS rest_any)")
            self.lines.append(f"linked_{n}: {self._named(label)} (bond_{n} | OTHER_LABELS bond_any)")
        for letter, group in self._letters.items():
            if len(group) > 1:
                names = {name for label in group for name in schema.node_properties.get(label, ())}
                self._node(
                    f"of{suffix(letter)}",
                    self._map(f"of{suffix(letter)}", names),
                    _joined(out[label] for label in group),
                    _joined(into[label] for label in group),
                )
        self.lines.append(f'path: "(" ({self._starts("node", "rest", "close", self._labels)})')
        self.lines.append(f'linked: "(" ({self._starts("linked", "bond", "open", self._labels)})')

    def _starts(self, node: str, rest: str, close: str, labels: Collection[str]) -> str:
        """What may follow the bracket of a node that has one of the labels, if it has any."""
        sole = str(self._labels[next(iter(labels))]) if len(labels) == 1 else "any"
        ordered = sorted(labels)
        named: dict[str, list[str]] = {}
        for label in ordered:
            if node_name(label) in self._letters:
                named.setdefault(node_name(label), []).append(label)
        return " | ".join(
            (
                f"{self._unknown} {rest}_{sole} | {close}_{sole}",
                *([f"bare {close}_{sole}"] if self._bare else ()),
                *(f"NODE{suffix(letter)} {rest}_{self._sole(letter, own)}" for letter, own in named.items()),
                *(f"{node}_{self._labels[label]}" for label in ordered),
            )
        )

    def _sole(self, letter: str, labels: Iterable[str]) -> str:
        """The name of the rules for a node named by the letter that may have the labels."""
        numbers = [self._labels[label] for label in labels]
        return str(numbers[0]) if len(numbers) == 1 else f"of{suffix(letter)}"

    def _named(self, label: str) -> str:
        letter = node_name(label)
        name = f"NODE{suffix(letter)}" if letter in self._letters else self._unknown
        return f"{name}? {quoted(':' + quote_name(label))}"

    def _map(self, name: str, properties: Iterable[str]) -> str:
        """A rule for ` {key: value, …}` over the given keys; its use, optional, or nothing without keys."""
        keys = sorted(set(properties))
        if not keys:
            return ""
        self.lines.append(f"{name.upper()}_KEY: {any_of(quote_name(key) + ': ' for key in keys)}")
        self.lines.append(f"{name}_pair: {name.upper()}_KEY sum")
        self.lines.append(f'{name}_map: " {{" {name}_pair (", " {name}_pair)* "}}"')
        return f"{name}_map?"

    def _node(self, name: str, properties: str, out: Ends, into: Ends) -> None:
        """The rest of a path after a label, given where each type leads from such a node and to it."""
        self.lines.append(f"rest_{name}: {properties} close_{name}")
        self.lines.append(f'close_{name}: ")" tail_{name}?')
        self.lines.append(f"bond_{name}: {properties} open_{name}")
        self.lines.append(f'open_{name}: ")" tail_{name}')
        right, left = [], []
        for kind in sorted({*out, *into}):
            number = self._types[kind]
            either = self._target(out.get(kind, set()) | into.get(kind, set()))
            ahead = self._target(out[kind]) if kind in out else ""
            if ahead == either:
                right.append(f"type_{number} to {either}")
            else:
                right.append(f'type_{number} ("]-" {either}{ahead and " | " + quoted("]->") + " " + ahead})')
            if kind in into:
                left.append(f'type_{number} "]-" {self._target(into[kind])}')
        sides = {'"-[" EDGE?': right, '"<-[" EDGE?': left}
        ways = [f"{side} ({' | '.join(found)})" for side, found in sides.items() if found]
        self.lines.append(f"tail_{name}: {' | '.join(('free', *ways))}")

    def _target(self, labels: Iterable[str]) -> str:
        """The rule of a path that begins at a node of one of the labels."""
        key = frozenset(labels)
        if key not in self._targets:
            rule = self._targets[key] = f"target_{len(self._targets)}"
            starts = self._starts("node", "rest", "close", key)
            self.lines.append(f'{rule}: "(" ({starts})')
        return self._targets[key]


def _joined(parts: Iterable[Ends]) -> dict[str, set[str]]:
    """The ends of all parts together."""
    joined: dict[str, set[str]] = {}
    for part in parts:
        for kind, labels in part.items():
            joined.setdefault(kind, set()).update(labels)
    return joined
