"""Adapters of every kind and initialisation: they learn, they fit the base as it was, they resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from test_loop import SETTINGS, XX, Interrupted, some_rows, stop_at
from torch import Tensor, nn

from polycypher.adapters.kinds.plain import as_plain_lora
from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES
from polycypher.adapters.merge.state import AdapterState
from polycypher.adapters.train.folder import read_log
from polycypher.adapters.train.loop import AnswerLoss, Watch, train_adapter, train_state
from polycypher.adapters.train.packing import TrainingRow, pack
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import AdapterError, TrainingError, UsageError
from tiny_models import random_ids, tiny_llama

RUN = SETTINGS.model_dump(
    include={"epochs", "rate", "rows_a_pack", "packs_a_step", "packs_at_once", "optimizer", "precision"}
)
LORA = {"rank": 4, "alpha": 6.0}
WAYS: dict[str, dict[str, Any]] = {
    "lora": LORA,
    "rslora": {"kind": "rslora", **LORA},
    "dora": {"kind": "dora", **LORA},
    "ia3": {"kind": "ia3"},
    "prefix": {"kind": "prefix", "prefix_tokens": 3},
    "prefix-zero": {"kind": "prefix", "prefix_tokens": 3, "initialisation": "zero"},
    **{
        name: {"initialisation": name, **LORA}
        for name in ("gaussian", "orthogonal", "pissa", "pissa_niter_4", "olora", "corda", "eva")
    },
    "rslora-pissa": {"kind": "rslora", "initialisation": "pissa", **LORA},
    "dora-eva": {"kind": "dora", "initialisation": "eva", **LORA},
    "loraplus": {"loraplus_ratio": 8, **LORA},
    "dropout": {"dropout": 0.1, **LORA},
}
STACKS = [name for name, told in WAYS.items() if told.get("kind", "lora") in ("lora", "rslora")]


def settings_of(way: str, **more: Any) -> AdapterSettings:
    return AdapterSettings(**{**RUN, **WAYS[way], **more})


def logits_of(model: Any) -> Tensor:
    with torch.inference_mode():
        return model(input_ids=random_ids(2, 7, seed=9)).logits.float().clone()


class Last:
    """The logits of the model in training, after its last step."""

    logits: Tensor

    def __call__(self, model: nn.Module) -> dict[str, float]:
        self.logits = logits_of(model)
        return {}


def equal(one: AdapterState, two: AdapterState) -> bool:
    return one.tensors.keys() == two.tensors.keys() and all(
        torch.equal(tensor, two.tensors[name]) for name, tensor in one.tensors.items()
    )


@pytest.mark.parametrize("way", WAYS)
def test_peft_loads_what_was_trained_for_the_base_as_it_was(way: str, tmp_path: Path) -> None:
    model, last = tiny_llama(), Last()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    watch = Watch(probe=last)
    state = train_state(model, some_rows(), settings_of(way), tmp_path, identity=XX, watch=watch)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    log = read_log(tmp_path)
    assert log[-1]["loss"] < log[0]["loss"]
    plain = logits_of(model)
    loaded = logits_of(PeftModel.from_pretrained(tiny_llama(), tmp_path).eval())
    torch.testing.assert_close(loaded, last.logits, atol=2e-5, rtol=1e-4)
    assert not torch.allclose(loaded, plain, atol=1e-3)
    assert equal(state, AdapterState.load(tmp_path))
    assert (state.language, state.base_fingerprint, state.prompt_hash) == ("xx", "f", "p")


@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("gaussian", "orthogonal", "prefix-zero")])
def test_a_stopped_run_of_any_kind_ends_with_the_same_numbers(way: str, tmp_path: Path) -> None:
    through = train_state(tiny_llama(), some_rows(), settings_of(way), tmp_path / "through", identity=XX)
    hasty = settings_of(way, checkpoint_seconds=1e-9)
    with pytest.raises(Interrupted):
        train_state(tiny_llama(), some_rows(), hasty, tmp_path / "cut", identity=XX, watch=stop_at(5))
    resumed = train_state(tiny_llama(), some_rows(), hasty, tmp_path / "cut", identity=XX)
    assert equal(through, resumed)
    again = train_state(tiny_llama(), some_rows(), hasty, tmp_path / "cut", identity=XX, watch=stop_at(1))
    assert equal(resumed, again)


@pytest.mark.parametrize("way", STACKS)
def test_what_train_adapter_makes_stacks_and_merges(way: str, tmp_path: Path) -> None:
    last = Last()
    adapter = train_adapter(
        tiny_llama(), some_rows(), settings_of(way), tmp_path, identity=XX, watch=Watch(probe=last)
    )
    read = LoraAdapter.load(tmp_path)
    assert adapter.scale == pytest.approx(read.scale)
    loaded = logits_of(PeftModel.from_pretrained(tiny_llama(), tmp_path).eval())
    torch.testing.assert_close(loaded, last.logits, atol=2e-5, rtol=1e-4)
    assert adapter.rank == (8 if settings_of(way).changes_base else 4)
    assert MERGES["exact"]([read, read]).rank == 2 * read.rank
    again = train_adapter(
        tiny_llama(), some_rows(), settings_of(way), tmp_path, identity=XX, watch=stop_at(1)
    )
    assert again.alpha == adapter.alpha


@pytest.mark.parametrize(("kind", "reason"), [("dora", "norm"), ("ia3", "multiplies"), ("prefix", "keys")])
def test_what_does_not_stack_is_refused_with_the_reason(kind: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=reason):
        train_adapter(tiny_llama(), some_rows(), settings_of(kind), tmp_path, identity=XX)
    state = train_state(tiny_llama(), some_rows(), settings_of(kind), tmp_path, identity=XX)
    with pytest.raises(AdapterError, match=reason):
        as_plain_lora(state)
    with pytest.raises(AdapterError):
        LoraAdapter.load(tmp_path)


def test_the_loss_of_packed_prefix_rows_is_that_of_pefts_own_forward() -> None:
    from peft import PrefixTuningConfig, get_peft_model

    torch.manual_seed(3)
    tuned = get_peft_model(tiny_llama(), PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    rows = [
        TrainingRow((5, 6, 7), tuple(random_ids(2 + n, seed=n).tolist()), tuple(random_ids(1 + n).tolist()))
        for n in range(1, 5)
    ]
    batch = pack([rows[:3], rows[3:]])
    packed = AnswerLoss(tuned, "no")(batch.ids, batch.mask(torch.float32), batch.positions, batch.labels)
    own = 0.0
    for row in rows:
        ids = torch.tensor([[*row.prefix, *row.suffix, *row.answer]])
        labels = torch.full_like(ids, -100)
        labels[0, -len(row.answer) :] = torch.tensor(row.answer)
        own += tuned(input_ids=ids, labels=labels).loss.item() * len(row.answer)
    assert packed.item() == pytest.approx(own, rel=1e-5)
    packed.backward()
    assert float(tuned.prompt_encoder["default"].embedding.weight.grad.abs().max()) > 0


def test_loraplus_trains_b_faster_by_its_ratio(tmp_path: Path) -> None:
    def moved(way: str) -> float:
        """How far the first step takes B from zero: with Adam, its rate."""
        found: list[float] = []

        def probe(model: nn.Module) -> dict[str, float]:
            found.append(
                max(one.abs().max().item() for name, one in model.named_parameters() if "lora_B" in name)
            )
            return {}

        settings = settings_of(way, weight_decay=0.0, warm_up=0, epochs=1)
        watch = Watch(probe=probe, probe_every=1)
        train_state(tiny_llama(), some_rows(), settings, tmp_path / way, identity=XX, watch=watch)
        return found[0]

    assert moved("lora") == pytest.approx(RUN["rate"], rel=1e-3)
    assert moved("loraplus") == pytest.approx(8 * RUN["rate"], rel=1e-3)


def test_a_rank_above_the_weights_is_refused_and_the_model_stays(tmp_path: Path) -> None:
    model = tiny_llama()
    with pytest.raises(AdapterError, match=r"q_proj, which has 32; lower `rank`"):
        train_state(model, some_rows(), settings_of("pissa", rank=40), tmp_path, identity=XX)
    assert not hasattr(model.model.layers[0].self_attn.q_proj, "base_layer")


def test_eva_needs_enough_answer_tokens(tmp_path: Path) -> None:
    model = tiny_llama()
    with pytest.raises(TrainingError, match="answer tokens"):
        train_state(model, some_rows(2), settings_of("eva", rank=8), tmp_path, identity=XX)
    assert not hasattr(model.model.layers[0].self_attn.q_proj, "base_layer")


def test_eva_gives_up_where_directions_do_not_settle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polycypher.adapters.train.initial._PASSES", 1)
    with pytest.raises(TrainingError, match="do not settle"):
        train_state(tiny_llama(), some_rows(8), settings_of("eva"), tmp_path, identity=XX)


def test_corda_leaves_nothing_behind_where_it_fails(tmp_path: Path) -> None:
    model = tiny_llama()
    with torch.no_grad():
        model.model.embed_tokens.weight.fill_(float("nan"))
    with pytest.raises(AdapterError, match="cannot put an adapter"):
        train_state(model, some_rows(), settings_of("corda"), tmp_path, identity=XX)
    assert not any(module._forward_hooks for module in model.modules())


def test_copies_of_settings_are_checked_before_a_run(tmp_path: Path) -> None:
    wrong = settings_of("dora").model_copy(update={"initialisation": "pissa"})
    with pytest.raises(UsageError, match="`initialisation: pissa`"):
        train_state(tiny_llama(), some_rows(), wrong, tmp_path, identity=XX)


def test_four_bit_wants_a_base_in_four_bits(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="load_four_bit"):
        train_state(tiny_llama(), some_rows(), settings_of("lora", four_bit=True), tmp_path, identity=XX)
