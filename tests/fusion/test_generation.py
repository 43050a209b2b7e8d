"""The next token is the best that is allowed, and a mask is asked for only where it takes one."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from polycypher.fusion.generation import Picker

V = 12


class Set:
    """Allows a set of tokens, and counts how often it was asked for all of them."""

    def __init__(self, tokens: set[int]) -> None:
        self.tokens, self.masks, self.taken = tokens, 0, list[int]()

    def allows(self, token_id: int) -> bool:
        return token_id in self.tokens

    def mask(self) -> Tensor:
        self.masks += 1
        return torch.tensor([token in self.tokens for token in range(V)])

    def advance(self, token_id: int) -> None:
        self.taken.append(token_id)


@given(st.lists(st.sets(st.integers(0, V - 1), min_size=1), min_size=1, max_size=4), st.integers(0, 99))
def test_the_best_allowed_token_of_the_mixed_logits(allowed: list[set[int]], seed: int) -> None:
    """argmax over the allowed v of Σ_i w_i L_i[v]."""
    generator = torch.Generator().manual_seed(seed)
    count = len(allowed)
    states = torch.randn(2 * count, V, generator=generator)
    mixes = torch.rand(2 * count, generator=generator)
    masks = [Set(tokens) for tokens in allowed]
    picker = Picker(lambda states: states, masks)
    owners = [row // 2 for row in range(2 * count)]
    tokens = picker.pick(states, mixes, owners, list(range(count)))
    for question, token in enumerate(tokens):
        fused = (mixes[:, None] * states)[2 * question : 2 * question + 2].sum(0)
        ranked = [v for v in fused.argsort(descending=True).tolist() if v in allowed[question]]
        assert token == ranked[0]
        assert masks[question].masks == (int(fused.argmax()) not in allowed[question])
    picker.advance(dict(enumerate(tokens)))
    assert [mask.taken for mask in masks] == [[token] for token in tokens]


def test_a_dropped_question_is_free() -> None:
    picker = Picker(lambda states: states, [Set({3})])
    last = torch.arange(V, dtype=torch.float)[None]
    assert picker.pick(last, torch.ones(1), [0], [0]) == [3]
    picker.drop(0)
    assert picker.pick(last, torch.ones(1), [0], [0]) == [V - 1]
