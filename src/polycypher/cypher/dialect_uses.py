"""Which constructs of `data/dialects.yaml` a query holds, and where.

Knows how each construct is written; it knows nothing of who lacks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from polycypher.cypher.dialect import construct_of_function
from polycypher.cypher.dialect_labels import label_expression
from polycypher.cypher.dialect_patterns import edges
from polycypher.cypher.dialect_text import Text
from polycypher.cypher.lexer import name_value
from polycypher.cypher.syntax import Role

_SYMBOLS = {"=~": "regex", "^": "power", "||": "concatenation", "::": "type_predicate"}
_SUBQUERIES = {"EXISTS": "exists_subquery", "COUNT": "count_subquery", "COLLECT": "collect_subquery"}
_LIST_PREDICATES = {"all": "list_predicate", "any": "list_predicate", "none": "list_predicate"}
_PATHS = {"shortestpath": "shortest_path", "allshortestpaths": "all_shortest_paths"}


@dataclass(frozen=True, slots=True)
class Use:
    """A construct of a query, and the word at which it begins."""

    construct: str
    word: int


def uses(text: Text) -> list[Use]:
    """Every construct of the query that some vendor lacks, in the order of the text."""
    found: list[Use] = []
    for index in range(len(text.words)):
        found += (Use(name, index) for name in _at(text, index))
    return found


def _at(text: Text, index: int) -> Iterator[str]:
    role = text.role(index)
    if role is Role.FUNCTION:
        yield from _function(text, index)
    elif role is Role.PROCEDURE:
        yield "procedure"
    elif role is Role.SYMBOL:
        yield from _symbol(text, index)
    elif role is Role.KEYWORD:
        yield from _keyword(text, index)
    elif role is Role.PATTERN:
        yield from _pattern(text, index)
    if (labels := label_expression(text, index)) is not None and labels.signs:
        if labels.owner != "relationship":
            yield "label_or" if labels.signs == {"|"} else "label_expression"
        elif labels.signs != {"|"}:
            yield "type_expression"


def _function(text: Text, index: int) -> Iterator[str]:
    name = ".".join(name_value(part.strip()) for part in text.words[index].text.split(".")).lower()
    over_list = text.role(index + 2) is Role.VARIABLE and text.key(index + 3) == "IN"
    if name in _PATHS:
        yield _PATHS[name]
    elif name in _LIST_PREDICATES and over_list:
        yield _LIST_PREDICATES[name]
    elif name == "single" and over_list:
        yield "single"
    elif name == "reduce":
        yield "reduce"
    elif name == "exists":
        yield "exists_pattern" if text.opens_pattern(index + 2) else "exists_property"
    elif construct := construct_of_function(name):
        yield construct


def _symbol(text: Text, index: int) -> Iterator[str]:
    symbol = text.words[index].text
    if symbol in _SYMBOLS:
        yield _SYMBOLS[symbol]
    elif symbol == "[":
        named = text.role(index + 1) is Role.VARIABLE and text.key(index + 2) == "="
        if text.opens_pattern(index + 3 if named else index + 1):
            yield "pattern_comprehension"
            if len(edges(text, index)) > 1:
                yield "each_relationship"
        elif text.role(index + 1) is Role.VARIABLE and text.key(index + 2) == "IN":
            yield "list_comprehension"
    elif symbol == "{" and text.role(index - 1) is Role.VARIABLE and text.role(index - 2) is not Role.PATTERN:
        yield "map_projection"


def _keyword(text: Text, index: int) -> Iterator[str]:
    key, following = text.key(index), text.key(index + 1)
    if key in _SUBQUERIES and following == "{":
        yield _SUBQUERIES[key]
    elif key == "CALL" and following in ("{", "("):
        yield "call_subquery" if following == "{" else "call_scope"
    elif key == "SHORTEST" or (
        key in ("ANY", "ALL") and (text.opens_pattern(index + 1) or following in ("PATH", "PATHS"))
    ):
        yield "path_selector"
    elif key == "TYPED":
        yield "type_predicate"
    elif key == "MATCH" and edges(text, index):
        yield "each_relationship"
    elif key == "WHERE":
        around = text.around[index]
        if text.role(around) is Role.PATTERN and not text.opens_pattern(around + 1):
            yield "inline_where"


def _pattern(text: Text, index: int) -> Iterator[str]:
    """Patterns that repeat: parts in brackets, and `{1,3}`, `+` or `*` behind a part or an arrow."""
    word, before = text.words[index].text, text.words[index - 1].text if index else ""
    behind = text.role(index - 1) is Role.PATTERN and before in (")", "-", "->")
    if (word == "(" and text.opens_pattern(index + 1)) or (word in ("{", "+", "*") and behind):
        yield "quantified_path"
