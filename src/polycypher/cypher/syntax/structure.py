"""What the reader of a query finds: its words with their roles, the names it binds, what it projects.

Plain data, in the order of the query's text. It knows nothing of how a query is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a word is in its query."""

    KEYWORD = "keyword"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    VARIABLE = "variable"
    LABEL = "label"
    """A node label or a relationship type."""
    PROPERTY = "property"
    """A property's or map's key, after a dot or before a colon."""
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    TYPE = "type"
    """A value type after `IS ::`."""
    PATTERN = "pattern"
    """Brackets and dashes of a path pattern."""
    SYMBOL = "symbol"


@dataclass(slots=True)
class Word:
    """One word of the query: its text as written, its role, its offset, and whether no space precedes it."""

    text: str
    role: Role
    start: int
    glued: bool


class BindingKind(StrEnum):
    """How a variable comes to be."""

    NODE = "node"
    RELATIONSHIP = "relationship"
    PATH = "path"
    ALIAS = "alias"
    ELEMENT = "element"
    """The variable that runs over a list in a comprehension or predicate."""
    ACCUMULATOR = "accumulator"
    COLUMN = "column"
    """A procedure's output column: its name belongs to the procedure."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where a variable is bound: the word's index, how, its label, and the span of an alias's expression."""

    word: int
    kind: BindingKind
    label: str | None = None
    expression: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One projected expression as a span of words, and the index of its alias if it has one."""

    start: int
    end: int
    alias: int | None


@dataclass(slots=True)
class Projection:
    """A WITH or RETURN: its items, and the span of ORDER BY, SKIP, LIMIT and WHERE after them."""

    clause: str
    depth: int
    """0 for the query itself, more inside braces."""
    items: list[Item] = field(default_factory=list)
    tail: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Structure:
    """All that the reader found."""

    words: list[Word] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    projections: list[Projection] = field(default_factory=list)
    unions: set[int] = field(default_factory=set)
    """Depths at which a UNION stands."""
    pinned: set[str] = field(default_factory=set)
    """Names that show in the result (keys of a map projection, a procedure's columns)."""
    star: bool = False
    """Whether `WITH *`, `RETURN *`, `YIELD *` or `CALL (*)` stands anywhere."""
