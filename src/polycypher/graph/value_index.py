"""An index of the text values that a graph stores, to find the one that a question misspells.

Built by bounded queries, one a text property, and kept with its age in the user's cache folder.
Knows nothing of models; what is near to what is for `graph.near` to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from polycypher.cypher.lexer import quote_name
from polycypher.errors import QueryError
from polycypher.graph import cache
from polycypher.graph.client import Limits, Result
from polycypher.graph.folding import fold
from polycypher.graph.stored import text_places
from polycypher.schema import GraphSchema

Place = tuple[str, str]
"""(label or relationship type, property)"""

SECONDS = 20.0
"""For building an index; what is known by then is in it."""
OLDEST_SECONDS = 86_400.0
"""The age at which an index is built anew."""
MOST_VALUES = 200_000
_MOST_OF_ONE = 20_000
_MOST_PROPERTIES = 200
LONGEST = 80
"""Characters of a value that somebody would spell out in a question."""

_KIND = "values"


@dataclass(frozen=True, slots=True)
class ValueIndex:
    """Stored texts and where they are; `complete` is false if time or room ran out while it was built."""

    places: Mapping[str, frozenset[Place]]
    complete: bool
    folded: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    """Folded text → the stored texts that fold to it."""
    lowered: Mapping[str, tuple[str, ...]] = field(init=False, repr=False)
    """Text in small letters → the stored texts that are it in some case."""
    by_length: Mapping[int, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Letters → the keys of `folded` that have so many."""

    def __post_init__(self) -> None:
        folded: dict[str, list[str]] = {}
        lowered: dict[str, list[str]] = {}
        for text in self.places:
            lowered.setdefault(_lower(text), []).append(text)
            if key := fold(text):
                folded.setdefault(key, []).append(text)
        by_length: dict[int, list[str]] = {}
        for key in folded:
            by_length.setdefault(len(key), []).append(key)
        object.__setattr__(self, "by_length", {length: tuple(keys) for length, keys in by_length.items()})
        for name, made in (("folded", folded), ("lowered", lowered)):
            object.__setattr__(self, name, {key: tuple(texts) for key, texts in made.items()})

    def find(self, texts: Iterable[str]) -> dict[str, frozenset[Place]]:
        """The stored texts that equal one of `texts`, whatever their case, and where they are."""
        found = (stored for text in texts for stored in self.lowered.get(_lower(text), ()))
        return {stored: self.places[stored] for stored in found}


def _lower(text: str) -> str:
    """In small letters; a capital İ becomes i without a dot of its own above."""
    return text.lower().replace("\N{COMBINING DOT ABOVE}", "")


def build_index(
    read: Callable[[str, Limits], Result], schema: GraphSchema, *, seconds: float = SECONDS
) -> ValueIndex:
    """Read the distinct values of the text properties.

    Args:
        read: runs a read-only query within limits.
        schema: whose text properties are read, `_MOST_PROPERTIES` at most, names before prose: a property
            whose values are longer than `LONGEST` characters is left out.
        seconds: for all of it.

    Raises:
        GraphError: the graph cannot be asked.
    """
    ends = time.monotonic() + seconds
    found: dict[str, set[Place]] = {}
    complete = True
    for number, (owner, name, pattern) in enumerate(text_places(schema)):
        left = ends - time.monotonic()
        if left <= 0 or number == _MOST_PROPERTIES or len(found) >= MOST_VALUES:
            complete = False
            break
        value = f"x.{quote_name(name)}"
        query = (
            f"MATCH {pattern} WHERE {value} IS NOT NULL AND size({value}) <= {LONGEST} "
            f"WITH DISTINCT {value} AS value RETURN value LIMIT {_MOST_OF_ONE}"
        )
        try:
            result = read(query, Limits(rows=_MOST_OF_ONE, seconds=max(0.1, left)))
        except QueryError:
            complete = False
            continue
        complete = complete and len(result.rows) < _MOST_OF_ONE and not result.truncated
        for (text,) in result.rows:
            if isinstance(text, str) and text.strip():
                found.setdefault(text, set()).add((owner, name))
    return ValueIndex({text: frozenset(places) for text, places in found.items()}, complete)


def load_index(key: str, *, oldest: float = OLDEST_SECONDS) -> tuple[ValueIndex | None, float]:
    """(the index kept under `key`, its age in seconds); None if there is none of at most `oldest` seconds.

    Under an empty key nothing is kept.
    """
    kept = cache.load(_KIND, key, oldest) if key else None
    try:
        return (None, 0.0) if kept is None else (_from_dict(kept), time.time() - float(kept["written"]))
    except (LookupError, TypeError, ValueError, AttributeError):
        return None, 0.0


def store_index(key: str, index: ValueIndex) -> None:
    """Keep an index under `key`, readable for this user alone; under an empty key it is not kept."""
    if not key:
        return
    places = sorted({place for found in index.places.values() for place in found})
    numbers = {place: number for number, place in enumerate(places)}
    values = {text: sorted(numbers[place] for place in found) for text, found in index.places.items()}
    cache.store(_KIND, key, {"complete": index.complete, "places": places, "values": values})


def _from_dict(kept: Mapping[str, Any]) -> ValueIndex:
    places = [(str(owner), str(name)) for owner, name in kept["places"]]
    values = {
        str(text): frozenset(places[number] for number in numbers) for text, numbers in kept["values"].items()
    }
    return ValueIndex(values, bool(kept["complete"]))
