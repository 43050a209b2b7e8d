"""AdaMergeX by its identities, for each kind of adapter, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_helpers import NAMES, adapter, assert_same_update, delta
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import TRANSFERS
from polycypher.adapters.merge.state import AdapterState
from polycypher.errors import AdapterError, UsageError

LORA = ("adamergex-lora", "adamergex-lora-exact")
scales = st.floats(-1.0, 2.0)
seeds = st.integers(0, 10**6)


def three_loras(seed: int = 0, rank: int = 3, **fields: Any) -> list[LoraAdapter]:
    """English task, German text, English text."""
    return [
        adapter(rank, 6.0, seed, language="en", prompt_hash="task", base_fingerprint="f", **fields),
        adapter(rank, 6.0, seed + 1, language="de", prompt_hash="text", base_fingerprint="f", **fields),
        adapter(rank, 6.0, seed + 2, language="en", prompt_hash="text", base_fingerprint="f", **fields),
    ]


def state(kind: str, seed: int, language: str, sizes: dict[str, tuple[int, int]]) -> AdapterState:
    draw = torch.Generator().manual_seed(seed)
    tensors = {name: 1 + 0.3 * torch.rand(*size, generator=draw) for name, size in sizes.items()}
    if kind == "PREFIX_TUNING":
        tensors = {name: torch.randn(*size, generator=draw) for name, size in sizes.items()}
    return AdapterState(kind, tensors, {"peft_type": kind}, language=language, base_fingerprint="f")


VECTORS = {"base_model.model.q_proj.ia3_l": (7, 1), "base_model.model.down_proj.ia3_l": (1, 5)}
PREFIX = {"prompt_embeddings": (4, 24)}


def three_states(kind: str, seed: int = 0) -> list[AdapterState]:
    sizes = VECTORS if kind == "IA3" else PREFIX
    return [state(kind, seed + n, language, sizes) for n, language in enumerate(("en", "de", "en"))]


def transfer(name: str, three: Any, **options: Any) -> Any:
    return TRANSFERS[name](three, **options)


def assert_same_tensors(one: AdapterState, other: AdapterState) -> None:
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert torch.allclose(tensor, other.tensors[name], atol=1e-5), name


# ---------------------------------------------------------------------------- LoRA


@settings(max_examples=25)
@given(scales, seeds)
def test_factors_move_by_the_gap_of_the_factors(scale: float, seed: int) -> None:
    task, target, source = three_loras(seed)
    made = transfer("adamergex-lora", [task, target, source], scale=scale)
    for name in NAMES:
        for place in (0, 1):
            gap = target.factors[name][place] - source.factors[name][place]
            assert torch.allclose(
                made.factors[name][place], task.factors[name][place] + scale * gap, atol=1e-5
            )
    assert (made.rank, made.alpha) == (task.rank, task.alpha)


@settings(max_examples=25)
@given(scales, seeds, st.lists(st.integers(1, 5), min_size=3, max_size=3))
def test_updates_move_by_the_gap_of_the_updates(scale: float, seed: int, ranks: list[int]) -> None:
    three = [adapter(rank, 4.0, seed + n) for n, rank in enumerate(ranks)]
    task, target, source = map(delta, three)
    made = transfer("adamergex-lora-exact", three, scale=scale)
    assert_same_update(
        made, {name: task[name] + scale * (target[name] - source[name]) for name in NAMES}, 1e-5
    )


@pytest.mark.parametrize("name", LORA)
@settings(max_examples=15)
@given(seeds, scales)
def test_the_identities_of_lora(name: str, seed: int, scale: float) -> None:
    task, target, source = three_loras(seed)
    assert_same_update(transfer(name, [task, target, source], scale=0.0), delta(task), 1e-5)
    assert_same_update(transfer(name, [source, target, source], scale=1.0), delta(target), 1e-4)
    assert_same_update(transfer(name, [task, source, source], scale=scale), delta(task), 1e-4)  # no gap


def test_the_cut_tells_what_it_loses() -> None:
    made = transfer("adamergex-lora-exact", three_loras(), rank=3)
    assert made.rank == 3
    assert 0 < made.record["merge"]["relative_error"] < 1
    with pytest.raises(AdapterError, match="1 to 9"):
        transfer("adamergex-lora-exact", three_loras(), rank=10)


@pytest.mark.parametrize("name", LORA)
def test_the_result_is_the_task_in_the_targets_language(name: str) -> None:
    made = transfer(name, three_loras(), scale=0.5)
    assert (made.language, made.prompt_hash, made.base_fingerprint) == ("de", "task", "f")
    told = made.record["merge"]
    assert (told["method"], told["scale"]) == (name, 0.5)
    assert told["roles"] == ["source task", "target reference", "source reference"]
    assert [one["language"] for one in told["adapters"]] == ["en", "de", "en"]


# ---------------------------------------------------------------------------- (IA)³ and prefixes


@settings(max_examples=25)
@given(scales, seeds)
def test_vectors_move_by_the_ratio(scale: float, seed: int) -> None:
    task, target, source = three_states("IA3", seed)
    made = transfer("adamergex-ia3", [task, target, source], scale=scale)
    for name in VECTORS:
        ratio = target.tensors[name] / source.tensors[name]
        assert torch.allclose(made.tensors[name], task.tensors[name] * (scale * (ratio - 1) + 1), atol=1e-5)
    assert (made.kind, made.language) == ("IA3", "de")


@settings(max_examples=25)
@given(scales, seeds)
def test_prefixes_move_by_the_product_with_the_pseudo_inverse(scale: float, seed: int) -> None:
    task, target, source = three_states("PREFIX_TUNING", seed)
    made = transfer("adamergex-prefix", [task, target, source], scale=scale).tensors["prompt_embeddings"]
    # The formula's P has a prefix vector a column.
    columns: list[Tensor] = [one.tensors["prompt_embeddings"].double().T for one in (task, target, source)]
    expected = scale * (columns[1] @ torch.linalg.pinv(columns[2])) @ columns[0]
    assert torch.allclose(made.double().T, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamergex-ia3", "IA3"),
        ("adamergex-ia3-additive", "IA3"),
        ("adamergex-prefix-interpolated", "PREFIX_TUNING"),
    ],
)
@settings(max_examples=15)
@given(seeds)
def test_the_identities_of_other_kinds(name: str, kind: str, seed: int) -> None:
    task, target, source = three_states(kind, seed)
    assert_same_tensors(transfer(name, [task, target, source], scale=0.0), task)
    assert_same_tensors(transfer(name, [source, target, source], scale=1.0), target)


def test_the_identities_of_the_plain_prefix_rule() -> None:
    task, target, source = three_states("PREFIX_TUNING")
    assert_same_tensors(transfer("adamergex-prefix", [source, target, source], scale=1.0), target)
    none = transfer("adamergex-prefix", [task, target, source], scale=0.0)
    assert float(none.tensors["prompt_embeddings"].abs().max()) == 0.0
    one, two = (transfer(f"adamergex-prefix{end}", [task, target, source]) for end in ("", "-interpolated"))
    assert_same_tensors(one, two)  # λ = 1


def test_the_negative_control_is_another_rule() -> None:
    three = three_states("IA3")
    right, wrong = transfer("adamergex-ia3", three), transfer("adamergex-ia3-additive", three)
    name = next(iter(VECTORS))
    task, target, source = (one.tensors[name] for one in three)
    assert torch.allclose(wrong.tensors[name], task + target - source, atol=1e-6)
    assert not torch.allclose(wrong.tensors[name], right.tensors[name], atol=1e-3)


# ---------------------------------------------------------------------------- refusals


def refusal(name: str, three: Any, **options: Any) -> str:
    with pytest.raises(AdapterError) as caught:
        transfer(name, three, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_wrong_operator_is_refused_unless_asked_for_by_name() -> None:
    said = refusal("adamergex-lora", three_states("IA3"))
    assert "source task's adapter is IA3" in said
    assert "`adamergex-ia3`" in said
    assert "takes IA3 adapters, and the source task's is LORA" in refusal("adamergex-ia3", three_loras())
    assert "target reference's is IA3" in refusal(
        "adamergex-prefix", [three_states("PREFIX_TUNING")[0], *three_states("IA3")[1:]]
    )


@pytest.mark.parametrize("name", TRANSFERS)
def test_three_adapters_in_their_roles(name: str) -> None:
    kind = TRANSFERS[name].kind
    three: Any = three_loras() if kind == "LORA" else three_states(kind)
    assert "source task, target reference, source reference; 2 given" in refusal(name, three[:2])
    task, target, source = three
    assert "source task is in 'en' and the source reference in 'de'" in refusal(name, [task, source, target])
    assert "other prompts (text2 and" in refusal(name, [task, replace(target, prompt_hash="text2"), source])
    assert "base" in refusal(name, [task, replace(target, base_fingerprint="g"), source])
    if name != "adamergex-lora-exact":
        with pytest.raises(UsageError, match="takes no rank"):
            transfer(name, three, rank=2)


def test_loras_that_do_not_fit() -> None:
    task, target, source = three_loras()
    assert "ranks 3 and 5" in refusal("adamergex-lora", [task, adapter(5, base_fingerprint="f"), source])
    for name in LORA:
        half = replace(target, factors={NAMES[0]: target.factors[NAMES[0]]})
        assert NAMES[1] in refusal(name, [task, half, source])
        broken = adapter(3, 6.0, 2, base_fingerprint="f", prompt_hash="text")
        broken.factors[NAMES[0]][0][0, 0] = float("nan")
        assert "no number" in refusal(name, [task, target, broken])


def test_states_that_do_not_fit() -> None:
    task, target, source = three_states("IA3")
    name = next(iter(VECTORS))
    zero = {**source.tensors, name: torch.zeros(7, 1)}
    assert f"{name} of the source reference has a zero" in refusal(
        "adamergex-ia3", [task, target, replace(source, tensors=zero)]
    )
    longer = {**target.tensors, name: torch.ones(8, 1)}
    assert "another size" in refusal("adamergex-ia3", [task, replace(target, tensors=longer), source])
    fewer = {name: target.tensors[name]}
    assert "down_proj" in refusal("adamergex-ia3", [task, replace(target, tensors=fewer), source])
    broken = {**target.tensors, name: torch.full((7, 1), float("nan"))}
    assert "no number" in refusal("adamergex-ia3", [task, replace(target, tensors=broken), source])
    other = replace(target, config={**target.config, "feedforward_modules": ["down_proj"]})
    assert "feedforward_modules" in refusal("adamergex-ia3", [task, other, source])


def test_half_precision_is_computed_wider() -> None:
    three = [
        replace(one, tensors={name: tensor.half() for name, tensor in one.tensors.items()})
        for one in three_states("IA3")
    ]
    made = transfer("adamergex-ia3", three)
    assert {tensor.dtype for tensor in made.tensors.values()} == {torch.float32}
