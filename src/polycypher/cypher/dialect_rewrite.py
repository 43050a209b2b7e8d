"""`to_dialect`: the same query in another vendor's Cypher, or a refusal that says what to do.

Pure. A construct that the vendor lacks is replaced by what means exactly the same, or the query is
refused; nothing is ever approximated. It knows no connections.
"""

from __future__ import annotations

from polycypher.cypher.dialect import Dialect, Lack, constructs
from polycypher.cypher.dialect_edits import ADDED, Inexact
from polycypher.cypher.dialect_rules import LAST, RULES
from polycypher.cypher.dialect_text import FRESH, Edit, Text
from polycypher.cypher.dialect_uses import Use, uses
from polycypher.cypher.lexer import Kind, name_value, string_value, tokenize
from polycypher.errors import QueryError, QueryRejected

_MOST = 200
"""Rewritings of one query."""


def to_dialect(query: str, dialect: Dialect) -> str:
    """Say a query in a dialect.

    Args:
        query: one reading query, as the guard lets it through.
        dialect: whose Cypher to write.

    Returns:
        The query itself where it holds nothing that the dialect lacks. No word comes in that is not in
        the query or in `dialect_edits.ADDED`, so that what only reads stays so.

    Raises:
        QueryRejected: the query holds something that the dialect has no way to say; the message names it
            and what to do instead.
        QueryError: the text cannot be read as one reading query.
    """
    if not dialect.lacks:
        return query
    text = Text(query)
    for _ in range(_MOST):
        lacked = [(use, lack) for use in uses(text) if (lack := dialect.without(use.construct))]
        for use, lack in lacked:
            if lack.rule is None:
                raise _refused(text, use, dialect)
        now = [(use, lack) for use, lack in lacked if lack.rule not in LAST]
        if not now:
            break
        # From the right, so that what is inside something else comes first.
        text = Text(text.edited(_edits(text, *now[-1], dialect)))
    else:
        raise QueryRejected(f"the query has too many parts that {dialect.title} lacks; ask for less at once")
    if not lacked and text.query == query:
        return query  # most queries; nothing was said otherwise that would have to be looked at
    edits = [edit for use, lack in lacked for edit in _edits(text, use, lack, dialect)]
    return _unharmed(query, text.edited(edits))


def _edits(text: Text, use: Use, lack: Lack, dialect: Dialect) -> list[Edit]:
    assert lack.rule is not None
    try:
        return RULES[lack.rule](text, use.word, lack.argument)
    except Inexact as reason:
        raise _refused(text, use, dialect, str(reason)) from None


def _refused(text: Text, use: Use, dialect: Dialect, reason: str = "") -> QueryRejected:
    construct = constructs()[use.construct]
    place = f"at character {text.words[use.word].start + 1}"
    otherwise = f", and it cannot be said otherwise ({reason})" if reason else ""
    return QueryRejected(f"{dialect.title} has no {construct.shown} {place}{otherwise}; {construct.instead}")


def _unharmed(before: str, after: str) -> str:
    """`after`, if every name in it is one of `before` or of those that rules may add."""
    known = _names(before)
    for name in _names(after) - known:
        if name.lower() not in ADDED and not name.startswith(FRESH):
            raise QueryError(
                f"the rewritten query would hold '{name}', which the query does not; rephrase it"
            )
    return after


def _names(query: str) -> set[str]:
    """What a query names: bare and quoted names, and the contents of strings."""
    named = {Kind.NAME: name_value, Kind.QUOTED_NAME: name_value, Kind.STRING: string_value}
    return {named[token.kind](token.text) for token in tokenize(query) if token.kind in named}
