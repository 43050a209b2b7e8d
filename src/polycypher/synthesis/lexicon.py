"""`Lexicon`: which concept of the dictionary each name of a schema stands for.

Neutral of language: the words for a concept are in the dictionary of each language. A name without
a concept is written as it is in every language (an invented or technical name).

    labels:        {Movie: {concept: movie, main: title}}
    properties:    {Movie: {title: title, released: release_year}, ACTED_IN: {roles: role}}
    relationships: {DIRECTED: direct}            or {"Person DIRECTED Movie": direct}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Concepts of labels, properties and relationships; `main` is the name-like property of a label."""

    labels: Mapping[str, str | None]
    properties: Mapping[tuple[str, str], str | None]
    relationships: Mapping[Pattern, str | None]
    main: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], schema: GraphSchema) -> Lexicon:
        """Read the form of the module's docstring for `schema`.

        Raises:
            SchemaError: the lexicon names something that the schema lacks, or a label has no main property.
        """
        labels: dict[str, str | None] = dict.fromkeys(schema.labels)
        main: dict[str, str] = {}
        for label, entry in value.get("labels", {}).items():
            if label not in labels:
                raise SchemaError(f"the lexicon names the label '{label}', which the schema lacks; remove it")
            labels[label] = entry.get("concept")
            if "main" in entry:
                main[label] = entry["main"]
        properties: dict[tuple[str, str], str | None] = {}
        for owners in (schema.node_properties, schema.relationship_properties):
            for owner, named in owners.items():
                given = value.get("properties", {}).get(owner, {})
                for name in named:
                    properties[owner, name] = given.get(name)
        for label, named in schema.node_properties.items():
            if label not in main and named:
                main[label] = guess_main(named)
        relations = value.get("relationships", {})
        found = {
            pattern: relations.get(" ".join(pattern), relations.get(pattern.type))
            for pattern in schema.relationships
        }
        return cls(labels, properties, found, main)


def guess_main(properties: Mapping[str, str]) -> str:
    """The property that most likely names a node: name, title, …Name, an identifier, else the first."""
    names = list(properties)
    for wanted in ("name", "title"):
        for name in names:
            if name.lower() == wanted:
                return name
    for name in names:
        if name.lower().endswith(("name", "title")) and properties[name] == "STRING":
            return name
    for name in names:
        if name.lower().endswith("id"):
            return name
    return next((name for name in names if properties[name] == "STRING"), names[0])
