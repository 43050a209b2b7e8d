"""`GraphSchema`: what a property graph holds, and its text forms.

Knows nothing of databases, models or languages. A schema comes from a live graph
(`polycypher.graph.introspect`), from JSON, or from the text that Neo4j's tools print; it goes out
as JSON and as the compact text that stands in a prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from polycypher.errors import SchemaError

_TYPE_LETTERS = {
    "STRING": "",
    "INTEGER": "int",
    "LONG": "int",
    "FLOAT": "float",
    "DOUBLE": "float",
    "BOOLEAN": "bool",
    "LIST": "list",
    "DATE": "date",
    "DATE_TIME": "datetime",
    "LOCAL_DATE_TIME": "datetime",
    "DURATION": "duration",
    "POINT": "point",
}
"""Type names as a prompt writes them; text, the most frequent, is written by silence."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


class Pattern(NamedTuple):
    """One relationship pattern: `(:start)-[:type]->(:end)`."""

    start: str
    type: str
    end: str


@dataclass(frozen=True, slots=True)
class GraphSchema:
    """Labels, relationship types, their properties with types, and the patterns that exist.

    Property types are upper-case names as Neo4j prints them (`STRING`, `INTEGER`, `FLOAT`, `BOOLEAN`,
    `DATE`, `DATE_TIME`, `LIST`, `POINT`, …). A label or type without properties has an empty mapping.
    """

    node_properties: Mapping[str, Mapping[str, str]]
    relationship_properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    relationships: tuple[Pattern, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, from properties and patterns, sorted."""
        seen = set(self.node_properties)
        for pattern in self.relationships:
            seen.update((pattern.start, pattern.end))
        return tuple(sorted(seen))

    @property
    def relationship_types(self) -> tuple[str, ...]:
        """Every relationship type, sorted."""
        return tuple(sorted({*self.relationship_properties, *(p.type for p in self.relationships)}))

    @property
    def properties(self) -> tuple[str, ...]:
        """Every property name of nodes and relationships, sorted."""
        maps = (*self.node_properties.values(), *self.relationship_properties.values())
        return tuple(sorted({name for properties in maps for name in properties}))

    def __bool__(self) -> bool:
        """False for the schema of an empty graph."""
        return bool(self.node_properties or self.relationships)

    # ------------------------------------------------------------------ reading

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> GraphSchema:
        """Read `{"node_properties": {label: {property: type}}, "relationship_properties": …,
        "relationships": [[start, type, end], …]}`; other keys are ignored.

        Raises:
            SchemaError: a part has another shape; the message names it.
        """
        try:
            nodes = {
                str(label): {str(k): str(v).upper() for k, v in properties.items()}
                for label, properties in value["node_properties"].items()
            }
            edges = {
                str(kind): {str(k): str(v).upper() for k, v in properties.items()}
                for kind, properties in value.get("relationship_properties", {}).items()
            }
            patterns = tuple(sorted({Pattern(*map(str, row)) for row in value.get("relationships", ())}))
        except KeyError as error:
            raise SchemaError(
                f"the schema has no key {error}; see `polycypher schema --json` for the form"
            ) from None
        except (AttributeError, TypeError, ValueError) as error:
            raise SchemaError(
                f"the schema's parts have another shape than `polycypher schema --json` prints: {error}"
            ) from None
        return cls(nodes, edges, patterns)

    @classmethod
    def from_json(cls, text: str) -> GraphSchema:
        """Read the JSON form that `to_json` writes. Raises `SchemaError` for anything else."""
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise SchemaError(f"the schema is no JSON: {error}") from None
        if not isinstance(value, dict):
            raise SchemaError("the schema must be a JSON object with `node_properties` and `relationships`")
        return cls.from_dict(value)

    @classmethod
    def from_neo4j_text(cls, text: str) -> GraphSchema:
        """Read the text forms that Neo4j's tools print.

        Understood are `Label {prop: TYPE, …}` (LangChain, neo4j-graphrag), `- **Label**` followed by
        "  - `prop`: TYPE …" or "  - `prop: TYPE` …" (the enhanced form of the public Text2Cypher
        corpora), and patterns `(:A)-[:TYPE]->(:B)`.

        Raises:
            SchemaError: nothing of the kind was found.
        """
        nodes: dict[str, dict[str, str]] = {}
        edges: dict[str, dict[str, str]] = {}
        target = nodes
        current: dict[str, str] | None = None
        for line in text.splitlines():
            if re.search(r"\(:[^)]*\)\s*-\s*\[", line):
                continue
            if re.match(r"\s*rel\w*\s+propert", line, re.IGNORECASE):
                target, current = edges, None
            elif re.match(r"\s*node\s+propert", line, re.IGNORECASE):
                target, current = nodes, None
            elif found := re.match(r"\s*-?\s*\*\*\s*`?([^*`]+?)`?\s*\*\*", line):
                current = target.setdefault(found[1], {})
            elif found := re.match(r"\s*[:`]*([\w ]+?)`?\s*\{(.*)\}\s*,?\s*$", line):
                properties = re.findall(r"`?(\w[\w ]*?)`?\s*:\s*([A-Za-z_]+)", found[2])
                target.setdefault(found[1], {}).update((k, v.upper()) for k, v in properties)
            elif current is not None and (
                found := re.match(r"\s*-\s*`([^`]+?)(?:: ?([A-Z_]+))?`(?:\s*:\s*([A-Za-z_]+))?", line)
            ):
                current[found[1]] = (found[2] or found[3] or "STRING").upper()
        arrow = r"\(:\s*`?([^)`]+?)`?\s*\)\s*-\s*\[:\s*`?([^\]`]+?)`?\s*\]\s*->\s*\(:\s*`?([^)`]+?)`?\s*\)"
        patterns = tuple(sorted({Pattern(*found) for found in re.findall(arrow, text)}))
        if not nodes and not patterns:
            raise SchemaError(
                "no label and no pattern found in the schema text; give JSON or Neo4j's own text form"
            )
        return cls(nodes, edges, patterns)

    # ------------------------------------------------------------------ writing

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form that `from_dict` reads; everything sorted, so equal schemas give equal text."""
        return {
            "node_properties": {
                label: dict(sorted(self.node_properties.get(label, {}).items())) for label in self.labels
            },
            "relationship_properties": {
                kind: dict(sorted(properties.items()))
                for kind, properties in sorted(self.relationship_properties.items())
                if properties
            },
            "relationships": [list(pattern) for pattern in sorted(self.relationships)],
        }

    def to_json(self) -> str:
        """`to_dict` as indented JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    def to_prompt(self) -> str:
        """The compact text for a prompt: one line a label, then one line a relationship type.

        `Movie(released int,title)` names a label and its properties (text has no type word);
        `ACTED_IN(roles list) Person>Movie` a type, its properties and each start>end pair.
        Sorted, so that the same graph always gives the same prompt.
        """
        lines = [f"{label}({_properties(self.node_properties.get(label, {}))})" for label in self.labels]
        ends: dict[str, dict[str, list[str]]] = {kind: {} for kind in self.relationship_types}
        for start, kind, end in sorted(self.relationships):
            ends[kind].setdefault(start, []).append(end)
        for kind, pairs in ends.items():
            properties = self.relationship_properties.get(kind)
            shown = f"({_properties(properties)})" if properties else ""
            shown_pairs = (f"{start}>{'|'.join(others)}" for start, others in pairs.items())
            lines.append(f"{kind}{shown} {','.join(shown_pairs)}".rstrip())
        return "\n".join(lines)

    # ------------------------------------------------------------------ pruning

    def restrict(
        self, labels: Iterable[str], properties: Mapping[str, Iterable[str]] | None = None
    ) -> GraphSchema:
        """The part of the schema between the given labels; `properties` further limits a label's own."""
        kept = set(labels)
        patterns = tuple(p for p in self.relationships if p.start in kept and p.end in kept)
        types = {p.type for p in patterns}
        nodes = {}
        for label, named in self.node_properties.items():
            if label in kept:
                only = None if properties is None else set(properties.get(label, named))
                nodes[label] = {k: v for k, v in named.items() if only is None or k in only}
        edges = {kind: named for kind, named in self.relationship_properties.items() if kind in types}
        return GraphSchema(nodes, edges, patterns)

    def relevance(self, question: str) -> dict[str, float]:
        """Score of every label for a question: shared word stems of label, properties and types.

        Language-neutral as far as names are: stems of four letters, case-folded. Labels beside a
        label that scores inherit a part of its score, because a question names the ends of a path
        and not always its middle.
        """
        asked = _stems(question)
        types = {kind: len(asked & _stems(kind)) for kind in self.relationship_types}
        own = {
            label: 3.0 * len(asked & _stems(label))
            + sum(1.0 for name in self.node_properties.get(label, {}) if asked & _stems(name))
            for label in self.labels
        }
        score = dict(own)
        for start, kind, end in self.relationships:
            bonus = 2.0 * types[kind]
            score[start] = max(score[start], own[start] + bonus, 0.4 * own[end])
            score[end] = max(score[end], own[end] + bonus, 0.4 * own[start])
        return score


def _properties(properties: Mapping[str, str]) -> str:
    words = ((name, _TYPE_LETTERS.get(kind, kind.lower())) for name, kind in sorted(properties.items()))
    return ",".join(f"{name} {kind}" if kind else name for name, kind in words)


def _stems(text: str) -> set[str]:
    return {word.casefold()[:4] for word in _WORD.findall(text) if len(word) > 1}
