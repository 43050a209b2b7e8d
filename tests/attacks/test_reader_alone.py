"""The third layer by itself: past guard and grammar, the user that may only read changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from attack_canary import Canary
from attack_corpus import Attack, queries, questions, sample
from attack_generator import generated
from attack_layers import fingerprint, held_in, logs_of, send, translated

from polycypher.errors import PolycypherError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Translator


def folder_of(store: GraphStore) -> Path:
    assert isinstance(store._lease, ServerLease)
    return store._lease.folder


def unmoved(attacks: list[Attack], reader: BoltClient, store: GraphStore, canary: Canary) -> None:
    """Send all; afterwards the graph, its files and the canaries are as they were."""
    folder = folder_of(store)
    before, files = fingerprint(reader), held_in(folder)
    for attack in attacks:
        assert not canary.sung_in(send(reader, attack.text).text), attack.name
    assert fingerprint(reader) == before
    assert held_in(folder) == files
    assert canary.touches() == []
    assert not canary.sung_in(logs_of(folder))


def test_hostile_queries_change_and_reach_nothing(
    reader: BoltClient, demo_store: GraphStore, canary: Canary
) -> None:
    attacks = sample(queries(canary.target, "writes", "reaches"), 120)
    unmoved([*attacks, *generated(20)], reader, demo_store, canary)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_no_hostile_query_changes_or_reaches_anything(
    reader: BoltClient, demo_store: GraphStore, canary: Canary
) -> None:
    attacks = queries(canary.target, "writes", "reaches")
    unmoved([*attacks, *generated(300)], reader, demo_store, canary)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_what_a_free_model_writes_changes_nothing(
    nano: Translator, reader: BoltClient, demo_store: GraphStore, canary: Canary
) -> None:
    made = [
        Attack(attack.kind, attack.note, "asks", translation.cypher)
        for attack, translation in translated(
            sample(questions(canary.target), 60), nano, demo_store, constrain=False
        )
        if not isinstance(translation, PolycypherError)
    ]
    assert len(made) > 40
    unmoved(made, reader, demo_store, canary)


def test_the_same_queries_do_write_where_nothing_stops_them(breakable: ServerLease) -> None:
    """Else the tests above would show nothing."""
    client = BoltClient(breakable.address, "the owner")
    before = fingerprint(client)
    for text in ("CREATE (:Movie {title: 'Evil'})", "MATCH (m:Movie {title: 'Evil'}) SET m.title = 'Worse'"):
        send(client, text)
        after = fingerprint(client)
        assert after != before
        before = after
    client.close()
