"""A model that runs with an adapter for a while."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from polycypher.adapters.merge.applied import applied
from polycypher.errors import AdapterError
from tiny_models import peft_model, random_adapter, random_ids, tiny_llama


def test_the_model_says_what_pefts_says_and_then_what_it_said_before(tmp_path: Path) -> None:
    model = tiny_llama()
    one, ids = random_adapter(model), random_ids(2, 9)
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        with applied(model, one):
            during = model(input_ids=ids).logits
        assert torch.equal(model(input_ids=ids).logits, before)
        assert torch.allclose(during, peft_model(model, one, tmp_path)(input_ids=ids).logits, atol=1e-5)
        assert not torch.allclose(during, before, atol=1e-2)


def test_the_adapter_is_taken_off_when_something_fails() -> None:
    model = tiny_llama()
    one, ids = random_adapter(model), random_ids(1, 5)
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        with pytest.raises(ZeroDivisionError), applied(model, one):
            raise ZeroDivisionError
        assert torch.equal(model(input_ids=ids).logits, before)


def test_gradients_reach_the_factors() -> None:
    model = tiny_llama()
    one = random_adapter(model)
    for a, b in one.factors.values():
        a.requires_grad_()
        b.requires_grad_()
    with applied(model, one):
        model(input_ids=random_ids(1, 5)).logits.square().sum().backward()
    assert all(
        float(t.grad.abs().sum()) > 0 for pair in one.factors.values() for t in pair if t.grad is not None
    )
    assert all(t.grad is not None for pair in one.factors.values() for t in pair)


def test_an_adapter_of_another_model_is_refused_and_nothing_stays() -> None:
    model, ids = tiny_llama(), random_ids(1, 5)
    one = random_adapter(model)
    before = model(input_ids=ids).logits
    stranger = replace(
        one, factors={**one.factors, "model.layers.9.q_proj": next(iter(one.factors.values()))}
    )
    with pytest.raises(AdapterError, match=r"model\.layers\.9\.q_proj"), applied(model, stranger):
        pass
    other = random_adapter(tiny_llama(hidden=16))
    with pytest.raises(AdapterError, match="another base"), applied(model, other):
        pass
    assert torch.equal(model(input_ids=ids).logits, before)
