"""What a token costs, counted by hand for the tiny model."""

from __future__ import annotations

import pytest
from routing import PROMPT_ROUTERS, TOKEN_ROUTERS, random_router, stacked_llama

from polycypher.fusion.routers.cost import cost_of

HEAD = 32 * 96
LAYERS = 2 * (4 * 32 * 32 + 3 * 32 * 64)
SITES = 2 * 4 * (32 + 32)
RANKS = 4 + 2 + 8
OWN = {
    "arrow": 8 * 3 * 32,
    "meteora": 8 * 3 * 32,
    "x-lora": 32 * 8 * 3 + LAYERS,  # the pass without adapters
    "adapter-fusion": 8 * (16 * (32 + RANKS) + RANKS),
    "mixlora": 2 * 3 * 32 + 2 * 3 * 8 * 3 * (32 + 64),
    "language-id": 0,
    "gate-mlp": 2 * (LAYERS + RANKS * SITES),  # a row an adapter
    "gate-shared-scorer": 2 * (LAYERS + RANKS * SITES),
}


@pytest.mark.parametrize("name", [*TOKEN_ROUTERS, *PROMPT_ROUTERS])
def test_by_hand(name: str) -> None:
    model, stacked = stacked_llama()
    cost = cost_of(random_router(name, model, stacked), model)
    assert cost.base == LAYERS + HEAD
    assert cost.adapter == round(RANKS * SITES / 3)
    assert cost.router == RANKS * SITES + OWN[name]
    assert cost.relative == (cost.base + cost.router) / (cost.base + cost.adapter)


def test_a_gate_that_merges_answers_in_one_row() -> None:
    model, stacked = stacked_llama()
    cost = cost_of(random_router("gate-mlp", model, stacked, mode="merged"), model)
    assert cost.router == RANKS * SITES
