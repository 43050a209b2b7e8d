"""The canonical form: one text for one meaning, and the same text again when repeated."""

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher.lexer import Kind, tokenize
from polycypher.cypher.normalise import normalise
from polycypher.errors import QueryError

CASES = {
    "layout": (
        'match(x:Person)-[rel:ACTED_IN]->( y:Movie{title:"X",a:1} )\nwhere x.born>1960 '
        "and y.title contains 'a' return x.name,COUNT(y) order by Count(y) desc limit 3;",
        "MATCH (p:Person)-[:ACTED_IN]->(m:Movie {title: 'X', a: 1}) WHERE p.born > 1960 "
        "AND m.title CONTAINS 'a' RETURN p.name, count(m) ORDER BY count(m) DESC LIMIT 3",
    ),
    "comments and semicolons go": ("RETURN 1 // one\n /* two */ + 2 ; ;", "RETURN 1 + 2"),
    "quotes": (r"""RETURN "it's", "say \"hi\"", '\u00e9\\' """, r"""RETURN 'it\'s', 'say "hi"', 'é\\'"""),
    "unlike": ("MATCH (n) WHERE n.a != 1 RETURN n", "MATCH (n) WHERE n.a <> 1 RETURN n"),
    "negative numbers": ("RETURN 1<-2, 3 - -4, -(5)", "RETURN 1 < -2, 3 - -4, -(5)"),
    "idle words": (
        "MATCH (n) RETURN n ORDER BY n.a ASC, n.b ASCENDING, n.c DESCENDING OFFSET 2",
        "MATCH (n) RETURN n ORDER BY n.a, n.b, n.c DESC SKIP 2",
    ),
    "idle backticks": (
        "MATCH (`n`:`Person`) RETURN `n`.`first name`",
        "MATCH (p:Person) RETURN p.`first name`",
    ),
    "functions": (
        "RETURN TOINTEGER('1'), ToLower('A'), DATE.TRUNCATE('year')",
        "RETURN toInteger('1'), toLower('A'), date.truncate('year')",
    ),
    "unknown functions stay": ("RETURN apoc.coll.Max([1])", "RETURN apoc.coll.Max([1])"),
    "paths": (
        "MATCH pp=(a:A)-[ : X | :Y *1..3 {k:1} ]-(b)<--(c)-[]->(d) RETURN pp",
        "MATCH path = (a:A)-[:X|Y*1..3 {k: 1}]-(n)<--(n2)-->(n3) RETURN path",
    ),
    "shortest path": (
        "MATCH p=shortestpath((a:A)-[*..5]-(b:B)) RETURN length(p)",
        "MATCH path = shortestPath((a:A)-[*..5]-(b:B)) RETURN length(path)",
    ),
    "numbered names": (
        "MATCH (x:Person)-[k:KNOWS]->(y:Person)-[l:LIKES]->(z:Place) RETURN x, k.since, l.since, y, z",
        "MATCH (p:Person)-[r:KNOWS]->(p2:Person)-[r2:LIKES]->(p3:Place) RETURN p, r.since, r2.since, p2, p3",
    ),
    "a label given later": (
        "MATCH (x)-[:R]->(y:Movie) MATCH (x:Person) RETURN x, y",
        "MATCH (p)-[:R]->(m:Movie) MATCH (p:Person) RETURN p, m",
    ),
    "aliases in WITH": (
        "MATCH (x:A) WITH x.year AS y, count(*) AS c, sum(x.v) AS s, avg(x.v) AS a, min(x.v) AS mi, "
        "max(x.v) AS ma, collect(x) AS l, size(collect(x)) AS z, 1+2 AS o RETURN y,c, s, a, mi, ma, l, z, o",
        "MATCH (a:A) WITH a.year AS year, count(*) AS count, sum(a.v) AS total, avg(a.v) AS average, "
        "min(a.v) AS minimum, max(a.v) AS maximum, collect(a) AS items, size(collect(a)) AS size, "
        "1 + 2 AS value RETURN year, count, total, average, minimum, maximum, items, size, value",
    ),
    "aliases numbered": (
        "MATCH (x:A)-->(y:B) WITH count(x) AS i, count(y) AS j RETURN i + j",
        "MATCH (a:A)-->(b:B) WITH count(a) AS count, count(b) AS count2 RETURN count + count2",
    ),
    "no keyword becomes an alias": (
        "MATCH (x:A) WITH x.order AS o, x.set AS s RETURN o, s",
        "MATCH (a:A) WITH a.order AS value, a.set AS value2 RETURN value, value2",
    ),
    "a final alias in use": (
        "MATCH (x:A) RETURN x.name AS n, count(*) AS c ORDER BY c DESC",
        "MATCH (a:A) RETURN a.name, count(*) AS count ORDER BY count DESC",
    ),
    "a final alias of a variable": (
        "MATCH (x:A) WITH count(x) AS c RETURN c AS total ORDER BY total",
        "MATCH (a:A) WITH count(a) AS count RETURN count ORDER BY count",
    ),
    "equal columns keep a name": (
        "MATCH (x:A) RETURN count(x) AS i, count(x) AS j",
        "MATCH (a:A) RETURN count(a), count(a) AS count",
    ),
    "unwind": ("UNWIND [1,2] AS q RETURN q*2 AS r", "UNWIND [1, 2] AS value RETURN value * 2"),
    "union keeps aliases": (
        "MATCH (x:A) RETURN x.a AS k UNION DISTINCT MATCH (y:B) RETURN y.b AS k",
        "MATCH (a:A) RETURN a.a AS k UNION MATCH (b:B) RETURN b.b AS k",
    ),
    "union in a subquery": (
        "CALL { MATCH (n:A) RETURN n, 1 AS m UNION MATCH (n:A) RETURN n, 2 AS m } RETURN m",
        "CALL { MATCH (a:A) RETURN a, 1 AS value UNION MATCH (a:A) RETURN a, 2 AS value } RETURN value",
    ),
    "one name, many scopes": (
        "MATCH (x:A) WHERE EXISTS { MATCH (x)-->(y:B) WHERE y.k = x.k } AND COUNT{(x)-->()} > 1 "
        "RETURN [y IN x.list WHERE y > 1 | y + 1], [(x)-->(z) | z.name]",
        "MATCH (a:A) WHERE EXISTS { MATCH (a)-->(b:B) WHERE b.k = a.k } AND COUNT { (a)-->() } > 1 "
        "RETURN [b IN a.list WHERE b > 1 | b + 1], [(a)-->(n) | n.name]",
    ),
    "names that are no variables": (
        "MATCH (name:name {name: 1})-[:name]->() RETURN name.name, {name: name}, name(name)",
        "MATCH (n:name {name: 1})-[:name]->() RETURN n.name, {name: n}, name(n)",
    ),
    "keywords as names": (
        "MATCH (case:Case)-[order:ORDER]->(set:Set) RETURN case.end, order.in, set, "
        "CASE WHEN case.x THEN 1 END AS end",
        "MATCH (c:Case)-[r:ORDER]->(s:Set) RETURN c.end, r.in, s, CASE WHEN c.x THEN 1 END",
    ),
    "keys from variables stay": (
        "MATCH (x:A) WITH x, count(*) AS hits RETURN x {.name, hits}",
        "MATCH (a:A) WITH a, count(*) AS hits RETURN a {.name, hits}",
    ),
    "a star keeps all names": (
        "MATCH (x:A)-[y:R]->() WITH * RETURN *",
        "MATCH (x:A)-[y:R]->() WITH * RETURN *",
    ),
    "new names avoid old ones": ("MATCH (x:Person) RETURN x, p", "MATCH (p2:Person) RETURN p2, p"),
    "label tests and expressions": (
        "MATCH (x:A|B&!C) WHERE x:A OR (x:B) RETURN [y IN [x] WHERE y:A | y]",
        "MATCH (a:A|B&!C) WHERE a:A OR (a:B) RETURN [x IN [a] WHERE x:A | x]",
    ),
    "names that write keep backticks": ("RETURN `set`, `x`", "RETURN `set`, x"),
    "reduce": ("RETURN reduce(a=0, b IN [1] | a+b)", "RETURN reduce(sum = 0, x IN [1] | sum + x)"),
    "slices": (
        "WITH [1,2] AS l RETURN l[0], l[..1], l[1..], l[0..1]",
        "WITH [1, 2] AS value RETURN value[0], value[..1], value[1..], value[0..1]",
    ),
    "procedures": (
        "call db.labels() yield label where label starts with 'A' return label",
        "CALL db.labels() YIELD label WHERE label STARTS WITH 'A' RETURN label",
    ),
    "tests of types": (
        "RETURN 1 IS::INTEGER NOT NULL, null IS NOT NULL",
        "RETURN 1 IS :: INTEGER NOT NULL, NULL IS NOT NULL",
    ),
}


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_canonical_form(query: str, expected: str) -> None:
    assert normalise(query) == expected


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_the_canonical_form_is_its_own(query: str, expected: str) -> None:
    assert normalise(expected) == expected


@pytest.mark.parametrize(
    "query",
    [
        "",
        "// only a comment",
        "MATCH (n RETURN n",
        "MATCH (n)) RETURN n",
        "MATCH (n) RETURN n.",
        "MATCH (n) RETURN 'a",
        "MATCH (n) RETURN n RETURN",
        "MATCH (n) RETURN n; MATCH (m) RETURN m",
        "CREATE (n) RETURN n",
        "MATCH (n) SET n.a = 1 RETURN n",
        "MATCH (n) RETURN n AS",
        "RETURN 1a",
        "RETURN 1.SET",
        "MATCH (n)–[:R]–>(m) RETURN m",
        "RETURN COUNT(*), count(*)",
        "RETURN " + "(" * 500 + "1" + ")" * 500,
    ],
)
def test_what_cannot_be_read_is_an_error(query: str) -> None:
    with pytest.raises(QueryError):
        normalise(query)


VARIABLES = st.sampled_from(["a", "b", "p", "p2", "m", "r", "x", "count", "value", "order", "n", "name"])
LABELS = st.sampled_from(["Person", "Movie", "Place", "`Odd one`"])


few = settings(max_examples=80, deadline=None)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """Reading queries whose names clash with each other and with the canonical ones."""
    one, two, three, four = draw(
        st.permutations(["a", "p", "p2", "m", "r", "x", "count", "value", "n", "name"])
    )[:4]
    direction = draw(st.sampled_from([("-", "->"), ("<-", "-"), ("-", "-")]))
    relationship = draw(st.sampled_from([f"[{three}:R]", "[:R]", f"[{three}]", "[]", ""]))
    clauses = [
        f"MATCH ({one}:{draw(LABELS)}){direction[0]}{relationship}{direction[1]}({two}:{draw(LABELS)})"
    ]
    if draw(st.booleans()):
        clauses.append(f"WHERE {one}.{draw(VARIABLES)} > 1 AND EXISTS {{ ({one})-->({four}) }}")
    carried = one
    if draw(st.booleans()):
        carried = draw(VARIABLES)
        expression = draw(
            st.sampled_from([f"count({two})", f"{two}.name", f"collect({two})[0]", one, f"sum({two}.v)"])
        )
        clauses.append(f"WITH {two}, {expression} AS {carried if carried != two else four}")
        carried = carried if carried != two else four
    alias = draw(VARIABLES)
    clauses.append(f"RETURN {carried} AS {alias}, [{four} IN [1, 2] WHERE {four} > 1 | {four}]")
    if draw(st.booleans()):
        clauses.append(f"ORDER BY {alias} {draw(st.sampled_from(['ASC', 'DESC', '']))} LIMIT 3")
    return " ".join(clauses)


@given(queries())
@few
def test_normalising_twice_changes_nothing(query: str) -> None:
    once = normalise(query)
    assert normalise(once) == once


@given(queries())
@few
def test_renaming_keeps_names_apart(query: str) -> None:
    """The canonical text has as many different names, in the same places, as the query has."""
    # Projected aliases may go, so compare the part before RETURN.
    old, new = query.split("RETURN")[0], normalise(query).split("RETURN")[0]
    pattern = re.compile(r"\((\w+)[:)]")
    olds, news = pattern.findall(old), pattern.findall(new)
    assert len(olds) == len(news)
    assert len(set(zip(olds, news, strict=True))) == len(set(olds)) == len(set(news))


@given(queries(), st.integers())
@few
def test_space_case_and_comments_do_not_matter(query: str, seed: int) -> None:
    choose = random.Random(seed).choice
    blanks = [" ", "\n", "\t ", " /* c */ ", " // MATCH\n"]
    keywords = {
        "MATCH",
        "WHERE",
        "AND",
        "WITH",
        "RETURN",
        "ORDER",
        "BY",
        "ASC",
        "DESC",
        "LIMIT",
        "AS",
        "IN",
        "EXISTS",
    }
    changed = ""
    for token in tokenize(query):
        text = token.text
        if token.kind is Kind.NAME and text in keywords:
            text = choose([text, text.lower(), text.title()])
        changed += text + choose(blanks)
    assert normalise(changed) == normalise(query)


def test_it_is_fast() -> None:
    query = CASES["layout"][0]
    normalise(query)
    begun = time.process_time()
    for _ in range(500):
        normalise(query)
    assert time.process_time() - begun < 1.0
