"""Worlds to ask about that are kept as data: the demo film graph and other domains.

A world is a schema, a lexicon for it and a source of values. `random_world` makes others.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from polycypher.errors import UsageError
from polycypher.schema import GraphSchema
from polycypher.synthesis.language import DATA, load_concepts, read_data
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.values import FictionalValues, GraphValues, ValueSource, World, value_kind


def domain_worlds() -> tuple[str, ...]:
    """Names of the worlds kept as data."""
    folder = DATA / "worlds"
    names = (file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in names))


def domain_world(name: str) -> World:
    """The world `name` with invented values. Raises `UsageError` if there is none of that name."""
    if name not in domain_worlds():
        raise UsageError(f"no world '{name}'; use one of {', '.join(domain_worlds())}")
    schema, lexicon = _read_world(name)
    kinds: dict[tuple[str, str], str] = {}
    for key, concept in lexicon.properties.items():
        kind = value_kind(concept)
        if kind is not None:
            person = lexicon.labels.get(key[0]) in load_concepts()["nouns"]["person"]
            kinds[key] = "person" if kind == "name" and person else kind
    return schema, lexicon, FictionalValues(schema, kinds)


def demo_world(store: Any | None = None, values: ValueSource | None = None) -> World:
    """The demo film graph.

    Args:
        store: a `polycypher.graph` store of it, to take values from.
        values: another source of values; invented ones without either.

    Raises:
        SchemaError: the store holds no films or people.
    """
    schema, lexicon, invented = domain_world("movies")
    if values is not None:
        return schema, lexicon, values
    if store is not None:
        return schema, lexicon, GraphValues.read(store, schema)
    return schema, lexicon, invented


@cache
def _read_world(name: str) -> tuple[GraphSchema, Lexicon]:
    data = read_data("worlds", f"{name}.yaml")
    schema = GraphSchema.from_dict(data["schema"])
    return schema, Lexicon.from_dict(data["lexicon"], schema)
