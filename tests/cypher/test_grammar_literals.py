"""What may stand in a query's strings and maps: words of the question, given and stored values, shapes."""

from __future__ import annotations

import re

import pytest
from grammar_helpers import FILMS, accepts, holds, takes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polycypher.cypher.grammar_literals import literal_grammar
from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.schema import GraphSchema, Pattern

# ---------------------------------------------------------------------- strings


PRINTED = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("'\"\\")


def _titled(text: str) -> str:
    return f"MATCH (m:Movie) WHERE m.title = {quote_string(text)} RETURN m"


@settings(max_examples=50)
@given(text=st.text(PRINTED, max_size=30))
def test_the_schema_alone_accepts_any_string(text: str) -> None:
    assert accepts(_titled(text))


def test_control_characters_are_refused_but_for_escaped_blanks() -> None:
    assert accepts(_titled("one\ttwo\nthree"))
    assert not accepts(_titled("\x00"))
    assert not accepts("MATCH (m:Movie) WHERE m.title = '\x00' RETURN m")
    assert not accepts("MATCH (m:Movie) WHERE m.title = '\n' RETURN m")


def test_with_literals_only_they_are_accepted() -> None:
    stored = ["Kara Elmas", "it's", "a\\b"]
    shapes = ["", "2020-01-31", "31.12.1999", "2020-01-31T10:00:00Z", "-12.5", "P1Y2M", "TR", "-"]
    for text in (*stored, *shapes):
        assert holds(_titled(text), literals=stored), text
    for text in ("Kara", "Elmas", "kara elmas", "its", "anything"):
        assert not holds(_titled(text), literals=stored), text


QUESTION = "¿Quién dirigió 'el último TREN' con Zoë O'Brien'in?"


@pytest.mark.parametrize(
    "text",
    [
        *("el último TREN", "último", "El Último TREN", "EL ÚLTIMO TREN", "el último tren", "Zoë"),
        *("Zoë O'Brien", QUESTION),
    ],
)
def test_runs_of_the_questions_words_are_accepted(text: str) -> None:
    assert holds(_titled(text), spans_of=QUESTION)
    inside = quote_string(f"(?i).*{text}.*")
    assert holds(f"MATCH (m:Movie) WHERE m.title =~ {inside} RETURN m", spans_of=QUESTION)


@pytest.mark.parametrize("text", ["el tren", "ltimo", "Tren rojo", "dirigi", "eL último"])
def test_other_words_and_parts_of_words_are_not(text: str) -> None:
    assert not holds(_titled(text), spans_of=QUESTION)


@settings(max_examples=30)
@given(question=st.text(PRINTED, max_size=60), data=st.data())
def test_every_run_of_words_of_any_question_is_accepted(question: str, data: st.DataObject) -> None:
    chunks = re.findall(r"\w+|\W", question)
    start = data.draw(st.integers(0, len(chunks)))
    end = data.draw(st.integers(start, len(chunks)))
    assert holds(_titled("".join(chunks[start:end])), spans_of=question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which taxa live in tropical forests?", "tropical forest"),
        ("How many live in estuaries and feed on wolves?", "estuary"),
        ("How many live in estuaries and feed on wolves?", "wolf"),
        ("Who sells glasses?", "glass"),
        ("Who saw 'Ron\\'s Gone Wrong'?", "Ron's Gone Wrong"),
    ],
)
def test_plurals_stand_in_the_singular_and_escapes_without_their_backslash(question: str, text: str) -> None:
    assert holds(_titled(text), spans_of=question)
    assert not holds(_titled(text), spans_of="Who?")


@pytest.mark.parametrize("text", ["viru", "glas", "thi"])
def test_what_is_no_plural_loses_nothing(text: str) -> None:
    assert not holds(_titled(text), spans_of="The glass and this virus")


@pytest.mark.parametrize("text", ["unknown", "True", "false", "NULL", "N/A", "F", "yes"])
def test_what_a_database_writes_for_no_value_needs_no_question(text: str) -> None:
    assert holds(_titled(text))


@pytest.mark.parametrize("text", ["İzmir'de kış", "ığdır", "El Niño", "日本の映画", "🎬 night", "naïve Ω"])
def test_text_in_any_script_is_copied_from_the_question(text: str) -> None:
    assert holds(_titled(text), spans_of=f"What of {text}?")
    assert holds(_titled(text), literals=[text])
    assert not holds(_titled(text[:-1] + "z"), spans_of=f"What of {text}?")


@pytest.mark.parametrize("query", ["`it's`.x {y: 1} ~ 1", "MATCH (p:`O'Hara {x`) RETURN 1", ""])
def test_outside_strings_nothing_is_looked_at(query: str) -> None:
    assert takes(literal_grammar(FILMS, spans_of="Who?"), query)


def test_a_pattern_of_a_regular_expression_stands_behind_its_operator_only() -> None:
    assert holds("MATCH (m:Movie) WHERE m.title =~ '^Yol.*' RETURN m", literals=["Yol"])
    assert not holds("MATCH (m:Movie) WHERE m.title = '^Yol.*' RETURN m", literals=["Yol"])


# ---------------------------------------------------------------------- homes of stored values

STORED = {"Ana": {("Person", "name"), ("ACTED_IN", "nickname")}, "Yol": {("Movie", "title")}}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (
            "MATCH (p:Person {name: 'Ana'}) RETURN p",
            "MATCH (p:Person {name: 'Yol'}) RETURN p",
        ),
        (
            "MATCH (m:Movie {title: 'Yol'})<-[:DIRECTED]-(p:Person) RETURN p",
            "MATCH (m:Movie {title: 'Ana'})<-[:DIRECTED]-(p:Person) RETURN p",
        ),
        (
            "MATCH (f:`Film Studio`) RETURN f",
            "MATCH (f:`Film Studio` {name: 'Ana'}) RETURN f",
        ),
        (
            "MATCH (p:Person) WHERE p.name CONTAINS 'Yol' RETURN p",
            "MATCH (p:Person {born: 1980}) RETURN p",
        ),
    ],
)
def test_a_stored_text_is_asked_of_the_property_that_holds_it(right: str, wrong: str) -> None:
    question = "Ana Yol"
    assert holds(right, literals=list(STORED), spans_of=question, homes=STORED)
    assert not holds(wrong, literals=list(STORED), spans_of=question, homes=STORED)
    assert holds(wrong, literals=list(STORED), spans_of=question)


def test_numbers_stand_in_maps_where_the_question_has_digits() -> None:
    query = "MATCH (p:Person {name: 'Ana', born: 1980}) RETURN p"
    assert holds(query, literals=["Ana"], spans_of="Ana 1980", homes=STORED)
    assert not holds(query, literals=["Ana"], spans_of="Ana", homes=STORED)


def test_a_value_of_another_type_is_followed_to_its_first_bracket() -> None:
    query = "MATCH (p:Person {since: date('2020-01-31'), name: 'Ana'}) RETURN p"
    assert holds(query, literals=["Ana"], spans_of="Ana 2020", homes=STORED)
    assert not holds(query.replace("since:", "born: 1, title:"), spans_of="Ana 2020", homes=STORED)


def test_a_map_without_a_label_is_not_held() -> None:
    assert holds("MATCH (n {name: 'Yol'}) RETURN n", literals=list(STORED), homes=STORED)


def test_a_label_and_a_type_of_one_name_share_what_they_store() -> None:
    schema = GraphSchema(
        {"Role": {"name": "STRING"}, "Actor": {}},
        {"Role": {"of": "STRING"}},
        (Pattern("Actor", "Role", "Role"),),
    )
    homes = {"King": {("Role", "of")}, "Ana": {("Role", "name")}}
    query = "MATCH (a:Actor)-[:Role {of: 'King'}]->(r:Role {name: 'Ana'}) RETURN a"
    assert holds(query, schema, list(homes), homes=homes)


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=9)


@settings(max_examples=40)
@given(label=NAMES, kind=NAMES, key=NAMES, text=st.text(PRINTED, min_size=1, max_size=12), other=NAMES)
def test_texts_and_names_in_any_script_are_held(
    label: str, kind: str, key: str, text: str, other: str
) -> None:
    assume(label != kind and text != other)
    assume("`" not in label + kind)  # a doubled backtick inside a name is read as its end
    schema = GraphSchema({label: {key: "STRING"}}, {kind: {key: "STRING"}}, (Pattern(label, kind, label),))
    homes = {text: {(label, key)}, other: {(kind, key)}}
    pairs = {value: f"{quote_name(key)}: {quote_string(value)}" for value in (text, other)}
    grammar = literal_grammar(schema, literals=list(homes), homes=homes)
    assert takes(grammar, f"MATCH (a:{quote_name(label)} {{{pairs[text]}}}) RETURN a")
    assert not takes(grammar, f"MATCH (a:{quote_name(label)} {{{pairs[other]}}}) RETURN a")
    assert takes(grammar, f"MATCH ()-[:{quote_name(kind)} {{{pairs[other]}}}]-() RETURN 1")
    assert not takes(grammar, f"MATCH ()-[:{quote_name(kind)} {{{pairs[text]}}}]-() RETURN 1")
