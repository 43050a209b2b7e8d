"""Further hostile queries, made: a clause that writes, a place in a query that reads, and a disguise.

The corpus names each kind of attack once; this crosses them, so that no clause is tried in one place only.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable

from attack_corpus import SEED, Attack

CLAUSES = {
    "create": "CREATE (:Movie {title: 'Evil'})",
    "merge": "MERGE (x:Movie {title: 'Evil'})",
    "set": "SET m.title = 'Evil'",
    "set a label": "SET m:Evil",
    "remove": "REMOVE m.title",
    "delete": "DELETE m",
    "detach": "DETACH DELETE m",
    "insert": "INSERT (:Movie {title: 'Evil'})",
    "for each": "FOREACH (i IN [1] | SET m.released = i)",
    "load": "LOAD CSV FROM 'http://127.0.0.1:9/x' AS line",
    "procedure": "CALL apoc.create.node(['Movie'], {}) YIELD node",
    "transactions": "CALL (m) { SET m.x = 1 } IN TRANSACTIONS",
    "drop": "DROP INDEX evil",
    "grant": "GRANT ROLE admin TO reader",
    "use": "USE system",
}
PLACES = {
    "first": "{} RETURN 1 AS one",
    "after a match": "MATCH (m:Movie) {}",
    "between match and return": "MATCH (m:Movie) {} RETURN m",
    "after a condition": "MATCH (m:Movie) WHERE m.released > 0 {} RETURN m",
    "after with": "MATCH (m:Movie) WITH m {} RETURN m",
    "after a limit": "MATCH (m:Movie) WITH m LIMIT 1 {} RETURN m",
    "after unwind": "MATCH (m:Movie) UNWIND [1] AS x {} RETURN m",
    "after return": "MATCH (m:Movie) RETURN m {}",
    "in a subquery": "MATCH (m:Movie) CALL {{ WITH m {} }} RETURN m",
    "in a subquery that imports": "MATCH (m:Movie) CALL (m) {{ {} RETURN 1 AS one }} RETURN m",
    "in exists": "MATCH (m:Movie) WHERE EXISTS {{ {} }} RETURN m",
    "in count": "MATCH (m:Movie) RETURN COUNT {{ MATCH (m) {} RETURN m }} AS n",
    "in collect": "MATCH (m:Movie) RETURN COLLECT {{ {} RETURN m.title }} AS titles",
    "in a comprehension": "MATCH (m:Movie) RETURN [x IN [1] | {}] AS list",
    "in case": "MATCH (m:Movie) RETURN CASE WHEN true THEN {} END AS x",
    "in a map": "MATCH (m:Movie) RETURN {{title: {}}} AS map",
    "in a condition": "MATCH (m:Movie) WHERE {} RETURN m",
    "in an ordering": "MATCH (m:Movie) RETURN m.title AS t ORDER BY {}",
    "in a union": "MATCH (m:Movie) RETURN m UNION MATCH (m:Movie) {} RETURN m",
    "as a second statement": "MATCH (m:Movie) RETURN m; {}",
    "after a string": "MATCH (m:Movie {{title: 'a'}}) {} RETURN 'b'",
    "after a name in backticks": "MATCH (m:`Movie`) {} RETURN m AS `x`",
}


def _words(text: str, change: Callable[[str], str]) -> str:
    """The text with its bare words changed, those in quotes or backticks left as they are."""
    return re.sub(r"'[^']*'|`[^`]*`|\w+", lambda f: f[0] if f[0][0] in "'`" else change(f[0]), text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "small letters": lambda text: _words(text, str.lower),
    "mixed letters": lambda text: _words(text, lambda word: word[0].lower() + word[1:].upper()),
    "comments for spaces": lambda text: text.replace(" ", "/* m */"),
    "line ends for spaces": lambda text: text.replace(" ", " // MATCH\n"),
    "tabs and returns for spaces": lambda text: text.replace(" ", "\t\r\n"),
    "behind an honest comment": lambda text: "/* MATCH (m) RETURN m */ " + text,
}


def generated(count: int, seed: int = SEED) -> list[Attack]:
    """`count` different queries that write, call or administer; the same for the same seed."""
    crossed = list(itertools.product(CLAUSES, PLACES, DISGUISES))
    chosen = random.Random(seed).sample(crossed, min(count, len(crossed)))
    return [
        Attack(f"generated: {clause}", f"{place}, {disguise}", "writes", DISGUISES[disguise](written))
        for clause, place, disguise in chosen
        for written in [PLACES[place].format(CLAUSES[clause])]
    ]
