"""Whether a query promises an order of its rows.

Looks at tokens only; knows nothing of results or databases.
"""

from __future__ import annotations

from itertools import pairwise

from polycypher.cypher.lexer import tokenize
from polycypher.errors import QueryError

_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


def orders_rows(query: str) -> bool:
    """True if the last RETURN of the query itself, not of a subquery, has an ORDER BY.

    An ORDER BY of an earlier WITH promises nothing about the result, and one behind a UNION sorts
    only the part it stands in; both give False, and so does text that is no query.
    """
    try:
        tokens = tokenize(query)
    except QueryError:
        return False
    outer: list[str] = []
    depth = 0
    previous = ""
    for token in tokens:
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        elif depth == 0 and previous not in {".", ":"}:
            # A name behind a dot or colon is a property or a label, whatever word it is.
            outer.append(token.text.upper())
        previous = token.text
    if "UNION" in outer or "RETURN" not in outer:
        return False
    last = len(outer) - 1 - outer[::-1].index("RETURN")
    words = outer[last:]
    return any(pair == ("ORDER", "BY") for pair in pairwise(words))
