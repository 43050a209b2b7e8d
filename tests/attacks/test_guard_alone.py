"""The second layer by itself: the guard refuses every hostile query, whoever wrote it."""

from __future__ import annotations

import pytest
from attack_corpus import NOWHERE, Attack, queries
from attack_generator import generated
from attack_layers import guard_refuses

from polycypher.cypher.guard import check


@pytest.mark.parametrize("attack", queries(NOWHERE, "writes", "reaches"), ids=lambda attack: attack.name)
def test_it_refuses(attack: Attack) -> None:
    assert guard_refuses(attack.text)


def test_it_refuses_clauses_in_all_places_and_disguises() -> None:
    assert [attack.name for attack in generated(500) if not guard_refuses(attack.text)] == []


@pytest.mark.exhaustive
def test_it_refuses_all_that_can_be_made() -> None:
    assert [attack.name for attack in generated(10_000) if not guard_refuses(attack.text)] == []


@pytest.mark.parametrize("attack", queries(NOWHERE, "costs"), ids=lambda attack: attack.name)
def test_what_only_costs_is_refused_or_passed_and_nothing_else(attack: Attack) -> None:
    if not guard_refuses(attack.text):
        assert check(check(attack.text)) == check(attack.text)
