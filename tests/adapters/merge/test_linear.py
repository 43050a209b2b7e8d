"""The linear merges against their formulas, against PEFT, and against the stacked adapter."""

from __future__ import annotations

import copy
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_helpers import (
    NAMES,
    SIZES,
    adapter,
    alphas,
    any_adapters,
    assert_same_update,
    delta,
    pefts_merge,
    pefts_own,
    same_rank_adapters,
    weighted_sum,
)
from peft import PeftModel
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES, exact, factor, peft
from polycypher.errors import AdapterError
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import random_adapter, random_adapters, random_ids, tiny_llama

LINEAR = ("factor", "exact", "peft")
shares = st.floats(-2.0, 2.0)


# ---------------------------------------------------------------------------- the formulas


@settings(max_examples=40)
@given(same_rank_adapters(), st.data())
def test_factor_is_scale_times_the_product_of_the_sums(
    adapters: list[LoraAdapter], data: st.DataObject
) -> None:
    w = data.draw(st.lists(shares, min_size=len(adapters), max_size=len(adapters)))
    s = adapters[0].scale
    assert_same_update(
        factor(adapters, w),
        {
            name: s
            * sum(w_i * one.factors[name][1].double() for w_i, one in zip(w, adapters, strict=True))
            @ sum(w_i * one.factors[name][0].double() for w_i, one in zip(w, adapters, strict=True))
            for name in SIZES
        },
        1e-5,
    )


@settings(max_examples=60)
@given(any_adapters, st.data())
def test_exact_is_the_weighted_sum_of_the_updates(adapters: list[LoraAdapter], data: st.DataObject) -> None:
    w = data.draw(st.lists(shares, min_size=len(adapters), max_size=len(adapters)))
    merged = exact(adapters, w)
    assert merged.rank == sum(one.rank for one in adapters)
    assert_same_update(merged, weighted_sum(adapters, w))


@settings(max_examples=40)
@given(same_rank_adapters(alike=False), st.data())
def test_peft_takes_roots_on_both_factors(adapters: list[LoraAdapter], data: st.DataObject) -> None:
    w = data.draw(st.lists(st.floats(0.0, 2.0), min_size=len(adapters), max_size=len(adapters)))
    roots = [sqrt(w_i * one.scale) for w_i, one in zip(w, adapters, strict=True)]
    assert_same_update(
        peft(adapters, w),
        {
            name: sum(root * one.factors[name][1].double() for root, one in zip(roots, adapters, strict=True))
            @ sum(root * one.factors[name][0].double() for root, one in zip(roots, adapters, strict=True))
            for name in SIZES
        },
        1e-5,
    )


def test_without_weights_each_counts_alike() -> None:
    adapters = [adapter(seed=seed) for seed in range(4)]
    for merge in (factor, exact, peft):
        assert_same_update(merge(adapters), delta(merge(adapters, [0.25] * 4)), 0.0)


# ---------------------------------------------------------------------------- identities


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), alphas)
def test_k_copies_of_one_adapter_give_it_back(k: int, rank: int, alpha: float) -> None:
    one = adapter(rank, alpha)
    assert_same_update(factor([one] * k), delta(one))
    assert_same_update(exact([one] * k), delta(one))


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 6), alphas)
def test_pefts_linear_scales_k_copies_by_k(k: int, rank: int, alpha: float) -> None:
    one = adapter(rank, alpha)
    assert_same_update(peft([one] * k), {name: k * update for name, update in delta(one).items()}, 1e-5)


@pytest.mark.parametrize("method", LINEAR)
@settings(max_examples=20)
@given(same_rank_adapters(alike=False), st.data())
def test_weight_one_on_one_adapter_gives_that_adapter(
    method: str, adapters: list[LoraAdapter], data: st.DataObject
) -> None:
    chosen = data.draw(st.integers(0, len(adapters) - 1))
    weights = [float(place == chosen) for place in range(len(adapters))]
    assert_same_update(MERGES[method](adapters, weights), delta(adapters[chosen]), 1e-5)


def test_the_three_differ() -> None:
    adapters = [adapter(seed=seed) for seed in range(3)]
    one, two, three = (delta(MERGES[method](adapters))[NAMES[0]] for method in ("factor", "exact", "peft"))
    assert not torch.allclose(one, two, atol=0.1)
    assert not torch.allclose(two, three, atol=0.1)
    assert torch.allclose(3 * one, three, atol=1e-5)  # √(1/3) on both factors instead of 1/3


def test_nothing_given_is_changed() -> None:
    adapters = [adapter(seed=seed) for seed in range(2)]
    before = copy.deepcopy(adapters)
    for merge in (factor, exact, peft):
        for a, b in merge(adapters, [1.0, 0.0]).factors.values():
            a.zero_()
            b.zero_()
    for one, same in zip(adapters, before, strict=True):
        assert_same_update(one, delta(same), 0.0)


def test_half_precision_is_merged_in_single() -> None:
    half = adapter()
    half = replace(
        half, factors={name: (a.bfloat16(), b.bfloat16()) for name, (a, b) in half.factors.items()}
    )
    for method in ("factor", "exact"):
        merged = MERGES[method]([half] * 3)
        assert {t.dtype for pair in merged.factors.values() for t in pair} == {torch.float32}
        assert_same_update(merged, delta(half))


# ---------------------------------------------------------------------------- truncation


@settings(max_examples=40)
@given(any_adapters, st.data())
def test_truncation_is_the_best_of_its_rank_and_reports_what_it_loses(
    adapters: list[LoraAdapter], data: st.DataObject
) -> None:
    whole = delta(exact(adapters))
    rank = data.draw(st.integers(1, sum(one.rank for one in adapters)))
    merged = exact(adapters, rank=rank)
    assert (merged.rank, merged.alpha) == (rank, float(rank))
    found = delta(merged)
    lost, total, worst = 0.0, 0.0, 0.0
    for name, update in whole.items():
        u, s, vh = torch.linalg.svd(update, full_matrices=False)
        best = u[:, :rank] * s[:rank] @ vh[:rank]
        assert float((found[name] - best).norm()) <= 1e-4 * max(1.0, float(update.norm()))
        lost += float(s[rank:].square().sum())
        total += float(s.square().sum())
        worst = max(worst, float(s[rank:].norm() / s.norm()))
    record = merged.record["merge"]
    assert record["rank"] == rank
    assert record["relative_error"] == pytest.approx(sqrt(lost / total), abs=1e-5)
    assert record["worst_error"] == pytest.approx(worst, abs=1e-5)


def test_a_truncation_that_loses_nothing() -> None:
    one = adapter()
    merged = exact([one] * 4, rank=one.rank)
    assert_same_update(merged, delta(one), 1e-5)
    assert merged.record["merge"]["relative_error"] < 1e-6


def test_a_zero_update_can_be_truncated() -> None:
    merged = exact([adapter(), adapter()], [0.0, 0.0], rank=2)
    assert merged.record["merge"]["relative_error"] == 0.0
    assert_same_update(merged, {name: torch.zeros(size).double() for name, size in SIZES.items()}, 0.0)


@pytest.mark.parametrize("rank", [0, -1, 7])
def test_an_impossible_rank(rank: int) -> None:
    with pytest.raises(AdapterError, match="1 to 6"):
        exact([adapter(), adapter()], rank=rank)


# ---------------------------------------------------------------------------- what is written down


def test_the_record_says_what_went_in(tmp_path: Path) -> None:
    adapters = [
        adapter(seed=n, language=code, base="b", prompt_hash="p", base_fingerprint="f", record={"steps": n})
        for n, code in enumerate(("en", "es", "tr"))
    ]
    for method in LINEAR:
        MERGES[method](adapters, [0.5, 0.0, 0.5]).save(tmp_path / method)
        saved = LoraAdapter.load(tmp_path / method)
        assert (saved.base, saved.prompt_hash, saved.base_fingerprint) == ("b", "p", "f")
        assert saved.language == "en+tr"  # Spanish had no weight
        assert saved.record["merge"] == {
            "method": method,
            "weights": [0.5, 0.0, 0.5],
            "adapters": [
                {"language": code, "rank": 3, "alpha": 6.0, "record": {"steps": n}}
                for n, code in enumerate(("en", "es", "tr"))
            ],
        }


def test_a_language_is_said_once_and_none_is_empty() -> None:
    assert factor([adapter(language="en"), adapter(language="en")]).language == "en"
    assert factor([adapter(), adapter()]).language == ""


# ---------------------------------------------------------------------------- what is refused


def refusal(method: str, *arguments: Any) -> str:
    with pytest.raises(AdapterError) as caught:
        MERGES[method](*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("method", MERGES)
def test_adapters_that_do_not_belong_together(method: str) -> None:
    en = adapter(language="en", prompt_hash="p", base_fingerprint="f", base="b")
    for other, said in (
        (replace(en, language="tr", prompt_hash="q"), "prompt"),
        (replace(en, language="tr", prompt_hash=""), "none given"),
        (replace(en, language="tr", base_fingerprint="g"), "base model"),
        (replace(en, language="tr", factors={NAMES[0]: en.factors[NAMES[0]]}), NAMES[1]),
        (
            replace(en, language="tr", factors={**en.factors, NAMES[1]: en.factors[NAMES[0]]}),
            f"sizes of {NAMES[1]}",
        ),
    ):
        message = refusal(method, [en, en, other])
        assert said in message
        assert "1 (en) and 3 (tr)" in message
    assert MERGES[method]([en, replace(en, base="the same elsewhere")]).base == "b"  # the fingerprint decides
    nameless = replace(en, base_fingerprint="")
    assert "base model" in refusal(method, [nameless, replace(nameless, base="c")])


@pytest.mark.parametrize("method", ["factor", "peft"])
def test_ranks_that_differ_are_named(method: str) -> None:
    said = refusal(method, [adapter(3, language="en"), adapter(5, language="tr")])
    assert "ranks 3 and 5" in said
    assert "1 (en) and 2 (tr)" in said
    assert "`exact`" in said


@pytest.mark.parametrize("method", MERGES)
def test_weights_that_do_not_fit(method: str) -> None:
    assert "at least one" in refusal(method, [])
    assert "1 weights for 2 adapters" in refusal(method, [adapter(), adapter()], [1.0])
    assert "must be a number" in refusal(method, [adapter()], [float("nan")])


@pytest.mark.parametrize("method", MERGES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_named(method: str, value: float) -> None:
    fine, broken = adapter(language="en"), adapter(seed=1, language="tr")
    broken.factors[NAMES[1]][0][1, 2] = value
    said = refusal(method, [fine, broken])
    assert "2 (tr)" in said
    assert f"no number in {NAMES[1]}" in said
    assert "alpha" in refusal(method, [fine, replace(fine, alpha=value)])


@pytest.mark.parametrize("alpha", [0.0, -6.0])
def test_factor_needs_a_common_scale(alpha: float) -> None:
    assert "no common scale" in refusal("factor", [adapter(alpha=6.0), adapter(alpha=alpha)])


# ---------------------------------------------------------------------------- against PEFT and the stack


@pefts_own
@pytest.mark.parametrize("weights", [[1 / 3] * 3, [0.7, 0.1, 0.2], [1.0, -0.5, 0.25]])
def test_peft_equals_peft(tmp_path: Path, weights: list[float]) -> None:
    adapters = [random_adapter(tiny_llama(), alpha=alpha, seed=n) for n, alpha in enumerate((8.0, 2.0, 5.0))]
    assert_same_update(peft(adapters, weights), pefts_merge(tmp_path, adapters, weights, "linear"))


@pefts_own
@pytest.mark.parametrize("weights", [[1 / 3] * 3, [0.7, 0.1, 0.2], [1.0, -0.5, 0.25]])
def test_exact_equals_pefts_concatenation(tmp_path: Path, weights: list[float]) -> None:
    adapters = random_adapters(tiny_llama(), 3)  # different ranks and alphas
    assert_same_update(exact(adapters, weights), pefts_merge(tmp_path, adapters, weights, "cat"))


@torch.inference_mode()
def stacked_logits(adapters: list[LoraAdapter], weights: list[float]) -> Tensor:
    model = tiny_llama()
    StackedAdapter(model, adapters).set_weights(torch.tensor([weights]))
    result: Tensor = model(input_ids=random_ids(1, 12)).logits
    return result


def test_exact_equals_the_stacked_adapter_with_uniform_weights() -> None:
    adapters = random_adapters(tiny_llama(), 3)
    merged = stacked_logits([exact(adapters)], [1.0])
    assert torch.allclose(merged, stacked_logits(adapters, [1 / 3] * 3), atol=1e-4)
    assert not torch.allclose(merged, stacked_logits(adapters, [1.0, 0.0, 0.0]), atol=1e-2)


@pefts_own
@pytest.mark.parametrize("method", LINEAR)
def test_a_saved_merge_is_a_plain_peft_folder(tmp_path: Path, method: str) -> None:
    adapters = [random_adapter(tiny_llama(), seed=n) for n in range(2)]
    merged = MERGES[method](adapters)
    merged.save(tmp_path / "merged")
    loaded = PeftModel.from_pretrained(tiny_llama(), tmp_path / "merged").eval()
    with torch.inference_mode():
        logits = loaded(input_ids=random_ids(1, 12)).logits
    assert torch.allclose(logits, stacked_logits([merged], [1.0]), atol=1e-4)
