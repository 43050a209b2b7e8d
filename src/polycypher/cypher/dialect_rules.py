"""The rules by which functions, operators and subqueries are said without themselves, meaning the same.

A rule takes the query, the word at which the construct begins and the rule's argument, and gives edits.
Where this one use cannot be said otherwise with exactly the same rows, it raises `Inexact`. The rules
know nothing of vendors; which rule serves whom is data. Those about patterns are in `dialect_patterns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from polycypher.cypher import dialect_patterns as patterns
from polycypher.cypher.dialect_edits import inexact, with_clause
from polycypher.cypher.dialect_text import Edit, Text
from polycypher.cypher.lexer import name_value
from polycypher.cypher.syntax import Role

_AGGREGATES = frozenset(
    {"AVG", "COLLECT", "COUNT", "MAX", "MIN", "PERCENTILECONT", "PERCENTILEDISC", "STDEV", "STDEVP", "SUM"}
)
_ARROWS = frozenset({"-", "->", "<-"})


# ---------------------------------------------------------------------- functions and operators


def rename(text: Text, at: int, argument: str) -> list[Edit]:
    """`f(…)` becomes `argument(…)`."""
    return [text.replace(at, at, argument)]


def rename_of_one(text: Text, at: int, argument: str) -> list[Edit]:
    """`f(x)` becomes `argument(x)`, where it has one argument."""
    if any(text.key(i) == "," for i in text.level(at + 2)):
        inexact("it has several arguments")
    return rename(text, at, argument)


def as_text(text: Text, at: int, argument: str) -> list[Edit]:
    """`f(x)` becomes `toString(argument(x))`."""
    return [text.replace(at, at, f"toString({argument}"), text.append(text.closing[at + 1], ")")]


def is_not_null(text: Text, at: int, argument: str) -> list[Edit]:
    """`exists(n.key)` becomes `(n.key IS NOT NULL)`."""
    close = text.closing[at + 1]
    return [text.replace(at, at + 1, "("), text.replace(close, close, " IS NOT NULL)")]


def is_empty(text: Text, at: int, argument: str) -> list[Edit]:
    """`isEmpty(x)` becomes `(size(x) = 0)`."""
    return [text.replace(at, at, "(size"), text.append(text.closing[at + 1], " = 0)")]


def null_if(text: Text, at: int, argument: str) -> list[Edit]:
    """`nullIf(a, b)` becomes `CASE WHEN a = b THEN null ELSE a END`."""
    close = text.closing[at + 1]
    comma = next((i for i in text.level(at + 2) if text.key(i) == ","), None)
    if comma is None:
        inexact("it has one argument")
    first, second = text.source(at + 2, comma - 1), text.source(comma + 1, close - 1)
    return [text.replace(at, close, f"CASE WHEN ({first}) = ({second}) THEN null ELSE ({first}) END")]


def in_milliseconds(text: Text, at: int, argument: str) -> list[Edit]:
    """`timestamp()` in microseconds becomes one in milliseconds."""
    return [text.replace(at, text.closing[at + 1], "(timestamp() / 1000)")]


def plus(text: Text, at: int, argument: str) -> list[Edit]:
    """`a || b`, which joins texts or lists, becomes `a + b`."""
    return [text.replace(at, at, "+")]


def counted(text: Text, at: int, argument: str) -> list[Edit]:
    """`any(x IN list WHERE p)` and its kin count what the condition is true, and what it is null, for.

    Null in a list makes the predicate null where it does not already decide; so does a list that is null.
    """
    close = text.closing[at + 1]
    where = next((i for i in text.level(at + 4) if text.key(i) == "WHERE"), None)
    if where is None:
        inexact("it has no WHERE")
    variable, items = text.source(at + 2, at + 2), text.source(at + 4, where - 1)
    holds = text.source(where + 1, close - 1)

    def size(test: str) -> str:
        return f"size([{variable} IN {items} WHERE {test}])"

    decided, otherwise = {
        "ALL": (f"{size(f'NOT ({holds})')} > 0 THEN false", "true"),
        "ANY": (f"{size(holds)} > 0 THEN true", "false"),
        "NONE": (f"{size(holds)} > 0 THEN false", "true"),
    }[text.key(at)]
    case = (
        f"CASE WHEN ({items}) IS NULL THEN null WHEN {decided} "
        f"WHEN {size(f'({holds}) IS NULL')} > 0 THEN null ELSE {otherwise} END"
    )
    return [text.replace(at, close, case)]


# ---------------------------------------------------------------------- subqueries


def comprehension(text: Text, at: int, argument: str) -> list[Edit]:
    """`COUNT { pattern }` becomes `size([pattern | 1])`; EXISTS and COLLECT alike.

    One path with at least one relationship, and no clause that would change how many rows there are. With
    the argument `projected`, comprehensions may only stand in WITH and RETURN: one elsewhere goes into a
    WITH of its own before it.
    """
    close = text.closing[at + 1]
    first = at + 2
    if text.key(first) == "MATCH" and text.role(first) is Role.KEYWORD:
        first += 1
    elif text.role(first) is Role.KEYWORD:
        inexact("what is in its braces does not begin with a pattern")
    where, back = _parts(text, first, close)
    _one_path(text, first, (where or back or close) - 1)
    shown = "1"
    if back is not None:
        shown = _returned(text, back, close, one=text.key(at) == "COLLECT") or shown
    elif text.key(at) == "COLLECT":
        inexact("it returns nothing")
    key, found = text.key(at), f"[{text.source(first, (back or close) - 1)} | {shown}]"
    if argument == "projected" and key == "EXISTS" and where is None and text.clause_of(at) == "WHERE":
        bare = _bare(text, first, (back or close) - 1)
        if bare is not None:
            return [text.replace(at, close, bare)]
    return _placed(text, at, close, argument, _VALUES[key].format(found))


def exists_comprehension(text: Text, at: int, argument: str) -> list[Edit]:
    """`exists((a)-->(b))` becomes `(size([(a)-->(b) | 1]) > 0)`, in WHERE the pattern alone."""
    close = text.closing[at + 1]
    _one_path(text, at + 2, close - 1)
    if text.clause_of(at) == "WHERE":
        return [text.replace(at, close, text.source(at + 2, close - 1))]
    value = _VALUES["EXISTS"].format(f"[{text.source(at + 2, close - 1)} | 1]")
    return _placed(text, at, close, argument, value)


_VALUES = {"COUNT": "size({})", "EXISTS": "(size({}) > 0)", "COLLECT": "{}"}


def _placed(text: Text, at: int, close: int, argument: str, value: str) -> list[Edit]:
    """The edits that put a comprehension in place, or before it."""
    if argument == "projected":
        ruling = at
        while (governor := text.governor(ruling)) < 0 and ruling >= 0:
            ruling = text.around[ruling]
        if text.key(governor) not in ("WITH", "RETURN"):
            variable, edits = with_clause(text, governor, value)
            return [text.replace(at, close, variable), *edits]
    return [text.replace(at, close, value)]


def _bare(text: Text, first: int, last: int) -> str | None:
    """A pattern without the names that nothing else uses; None where a name is only used within it."""
    edits = []
    for index in range(first, last + 1):
        if text.role(index) is Role.VARIABLE:
            name = name_value(text.words[index].text)
            within = sum(
                text.role(i) is Role.VARIABLE and name_value(text.words[i].text) == name
                for i in range(first, last + 1)
            )
            if within == text.occurrences(name):
                if within > 1 or text.key(index + 1) == "=":
                    return None
                edits.append(text.replace(index, index, ""))
    start, end = text.start(first), text.end(last)
    kept = text.query[start:end]
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        kept = kept[: edit.start - start] + kept[edit.end - start :]
    return kept


def _parts(text: Text, first: int, close: int) -> tuple[int | None, int | None]:
    """The words WHERE and RETURN behind a pattern; no other clause may follow it."""
    where = back = None
    for index in text.level(first):
        if index >= close:
            break
        if text.key(index) == "WHERE" and text.role(index) is Role.KEYWORD:
            where = index
        elif clause := text.clause_at(index):
            if clause != "RETURN" or back is not None:
                inexact(f"it holds {clause}")
            back = index
    return where, back


def _one_path(text: Text, first: int, last: int) -> None:
    arrows = 0
    for index in text.level(first):
        if index > last:
            break
        if text.key(index) == ",":
            inexact("it holds several patterns")
        if text.role(index) in (Role.KEYWORD, Role.FUNCTION):
            inexact(f"its pattern holds {text.key(index)}")
        arrows += text.role(index) is Role.PATTERN and text.words[index].text in _ARROWS
    if not arrows:
        inexact("its pattern has no relationship")


def _returned(text: Text, back: int, close: int, *, one: bool) -> str:
    """What RETURN gives, where it changes nothing about the rows; empty for what nobody looks at."""
    end = close
    for index in range(back + 1, close):
        key, keyword = text.key(index), text.role(index) is Role.KEYWORD
        if keyword and key in ("DISTINCT", "ORDER", "SKIP", "OFFSET", "LIMIT"):
            inexact(f"it holds {key}")
        if text.role(index) is Role.FUNCTION and key in _AGGREGATES:
            inexact(f"it holds {key.lower()}()")
    for index in text.level(back + 1):
        if index >= close:
            break
        if one and (text.key(index) == "," or text.words[index].text == "*"):
            inexact("it returns several columns")
        if text.role(index) is Role.KEYWORD and text.key(index) == "AS":
            end = min(end, index)
    return text.source(back + 1, end - 1) if one else ""


def importing_with(text: Text, at: int, argument: str) -> list[Edit]:
    """`CALL (a, b) { … }` becomes `CALL { WITH a, b … }`, in each branch of a UNION."""
    brace = text.closing[at + 1] + 1
    if text.key(at + 2) == "*":
        inexact("it takes over all variables by `*`")
    given = text.source(at + 2, text.closing[at + 1] - 1)
    edits = [text.replace(at + 1, brace, f"{{ WITH {given}" if given else "{")]
    if given:
        for index in text.level(brace + 1):
            if text.key(index) == "UNION" and text.role(index) is Role.KEYWORD:
                after = index + (text.key(index + 1) in ("ALL", "DISTINCT"))
                edits.append(text.append(after, f" WITH {given}"))
    return edits


Rule = Callable[[Text, int, str], list[Edit]]

RULES: Mapping[str, Rule] = {
    "as_text": as_text,
    "breadth_first": patterns.breadth_first,
    "comprehension": comprehension,
    "counted": counted,
    "each_relationship": patterns.each_relationship,
    "exists_comprehension": exists_comprehension,
    "importing_with": importing_with,
    "in_milliseconds": in_milliseconds,
    "is_empty": is_empty,
    "is_not_null": is_not_null,
    "label_condition": patterns.label_condition,
    "null_if": null_if,
    "plus": plus,
    "rename": rename,
    "rename_of_one": rename_of_one,
    "resolved_ends": patterns.resolved_ends,
    "where_condition": patterns.where_condition,
}
"""Every rule by the name that `data/dialects.yaml` calls it."""

LAST = frozenset({"breadth_first", "each_relationship", "in_milliseconds", "resolved_ends"})
"""Rules whose result holds the construct still, or what only one vendor can read: each is used once, when
nothing else is left to do."""
