"""Fitting a schema: as many labels as the limit allows, those first that the question needs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator.fit import fit_schema


def words(schema: GraphSchema) -> int:
    """A count that stands in for tokens."""
    return len(re.findall(r"\w+|[^\w\s]", schema.to_prompt()))


def large(labels: int) -> GraphSchema:
    """A chain of labels, each with two properties."""
    nodes = {f"Thing{i}": {"name": "STRING", f"size{i}": "INTEGER"} for i in range(labels)}
    chain = tuple(Pattern(f"Thing{i}", "NEXT_TO", f"Thing{i + 1}") for i in range(labels - 1))
    return GraphSchema({**nodes, "Invoice": {"total": "FLOAT"}}, {}, chain)


def test_a_schema_that_fits_stays_whole() -> None:
    schema = large(5)
    assert fit_schema(schema, "anything", words(schema), words) == (schema, None)


def test_three_hundred_labels() -> None:
    schema = large(299)
    fitted, notice = fit_schema(schema, "What is the total of every invoice?", 400, words)
    assert words(fitted) <= 400
    assert fitted.labels == ("Invoice",)  # the others are not asked for
    assert notice is not None
    assert f"{300 - len(fitted.labels)} of 300 labels left out" in notice
    assert "\n" not in notice


def test_no_label_more_would_fit() -> None:
    schema, question = large(60), "nothing of it"
    fitted, _ = fit_schema(schema, question, 300, words)
    score = schema.relevance(question)
    ranked = sorted(schema.labels, key=lambda label: (-score[label], label))
    assert set(fitted.labels) == set(ranked[: len(fitted.labels)])
    assert words(schema.restrict(ranked[: len(fitted.labels) + 1])) > 300


@pytest.mark.parametrize(
    "question",
    ["Which films are there?", "¿Qué películas hay?", "Kaç tane film var?", "Welche Filme gibt es?"],
)
def test_labels_are_found_from_other_languages(question: str) -> None:
    schema = GraphSchema({**large(80).node_properties, "Movie": {"title": "STRING"}})
    fitted, _ = fit_schema(schema, question.replace("films", "movies"), 60, words)
    assert fitted.labels == ("Movie",)


@given(labels=st.integers(2, 40), limit=st.integers(12, 500))
def test_the_limit_is_kept_and_the_notice_adds_up(labels: int, limit: int) -> None:
    schema = large(labels)
    fitted, notice = fit_schema(schema, "Which invoice?", limit, words)
    assert words(fitted) <= limit
    assert "Invoice" in fitted.labels
    left_out = len(schema.labels) - len(fitted.labels)
    assert (notice is None) == (left_out == 0)
    assert notice is None or f"{left_out} of {len(schema.labels)}" in notice


def test_an_empty_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="empty"):
        fit_schema(GraphSchema({}), "How many?", 100, words)


def test_a_label_that_is_too_large_alone_does_not_keep_out_the_others() -> None:
    schema = GraphSchema({"Huge": {f"p{i}": "STRING" for i in range(500)}, "Other": {"name": "STRING"}})
    fitted, notice = fit_schema(schema, "Which huge ones?", 50, words)
    assert fitted.labels == ("Other",)
    assert notice is not None
    assert "1 of 2 labels left out" in notice


def test_a_schema_of_labels_that_are_all_too_large_is_refused() -> None:
    schema = GraphSchema(
        {"Huge": {f"p{i}": "STRING" for i in range(500)}, "Other": {f"q{i}": "STRING" for i in range(500)}}
    )
    with pytest.raises(SchemaError, match="every label takes more than the 50 tokens"):
        fit_schema(schema, "Which huge ones?", 50, words)
