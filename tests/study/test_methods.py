"""The study's methods as rows of the stacked adapter."""

from __future__ import annotations

import pytest
import torch

from polycypher.study.methods import Method, Mixing, methods

PLACES = {"en": 0, "es": 1, "tr": 2, "joint": 3, "linear-exact": 4}


def test_the_base_is_a_row_of_zeros() -> None:
    (base, *_) = methods(["en", "es"], ["mlp"])
    assert torch.equal(base.weights(PLACES), torch.zeros(1, 5))


def test_every_other_row_is_one_adapter() -> None:
    known = {method.name: method for method in methods(["en", "es", "tr"], ["mlp"])}
    rows = known["fusion-mlp"].weights(PLACES)
    assert torch.equal(rows, torch.eye(5)[:3])
    assert torch.equal(known["linear-exact"].weights(PLACES), torch.eye(5)[4:])
    assert torch.equal(known["adapter-tr"].weights(PLACES), torch.eye(5)[2:3])
    mixed = Method("", ("tr", "", "en")).weights(PLACES)
    assert torch.equal(mixed, torch.stack([torch.eye(5)[2], torch.zeros(5), torch.eye(5)[0]]))


def test_the_methods_of_the_paper_are_all_there() -> None:
    found = methods(["en", "es", "tr"], ["mlp", "shared-scorer"])
    assert [method.name for method in found] == [
        "base", "en-only", "joint",
        "linear-factor", "linear-exact", "linear-peft",
        "fusion-mlp", "fusion-shared-scorer", "fusion-top1", "fusion-merged",
        "adapter-en", "adapter-es", "adapter-tr",
    ]  # fmt: skip
    gated = {method.name: (method.gate, method.mixing) for method in found if method.gate}
    assert gated == {
        "fusion-mlp": ("mlp", Mixing.LOGITS),
        "fusion-shared-scorer": ("shared-scorer", Mixing.LOGITS),
        "fusion-top1": ("mlp", Mixing.TOP1),
        "fusion-merged": ("mlp", Mixing.MERGED),
    }


def test_top1_takes_the_first_gate_and_none_without_gates() -> None:
    (top1,) = [method for method in methods(["en", "es"], ["shared-scorer"]) if method.name == "fusion-top1"]
    assert top1.gate == "shared-scorer"
    assert not [method for method in methods(["en", "es"], []) if method.gate]


def test_an_adapter_that_is_not_stacked_is_an_error() -> None:
    with pytest.raises(KeyError):
        Method("adapter-de", ("de",)).weights(PLACES)
