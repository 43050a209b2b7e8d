"""ROUGE-L on text and on Cypher tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.evaluation.text import cypher_rouge_l, cypher_words, rouge_l

queries = st.lists(
    st.sampled_from(
        ["MATCH", "(a:A)", "-[r]->", "<-[r]-", "RETURN", "a.x", "'t'", "3", "`q q`", "'", "é", "//x\n"]
    ),
    max_size=8,
).map(" ".join)


@given(queries, queries)
def test_both_measures_stay_between_zero_and_one(gold: str, prediction: str) -> None:
    for measure in (rouge_l, cypher_rouge_l):
        assert 0.0 <= measure(gold, prediction) <= 1.0


@given(queries)
def test_a_query_against_itself_scores_one_unless_it_has_no_words(query: str) -> None:
    assert cypher_rouge_l(query, query) == (1.0 if cypher_words(query) else 0.0)


@given(queries, queries)
def test_cypher_rouge_l_is_symmetric(gold: str, prediction: str) -> None:
    assert cypher_rouge_l(gold, prediction) == cypher_rouge_l(prediction, gold)


def test_rouge_l_by_hand() -> None:
    # Words: match n return n x (5) against match n return n (4); the common subsequence has 4.
    assert rouge_l("MATCH (n) RETURN n.x", "match (n) return n") == pytest.approx(2 * 4 / 9)


def test_cypher_rouge_l_by_hand() -> None:
    # MATCH ( n ) RETURN n . x has 8 tokens, without `. x` 6.
    assert cypher_rouge_l("MATCH (n) RETURN n.x", "match (n) return n") == pytest.approx(2 * 6 / 14)


def test_only_the_cypher_measure_sees_the_direction_of_an_arrow() -> None:
    there, back = "MATCH (a)-[:R]->(b) RETURN a", "MATCH (a)<-[:R]-(b) RETURN a"
    assert rouge_l(there, back) == 1.0
    assert cypher_rouge_l(there, back) < 1.0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("MATCH (n) RETURN count(n)", "match (n)\n return COUNT(n);"),
        ("RETURN 'a\\'b'", 'RETURN "a\'b"'),
        ("RETURN count { (n) } AS x", "return COUNT{(n)} as x"),
        ("MATCH (n:`Film`) RETURN n", "MATCH (n:Film) RETURN n // all"),
    ],
)
def test_freedoms_of_spelling_do_not_count(left: str, right: str) -> None:
    assert cypher_rouge_l(left, right) == 1.0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("MATCH (n:Order) RETURN n", "MATCH (n:ORDER) RETURN n"),
        ("MATCH (n) RETURN n.limit", "MATCH (n) RETURN n.LIMIT"),
        ("MATCH (n:A|Match) RETURN n", "MATCH (n:A|MATCH) RETURN n"),
        ("RETURN 'a'", "RETURN 'A'"),
        ("RETURN 1 < 2", "RETURN 1 <= 2"),
    ],
)
def test_case_of_names_and_signs_count(left: str, right: str) -> None:
    assert cypher_rouge_l(left, right) < 1.0


def test_text_that_is_no_query_is_still_compared() -> None:
    assert 0.0 < cypher_rouge_l("RETURN 'a'", "RETURN 'a") < 1.0
    assert cypher_rouge_l("RETURN 1", "") == rouge_l("RETURN 1", "") == 0.0
