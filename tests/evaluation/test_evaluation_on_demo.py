"""The measures end to end, on the embedded demo graph."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError
from polycypher.evaluation import Executor, Outcome, Prediction, Report, evaluate, self_check
from polycypher.graph.connect import connect
from polycypher.graph.store import GraphStore, Limits

GOLD = (
    "MATCH (m:Movie) RETURN m.title, m.released",
    "MATCH (m:Movie) RETURN m.title ORDER BY m.title LIMIT 5",
    "MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p, m",
    "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) RETURN r, r.roles, m.title",
    "MATCH path = (p:Person)-[:DIRECTED]->(m:Movie) RETURN path",
    "MATCH (m:Movie)<-[r:REVIEWED]-() RETURN m.title AS film, avg(r.rating) AS mean ORDER BY mean DESC, film",
    "MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p.name, collect(m.title) AS titles, count(*) AS films",
    "MATCH (m:Movie) RETURN m {.title, year: m.released} AS film",
    "MATCH (p:Person) OPTIONAL MATCH (p)-[:DIRECTED]->(m:Movie) RETURN p.name, m.title",
    "MATCH (m:Movie) RETURN min(m.released), max(m.released), avg(m.released)",
    "MATCH (m:Movie) WHERE m.released > 3000 RETURN m.title",
)
EXAMPLES = [Example(str(number), "demo", {"en": "?"}, cypher) for number, cypher in enumerate(GOLD)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POLYCYPHER_HOME", str(tmp_path_factory.mktemp("home")))
        with connect("demo") as opened:
            yield opened


def measured(store: GraphStore, gold: str, prediction: str) -> Report:
    return evaluate([Prediction("one", "en", prediction)], [Example("one", "demo", {"en": "?"}, gold)], store)


def test_gold_against_gold_is_full_marks(store: GraphStore) -> None:
    assert self_check(EXAMPLES, store) == len(EXAMPLES)
    report = evaluate([Prediction(one.id, "en", one.cypher) for one in EXAMPLES], EXAMPLES, store)
    summary = report.languages["en"]
    assert summary.execution_accuracy == summary.exact_match == summary.subset_accuracy == 1.0
    assert (summary.executable, summary.empty_gold, summary.gold_failed) == (1.0, 1, 0)


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        (GOLD[0], "MATCH (film:Movie) RETURN film.released AS year, film.title ORDER BY year"),
        (GOLD[1], "MATCH (m:Movie) WITH m.title AS t ORDER BY t RETURN t ORDER BY t LIMIT 5"),
        (GOLD[2], "MATCH (m:Movie)<-[:ACTED_IN]-(p) RETURN m, p"),
        (
            GOLD[6],
            "MATCH (m)<-[:ACTED_IN]-(p) WITH * ORDER BY m.title RETURN count(m), collect(m.title), p.name",
        ),
        (
            GOLD[9],
            "MATCH (m:Movie) RETURN sum(m.released) / toFloat(count(m)), max(m.released), min(m.released)",
        ),
    ],
)
def test_the_same_answer_in_other_words_is_right(store: GraphStore, gold: str, prediction: str) -> None:
    assert measured(store, gold, prediction).languages["en"].execution_accuracy == 1.0


@pytest.mark.parametrize(
    ("gold", "prediction"),
    [
        (GOLD[0], "MATCH (m:Movie) RETURN m.title, m.released LIMIT 3"),
        (GOLD[2], "MATCH (p:Person)-[:DIRECTED]->(m:Movie) RETURN p, m"),
        (GOLD[10], "MATCH (m:Movie) RETURN m.title"),
    ],
)
def test_a_wrong_query_scores_zero(store: GraphStore, gold: str, prediction: str) -> None:
    summary = measured(store, gold, prediction).languages["en"]
    assert summary.execution_accuracy == summary.exact_match == summary.subset_accuracy == 0.0
    assert summary.executable == 1.0


def test_the_right_rows_in_the_wrong_order_are_right_for_exact_match_only(store: GraphStore) -> None:
    turned = "MATCH (m:Movie) WITH m.title AS t ORDER BY t LIMIT 5 RETURN t ORDER BY t DESC"
    summary = measured(store, GOLD[1], turned).languages["en"]
    assert (summary.execution_accuracy, summary.subset_accuracy, summary.exact_match) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    "prediction",
    [
        "MATCH (m:Movie) SET m.title = 'x' RETURN m.title, m.released",
        "MATCH (n) DETACH DELETE n",
        "MATCH (m:Movie RETURN m.title",
        "MATCH (m:Movie) RETURN no_such_function(m.title)",
        "these are the films",
        "",
    ],
)
def test_a_query_that_writes_or_is_none_is_not_executable(store: GraphStore, prediction: str) -> None:
    report = measured(store, GOLD[0], prediction)
    assert report.scores[0].outcome in (Outcome.REFUSED, Outcome.REJECTED)
    assert report.to_json()["languages"]["en"]["executable"] == 0.0
    assert measured(store, GOLD[0], GOLD[0]).languages["en"].execution_accuracy == 1.0


def test_a_slow_prediction_is_a_timeout(store: GraphStore) -> None:
    endless = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b)"
    executor = Executor(store, limits=Limits(rows=1000, seconds=1.0))
    report = evaluate([Prediction("0", "en", endless)], EXAMPLES, executor)
    assert report.to_json()["languages"]["en"]["timeouts"] == 1


def test_self_check_finds_chance(store: GraphStore) -> None:
    with pytest.raises(CorpusError, match="'dice'"):
        self_check([Example("dice", "demo", {"en": "?"}, "RETURN rand()")], store)
