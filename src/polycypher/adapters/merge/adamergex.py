"""AdaMergeX: an adapter for a task in a language without data of that task in it (Zhao et al., NAACL 2025,
arXiv 2402.18913).

Three adapters go in: the task in the source language, and a reference task (plain language modelling) in the
target and in the source language. The gap between the two languages on the reference task is carried over to
the task, by the operation that an adapter's kind acts with (λ is `scale`):

    LoRA      θ = θ(src, task) + λ (θ(tgt, ref) − θ(src, ref))
    (IA)³     l = l(src, task) ⊙ (λ (l(tgt, ref) ⊘ l(src, ref) − 1) + 1)
    prefix    P = λ · (P(tgt, ref) P(src, ref)⁺) P(src, task)

For LoRA, θ is the factors A and B, each by itself (`adamergex-lora`, as in the published code), or the
update s·B·A (`adamergex-lora-exact`, a concatenation of rank 3r, cut on request). λ = 0 gives the task's
adapter; where the reference task is the task, λ = 1 gives the target's adapter.

The prefix rule is **unverified against the paper**, whose formula was out of reach. P has a prefix vector a
column, all layers' keys and values above one another, so that the rule keeps the second identity; λ = 0 gives
a prefix of zeros. `adamergex-prefix-interpolated` replaces the product M by λ (M − I) + I, as the (IA)³ rule
does, and keeps both. `adamergex-ia3-additive` is the wrong operator on purpose: LoRA's rule on (IA)³ vectors,
the paper's negative control.

The released merge script does nothing (a misspelt name, and λ = 0); it is not mirrored. Pure functions on
adapters; they know nothing of files, models or corpora.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.common import check_alike, concatenated, merged, wide
from polycypher.adapters.merge.linear import summed
from polycypher.adapters.merge.state import IA3, PREFIX, AdapterState
from polycypher.adapters.merge.truncation import check_rank, truncated
from polycypher.errors import AdapterError

ROLES = ("source task", "target reference", "source reference")
"""What the three adapters are, in the order that every function here takes them."""

Rule = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""Tensors of the source task, target reference and source reference, and λ, to the target task's."""


def transfer_factors(
    task: LoraAdapter, target: LoraAdapter, source: LoraAdapter, *, scale: float = 1.0
) -> LoraAdapter:
    """LoRA, factor by factor: A = A_task + λ (A_target − A_source), and B alike.

    Raises:
        AdapterError: the adapters differ in base, modules or rank, or languages or prompts contradict their
            roles.
    """
    three, weights = _lora(task, target, source, scale, same_rank=True)
    return merged(
        three,
        summed(three, weights),
        rank=task.rank,
        alpha=task.alpha,
        method="adamergex-lora",
        weights=weights,
        details={"scale": scale, "roles": list(ROLES)},
        language=target.language,
    )


def transfer_updates(
    task: LoraAdapter,
    target: LoraAdapter,
    source: LoraAdapter,
    *,
    scale: float = 1.0,
    rank: int | None = None,
) -> LoraAdapter:
    """LoRA, on the updates: ΔW = ΔW_task + λ (ΔW_target − ΔW_source), of rank Σ r or cut to `rank`.

    With `rank`, the record's `relative_error` and `worst_error` tell what the cut loses.

    Raises:
        AdapterError: the adapters differ in base or modules, or languages or prompts contradict their roles.
    """
    three, weights = _lora(task, target, source, scale, same_rank=False)
    factors = concatenated(three, weights)
    details: dict[str, Any] = {"scale": scale, "roles": list(ROLES)}
    whole = sum(one.rank for one in three)
    if rank is not None:
        check_rank(rank, whole)
        factors, lost = truncated(factors, rank)
        details |= lost
    size = rank or whole
    return merged(
        three,
        factors,
        rank=size,
        alpha=float(size),
        method="adamergex-lora-exact",
        weights=weights,
        details=details,
        language=target.language,
    )


def add(task: Tensor, target: Tensor, source: Tensor, scale: float) -> Tensor:
    """task + λ (target − source)."""
    return task + scale * (target - source)


def multiply(task: Tensor, target: Tensor, source: Tensor, scale: float) -> Tensor:
    """task ⊙ (λ (target ⊘ source − 1) + 1)."""
    return task * (scale * (target / source - 1) + 1)


def project(task: Tensor, target: Tensor, source: Tensor, scale: float) -> Tensor:
    """λ (target source⁺) task, for prefixes [tokens, sizes] whose rows are the columns of the formula."""
    mixing: Tensor = scale * (task @ torch.linalg.pinv(source))  # [tokens, tokens]
    return mixing @ target


def interpolate(task: Tensor, target: Tensor, source: Tensor, scale: float) -> Tensor:
    """(λ (target source⁺ − I) + I) task, for prefixes [tokens, sizes]."""
    return project(task, target, source, scale) + (1 - scale) * task


def transfer_ia3(
    task: AdapterState, target: AdapterState, source: AdapterState, *, scale: float = 1.0
) -> AdapterState:
    """(IA)³ by its own operation, `multiply`.

    Raises:
        AdapterError: another kind of adapter; they differ in base, modules or sizes; or a vector of the
            source's reference has a zero.
    """
    return _transfer(multiply, "adamergex-ia3", IA3, (task, target, source), scale)


def transfer_ia3_additive(
    task: AdapterState, target: AdapterState, source: AdapterState, *, scale: float = 1.0
) -> AdapterState:
    """(IA)³ by LoRA's operation, `add`: the negative control.

    Raises:
        AdapterError: another kind of adapter, or they differ in base, modules or sizes.
    """
    return _transfer(add, "adamergex-ia3-additive", IA3, (task, target, source), scale)


def transfer_prefix(
    task: AdapterState, target: AdapterState, source: AdapterState, *, scale: float = 1.0
) -> AdapterState:
    """Prefixes by `project`; unverified against the paper.

    Raises:
        AdapterError: another kind of adapter, or they differ in base or sizes.
    """
    return _transfer(project, "adamergex-prefix", PREFIX, (task, target, source), scale)


def transfer_prefix_interpolated(
    task: AdapterState, target: AdapterState, source: AdapterState, *, scale: float = 1.0
) -> AdapterState:
    """Prefixes by `interpolate`; this project's.

    Raises:
        AdapterError: another kind of adapter, or they differ in base or sizes.
    """
    return _transfer(interpolate, "adamergex-prefix-interpolated", PREFIX, (task, target, source), scale)


def _lora(
    task: LoraAdapter, target: LoraAdapter, source: LoraAdapter, scale: float, *, same_rank: bool
) -> tuple[list[LoraAdapter], list[float]]:
    """The three and their weights, checked."""
    three = [task, target, source]
    for one, role in zip(three, ROLES, strict=True):
        if not isinstance(one, LoraAdapter):
            raise AdapterError(
                f"the {role}'s adapter is {one.kind}, and adding is the rule of LoRA; for (IA)³ take "
                "`adamergex-ia3`, for a prefix `adamergex-prefix`"
            )
    check_alike(three, same_rank=same_rank, same_prompt=False)
    _check_roles(three)
    return three, [1.0, scale, -scale]


def _check_roles(three: Sequence[LoraAdapter] | Sequence[AdapterState]) -> None:
    task, target, source = three
    if target.prompt_hash != source.prompt_hash:
        raise AdapterError(
            f"the two reference adapters have other prompts ({target.prompt_hash or 'none given'} and "
            f"{source.prompt_hash or 'none given'}); train them on one reference task"
        )
    if task.language and source.language and task.language != source.language:
        raise AdapterError(
            f"the source task is in '{task.language}' and the source reference in '{source.language}'; give "
            f"three adapters in this order: {', '.join(ROLES)}"
        )


def _transfer(
    rule: Rule, method: str, kind: str, three: tuple[AdapterState, AdapterState, AdapterState], scale: float
) -> AdapterState:
    for one, role in zip(three, ROLES, strict=True):
        found = getattr(one, "kind", "LORA")
        if found != kind:
            raise AdapterError(f"`{method}` takes {kind} adapters, and the {role}'s is {found}")
    _check_states(three)
    _check_roles(three)
    tensors = {
        name: _ruled(rule, name, [one.tensors[name].double() for one in three], scale).to(wide(tensor).dtype)
        for name, tensor in three[0].tensors.items()
    }
    task, target, _ = three
    told: Mapping[str, Any] = {
        "method": method,
        "scale": scale,
        "roles": list(ROLES),
        "adapters": [
            {"language": one.language, **({"record": dict(one.record)} if one.record else {})}
            for one in three
        ],
    }
    return AdapterState(
        kind,
        tensors,
        task.config,
        language=target.language,
        prompt_hash=task.prompt_hash,
        base_fingerprint=task.base_fingerprint,
        record={"merge": told},
    )


def _ruled(rule: Rule, name: str, tensors: Sequence[Tensor], scale: float) -> Tensor:
    task, target, source = tensors
    result = rule(task, target, source, scale)
    if not bool(result.isfinite().all()):
        raise AdapterError(
            f"{name} of the source reference has a zero, by which the rule divides; train that adapter again"
        )
    return result


def _check_states(three: Sequence[AdapterState]) -> None:
    first = three[0]
    for one, role in zip(three, ROLES, strict=True):
        if one.base != first.base:
            raise AdapterError(
                f"the {role}'s adapter has another base model than the {ROLES[0]}'s "
                f"({one.base or 'none given'} and {first.base or 'none given'}); train them on one base"
            )
        for key in ("target_modules", "feedforward_modules"):
            if _set(one.config.get(key)) != _set(first.config.get(key)):
                raise AdapterError(f"the {role}'s adapter has other {key}; train them on the same modules")
        if only := one.tensors.keys() ^ first.tensors.keys():
            raise AdapterError(
                f"only one of the {ROLES[0]}'s and the {role}'s adapter has {min(only)}; train them on the "
                "same modules"
            )
        for name, tensor in one.tensors.items():
            if tensor.shape != first.tensors[name].shape:
                raise AdapterError(f"the {role}'s adapter has another size of {name}; train them alike")
            if not bool(tensor.isfinite().all()):
                raise AdapterError(f"the {role}'s adapter holds a value that is no number in {name}")


def _set(modules: Any) -> Any:
    return frozenset(modules) if isinstance(modules, list) else modules
