"""The grammar for a schema: what it accepts, what it refuses, and that it is made for any schema."""

from __future__ import annotations

import pytest
from grammar_helpers import FILMS, accepts
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher import grammar as written
from polycypher.cypher.dialect import constructs, dialect, dialect_names, lacking
from polycypher.cypher.grammar import schema_grammar
from polycypher.cypher.lexer import quote_name
from polycypher.cypher.normalise import normalise
from polycypher.cypher.words import FUNCTIONS
from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern

# ---------------------------------------------------------------------- what is a query


@pytest.mark.parametrize(
    "query",
    [
        "MATCH (m:Movie) RETURN m",
        "MATCH (p:Person {name: 'Ana'})-[r:ACTED_IN]->(m:Movie) WHERE 'Hero' IN r.roles RETURN m.title",
        "OPTIONAL MATCH (m:Movie) WHERE m.released >= 1990 AND NOT m.title IS NULL RETURN DISTINCT m",
        "MATCH (p:Person)-->(m:Movie) WITH p, count(m) AS count WHERE count > 2 RETURN p.name, count",
        "MATCH (p:Person) RETURN p.name ORDER BY p.born DESC, p.name SKIP 2 LIMIT 3",
        "UNWIND [1, 2] AS value RETURN value UNION ALL RETURN 3 AS value",
        "CALL { MATCH (p:Person) RETURN p UNION MATCH (p:Person) RETURN p } WITH DISTINCT p RETURN count(*)",
        "MATCH (p:Person) CALL (p) { MATCH (p)-->(m:Movie) RETURN count(m) AS count } RETURN p, count",
        "MATCH (p:Person) WHERE EXISTS { (p)-[:DIRECTED]->(:Movie) } RETURN p",
        "MATCH (p:Person) WHERE NOT EXISTS { MATCH (p)-->(m:Movie) WHERE m.released > 2000 } RETURN p",
        "MATCH (p:Person) RETURN COUNT { (p)-[:DIRECTED]->() }, COLLECT { MATCH (p)--(n) RETURN n }",
        "MATCH (p:Person) WHERE (p)-[:FOLLOWS]->(:Person) OR NOT (p)--() RETURN p",
        "MATCH (m:Movie) RETURN CASE WHEN m.released > 2000 THEN 'new' ELSE NULL END AS value",
        "MATCH (m:Movie) RETURN CASE m.title WHEN 'X' THEN 1 WHEN 'Y' THEN 2 END",
        "MATCH (p:Person)-[:FOLLOWS*1..3]->(p2:Person) RETURN p2.name",
        "MATCH path = shortestPath((p:Person)-[:FOLLOWS*]-(p2:Person)) RETURN nodes(path)[0].name",
        "MATCH (p:Person)-[r:ACTED_IN|DIRECTED]->(m:Movie) RETURN type(r), r.roles[0], r.roles[0..2]",
        "MATCH (n)-[r]-(n2) RETURN labels(n), n2.name LIMIT 1",
        "MATCH (p:Person|Movie)<-[*..2]-() RETURN p",
        "MATCH (p:Person) WHERE any(x IN p.name WHERE x = 'a') RETURN [x IN [1, 2] WHERE x > 1 | x * 2]",
        "MATCH (m:Movie) RETURN m {.title, name: m.released}, {name: 1}, [(m)<--(p:Person) | p.name]",
        "MATCH (m:Movie) WHERE m.released = -1 OR m.released < 2.5e3 RETURN (m.released - 1) / 10 % 3 ^ 2",
        "MATCH (p:Person) WHERE p.since.year = date().year - 1 AND p.since > date('2020-01-01') RETURN p",
        "MATCH (p:Person) WITH duration.between(p.since, date()) AS value RETURN avg(value.days)",
        "MATCH (p:Person) WHERE toLower(p.name) STARTS WITH 'a' AND p.name =~ 'b$' RETURN max(p.since).year",
        "RETURN reduce(sum = 0, x IN [1, 2] | sum + x), round(1.5), round(1.55, 1), coalesce(NULL, 0)",
        "MATCH (f:`Film Studio`)-[:MADE]->(m:Movie) RETURN m.`shot-on`.year",
        "MATCH (n) WHERE n:Person AND n.name = '' RETURN n",
        "MATCH ({name: 'Ana'})--(n {title: 'Yol'})-[{roles: 1}]->()<-[r {on: 1}]-(n2) RETURN r",
        "MATCH (p:Person) WITH p, collect({firstName: p.name, yıl: p.born}) AS items RETURN items[0]",
        "MATCH (p:Person) RETURN p.name AS whoever UNION ALL MATCH (m:Movie) RETURN m.title AS whoever",
        "MATCH (p:Person) RETURN p.name AS name ORDER BY name UNION MATCH (m:Movie) RETURN m.title AS name",
        "MATCH (p:Person) WHERE date(p.born).weekday > 5 RETURN p {.*, .name, since: p.since.year, count}",
    ],
)
def test_a_read_query_in_canonical_layout_is_accepted(query: str) -> None:
    assert accepts(query)


@pytest.mark.parametrize(
    "query",
    [
        'match (p:Person {name: "O\'Hara"})-[x:ACTED_IN]->(film) where film.released>9 return film.title',
        "MATCH (a:Person)--(b) WITH a, collect(DISTINCT b.title) AS ts, count(*) AS n WHERE n>1 RETURN ts[0]",
        "MATCH (a:Person) RETURN min(a.born) AS lo, max(a.born) AS hi, sum(a.born)/count(a) ORDER BY lo ASC",
        "MATCH p=(a:Person)-[:FOLLOWS*2]->(b) UNWIND nodes(p) AS n RETURN n.name // comment",
        "MATCH (s:`Film Studio`) WHERE exists { (s)-[:SIGNED {on: date('2020-02-02')}]->(:Person) } RETURN s",
    ],
)
def test_what_normalise_writes_is_accepted(query: str) -> None:
    assert accepts(normalise(query))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "MATCH (m:Movie)",
        "MATCH (m:Movie) RETURN",
        "MATCH (m:Movie RETURN m",
        "MATCH (m:Movie) RETURN m)",
        "MATCH (m:Movie) WHERE m.title = 'X RETURN m",
        "MATCH (m:Movie)  RETURN m",
        "match (m:Movie) return m",
        "MATCH (m:Movie) RETURN m;",
        'MATCH (m:Movie) WHERE m.title = "X" RETURN m',
        "MATCH (m:Movie) WITH m.title RETURN m",
        "MATCH (m:Movie) RETURN count(m, m)",
        "MATCH (m:Movie) WHERE m.title = $title RETURN m",
        "MATCH (m:Movie) RETURN apoc.text.join(m.title)",
        "MATCH (m:Movie) RETURN CASE WHEN m.released > 1 THEN 2",
        "MATCH (m:Movie) RETURN m.title AS whatever",
        "MATCH (m:Movie) RETURN m.title AS count UNION",
        " MATCH (m:Movie) RETURN m",
    ],
)
def test_what_is_no_complete_query_is_refused(query: str) -> None:
    assert not accepts(query)


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (m:Movie) RETURN m",
        "MERGE (m:Movie) RETURN m",
        "MATCH (m:Movie) SET m.title = 'X' RETURN m",
        "MATCH (m:Movie) DELETE m",
        "MATCH (m:Movie) DETACH DELETE m RETURN 1",
        "MATCH (m:Movie) REMOVE m.title RETURN m",
        "LOAD CSV FROM 'x' AS value RETURN value",
        "MATCH (m:Movie) FOREACH (x IN [1] | SET m.title = 'X') RETURN m",
        "CALL db.labels() YIELD label RETURN label",
        "CALL { CREATE (m:Movie) RETURN m } RETURN m",
        "DROP INDEX x",
    ],
)
@pytest.mark.parametrize("canonical_names", [True, False])
def test_nothing_that_writes_or_calls_a_procedure_is_accepted(query: str, canonical_names: bool) -> None:
    assert not accepts(query, canonical_names=canonical_names)


# ---------------------------------------------------------------------- names of the schema


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("MATCH (m:Movie) RETURN m", "MATCH (m:Film) RETURN m"),
        ("MATCH (m:Movie) RETURN m", "MATCH (m:Movies) RETURN m"),
        ("MATCH ()-[:MADE]->() RETURN 1", "MATCH ()-[:MAKES]->() RETURN 1"),
        ("MATCH ()-[:MADE|SIGNED]->() RETURN 1", "MATCH ()-[:MADE|SOLD]->() RETURN 1"),
        ("MATCH (m:Movie) RETURN m.title", "MATCH (m:Movie) RETURN m.tagline"),
        ("MATCH (m:Movie {title: 'X'}) RETURN m", "MATCH (m:Movie {name: 'X'}) RETURN m"),
        ("MATCH ()-[r:SIGNED {on: 1}]-() RETURN r", "MATCH ()-[r:SIGNED {roles: 1}]-() RETURN r"),
        ("MATCH (n) WHERE n:Movie RETURN n", "MATCH (n) WHERE n:Film RETURN n"),
        ("MATCH (f:`Film Studio`) RETURN f", "MATCH (f:Film Studio) RETURN f"),
        ("MATCH (p:Person) RETURN p.since.year", "MATCH (p:Person) RETURN p.born.year"),
    ],
)
def test_names_come_from_the_schema_alone(right: str, wrong: str) -> None:
    assert accepts(right)
    assert not accepts(wrong)
    assert not accepts(wrong, canonical_names=False)


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ("MATCH (m:Movie) RETURN m.name", "a film has no name"),
        ("MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) RETURN p.roles", "roles belong to the relationship"),
        ("MATCH (p:Person) RETURN p {.title}", "a person has no title, chosen into a map or not"),
        ("MATCH (p:Person)-[:DIRECTED]->(m:Movie) MATCH (m)-[:DIRECTED]->(n) RETURN n", "`m` is a film"),
        ("MATCH (p:Movie) RETURN p", "`p` names persons"),
        ("MATCH (movie:Movie) RETURN movie", "no name that `normalise` gives"),
        ("MATCH (m:Movie) RETURN m.title AS headline", "no name that `normalise` gives"),
    ],
)
def test_canonical_names_say_more_about_a_variable(query: str, plain: str) -> None:
    assert not accepts(query), plain
    assert accepts(query, canonical_names=False)


def test_a_query_may_begin_with_a_space_where_tokens_make_it_so() -> None:
    for query in (" MATCH (m:Movie) RETURN m", "MATCH (m:Movie) RETURN m"):
        assert accepts(query, leading_space=True)
    assert not accepts("  MATCH (m:Movie) RETURN m", leading_space=True)


def test_a_letter_shared_by_labels_has_the_properties_of_all() -> None:
    schema = GraphSchema(
        {"Person": {"name": "STRING"}, "Post": {"text": "STRING"}, "Tag": {"word": "STRING"}}
    )
    assert accepts("MATCH (p:Person), (p2:Post) RETURN p.name, p2.text", schema)
    assert not accepts("MATCH (p:Person) RETURN p.word", schema)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=12)


@settings(max_examples=30)
@given(labels=st.lists(NAMES, min_size=1, max_size=4, unique=True), kind=NAMES, name=NAMES)
def test_names_in_any_script_are_written_as_normalise_writes_them(
    labels: list[str], kind: str, name: str
) -> None:
    schema = GraphSchema(
        {label: {name: "STRING"} for label in labels}, {}, (Pattern(labels[0], kind, labels[-1]),)
    )
    first, last, asked, key = (quote_name(text) for text in (labels[0], labels[-1], kind, name))
    query = (
        f"MATCH (a:{first})-[:{asked}]->(b:{last} {{{key}: 'v'}}) WHERE a.{key} <> 'é' RETURN a, b.{key} AS w"
    )
    assert accepts(normalise(query), schema)


# ---------------------------------------------------------------------- the text as such


def test_every_function_is_one_the_guard_lets_through() -> None:
    listed = {name for names in written._FUNCTIONS.values() for name in names}
    assert listed | {*written._AGGREGATES, *written._MOMENTS, *written._PERIODS} <= FUNCTIONS


def test_equal_schemas_have_the_same_grammar() -> None:
    turned = GraphSchema(
        dict(reversed(FILMS.node_properties.items())),
        dict(reversed(FILMS.relationship_properties.items())),
        tuple(reversed(FILMS.relationships)),
    )
    assert schema_grammar(FILMS) == schema_grammar(turned)


def test_an_empty_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="empty"):
        schema_grammar(GraphSchema({}))


@pytest.mark.parametrize("schema", [GraphSchema({"A": {}}), GraphSchema({}, {}, (Pattern("A", "T", "A"),))])
def test_a_schema_without_properties_or_relationships_will_do(schema: GraphSchema) -> None:
    assert accepts("MATCH (a:A) RETURN count(a)", schema)
    assert not accepts("MATCH (a:A) RETURN a.name", schema)


def test_three_hundred_labels_compile() -> None:
    labels = [f"Label{n}" for n in range(300)]
    schema = GraphSchema(
        {label: {f"key{n}": "STRING", "name": "STRING"} for n, label in enumerate(labels)},
        {},
        tuple(Pattern(labels[n], f"TYPE_{n % 200}", labels[(7 * n + 1) % 300]) for n in range(300)),
    )
    assert accepts("MATCH (l:Label3)-[:TYPE_3]->(l2:Label22) RETURN l.key3", schema)
    assert not accepts("MATCH (l:Label3)-[:TYPE_3]->(l2:Label23) RETURN l.key3", schema)


# ---------------------------------------------------------------------- what a server lacks


@pytest.mark.parametrize(
    ("construct", "query"),
    [
        ("regex", "MATCH (p:Person) WHERE p.name =~ 'A.*' RETURN p"),
        ("power", "RETURN 2 ^ 3"),
        ("reduce", "RETURN reduce(sum = 0, x IN [1] | sum + x)"),
        ("shortest_path", "MATCH path = shortestPath((p:Person)-[:FOLLOWS*]-(p2:Person)) RETURN path"),
        (
            "all_shortest_paths",
            "MATCH path = allShortestPaths((p:Person)-[:FOLLOWS*]-(p2:Person)) RETURN path",
        ),
        ("single", "MATCH (p:Person) WHERE single(x IN [1] WHERE x = 1) RETURN p"),
        ("list_predicate", "MATCH (p:Person) WHERE any(x IN [1] WHERE x = 1) RETURN p"),
        ("percentiles", "MATCH (p:Person) RETURN percentileCont(p.born, 0.5)"),
        ("deviations", "MATCH (p:Person) RETURN stDev(p.born)"),
        ("truncation", "RETURN date.truncate('month', date())"),
        ("duration_between", "RETURN duration.between(date(), date())"),
        ("date", "RETURN date()"),
        ("point", "RETURN point({x: 1, y: 2})"),
    ],
)
def test_what_a_server_lacks_is_not_written_for_it(construct: str, query: str) -> None:
    assert accepts(query)
    assert not accepts(query, without=frozenset({construct}))


@pytest.mark.parametrize("name", dialect_names())
def test_for_every_server_there_is_a_grammar(name: str) -> None:
    without = lacking(dialect(name))
    assert accepts("MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p.name, count(m) + 1", without=without)
    for construct in without:
        for function in constructs()[construct].functions:
            assert f'"{function}("' not in schema_grammar(FILMS, without=without)
