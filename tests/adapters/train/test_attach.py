"""What an adapter begins as: the formulas of the initialisations, on W = W' + s·B₀A₀."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from test_kinds import settings_of
from test_loop import some_rows
from torch import Tensor

from polycypher.adapters.train.attach import Attached
from tiny_models import random_ids, tiny_llama

NAME = "model.layers.0.self_attn.q_proj"
SCALE = 6.0 / 4
"""alpha / r of `settings_of`."""


class Begun:
    """A tiny model's module with a fresh adapter: W before, W' under it, A₀ and B₀."""

    def __init__(self, way: str, **more: Any) -> None:
        model = tiny_llama()
        self.before: Tensor = model.get_submodule(NAME).weight.detach().clone()
        self.logits = model(input_ids=random_ids(1, 6)).logits
        torch.manual_seed(0)
        self.attached = Attached(model, settings_of(way, **more), some_rows(), seed=0, fresh=True)
        layer = self.attached.tuned.get_submodule(f"base_model.model.{NAME}")
        self.under: Tensor = layer.base_layer.weight.detach()
        self.a: Tensor = layer.lora_A["default"].weight.detach()
        self.b: Tensor = layer.lora_B["default"].weight.detach()

    @property
    def moved(self) -> Tensor:
        return SCALE * self.b @ self.a


@pytest.mark.parametrize(
    "way", ["lora", "gaussian", "orthogonal", "pissa", "pissa_niter_4", "olora", "corda", "eva", "dora"]
)
def test_an_adapter_begins_by_changing_nothing(way: str) -> None:
    begun = Begun(way)
    torch.testing.assert_close(begun.under + begun.moved, begun.before, atol=1e-5, rtol=1e-5)
    own = begun.attached.tuned(input_ids=random_ids(1, 6)).logits
    torch.testing.assert_close(own, begun.logits, atol=1e-4, rtol=1e-4)
    assert torch.equal(begun.under, begun.before) != begun.attached.settings.changes_base


@pytest.mark.parametrize("way", ["pissa", "pissa_niter_4"])
def test_pissa_begins_with_the_best_approximation(way: str) -> None:
    begun = Begun(way)
    u, s, vh = torch.linalg.svd(begun.before)
    best = u[:, :4] @ torch.diag(s[:4]) @ vh[:4]
    more = torch.linalg.norm(begun.under) / torch.linalg.norm(begun.before - best)
    assert float(more) == pytest.approx(1.0, abs=1e-4 if way == "pissa" else 0.02)


def test_olora_begins_with_an_orthonormal_b() -> None:
    begun = Begun("olora")
    torch.testing.assert_close(begun.b.T @ begun.b, torch.eye(4), atol=1e-5, rtol=0.0)
    q, r = torch.linalg.qr(begun.before)
    torch.testing.assert_close(begun.moved, SCALE * q[:, :4] @ r[:4], atol=1e-5, rtol=1e-4)


def test_corda_leaves_less_of_what_the_rows_see_than_pissa() -> None:
    """W'X is small where W' is what an SVD of W·XXᵀ leaves; PiSSA's leaves the least of W itself."""
    model, seen = tiny_llama(), []
    keep = model.get_submodule(NAME).register_forward_hook(lambda _, inputs, out: seen.append(inputs[0][0]))
    for row in some_rows():
        model(input_ids=torch.tensor([[*row.prefix, *row.suffix, *row.answer]]))
    keep.remove()
    x = torch.cat(seen).T  # [in, tokens]
    left = {way: float(torch.linalg.norm(Begun(way).under @ x)) for way in ("corda", "pissa")}
    assert left["corda"] < 0.9 * left["pissa"]


def test_eva_begins_with_the_activations_directions() -> None:
    begun = Begun("eva")
    torch.testing.assert_close(begun.a @ begun.a.T, torch.eye(4), atol=1e-4, rtol=0.0)
    assert not bool(begun.b.any())
    shapes = {tuple(one.shape) for name, one in begun.attached.tuned.named_parameters() if "lora_A" in name}
    assert {shape[0] for shape in shapes} == {4}  # the same rank everywhere, or it would not stack


def test_what_is_taken_out_leaves_the_base_as_it_was() -> None:
    begun = Begun("olora")
    model = begun.attached.tuned.get_base_model()
    begun.attached.detach()
    assert torch.equal(model.get_submodule(NAME).weight, begun.before)
    assert not hasattr(model.get_submodule(NAME), "base_layer")
