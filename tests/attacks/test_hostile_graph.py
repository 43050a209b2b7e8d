"""A graph whose labels, types, properties and values hold quotes, backticks, line ends and Cypher."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from attack_adversary import Adversary
from attack_canary import Canary
from attack_corpus import Attack
from attack_graph import LABELS, PROPERTIES, TYPES, UNASKABLE, VALUES, hostile_graph
from attack_layers import answered, fingerprint, guard_refuses, held_in, logs_of
from attack_oracle import findings

from polycypher.cypher.lexer import quote_name, quote_string
from polycypher.errors import GuardError, PolycypherError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.connect import connect
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore
from polycypher.translator.constrain import GrammarConstraint
from polycypher.translator.translator import Translator

FORMS = cycle(
    (
        "Which {0} has the {1} '{2}'?",
        "¿Qué {0} tiene '{2}' en {1}?",
        "{1} değeri '{2}' olan {0} hangisi?",
        "How many {0} are there?",
        "List the {1} of every {0}",
    )
)
QUESTIONS = [
    *(next(FORMS).format(label, "title", "Alien") for label in (*LABELS, UNASKABLE)),
    *(next(FORMS).format("Film", name, "Alien") for name in PROPERTIES),
    *(next(FORMS).format("Film", "title", value) for value in VALUES),
    *(f"Which films {kind} a DELETE?" for kind in TYPES),
]


@pytest.fixture(scope="module")
def hostile(graph_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    hostile_graph("hostile", tmp_path_factory.mktemp("hostile"))
    with connect("hostile") as store:
        yield store


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query that reaches a server from now on."""
    queries: list[str] = []
    fetch = BoltClient.fetch

    def telling(client: BoltClient, query: str, *rest: object, **more: object) -> object:
        queries.append(query)
        return fetch(client, query, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(BoltClient, "fetch", telling)
    return queries


def test_its_names_are_known_but_for_those_that_no_query_may_hold(
    hostile: GraphStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        schema = hostile.schema(refresh=True)
    assert set(schema.labels) == set(LABELS)
    assert set(schema.relationship_types) == set(TYPES)
    assert set(schema.node_properties["Film"]) == set(PROPERTIES)
    told = [record.getMessage() for record in caplog.records]
    assert any("left out of the schema" in text for text in told)
    assert all(text.isprintable() for text in told)


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_asked_for_and_nothing_else(hostile: GraphStore, label: str) -> None:
    assert hostile.read(f"MATCH (n:{quote_name(label)}) RETURN count(n) AS n").rows == ((len(VALUES),),)


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_found_or_refused(hostile: GraphStore, name: str, value: str) -> None:
    where = f"n.{quote_name(name)} = {quote_string(value)}"
    query = f"MATCH (n:Film) WHERE {where} RETURN count(n) AS n"
    if "\\u0027" in value:
        with pytest.raises(GuardError):
            hostile.read(query)
    else:
        assert hostile.read(query).rows == ((1,),)


def test_questions_about_it_change_and_reach_nothing(
    hostile: GraphStore, nano: Translator, sent: list[str], tmp_path: Path
) -> None:
    assert isinstance(hostile._lease, ServerLease)
    folder = hostile._lease.folder
    owner = BoltClient(hostile._lease.address, "a witness")
    before, files = fingerprint(owner), held_in(folder)
    with Canary(tmp_path, folder) as canary:
        attacks = [Attack("hostile graph", text, "asks", text) for text in QUESTIONS]
        del sent[:]
        results = [(attack, answer) for attack, answer in answered(attacks, nano, hostile)]
        queries = list(sent)
        assert canary.touches() == []
        assert not canary.sung_in(logs_of(folder))
    assert [(query, findings(query)) for query in queries if findings(query)] == []
    assert len(queries) > len(attacks)
    answers = [answer for _, answer in results if not isinstance(answer, PolycypherError)]
    assert len(answers) > len(attacks) / 2
    assert not any("could not be constrained" in notice for answer in answers for notice in answer.notices)
    assert fingerprint(owner) == before
    assert held_in(folder) == files
    owner.close()


def test_no_model_can_write_into_it(hostile: GraphStore, nano: Translator) -> None:
    schema = hostile.schema()
    constraint = GrammarConstraint(nano._tokenizer)
    found = [
        Adversary(nano._tokenizer, seed).write(
            constraint.start(schema, question=QUESTIONS[seed], constrain_literals=seed % 2 == 0)
        )
        for seed in range(16)
    ]
    queries = [query for query in found if query is not None]
    assert len(queries) > 3
    assert [(query, findings(query)) for query in queries if findings(query)] == []
    assert [query for query in queries if guard_refuses(query) and "\\\\u" not in query] == []
