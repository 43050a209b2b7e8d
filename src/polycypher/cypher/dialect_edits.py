"""What rules have in common: refusing, new names, and conditions put where a clause takes them.

Knows clauses and brackets; it knows no vendor and no single construct.
"""

from __future__ import annotations

from typing import NoReturn

from polycypher.cypher.dialect_text import Edit, Text
from polycypher.cypher.syntax import Role

ADDED = frozenset(
    {
        *("allshortest", "allshortestpaths", "and", "as", "bfs", "call", "case", "distance", "else", "end"),
        *("false", "id", "is", "labels", "limit", "match", "not", "null", "or", "point", "return", "size"),
        *("then", "timestamp", "tostring", "trim", "true", "type", "when", "where", "with"),
    }
)
"""Every word that a rule may add to a query, in small letters: none of them writes."""


class Inexact(Exception):
    """This use cannot be said otherwise with the same meaning; the text says why."""


def inexact(reason: str) -> NoReturn:
    """Refuse a rewriting."""
    raise Inexact(reason)


def new_name(text: Text) -> str:
    """A variable for what has none; refused where `*` would show it."""
    if text.star:
        inexact("it needs a variable, which `*` would show")
    return text.fresh()


def with_clause(text: Text, governor: int, value: str) -> tuple[str, list[Edit]]:
    """A new variable for `value`, and the edits that compute it in a WITH before the WHERE `governor`."""
    if text.key(governor) != "WHERE":
        inexact("it stands where nothing can be computed before it")
    clause = text.governor(governor)
    if text.key(clause) not in ("MATCH", "WITH", "ORDER") or text.is_optional(clause):
        inexact("it stands in the condition of a part that cannot be computed before it")
    variable = new_name(text)
    return variable, [text.insert(governor, f"WITH *, {value} AS {variable} ")]


def with_condition(text: Text, node: int, wanted: str) -> list[Edit]:
    """The edits that add a condition to the WHERE of the clause, block or comprehension with this node."""
    holder = text.around[node]
    clause = text.clause_of(node)
    short = text.key(holder) == "{" and text.key(holder - 1) in ("EXISTS", "COUNT")
    if clause != "MATCH" and (clause or not (short or text.key(holder) == "[")):
        inexact("it stands in a pattern without a WHERE of its own")
    where = end = None
    for index in text.level(node):
        if text.key(index) == "WHERE" and text.role(index) is Role.KEYWORD:
            where = index
        elif text.clause_at(index) or text.key(index) in ("|", "USING"):
            end = index
            break
    if end is None:
        end = text.closing[holder] if holder >= 0 else len(text.words)
    if where is None:
        return [text.append(end - 1, f" WHERE {wanted}")]
    return [text.replace(where + 1, end - 1, f"{wanted} AND ({text.source(where + 1, end - 1)})")]
