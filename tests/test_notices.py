"""Notices: English texts to whoever does not ask, the same sentence to who reads another language."""

from __future__ import annotations

import copy
import json
import pickle
from string import Formatter

import pytest

from polycypher.notices import CATALOGUE, LANGUAGES, Notice, Value, from_json, to_json, told_in

GAPS = (Notice("gap_labels", nodes=200_000), Notice("gap_properties", missed=2, all=9))
ENGLISH: dict[str, tuple[dict[str, Value], str]] = {
    "graph": ({"name": "demo"}, "the graph 'demo'"),
    "value_nearest": (
        {"said": "Tom Hankes", "stored": "Tom Hanks", "where": "Person.name"},
        "'Tom Hankes' is not stored; the nearest stored value is 'Tom Hanks' (Person.name); "
        "the question was read so",
    ),
    "value_means": (
        {"said": "Almanya", "stored": "Germany", "where": "Country.name"},
        "'Almanya' means 'Germany' (Country.name); the question was read so",
    ),
    "schema_cut": (
        {"left": 1290, "all": 1300},
        "the schema is too large for the model: 1290 of 1300 labels left out",
    ),
    "schema_sampled": (
        {"graph": Notice("graph", name="x"), "gaps": GAPS},
        "the graph 'x' is large and its schema was read in part: labels are those of 200,000 nodes, and the "
        "properties of 2 of 9 labels and relationship types are missing",
    ),
    "schema_old": (
        {"graph": "bolt://h", "error": "it went away"},
        "the schema of bolt://h could not be read again, an older one is used: it went away",
    ),
    "gap_labels": ({"nodes": 200_000}, "labels are those of 200,000 nodes"),
    "gap_relationships": ({"nodes": 2000}, "relationships are those of 2,000 nodes of each label"),
    "gap_properties": (
        {"missed": 2, "all": 9},
        "the properties of 2 of 9 labels and relationship types are missing",
    ),
    "unconstrained": (
        {},
        "decoding could not be constrained to the schema; the guard still checks the query",
    ),
    "query_cut": ({"tokens": 256}, "the query was cut at 256 tokens; ask a simpler question"),
    "only_reads": (
        {},
        "polycypher only reads: nothing was changed, the answer shows what the question names",
    ),
    "repaired": (
        {"reason": "no {f}", "first": "RETURN {x: 1}"},
        "the query was repaired: the database rejected the first one (no {f}): RETURN {x: 1}",
    ),
    "said_otherwise": (
        {"server": "FalkorDB", "query": "RETURN 1"},
        "the query was said in the Cypher of FalkorDB: RETURN 1",
    ),
}
"""Every sentence with values, as it has always been told in English."""
CODES = pytest.mark.parametrize("code", CATALOGUE)


def fields(template: str) -> list[tuple[str, str | None]]:
    """The (name, format) of a sentence's fields."""
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None)


def made(code: str) -> Notice:
    return Notice(code, **ENGLISH[code][0])


@CODES
def test_every_sentence_is_there_in_every_language_with_the_same_fields(code: str) -> None:
    sentences = CATALOGUE[code]
    assert tuple(sentences) == LANGUAGES
    assert len(set(sentences.values())) == len(LANGUAGES)
    for template in sentences.values():
        assert fields(template) == fields(sentences["en"])
        assert template.count("'") == sentences["en"].count("'")


@CODES
def test_nothing_is_glued_to_a_field(code: str) -> None:
    for template in CATALOGUE[code].values():
        parts = list(Formatter().parse(template))
        for (_, name, _, _), (after, *_) in zip(parts, [*parts[1:], ("",)], strict=True):
            assert name is None or not after[:1].isalpha()
            assert name is None or not after.startswith(("'", "’")) or not after[1:2].isalpha()


@CODES
def test_the_english_text_is_what_it_was(code: str) -> None:
    notice, text = made(code), ENGLISH[code][1]
    assert notice == text
    assert str(notice) == notice.told("en") == f"{notice}" == text
    assert json.dumps([notice]) == json.dumps([text])
    assert hash(notice) == hash(text)


@CODES
def test_a_language_that_is_not_there_is_english(code: str) -> None:
    for language in ("de", "", "es-MX", "__class__"):
        assert made(code).told(language) == ENGLISH[code][1]


@CODES
def test_a_notice_outlives_copies_pickles_and_tuples(code: str) -> None:
    notice = made(code)
    first, _ = (*(notice,), *("a text",))
    for other in (copy.copy(notice), copy.deepcopy(notice), pickle.loads(pickle.dumps(notice)), first):
        assert isinstance(other, Notice)
        assert (other, other.code, other.values) == (notice, code, notice.values)
        assert other.told("tr") == notice.told("tr") != notice


def test_what_is_in_a_sentence_is_told_in_its_language() -> None:
    notice = made("schema_sampled")
    assert notice.told("es") == (
        "el grafo 'x' es grande y su esquema se leyó solo en parte: las etiquetas son las de "
        "200\xa0000 nodos, y faltan las propiedades de 2 de 9 etiquetas y tipos de relación"
    )
    assert notice.told("tr") == (
        "'x' çizgesi büyük olduğundan şeması yalnızca kısmen okundu: etiketler 200.000 düğümden alındı; "
        "9 etiket ve ilişki türünün 2 tanesinin özellikleri eksik"
    )


def test_texts_that_are_no_notices_stay_as_they_are() -> None:
    found = told_in("es", (made("query_cut"), "a text"))
    assert found == ["la consulta se cortó a los 256 tokens; haz una pregunta más sencilla", "a text"]


def test_what_is_kept_as_json_is_told_again() -> None:
    for kept in (*GAPS, "a text"):
        again = from_json(json.loads(json.dumps(to_json(kept))))
        assert (again, type(again)) == (kept, type(kept))
    for broken in ({}, {"code": "nosuch", "values": {}}, {"code": "gap_labels", "values": {"nodes": "many"}}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            from_json(broken)


def test_a_sentence_needs_its_fields() -> None:
    with pytest.raises(KeyError):
        Notice("query_cut")
    with pytest.raises(KeyError):
        Notice("nosuch")
