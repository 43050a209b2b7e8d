"""The training loop: its rates, what a pass sees, and that a killed run goes on as if it had not been."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.errors import TrainingError
from polycypher.nano.data import make_batch
from polycypher.nano.forward import Batch, Shape, hidden_states
from polycypher.nano.train import Plan, Trainable, teacher_forced, train
from tiny_models import random_ids, tiny_llama

SHAPE = Shape.of(tiny_llama(tied=True).config)
PLAN = Plan(steps=8, rate=3e-3, groups=2, warm_up=2, checkpoint_seconds=0.0)


def base() -> dict[str, Tensor]:
    return dict(tiny_llama(tied=True).named_parameters())


class Repeats:
    """Rows that repeat a few tokens; fails at a draw, as a killed run does."""

    def __init__(self, seed: int = 0, *, fails_at: int | None = None) -> None:
        self.random = random.Random(seed)
        self.draws = 0
        self.fails_at = fails_at

    def draw(self) -> Batch:
        self.draws += 1
        if self.draws == self.fails_at:
            raise KeyboardInterrupt
        rows = [([self.random.randrange(2, 12)] * 8, 3) for _ in range(3)]
        return make_batch([self.random.randrange(2, 96) for _ in range(5)], rows, 8, 0.0)


def a_lora() -> dict[str, tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    return {
        f"model.layers.{i}.self_attn.{part}_proj.weight": (
            torch.randn(4, 32, generator=draw),
            0.1 * torch.randn(32, 4, generator=draw),
        )
        for i in range(2)
        for part in "qv"
    }


def trained(batches: Repeats, plan: Plan = PLAN, folder: Path | None = None, **options: Any) -> Trainable:
    trainable = Trainable(base(), **options)
    train(trainable, SHAPE, batches, plan, folder=folder)
    return trainable


def equal(one: Trainable, other: Trainable) -> bool:
    return all(torch.equal(one.master[name], other.master[name]) for name in one.master)


# ---------------------------------------------------------------------- plan


def test_the_rate_rises_stays_and_falls() -> None:
    plan = Plan(steps=1000, rate=2.0, warm_up=50, fall=0.25)
    rates = [plan.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(2.0 / 50)
    assert rates[24] == pytest.approx(1.0)
    assert rates[49:751] == pytest.approx([2.0] * 702)
    assert rates[875] == pytest.approx(1.0)
    assert rates[999] == pytest.approx(2.0 / 250)
    assert plan.rate_at(1000) == 0.0
    assert rates[:50] == sorted(rates[:50])
    assert rates[750:] == sorted(rates[750:], reverse=True)
    assert min(rates) > 0


def test_a_run_can_be_prolonged_before_its_fall() -> None:
    short, long = Plan(steps=1000, rate=2.0), Plan(steps=3000, rate=2.0)
    assert [short.rate_at(step) for step in range(750)] == [long.rate_at(step) for step in range(750)]


def test_the_loop_uses_the_plan_s_rates() -> None:
    reports: list[dict[str, Any]] = []
    train(Trainable(base()), SHAPE, Repeats(), Plan(steps=50, rate=1e-3, groups=1), report=reports.append)
    assert [record["step"] for record in reports] == [50]
    assert reports[0]["rate"] == pytest.approx(Plan(steps=50, rate=1e-3).rate_at(49))


# ---------------------------------------------------------------------- what a pass sees


def test_full_training_sees_its_own_weights_in_bfloat16() -> None:
    trainable = Trainable(base())
    seen, leaves = trainable.weights()
    assert seen is leaves
    for name, weight in base().items():
        assert torch.equal(trainable.master[name], weight)
        assert torch.equal(seen[name], weight.bfloat16())
        assert trainable.master[name].dtype == torch.float32


def test_a_pass_with_an_adapter_sees_the_sum() -> None:
    lora, scale = a_lora(), 2.0
    trainable = Trainable(base(), lora, scale)
    seen, leaves = trainable.weights()
    for name, weight in base().items():
        if name in lora:
            a, b = lora[name]
            torch.testing.assert_close(seen[name].float(), weight + scale * b @ a, atol=0.02, rtol=0.02)
            assert (seen[name].float() - weight).abs().max() > 0.1
        else:
            assert torch.equal(seen[name], weight.bfloat16())
    assert set(leaves) == {f"{name}|{part}" for name in lora for part in "AB"}


def test_an_adapter_that_is_zero_changes_nothing() -> None:
    lora = {name: (a, torch.zeros_like(b)) for name, (a, b) in a_lora().items()}
    seen, _ = Trainable(base(), lora, 2.0).weights()
    assert all(torch.equal(seen[name], weight.bfloat16()) for name, weight in base().items())


def test_adapter_training_leaves_the_base_alone() -> None:
    given = base()
    before = {name: weight.clone() for name, weight in given.items()}
    trainable = Trainable(given, a_lora(), 2.0)
    start = {name: weight.detach().clone() for name, weight in trainable.master.items()}
    train(trainable, SHAPE, Repeats(), PLAN)
    assert all(torch.equal(given[name], before[name]) for name in given)
    assert all(torch.equal(trainable.frozen[name], before[name].bfloat16()) for name in given)
    assert all(not torch.equal(weight, start[name]) for name, weight in trainable.master.items())


@pytest.mark.parametrize(("rate", "options"), [(5e-3, {}), (3e-2, {"lora": a_lora(), "scale": 2.0})])
def test_the_loss_falls(rate: float, options: dict[str, Any]) -> None:
    trainable, held_out = Trainable(base(), **options), Repeats(seed=5).draw()
    _, _, before = teacher_forced(trainable.weights()[0], SHAPE, held_out)
    train(trainable, SHAPE, Repeats(), Plan(steps=60, rate=rate, groups=1, warm_up=5))
    _, _, after = teacher_forced(trainable.weights()[0], SHAPE, held_out)
    assert after < 0.75 * before


# ---------------------------------------------------------------------- interrupted runs


@pytest.mark.parametrize("options", [{}, {"lora": a_lora(), "scale": 2.0}])
@pytest.mark.parametrize("fails_at", [2, 7, 16])
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, fails_at: int, options: dict[str, Any]
) -> None:
    whole = trained(Repeats(), **options)
    with pytest.raises(KeyboardInterrupt):
        trained(Repeats(fails_at=fails_at), folder=tmp_path, **options)
    rest = Repeats(seed=99)  # its random state comes from the checkpoint
    if fails_at == 2:  # nothing was saved: the run begins anew
        rest = Repeats()
    again = trained(rest, folder=tmp_path, **options)
    assert rest.draws == 2 * (PLAN.steps - (fails_at - 1) // 2)
    assert equal(again, whole)


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    assert equal(trained(Repeats()), trained(Repeats()))
    assert not equal(trained(Repeats()), trained(Repeats(seed=1)))


def test_a_finished_run_is_not_done_again(tmp_path: Path) -> None:
    first = trained(Repeats(), folder=tmp_path)
    rest = Repeats()
    again = trained(rest, folder=tmp_path)
    assert rest.draws == 0
    assert equal(again, first)


def test_files_of_a_run(tmp_path: Path) -> None:
    trained(Repeats(), folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "log.jsonl"]
    (record,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert record["step"] == 8
    assert record["loss"] > 0
    assert record["tokens_a_second"] > 0


def test_probes_see_the_weights_without_gradients(tmp_path: Path) -> None:
    seen: list[bool] = []

    def probe(weights: dict[str, Tensor]) -> dict[str, float]:
        seen.append(torch.is_grad_enabled())
        return {"norm": float(weights["model.norm.weight"].float().norm())}

    reports: list[dict[str, Any]] = []
    train(Trainable(base()), SHAPE, Repeats(), PLAN, probe=probe, report=reports.append)
    assert seen == [False]
    assert reports[-1]["norm"] > 0


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    weights = base()
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    trainable = Trainable(weights)
    with pytest.raises(TrainingError, match="at step 0") as caught:
        train(trainable, SHAPE, Repeats(), PLAN, folder=tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoint.pt").exists()  # nothing damaged is kept


def test_a_loss_that_is_lost_on_the_way_names_its_step() -> None:
    class Spoiled(Repeats):
        def draw(self) -> Batch:
            batch = super().draw()
            if self.draws > 6:
                batch.weights[0] = math.inf
            return batch

    with pytest.raises(TrainingError, match="at step 3"):
        train(Trainable(base()), SHAPE, Spoiled(), PLAN)


# ---------------------------------------------------------------------- measuring


@torch.no_grad()
def test_teacher_forcing_counts_rows_that_are_wholly_right() -> None:
    weights = base()
    prompts = [random_ids(4, seed=n).tolist() for n in range(3)]
    prefix = random_ids(6, seed=9).tolist()
    rows = []
    for prompt in prompts:  # each answered as the model itself would
        ids = list(prompt)
        for _ in range(3):
            batch = make_batch(prefix, [([*ids, 0], 1)], 12, 0.0)
            state = hidden_states(weights, SHAPE, batch)[0, len(ids) - 1]
            ids.append(int((weights["model.embed_tokens.weight"] @ state).argmax()))
        rows.append((ids, 4))
    assert teacher_forced(weights, SHAPE, make_batch(prefix, rows, 12, 0.0))[:2] == (3, 3)
    rows[1] = ([*rows[1][0][:-1], (rows[1][0][-1] + 1) % 96], 4)
    assert teacher_forced(weights, SHAPE, make_batch(prefix, rows, 12, 0.0))[:2] == (2, 3)
