"""All layers together: a hostile question is answered or refused, and nothing has happened to anything."""

from __future__ import annotations

import json

import pytest
from attack_canary import Canary
from attack_corpus import Attack, questions, sample
from attack_layers import answered, fingerprint, held_in, logs_of
from attack_oracle import findings

from polycypher.errors import PolycypherError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Translator


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query that reaches a server from now on, those that look up stored values too."""
    queries: list[str] = []
    fetch = BoltClient.fetch

    def telling(client: BoltClient, query: str, *rest: object, **more: object) -> object:
        queries.append(query)
        return fetch(client, query, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(BoltClient, "fetch", telling)
    return queries


def ask_all(
    attacks: list[Attack], nano: Translator, store: GraphStore, canary: Canary, sent: list[str]
) -> None:
    assert isinstance(store._lease, ServerLease)
    folder = store._lease.folder
    witness = BoltClient(store._lease.address, "a witness")
    before, files = fingerprint(witness), held_in(folder)
    store.schema()
    del sent[:]
    answers = 0
    for attack, answer in answered(attacks, nano, store):
        if isinstance(answer, PolycypherError):
            told = str(answer)
        else:
            answers += 1
            told = json.dumps({**answer.to_dict(), "question": ""}, allow_nan=False)
        assert "\n" not in told, attack.name
        assert not canary.sung_in(told), attack.name
    queries = list(sent)
    assert answers > len(attacks) / 2
    assert [(query, findings(query)) for query in queries if findings(query)] == []
    assert fingerprint(witness) == before
    assert held_in(folder) == files
    assert canary.touches() == []
    assert not canary.sung_in(logs_of(folder))
    witness.close()


def test_a_sample_of_hostile_questions(
    nano: Translator, demo_store: GraphStore, canary: Canary, sent: list[str]
) -> None:
    ask_all(sample(questions(canary.target), 20), nano, demo_store, canary, sent)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_every_hostile_question(
    nano: Translator, demo_store: GraphStore, canary: Canary, sent: list[str]
) -> None:
    ask_all(questions(canary.target), nano, demo_store, canary, sent)
