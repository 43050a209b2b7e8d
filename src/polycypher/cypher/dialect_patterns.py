"""The rules about patterns: labels, types and conditions in them, shortest paths, rows of relationships.

Rules as in `dialect_rules`, and like them without a word about vendors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from polycypher.cypher.dialect_edits import inexact, new_name, with_condition
from polycypher.cypher.dialect_labels import condition, label_expression
from polycypher.cypher.dialect_text import Edit, Text
from polycypher.cypher.lexer import name_value
from polycypher.cypher.syntax import Role

_BARE_ARROWS = {("-", "-"): "-[{}]-", ("-", "->"): "-[{}]->", ("<-", "-"): "<-[{}]-"}


# ---------------------------------------------------------------------- conditions in patterns


def label_condition(text: Text, at: int, argument: str) -> list[Edit]:
    """`(n:A|B)` becomes `(n) … WHERE (n:A OR n:B)`, `[r:!T]` compares type(r).

    Behind an operand the condition stands in its place.
    """
    labels = label_expression(text, at)
    assert labels is not None
    if labels.owner == "predicate":
        if text.role(at - 1) is not Role.VARIABLE or text.key(at - 2) == ".":
            inexact("it is asked of an expression and not of a variable")
        variable = text.source(at - 1, at - 1)
        return [text.replace(at - 1, labels.last, condition(text, labels, variable))]
    if text.role(labels.last + 1) is Role.PATTERN and text.key(labels.last + 1) == "*":
        inexact("its relationship has a length")
    named = text.role(at - 1) is Role.VARIABLE
    variable = text.source(at - 1, at - 1) if named else new_name(text)
    edits = [text.replace(at, labels.last, "" if named else variable)]
    node = text.around[at]
    return edits + with_condition(text, node, condition(text, labels, variable))


def where_condition(text: Text, at: int, argument: str) -> list[Edit]:
    """`(n WHERE p)` becomes `(n) … WHERE (p)`."""
    node = text.around[at]
    close = text.closing[node]
    return [text.remove(at, close - 1), *with_condition(text, node, f"({text.source(at + 1, close - 1)})")]


# ---------------------------------------------------------------------- shortest paths


def breadth_first(text: Text, at: int, argument: str) -> list[Edit]:
    """`shortestPath((a)-[:R*..5]-(b))` becomes `(a)-[:R *BFS ..5]-(b)`; `argument` is what follows the star.

    `$r` and `$n` in the argument become variables that the query has not.
    """
    if text.clause_of(at) != "MATCH":
        inexact("it is not the pattern of a MATCH")
    open_at, close = at + 1, text.closing[at + 1]
    star, last = _star(text, open_at, close)
    lower, dots, upper = text.source(star + 1, last).replace(" ", "").partition("..")
    if lower and not dots:
        inexact("its length is fixed")
    if lower not in ("", "1"):
        inexact("its length has a lower limit")
    if text.key(last + 1) == "{":
        inexact("its relationship has a map of properties")
    if "(" in argument and upper:
        inexact("its length has an upper limit")
    way = argument.replace("$r", text.fresh()).replace("$n", text.fresh())
    return [
        text.replace(at, open_at, ""),
        text.replace(star, last, f" *{way}{f' ..{upper}' if upper else ''}"),
        text.replace(close, close, ""),
    ]


def _star(text: Text, open_at: int, close: int) -> tuple[int, int]:
    """The words of the one length in a pattern, from the star to its last bound."""
    stars = [
        i
        for i in range(open_at, close)
        if text.role(i) is Role.PATTERN and text.key(i) == "*" and text.key(text.around[i]) == "["
    ]
    if len(stars) != 1:
        inexact("it has not one relationship of any length")
    last = stars[0]
    while text.role(last + 1) is Role.NUMBER or text.key(last + 1) == "..":
        last += 1
    return stars[0], last


def resolved_ends(text: Text, at: int, argument: str) -> list[Edit]:
    """`MATCH p = shortestPath((a:A)-[…]-(b:B))` finds the ends first, then for each pair all shortest paths.

    Of these `shortestPath` keeps one, by a subquery.
    """
    clause = text.governor(at)
    close = text.closing[at + 1]
    sole = text.key(at - 3) == "MATCH" and text.role(at - 2) is Role.VARIABLE and text.key(close + 1) != ","
    if not sole or text.key(clause) != "MATCH" or text.is_optional(clause):
        inexact("it is not the only pattern, with a name, of a MATCH")
    nodes = [i for i in text.level(at + 2) if text.opens_pattern(i)]
    if len(nodes) != 2:
        inexact("its path has not two ends")
    ends, whole = [], []
    for node in nodes:
        named = text.role(node + 1) is Role.VARIABLE
        name = text.source(node + 1, node + 1) if named else new_name(text)
        rest = text.source(node + 2 if named else node + 1, text.closing[node])
        ends.append(name)
        whole.append(f"({name}{' ' if rest.startswith('{') else ''}{rest}")
    path = text.source(at - 2, at - 2)
    between = text.source(text.closing[nodes[0]] + 1, nodes[1] - 1)
    found = f"MATCH {path} = allShortestPaths(({ends[0]}){between}({ends[1]}))"
    if text.key(at) == "ALLSHORTESTPATHS":
        return [text.replace(at - 3, close, f"MATCH {', '.join(whole)} WITH * {found}")]
    one = f"CALL {{ WITH {', '.join(dict.fromkeys(ends))} {found} RETURN {path} LIMIT 1 }}"
    edits = [text.replace(at - 3, close, f"MATCH {', '.join(whole)} {one}")]
    if text.key(close + 1) == "WHERE":
        edits.append(text.insert(close + 1, "WITH * "))
    return edits


# ---------------------------------------------------------------------- a row for each relationship


@dataclass(frozen=True, slots=True)
class _Edge:
    """A relationship of a pattern: its words, its name if it has one, its types, whether it repeats."""

    first: int
    last: int
    name: str
    types: frozenset[str]
    long: bool


def edges(text: Text, at: int) -> list[_Edge]:
    """The relationships of the MATCH or the pattern comprehension that begins with this word."""
    found = []
    skip = -1
    for index in text.level(at + 1):
        if text.role(index) is Role.KEYWORD and (text.key(index) == "WHERE" or text.clause_at(index)):
            break
        if text.role(index) is Role.SYMBOL and text.key(index) == "|":
            break
        if index > skip and text.role(index) is Role.PATTERN and text.key(index) in ("-", "<-"):
            last = index + 1
            if text.key(last) == "[":
                last = text.closing[last] + 1
            found.append(_edge(text, index, last))
            skip = last
    return found


def _edge(text: Text, first: int, last: int) -> _Edge:
    inside = range(first + 2, last - 1)
    own = [i for i in inside if text.around[i] == first + 1]
    named = text.role(first + 2) is Role.VARIABLE and first + 2 in inside
    types = frozenset(name_value(text.words[i].text) for i in own if text.role(i) is Role.LABEL)
    long = any(text.role(i) is Role.PATTERN and text.key(i) == "*" for i in own)
    return _Edge(first, last, text.source(first + 2, first + 2) if named else "", types, long)


def each_relationship(text: Text, at: int, argument: str) -> list[Edit]:
    """`(a)-[:R]->(b)-[:S]->(c)` names its relationships, asks that they are there, and that they differ.

    For servers that look at a relationship only where the query uses its name, and that let one
    relationship stand at two places of a pattern.
    """
    found = edges(text, at)
    names, edits = [], []
    for edge in found:
        name = edge.name or new_name(text)
        names.append(name)
        if not edge.name and edge.last == edge.first + 1:
            arrow = _BARE_ARROWS[text.words[edge.first].text, text.words[edge.last].text]
            edits.append(text.replace(edge.first, edge.last, arrow.format(name)))
        elif not edge.name:
            edits.append(text.append(edge.first + 1, name))
    pairs = [
        (i, j)
        for i, j in combinations(range(len(found)), 2)
        if not (found[i].long or found[j].long)
        and (not found[i].types or not found[j].types or found[i].types & found[j].types)
    ]
    wanted = [f"id({names[i]}) <> id({names[j]})" for i, j in pairs]
    if text.key(at) == "MATCH":
        paired = {place for pair in pairs for place in pair}
        idle = [n for i, n in enumerate(names) if i not in paired and text.occurrences(name_value(n)) < 2]
        wanted = [f"{name} IS NOT NULL" for name in idle] + wanted
    node = next(i for i in text.level(at + 1) if text.opens_pattern(i))
    return edits + with_condition(text, node, " AND ".join(wanted)) if wanted else []
