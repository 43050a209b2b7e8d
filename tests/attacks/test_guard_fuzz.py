"""Any text at all: guard and lexer fail in their own way only, and what passes has nothing that writes."""

from __future__ import annotations

import pytest
from attack_corpus import queries, questions
from attack_generator import CLAUSES, PLACES
from attack_oracle import findings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from polycypher.cypher.cleanup import clean
from polycypher.cypher.dialect import dialect, dialect_names
from polycypher.cypher.dialect_rewrite import to_dialect
from polycypher.cypher.guard import check
from polycypher.cypher.lexer import (
    Kind,
    name_value,
    quote_name,
    quote_string,
    scan,
    string_value,
    tokenize,
)
from polycypher.errors import GuardError, QueryError

ATTACKS = [attack.text for attack in (*queries(), *questions()) if len(attack.text) < 400]
WORDS = (
    "MATCH(m:Movie) MATCH OPTIONAL RETURN WITH UNWIND CALL{ CALL(m){ EXISTS{ UNION WHERE AS CASE WHEN END m "
    "m.title m:Movie ( ) [ ] { } : . .. , | & ! = ; $ 1 1. ' \" ` `` \\ \\' // /* */ \\u0027 \\u0060 \\u005c "
    "\\U00000027 \\uu0027 \\u0043REATE $`x` ſET ınsert ＳＥＴ é CREATE set Delete apoc.x( db.labels() EXPLAIN"
)
BLANKS = (
    "IN TRANSACTIONS",
    "USE g",
    "\n",
    "\r",
    "\u2028",
    "\0",
    "\ufeff",
    "\u200b",
    "\u202e",
    "\ud800",
    "\u0301",
)
PIECES = st.sampled_from([*WORDS.split(), *BLANKS, *CLAUSES.values()])
SOUP = st.lists(PIECES, max_size=14).flatmap(
    lambda pieces: st.lists(st.sampled_from(["", " ", "  ", "\n"]), min_size=1, max_size=14).map(
        lambda blanks: "".join(piece + blanks[place % len(blanks)] for place, piece in enumerate(pieces))
    )
)
SPLICED = st.builds(
    lambda text, other, at, until: text[: at % (len(text) + 1)] + other + text[until % (len(text) + 1) :],
    st.sampled_from(ATTACKS),
    st.one_of(PIECES, st.sampled_from(ATTACKS), st.text(max_size=5)),
    st.integers(0, 400),
    st.integers(0, 400),
)
PLACED = st.builds(
    lambda place, text: place.replace("{}", text, 1).replace("{{", "{").replace("}}", "}"),
    st.sampled_from(list(PLACES.values())),
    SOUP,
)
FORMS = (
    "MATCH (m:{0} {{{1}: {2}}}) RETURN m.{1} AS {4}",
    "MATCH (m)-[:{0}|{0}]->(:{5}) WHERE m.{1} = {2} RETURN m {{.{1}, {1}: {3}}}",
    "UNWIND [{2}, {3}] AS x{4} WITH x RETURN x[{2}] // {0}",
    "RETURN [x IN [{2}] WHERE x = {3} | {2}] AS l, any(x IN {2} WHERE {3})",
    "RETURN CASE WHEN {2} THEN {3} ELSE {2} END /* {1} */ ORDER BY {3}",
    "MATCH (m:{0}&!({5}|{0})) WHERE m:{5} AND {2} IS NOT NULL RETURN m",
    "CALL {{ MATCH (m:{0}) RETURN m UNION MATCH (m:{5}) RETURN m }} RETURN {2}",
    "RETURN {{{1}: {2}, {1}: {{{1}: {3}}}}} AS {4}",
    "MATCH (m) WHERE EXISTS {{ (m)-[:{0}*1..3]->(n:{5}) }} RETURN coalesce({2}, {3})",
    "CALL db.labels() YIELD label AS {4} WHERE {2} RETURN {3}",
)
LABELS = st.sampled_from(["Movie", "SET", "delete", "`CREATE (n)`", "`a``) DELETE n //`", "ſET", "Film"])
KEYS = st.sampled_from(["title", "set", "Merge", "`DELETE n`", "`//`", "load"])
ALIASES = st.sampled_from(["a", "`SET`", "create", "`x``y`", "use"])
VALUES = st.one_of(
    st.sampled_from([*ATTACKS]).map(quote_string),
    st.sampled_from(
        ["1", "m.set", "m:DELETE", "$x", "$`SET`", "[m.merge]", "{set: 1}", "m {.set}", "toLower('')"]
    ),
    st.sampled_from(["CREATE", "m SET", "(m)-[:SET]->()", "m.`SET x`", "SET(1)", "-1", "m.a.b", "x[0]"]),
)
NEAR = st.builds(str.format, st.sampled_from(FORMS), LABELS, KEYS, VALUES, VALUES, ALIASES, LABELS)
BENT = st.builds(
    lambda text, piece, at, cut: text[: at % (len(text) + 1)] + piece + text[at % (len(text) + 1) + cut :],
    NEAR,
    PIECES,
    st.integers(0, 200),
    st.integers(0, 3),
)
TEXTS = st.one_of(NEAR, BENT, st.text(max_size=80), SOUP, SPLICED, PLACED)

few = settings(max_examples=400, suppress_health_check=list(HealthCheck))
many = settings(max_examples=20_000, suppress_health_check=list(HealthCheck))


def judge(text: str) -> None:
    """What must hold for any text."""
    tokens = list(scan(text))
    assert "".join(token.text for token in tokens) == text
    try:
        checked = check(text)
    except GuardError as error:
        told = str(error)
    else:
        told = ""
    assert not {"\n", "\r"} & set(told), told
    if told:
        return
    assert findings(checked) == [], checked
    assert check(checked) == checked
    assert Kind.COMMENT not in {token.kind for token in tokenize(checked, keep_blank=True)}


@given(TEXTS)
@example("MATCH (m) RETURN m AS `a\\u0060 DELETE m //`")
@example("RETURN [x IN [1] | SET]")
@example("RETURN {a: SET (1)}")
@example("MATCH (m) WHERE m:SET RETURN m")
@few
def test_what_passes_the_guard_writes_nothing(text: str) -> None:
    judge(text)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@given(TEXTS)
@many
def test_what_passes_the_guard_writes_nothing_however_often(text: str) -> None:
    judge(text)


@given(TEXTS)
@few
def test_what_a_model_wrote_is_cleaned_without_failing(text: str) -> None:
    judge(clean(text))


@given(TEXTS, st.sampled_from(dialect_names()))
@few
def test_what_passed_writes_nothing_in_another_dialect_either(text: str, name: str) -> None:
    try:
        said = to_dialect(check(text), dialect(name))
    except QueryError:
        return
    assert findings(said) == [], said


@given(TEXTS)
@few
def test_the_lexer_fails_in_its_own_way_only(text: str) -> None:
    try:
        tokens = tokenize(text)
    except QueryError:
        return
    for token in tokens:
        if token.kind is Kind.STRING:
            string_value(token.text)


@given(st.text(max_size=30) | st.sampled_from(ATTACKS))
@few
def test_what_is_quoted_stays_one_token(text: str) -> None:
    string, name = quote_string(text), quote_name(text)
    assert [token.kind for token in tokenize(f"{string} {name}")][:1] == [Kind.STRING]
    assert string_value(string) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if text:
        assert [name_value(token.text) for token in tokenize(name)] == [text]
