"""Result values as small integers, so that equal values have equal integers.

What counts as equal:

- numbers by value: `3` equals `3.0`, and a number with a fraction equals any other within a relative
  tolerance of 1e-6; true and false are no numbers;
- NULL equals NULL only, although Cypher's own `null = null` is unknown: two result cells are compared here;
- nodes by labels and properties, relationships by type and properties, paths by both in order; never by id,
  because two databases with the same data give other ids;
- maps by keys and values;
- lists as multisets, as CypherBench does: `collect()` promises no order;
- dates, times and durations by their ISO text, so that a date equals the text that writes it;
- points by coordinate system and coordinates.

Knows nothing of queries, rows' order or columns' names.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from polycypher.graph.values import Node, Path, Point, Relationship, Temporal, Value

RELATIVE_TOLERANCE = 1e-6
"""Numbers with a fraction this close, relative to the larger, are one number."""

ABSOLUTE_TOLERANCE = 1e-9
"""The same close to zero, where a sum that should cancel leaves a rest."""

_EXACT_INTEGERS = 2.0**53
"""Below this a float without a fraction is exactly that integer."""

Rows = Sequence[Sequence[Value]]
"""Result rows: one sequence of values a row, all of one width."""


def canonical_tables(*tables: Rows) -> list[list[tuple[int, ...]]]:
    """The same tables with an integer in place of each value; integers are equal where the values are.

    All tables of a comparison go in together, because closeness of numbers is not transitive: the
    numbers of all tables are grouped once, and no rounding boundary can part two close ones.

    Args:
        tables: each `[rows, columns]`; the tables may differ in shape.

    Returns:
        one list of rows a table, in order, of the same shapes.
    """
    numbers = _group_numbers(
        number for table in tables for row in table for value in row for number in _numbers(value)
    )
    integers: dict[Hashable, int] = {}
    return [
        [tuple(integers.setdefault(_key(value, numbers), len(integers)) for value in row) for row in table]
        for table in tables
    ]


def _numbers(value: Value) -> Iterator[float]:
    """Every number inside a value, at any depth."""
    match value:
        case bool():
            return
        case int() | float():
            yield value
        case Node() | Relationship():
            yield from _numbers(value.properties)
        case dict():
            for inner in value.values():
                yield from _numbers(inner)
        case list():
            for inner in value:
                yield from _numbers(inner)
        case Path():
            for node in value.nodes:
                yield from _numbers(node)
            for relationship in value.relationships:
                yield from _numbers(relationship)
        case Point():
            yield from value.coordinates


def _key(value: Value, numbers: Mapping[float, float]) -> Hashable:
    """A hashable stand-in, equal for equal values; the first item names the kind, so kinds never mix."""
    match value:
        case None:
            return ("null",)
        case bool():
            return ("boolean", value)
        case int() | float():
            return ("number", "nan" if math.isnan(value) else numbers.get(value, value))
        case str():
            return ("text", value)
        case Temporal():
            return ("text", value.text)
        case bytes():
            return ("bytes", value)
        case Point():
            return ("point", value.srid, tuple(numbers.get(part, part) for part in value.coordinates))
        case list():
            return ("list", frozenset(Counter(_key(inner, numbers) for inner in value).items()))
        case dict():
            return ("map", frozenset((name, _key(inner, numbers)) for name, inner in value.items()))
        case Node():
            return ("node", frozenset(value.labels), _key(value.properties, numbers))
        case Relationship():
            return ("relationship", value.type, _key(value.properties, numbers))
        case Path():
            nodes = tuple(_key(node, numbers) for node in value.nodes)
            return ("path", nodes, tuple(_key(step, numbers) for step in value.relationships))


def _group_numbers(numbers: Iterable[float]) -> dict[float, float]:
    """Map each number with a fraction to the representative of its group.

    Sorted neighbours within the tolerance make a group. A group takes the value of an integer among
    the numbers where one is within the tolerance. Integers are compared exactly and never grouped
    with one another: two counts or years that differ are different.
    """
    distinct = {number for number in numbers if math.isfinite(number)}
    whole = sorted(number for number in distinct if _is_integer(number))
    broken = sorted(distinct.difference(whole))
    representatives: dict[float, float] = {}
    for start, end in _runs(broken):
        group = broken[start:end]
        middle = group[len(group) // 2]
        place = bisect_left(whole, middle)
        near = [number for number in whole[max(place - 1, 0) : place + 1] if _close(number, middle)]
        chosen = min(near, key=lambda number: abs(number - middle), default=middle)
        representatives.update(dict.fromkeys(group, chosen))
    return representatives


def _runs(ascending: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Start and end of each maximal run of close neighbours."""
    start = 0
    for end, (left, right) in enumerate(pairwise(ascending), start=1):
        if not _close(left, right):
            yield start, end
            start = end
    if ascending:
        yield start, len(ascending)


def _is_integer(number: float) -> bool:
    return isinstance(number, int) or (number.is_integer() and abs(number) < _EXACT_INTEGERS)


def _close(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)
