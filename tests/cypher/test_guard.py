"""The guard: whatever writes, or is not known to only read, is refused; plain reading passes."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher import words
from polycypher.cypher.guard import DEEPEST, LONGEST, check
from polycypher.cypher.lexer import Kind, quote_string, tokenize
from polycypher.cypher.normalise import normalise
from polycypher.errors import GuardError

READING = [
    "MATCH (n) RETURN n",
    "OPTIONAL MATCH (n:Person)-[:KNOWS*1..3]-(m) WHERE n.age > 3 "
    "RETURN DISTINCT m.name AS name ORDER BY name SKIP 1 LIMIT 2",
    "MATCH (n) RETURN n OFFSET 3",
    "UNWIND [1, 2] AS x WITH x WHERE x > 1 RETURN collect(x)",
    "MATCH (n:A) RETURN n.x AS x UNION ALL MATCH (n:B) RETURN n.x AS x",
    "CALL { MATCH (n) RETURN n LIMIT 1 } RETURN n",
    "MATCH (a) CALL (a) { MATCH (a)-->(b) RETURN count(b) AS c } RETURN a, c",
    "MATCH (n) WHERE EXISTS { (n)-->() } AND COUNT { MATCH (n)--(m) RETURN m } > 2 "
    "RETURN COLLECT { MATCH (x) RETURN x.a }",
    "RETURN CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END",
    "CALL db.labels() YIELD label RETURN label",
    "call DB . `Labels` ( )",
    "RETURN date.truncate('year', date()), duration.between(date(), date()).days, point.distance($a, $b)",
    # Words that write, as names of something.
    "MATCH (n) RETURN n.set, n.delete, n.Create, n.merge",
    "MATCH (n:Create)-[:DELETE|SET]->(:`DROP`) RETURN n",
    "MATCH (x:Set {remove: 1}) RETURN {create: x.y, delete: 2}",
    "MATCH (`create`) RETURN `create`.`set`",
    "MATCH (n) RETURN n {.set, create: n.x}",
    "MATCH (start:A), (show), (use) RETURN start, show, use",
    # Words that write, in text.
    "RETURN 'CREATE (n) SET n.x = 1; DROP DATABASE x' AS text",
    'RETURN "\u202e\u200b \uff23\uff32\uff25\uff21\uff34\uff25"',
    "MATCH (n) RETURN n /* DELETE n */ // SET n.x = 1",
    "MATCH (n) WHERE n.a = 'it\\'s' AND n.b = '\\u00e9\\U0001F600\\\\' RETURN n",
    "MATCH (şehir:Şehir {ad: 'İzmir'}) RETURN şehir.nüfus",
    "MATCH (n) RETURN n;",
]

WRITING = [
    "CREATE (m)",
    "CREATE (m:A {x: 1})-[:R]->(n)",
    "MERGE (m:A)",
    "MERGE (m:A) ON CREATE SET m.x = 1",
    "SET n.x = 1",
    "SET n:Label",
    "SET n += {x: 1}",
    "DELETE n",
    "DETACH DELETE n",
    "NODETACH DELETE n",
    "REMOVE n.x",
    "REMOVE n:Label",
    "INSERT (m:A)",
    "FOREACH (x IN [1] | SET n.x = x)",
    "LOAD CSV FROM 'file:///etc/passwd' AS row",
    "LOAD CSV WITH HEADERS FROM 'http://x' AS row",
    "CALL { CREATE (m) }",
    "CALL { MATCH (m) SET m.x = 1 }",
    "CALL { WITH n DELETE n }",
    "CALL { MATCH (m) RETURN m } IN TRANSACTIONS",
    "CALL { MATCH (m) RETURN m } IN 2 CONCURRENT TRANSACTIONS OF 10 ROWS",
    "CALL apoc.cypher.doIt('CREATE (n)', {})",
    "CALL apoc.load.json('http://x') YIELD value",
    "CALL dbms.killQuery('x')",
    "CALL db.createLabel('x')",
    "CALL `apoc`.`create`.`node`(['A'], {})",
    "CALL /* db.labels */ apoc . /**/ refactor.rename.label('a', 'b')",
    "cAlL ApOc.trigger.add('a', 'b', {})",
    "USE other",
    "SHOW DATABASES",
    "FINISH",
]

STATEMENTS = [
    "DROP DATABASE x",
    "DROP INDEX x IF EXISTS",
    "CREATE INDEX x FOR (n:A) ON (n.x)",
    "CREATE USER x SET PASSWORD 'y'",
    "ALTER USER x SET PASSWORD 'y'",
    "GRANT ROLE a TO b",
    "DENY READ {*} ON GRAPH x TO y",
    "REVOKE ROLE a FROM b",
    "RENAME USER a TO b",
    "SHOW USERS",
    "SHOW FUNCTIONS",
    "TERMINATE TRANSACTION 'x'",
    "START DATABASE x",
    "STOP DATABASE x",
    "START n=node(*) RETURN n",
    "USE x MATCH (n) RETURN n",
    "EXPLAIN MATCH (n) RETURN n",
    "PROFILE MATCH (n) RETURN n",
    "CYPHER 5 MATCH (n) RETURN n",
    "CYPHER x=1 CREATE (n)",
    ":param x => 1",
    "BEGIN",
    "ENABLE SERVER 'x'",
]

OTHERWISE = [
    "",
    "   // nothing\n",
    ";",
    "MATCH (n) RETURN n; MATCH (m) RETURN m",
    "MATCH (n) RETURN n; // x\n CREATE (m)",
    "MATCH (n RETURN n",
    "MATCH (n) RETURN 'a",
    "MATCH (n) RETURN n /* open",
    "hello",
    "RETURN apoc.load.json('http://x')",
    "RETURN apoc.util.sleep(1000)",
    "RETURN `apoc`.`cypher`.`runFirstColumn`('x', {})",
    "RETURN file()",
    "RETURN linenumber()",
    "RETURN load('x')",
    "MATCH (n) WHERE n.x > 1.SET n.y = 2 RETURN n",
    "MATCH (n) RETURN n \\u0053ET n.x = 1",
    "MATCH (n) WHERE n.a = '\\u0027 SET n.x = 1 //' RETURN n",
    "MATCH (n) WHERE n.a = '\\uu0027 SET n.x = 1 //' RETURN n",
    "MATCH (n) WHERE n.a = '\\\\\\u0027 SET n.x = 1 //' RETURN n",
    "MATCH (n) WHERE n.a = '\\U00000027 SET n.x = 1 //' RETURN n",
    'RETURN "\\u0022"',
    "RETURN '\\u005c'",
    "MATCH (`a\\u0060`) RETURN 1",
    "MATCH ($`a\\u0060`) RETURN 1",
    "RETURN '\0'",
    "RETURN 1\0",
    "MATCH (n) \uff33\uff25\uff34 n.x = 1 RETURN n",
    "MATCH (n) \u017fET n.x = 1 RETURN n",
    "MATCH (n:\ufb01) RETURN n",
    "MATCH (n) RETURN\u00a0n",
    "MATCH (n)\u2028RETURN n",
    "MATCH (n)\x1cRETURN n",
    "MATCH (n) S\u200bET n.x = 1",
    "MATCH (n\u202e) RETURN n",
    "MATCH (n\ufe0f) RETURN 1",
    "MATCH (\u1160) RETURN 1",
    "\ufeffMATCH (n) RETURN n",
    "MATCH (n) \u0131NSERT (m) RETURN n",
    "MATCH (n) W\u0131TH n RETURN n",
    "MATCH (n) WITH n, 1 AS set RETURN set",
    "MATCH (set:Set) RETURN set.x",
    "RETURN [x IN [1] | CREATE (n)]",
    "RETURN " + "(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1),
    "RETURN " + "[" * 5000,
    "RETURN '" + "x" * LONGEST + "'",
]


@pytest.mark.parametrize("query", READING)
def test_reading_passes_and_is_executed_as_it_is(query: str) -> None:
    checked = check(query)
    assert [(t.kind, t.text) for t in tokenize(checked)] == [
        (t.kind, t.text) for t in tokenize(query.rstrip(";"))
    ]
    assert not any(token.kind is Kind.COMMENT for token in tokenize(checked, keep_blank=True))
    assert check(checked) == checked


@pytest.mark.parametrize("query", [*STATEMENTS, *OTHERWISE])
def test_all_else_is_refused(query: str) -> None:
    with pytest.raises(GuardError, match="only queries that read"):
        check(query)


@pytest.mark.parametrize("clause", WRITING)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "{} RETURN 1",
        "MATCH (n) {}",
        "MATCH (n) {} RETURN n",
        "MATCH (n) RETURN n {}",
        "CALL {{ {} }} RETURN 1",
    ],
)
def test_writing_is_refused_wherever_it_stands(clause: str, around: str) -> None:
    with pytest.raises(GuardError):
        check(around.format(clause))


def test_the_message_is_one_line_and_says_what_and_where() -> None:
    with pytest.raises(GuardError) as raised:
        check("MATCH (n)\nDETACH DELETE n")
    assert re.search(r"DETACH at character 11\b", str(raised.value))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("query", ["EXPLAIN MATCH (n) RETURN n", "PROFILE MATCH (n) RETURN n", "EXPLAIN"])
def test_a_plan_is_no_query(query: str) -> None:
    with pytest.raises(GuardError):
        check(query)


# ---------------------------------------------------------------------- properties

BLANKS = (" ", "\n", "\t", "\r\n", " /* SET n.x = 1; */ ", " // DELETE n\n", "/**/", " //\n")
NAMES = st.sampled_from(["n", "m", "person", "x1", "`set`", "`odd name`", "größe"])
KEYS = st.sampled_from(["name", "set", "delete", "create", "order", "`a b`"])
LABELS = st.sampled_from(["Person", "Create", "SET", "`Drop`", "Ülke"])
TEXTS = st.sampled_from(WRITING + STATEMENTS) | st.text(st.characters(exclude_characters="\0"), max_size=9)
VALUES = st.one_of(
    TEXTS.map(quote_string),
    st.sampled_from(["7", "-1.5", "$parameter", "true", "null"]),
    NAMES,
    st.builds("{}.{}".format, NAMES, KEYS),
)
FORMS = st.sampled_from(
    [
        *(
            "{0}",
            "{0} = {1}",
            "NOT {0}",
            "({0} OR {1})",
            "{0} IN [{1}, {2}]",
            "toLower({0})",
            "{0} IS NOT NULL",
        ),
        *("count(DISTINCT {0})", "CASE WHEN {0} THEN {1} ELSE {2} END", "[v IN {0} WHERE {1} | {2}]"),
        *("{{set: {0}}}", "{0} STARTS WITH {1}", "coalesce({0}, {1})", "size({0}) + {1}"),
        "EXISTS {{ (n)-[:SET]->(:Create) }}",
    ]
)


def _format(form: str, *parts: str) -> str:
    return form.format(*parts)


SMALL = st.builds(_format, FORMS, VALUES, VALUES, VALUES)
EXPRESSIONS = st.builds(_format, FORMS, SMALL, VALUES, SMALL)
NODES = st.builds("({}:{} {{{}: {}}})".format, NAMES, LABELS, KEYS, VALUES) | NAMES.map("({})".format)
ARROWS = st.sampled_from(["-[:DELETE]->", "<-[r:A|B*1..3]-", "--", "-->"])
CLAUSES = st.one_of(
    st.builds("MATCH {}{}{}".format, NODES, ARROWS, NODES),
    st.builds("OPTIONAL MATCH {} WHERE {}".format, NODES, EXPRESSIONS),
    st.builds("UNWIND [{}] AS {}".format, EXPRESSIONS, NAMES),
    st.builds("CALL {{ MATCH {} RETURN {} }}".format, NODES, NAMES),
    st.builds("WITH {} AS {} WHERE {}".format, EXPRESSIONS, NAMES, SMALL),
)
RETURNS = st.builds("RETURN {} AS {}, {} ORDER BY {} LIMIT 3".format, EXPRESSIONS, NAMES, SMALL, NAMES)
QUERIES = st.builds(lambda clauses, last: [*clauses, last], st.lists(CLAUSES, max_size=3), RETURNS)
"""Reading queries of a small grammar, as lists of clauses, with writing in their names and texts."""

few = settings(max_examples=60, deadline=None)


@given(QUERIES)
@few
def test_queries_of_the_grammar_pass(parts: list[str]) -> None:
    query = " ".join(parts)
    assert check(query) == query
    assert check(normalise(query))


@given(QUERIES, st.sampled_from(WRITING), st.integers(0, 4), st.sampled_from(BLANKS))
@few
def test_a_clause_that_writes_is_refused_at_any_boundary(
    parts: list[str], clause: str, place: int, blank: str
) -> None:
    with pytest.raises(GuardError):
        check(blank.join([*parts[:place], clause, *parts[place:]]))


@given(QUERIES, st.sampled_from([*WRITING, *STATEMENTS, "RETURN 1"]))
@few
def test_a_second_statement_is_refused(parts: list[str], statement: str) -> None:
    query = " ".join(parts)
    for text in (f"{query};{statement}", f"{statement};{query}", f"{query} ; {statement};"):
        with pytest.raises(GuardError):
            check(text)


@given(QUERIES, st.sampled_from(["", *WRITING]), st.integers(0, 4), st.integers())
@few
def test_space_case_and_comments_do_not_change_the_verdict(
    parts: list[str], clause: str, place: int, seed: int
) -> None:
    choose = random.Random(seed).choice
    query = " ".join([*parts[:place], clause, *parts[place:]])
    changed = ""
    for token in tokenize(query):
        text = token.text
        if token.kind is Kind.NAME and text.isascii():
            text = choose([text, text.upper(), text.lower(), text.swapcase()])
        changed += text + choose(BLANKS)
    for text in (query, changed):
        if clause:
            with pytest.raises(GuardError):
                check(text)
        else:
            check(text)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*WRITING, *READING, *"'\"`;\\/*\n "]), max_size=6).map("".join)
)
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        checked = check(text)
    except GuardError:
        return
    assert check(checked) == checked
    tokens = tokenize(checked)
    for before, token, after in zip(["", *tokens[:-1]], tokens, [*tokens[1:], ""], strict=True):
        if token.kind is Kind.NAME and token.text.upper() in words.WRITING:
            near = [t.text for t in (before, after) if not isinstance(t, str)]
            assert near[0] in (".", ":", "|", "&", "!") or near[-1] == ":"
