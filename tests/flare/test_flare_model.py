"""The formula in a model: what it adds, what it leaves alone, where gradients go."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from flare_helpers import NAMES, PAIRS, flared, randomise, tasked, tiny_encoder
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.train.packing import IGNORED
from polycypher.errors import AdapterError, UsageError
from polycypher.flare.alignment import Alignment
from polycypher.flare.batch import FlareRow, make_batch
from polycypher.flare.forward import flare_logits, task_logits
from polycypher.flare.model import FlareModel
from polycypher.flare.storage import FlareIdentity
from polycypher.flare.task import TaskModel, merged_into, stacked_on
from tiny_models import random_adapter, random_ids, tiny_llama

ROWS = [FlareRow.of(pair, (70, 71, 1)) for pair in PAIRS]


def logits(model: FlareModel, rows: list[FlareRow]) -> Tensor:
    batch = make_batch([[row] for row in rows], latent=model.encoder is not None, attends=model.attends)
    return flare_logits(model, batch)[0]


def plain(task: TaskModel, rows: list[FlareRow]) -> Tensor:
    return task_logits(task, make_batch([[row] for row in rows], latent=True, attends=False))[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_adapter_changes_nothing(name: str) -> None:
    with flared(name, random=False) as model, torch.no_grad():
        assert torch.equal(logits(model, ROWS), plain(model.task, ROWS))
        randomise(model)
        assert not torch.allclose(logits(model, ROWS), plain(model.task, ROWS), atol=1e-2)


def test_a_layer_adds_the_formula() -> None:
    """h = W₀ t + (alpha/r) B (A s + A t), and s, t are what the layer reads, after the norm."""
    with flared("add") as model, torch.no_grad():
        base, layer = model.task.model, model.layers[0]
        q = base.model.layers[0].self_attn.q_proj
        ids = random_ids(1, 4)
        model.task.switch_on(1)
        with model.recording() as states:
            base.model(input_ids=ids, use_cache=False)
        s = states["model.layers.0.self_attn.q_proj"]
        norm = base.model.layers[0].input_layernorm
        assert torch.equal(s, norm(base.model.embed_tokens(ids)))
        t = torch.randn(1, 4, 32, generator=torch.Generator().manual_seed(0))
        alone = q(t)
        with model.fusing(model.down(states), Alignment(torch.arange(4)[None])):
            found = q(t)
        wanted = alone + (8.0 / 4) * (s @ layer.a.T + t @ layer.a.T) @ layer.b.T
        assert torch.allclose(found, wanted, atol=1e-5)


def test_source_and_target_alike_add_twice_the_lora() -> None:
    """S + T = 2 T where both texts are the same, in the first layer, whose input nothing has changed yet."""
    with flared("add") as model, torch.no_grad():
        base = model.task.model
        q = base.model.layers[0].self_attn.q_proj
        x = torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(1))
        model.task.switch_on(1)
        alone = q(x)
        low = {layer.name: layer.down(x) for layer in model.layers}
        with model.fusing(low, Alignment(torch.arange(3)[None])):
            fused = q(x)
        with model.fusing(None, None):
            lora = q(x)
        assert torch.allclose(fused - alone, 2 * (lora - alone), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_source_it_is_plain_lora_bit_for_bit(name: str) -> None:
    base = tiny_llama()
    with tasked(base) as task, torch.no_grad():
        model = FlareModel(task, fusion=name, rank=4, alpha=8.0)
        randomise(model)
        ids = random_ids(2, 6)
        task.switch_on(2)
        with model.fusing(None, None):
            found = base(input_ids=ids).logits
        # Rows that have no source token anywhere are the same as no source at all.
        nowhere = Alignment(torch.full((2, 6), -1), torch.zeros(2, 6, 3, dtype=torch.bool))
        with model.fusing({layer.name: torch.ones(2, 3, 4) for layer in model.layers}, nowhere):
            masked = base(input_ids=ids).logits
        model.remove()
        factors = {layer.name: (layer.a.data, layer.b.data) for layer in model.layers}
        assert torch.equal(found, masked)
    # The layers' sums in the same order: base, task adapter, then the new one.
    with stacked_on(base, task.adapters) as again, torch.no_grad():
        again.switch_on(2)
        lora = LoraAdapter(factors, 4, 8.0)
        hooks = []
        for name_of, (a, b) in lora.factors.items():

            def added(
                module: Any, inputs: tuple[Tensor], output: Tensor, a: Tensor = a, b: Tensor = b
            ) -> Tensor:
                low = torch.nn.functional.linear(inputs[0], a)
                return output + torch.nn.functional.linear(low * lora.scale, b)

            hooks.append(base.get_submodule(name_of).register_forward_hook(added))
        assert torch.equal(base(input_ids=ids).logits, found)
        for hook in hooks:
            hook.remove()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_the_adapter_and_nothing_through_the_source(name: str) -> None:
    base = tiny_llama()
    with flared(name, model=base) as model:
        base.requires_grad_(True)
        batch = make_batch([ROWS[:2]], latent=False, attends=model.attends)
        seen: list[Tensor] = []

        def watch(module: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            seen.append(output)

        handle = base.model.embed_tokens.register_forward_hook(watch)
        flare_logits(model, batch)[0].square().mean().backward()
        handle.remove()
        source, target = seen
        assert source.grad_fn is None
        assert target.grad_fn is not None
        assert all(weight.grad is not None and weight.grad.any() for weight in model.weights().values())
        # Tokens that stand in the source alone have had no part in any gradient.
        gradient = base.model.embed_tokens.weight.grad
        only = sorted({token for row in ROWS[:2] for token in row.source} - {90, 91})
        assert not gradient[only].any()
        assert gradient[[20, 40]].any()


@pytest.mark.parametrize("name", [*NAMES, "latent"])
def test_a_pack_is_its_rows_alone(name: str) -> None:
    encoder = tiny_encoder() if name == "latent" else None
    with flared("cross-attention" if encoder else name, encoder=encoder) as model, torch.no_grad():
        rows = [dataclasses.replace(row, source=row.source[:-2]) for row in ROWS[:2]] if encoder else ROWS[:2]
        together = make_batch([rows], latent=encoder is not None, attends=model.attends)
        found, labels = flare_logits(model, together)
        alone = torch.cat([logits(model, [row])[0] for row in rows])
        # A pack's answers stand one behind the other.
        assert torch.allclose(found[0][labels[0] != IGNORED], alone, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_padding_of_the_source_changes_nothing(name: str) -> None:
    with flared(name) as model, torch.no_grad():
        alone = logits(model, [ROWS[1]])[0]
        longer = dataclasses.replace(ROWS[0], source=(9,) * 30)
        batch = make_batch([[ROWS[1]], [longer]], latent=False, attends=model.attends)
        found, labels = flare_logits(model, batch)
        assert torch.allclose(found[0][labels[0] != IGNORED], alone, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_later_source_token_changes_no_earlier_place(name: str) -> None:
    """The mask that the released cross-attention lacks: place i looks at no source token behind its own."""
    with flared(name) as model, torch.no_grad():
        row = FlareRow((5, 6), (20, 21, 22, 23), (1,), (10, 11, 12, 13))
        states = []
        for source in ((10, 11, 12, 13), (10, 11, 55, 56)):
            batch = make_batch(
                [[dataclasses.replace(row, source=source)]], latent=False, attends=model.attends
            )
            seen: list[Tensor] = []
            handle = model.task.model.model.norm.register_forward_hook(
                lambda m, i, o, seen=seen: seen.append(o)
            )
            flare_logits(model, batch)
            handle.remove()
            states.append(seen[1][0])
        assert torch.equal(states[0][:4], states[1][:4])
        assert not torch.allclose(states[0][4], states[1][4], atol=1e-3)


def test_a_trained_adapter_is_put_back_as_it_was() -> None:
    base = tiny_llama()
    with flared("cross-attention", model=base) as model, torch.no_grad():
        wanted = logits(model, ROWS)
        kept = model.adapter(FlareIdentity("en", "de", task=model.task.fingerprint))
        model.remove()
        again = FlareModel.of(model.task, kept)
        assert torch.equal(logits(again, ROWS), wanted)
        again.remove()
        assert not any(module._forward_hooks for module in base.modules())


def test_what_does_not_belong_together_is_refused() -> None:
    with flared("add") as model:
        task = model.task
        kept = model.adapter(FlareIdentity("en", "de", task=task.fingerprint))
        with pytest.raises(AdapterError, match="another task adapter"):
            FlareModel.of(task, dataclasses.replace(kept, identity=FlareIdentity("en", "de", task="other")))
        with pytest.raises(AdapterError, match="another encoder"):
            FlareModel.of(task, kept, encoder=tiny_encoder())
        with pytest.raises(AdapterError, match="does not fit"):
            FlareModel.of(task, dataclasses.replace(kept, targets=("k_proj",)))
        with pytest.raises(AdapterError, match="no layer named c_attn"):
            FlareModel(task, fusion="add", targets=("c_attn",))
        with pytest.raises(UsageError, match="no fusion"):
            FlareModel(task, fusion="concat")


def test_the_base_gets_its_own_layers_back() -> None:
    base = tiny_llama()
    before = {name: weight.clone() for name, weight in base.state_dict().items()}
    with flared("add", model=base):
        pass
    after = base.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    adapter = random_adapter(base)
    with stacked_on(base, [adapter]):
        with pytest.raises(AdapterError, match="stacked adapters already"), stacked_on(base, [adapter]):
            pass
        with pytest.raises(AdapterError, match="stacked adapters already"), merged_into(base, [adapter]):
            pass


def test_a_merged_adapter_is_the_stacked_one_and_goes_again() -> None:
    base = tiny_llama()
    adapters = [random_adapter(base, seed=1), random_adapter(base, seed=2)]
    ids = random_ids(1, 6)
    with torch.no_grad():
        alone = base(input_ids=ids).logits
        with stacked_on(base, adapters) as task:
            task.switch_on(1)
            wanted = base(input_ids=ids).logits
        with merged_into(base, adapters):
            assert torch.allclose(base(input_ids=ids).logits, wanted, atol=1e-4)
        assert torch.equal(base(input_ids=ids).logits, alone)
        odd = dataclasses.replace(
            adapters[0], factors={"model.nowhere": (torch.ones(4, 2), torch.ones(2, 4))}
        )
        with pytest.raises(AdapterError, match="does not have"), merged_into(base, [adapters[1], odd]):
            pass
        assert torch.equal(base(input_ids=ids).logits, alone)
