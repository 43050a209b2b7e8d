"""`random_world`: a schema with plausible or invented names, different for every seed.

Concepts of the dictionary are mixed with invented words and naming styles, so that a model cannot learn
the names by heart and must read them in the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from polycypher.schema import GraphSchema, Pattern
from polycypher.synthesis.invention import invent_word, read_pools
from polycypher.synthesis.language import load_concepts, load_language
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.values import FictionalValues, World

INVENTED_LABELS = 0.15
INVENTED_PROPERTIES = 0.12
INVENTED_TYPES = 0.12


def random_world(seed: int, languages: Sequence[str] = ("en",)) -> World:
    """A random schema of three to seven labels with invented values.

    Some names are taken from the words of one of `languages`, as in graphs made by people who speak it.

    Raises:
        UsageError: a language has no data files.
    """
    return _RandomWorld(Random(seed), languages).world()


class _RandomWorld:
    def __init__(self, rng: Random, languages: Sequence[str]) -> None:
        self.rng = rng
        self.concepts = load_concepts()
        self.pools = read_pools()
        self.foreign = load_language(self.one(languages)) if rng.random() < 0.08 else None
        self.label_style = self.one(
            ("pascal", "pascal", "pascal", "pascal", "pascal", "upper", "snake", "camel")
        )
        self.type_style = self.one(("upper", "upper", "upper", "upper", "upper", "snake", "pascal", "camel"))
        self.property_style = self.one(
            ("camel", "camel", "snake", "snake", "snake", "camel", "pascal", "upper")
        )

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.rng.random() * len(choices))]

    def world(self) -> World:
        rng = self.rng
        by_category = self.concepts["nouns"]
        size = 3 + int(rng.random() * 5)
        nodes: dict[str, dict[str, str]] = {}
        labels: dict[str, str | None] = {}
        category: dict[str, str] = {}
        properties: dict[tuple[str, str], str | None] = {}
        kinds: dict[tuple[str, str], str] = {}
        main: dict[str, str] = {}
        shared_main = self.one(("name", "name", "title", "id", ""))
        categories = list(by_category)
        while len(nodes) < size:
            kind = self.one(categories) if rng.random() < 0.75 else "person"
            concept = self.one(by_category[kind])
            invented = rng.random() < INVENTED_LABELS
            text = invent_word(rng, self.pools) if invented else self._word("nouns", concept)
            label = style(text, self.label_style)
            if label in nodes or (not invented and concept in labels.values()):
                continue
            labels[label] = None if invented else concept
            category[label] = kind
            nodes[label] = self._properties(label, kind, shared_main, properties, kinds, main)
        patterns, types, edges = self._relations(list(nodes), category, properties, kinds)
        schema = GraphSchema(nodes, edges, patterns)
        lexicon = Lexicon(labels, properties, types, main)
        return schema, lexicon, FictionalValues(schema, kinds)

    def _word(self, section: str, concept: str) -> str:
        if self.foreign is not None:
            if section == "nouns":
                return self.foreign.nouns[concept][0].text
            if section == "properties":
                return self.foreign.properties[concept][0].noun.text
        if section == "properties":
            return str(self.concepts["properties"][concept].get("schema", concept))
        return concept.removesuffix("_topic").removesuffix("_place")

    def _properties(
        self,
        label: str,
        kind: str,
        shared_main: str,
        properties: dict[tuple[str, str], str | None],
        kinds: dict[tuple[str, str], str],
        main: dict[str, str],
    ) -> dict[str, str]:
        rng = self.rng
        offered = _properties_by_category()[kind]
        found: dict[str, str] = {}
        concept = shared_main if shared_main in ("name", "title") else self.one(("name", "title", "code"))
        text = self._word("properties", concept)
        if rng.random() < 0.15:
            text = f"{label} {text}"
        name = style(text, self.property_style)
        found[name] = "STRING"
        properties[label, name] = concept
        kinds[label, name] = (
            "person"
            if kind == "person"
            else "title"
            if kind == "work"
            else self.one(("name", "name", "code"))
        )
        main[label] = name
        for _ in range(int(rng.random() * 6)):
            if rng.random() < INVENTED_PROPERTIES:
                name = style(invent_word(rng, self.pools), self.property_style)
                if name not in found:
                    found[name] = self.one(("STRING", "INTEGER", "FLOAT", "BOOLEAN", "DATE"))
                    properties[label, name] = None
                continue
            concept = self.one(offered)
            name = style(self._word("properties", concept), self.property_style)
            if name in found or concept == properties[label, main[label]]:
                continue
            entry = self.concepts["properties"][concept]
            found[name] = "DATE_TIME" if entry["type"] == "DATE" and rng.random() < 0.2 else entry["type"]
            properties[label, name] = concept
            kinds[label, name] = entry["value"]
        return found

    def _relations(
        self,
        labels: list[str],
        category: Mapping[str, str],
        properties: dict[tuple[str, str], str | None],
        kinds: dict[tuple[str, str], str],
    ) -> tuple[tuple[Pattern, ...], dict[Pattern, str | None], dict[str, dict[str, str]]]:
        rng = self.rng
        types: dict[Pattern, str | None] = {}
        edges: dict[str, dict[str, str]] = {}
        by_ends = _relations_by_ends()
        wanted = len(labels) + int(rng.random() * 4)
        offered = _properties_by_category()["rel"]
        for turn in range(wanted * 3):
            if len(types) >= wanted:
                break
            start = labels[turn % len(labels)] if rng.random() < 0.6 else self.one(labels)
            end = self.one(labels)
            if start == end and rng.random() < 0.6:
                continue
            fitting = by_ends.get((category[start], category[end]), ())
            concept: str | None = None
            if fitting and rng.random() > INVENTED_TYPES:
                concept = self.one(fitting)
                entry = self.concepts["relations"][concept]
                text = self.one((entry["type"], entry["type"], f"{concept}"))
            elif rng.random() < 0.35:
                text = invent_word(rng, self.pools) + self.one(("", "", "_to", "_of", "s", "ed"))
            else:
                continue
            kind = style(text, self.type_style)
            pattern = Pattern(start, kind, end)
            known = next((c for p, c in types.items() if p.type == kind), concept)
            if pattern in types or known != concept:
                continue
            types[pattern] = concept
            if kind not in edges and rng.random() < 0.3:
                named = self.one(offered)
                name = style(self._word("properties", named), self.property_style)
                edges[kind] = {name: self.concepts["properties"][named]["type"]}
                properties[kind, name] = named
                kinds[kind, name] = self.concepts["properties"][named]["value"]
        return tuple(sorted(types)), types, edges


@cache
def _properties_by_category() -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for concept, entry in load_concepts()["properties"].items():
        for category in entry["of"]:
            found.setdefault(category, []).append(concept)
    return found


@cache
def _relations_by_ends() -> Mapping[tuple[str, str], Sequence[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for concept, entry in load_concepts()["relations"].items():
        for start in entry["start"]:
            for end in entry["end"]:
                found.setdefault((start, end), []).append(concept)
    return found


def style(text: str, wanted: str) -> str:
    """`text` as a name in one of the styles pascal, camel, snake, upper: letters and digits only."""
    words = [word for word in "".join(sign if sign.isalnum() else " " for sign in text).split() if word]
    if wanted == "pascal":
        return "".join(
            [word[0].upper() + (word[1:].lower() if word.isupper() else word[1:]) for word in words]
        )
    if wanted == "camel":
        first, *rest = [word.lower() if word.isupper() else word[0].lower() + word[1:] for word in words]
        return first + "".join([word[0].upper() + word[1:] for word in rest])
    joined = "_".join(words)
    return joined.upper() if wanted == "upper" else joined.lower()
