"""Plans: what a question asks, before any language says it.

A plan holds the query and the slots of one frame; slots refer to the schema by name (`LabelSlot`,
`PropertySlot`) and to values as stored. The realiser turns one plan into a question a language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from polycypher.schema import Pattern

Scalar = str | int | float | bool
"""A value as a query may hold it; dates are ISO text."""


@dataclass(frozen=True, slots=True)
class LabelSlot:
    """The noun for a label, alone."""

    label: str


@dataclass(frozen=True, slots=True)
class PropertySlot:
    """The noun for a property; `owner` is a label or a relationship type."""

    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class ValueSlot:
    """A stored value. Text may stand in quotes, numbers never do."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class NumberSlot:
    """A small number that may be written in words, such as the k of a top-k."""

    value: int


@dataclass(frozen=True, slots=True)
class MentionSlot:
    """One node named by its main property: "Keanu Reeves", "the person Keanu Reeves"."""

    label: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class QuantitySlot:
    """Nodes by number or reference: "more than two movies", "the same movie".

    `kind` is a key of the `quantities` data; only `same` is definite.
    """

    label: str
    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class NameSlot:
    """A name of the schema, written as it is."""

    name: str


@dataclass(frozen=True, slots=True)
class TheirSlot:
    """The related nodes of those of the phrase `np`: "the movies they directed".

    `role` is `their_start`, `their_end` (the label is the end, the start of the relation), or `own_…` where
    the phrase precedes `np`; a language without own words for that uses `their_…`.
    """

    label: str
    relation: Pattern
    role: str


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """Nodes of a label with modifiers: "movies released after 2000 and directed by X"."""

    label: str
    modifiers: tuple[Modifier, ...] = ()


@dataclass(frozen=True, slots=True)
class PairSlot:
    """Two slots joined by a word of the language's `pairs` data: "A and B", "'x' or 'y'"."""

    first: Slot
    second: Slot
    kind: str


@dataclass(frozen=True, slots=True)
class Modifier:
    """A condition on a noun. `relation` set: `name` is a role of that relation (`start`, `no_end`, …)."""

    name: str
    slots: Mapping[str, Slot] = field(default_factory=dict)
    relation: Pattern | None = None


Slot = (
    LabelSlot
    | PropertySlot
    | ValueSlot
    | NumberSlot
    | MentionSlot
    | QuantitySlot
    | NounPhrase
    | PairSlot
    | NameSlot
    | TheirSlot
    | Modifier
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A question to be said: frame, slots, and the gold query.

    `relation` set: `frame` may also be a whole-question role of that relation (`ask_start`, …).
    """

    kind: str
    cypher: str
    frame: str
    slots: Mapping[str, Slot]
    relation: Pattern | None = None
