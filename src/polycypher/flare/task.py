"""`TaskModel`: the frozen model that FLARE starts from, a base with its task adapter.

The adapter is a stacked one (`fusion.stacked`): alone, or one of several in a model that serves others too.
Knows nothing of FLARE's own weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError
from polycypher.fusion.stacked import StackedAdapter, StackedLinear


def fingerprint_of(adapters: Sequence[LoraAdapter]) -> str:
    """Sixteen digits of all that LoRAs add to a base; '' for none."""
    if not adapters:
        return ""
    digest = hashlib.sha256()
    for adapter in adapters:
        digest.update(f"{adapter.rank} {adapter.alpha}".encode())
        for name in sorted(adapter.factors):
            digest.update(name.encode())
            for factor in adapter.factors[name]:
                digest.update(factor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


class TaskModel:
    """A base model and the rows of its stacked adapters that make it a model of a task.

    `weights` [K] is the gate vector of every row, `fingerprint` tells what the adapters are.
    """

    def __init__(
        self, model: Any, stacked: StackedAdapter | None, weights: Tensor, adapters: Sequence[LoraAdapter]
    ) -> None:
        """`stacked` is installed in `model`, or None for the base alone; `adapters` are those that `weights`
        switches on."""
        self.model = model
        self.stacked = stacked
        self.weights = weights
        self.adapters = tuple(adapters)
        self.fingerprint = fingerprint_of(adapters)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def switch_on(self, rows: int) -> None:
        """Let the next passes of so many rows go through the task's adapters."""
        if self.stacked is not None:
            self.stacked.set_weights(self.weights.expand(rows, -1))

    def switch_off(self) -> None:
        """Let the next passes go through the base alone."""
        if self.stacked is not None:
            self.stacked.set_weights(None)


@contextmanager
def stacked_on(model: Any, adapters: Sequence[LoraAdapter]) -> Iterator[TaskModel]:
    """The base with the sum of `adapters`; it has its own layers again at the end.

    Raises:
        AdapterError: an adapter does not fit the model, or the model has stacked adapters already.
    """
    _refuse_stacked(model)
    if not adapters:
        yield TaskModel(model, None, torch.zeros(0), [])
        return
    try:
        yield TaskModel(model, StackedAdapter(model, adapters), torch.ones(len(adapters)), adapters)
    finally:
        for name, module in list(model.named_modules()):
            if isinstance(module, StackedLinear):
                parent, _, leaf = name.rpartition(".")
                setattr(model.get_submodule(parent), leaf, module.base)


@contextmanager
def merged_into(model: Any, adapters: Sequence[LoraAdapter]) -> Iterator[None]:
    """The model's own weights with the updates of `adapters` added, so that another adapter can be trained on
    top; the very same weights as before stand there at the end.

    Raises:
        AdapterError: an adapter names a module that the model lacks.
    """
    _refuse_stacked(model)
    own: dict[str, Tensor] = {}
    try:
        for adapter in adapters:
            for name, (a, b) in adapter.factors.items():
                try:
                    weight = model.get_submodule(name).weight
                except AttributeError:
                    raise AdapterError(
                        f"an adapter changes {name}, which the base model does not have"
                    ) from None
                own.setdefault(name, weight.data)
                update = adapter.scale * (b.float() @ a.float())
                weight.data = (weight.data.float() + update.to(weight.device)).to(weight.dtype)
        yield
    finally:
        for name, data in own.items():
            model.get_submodule(name).weight.data = data


def _refuse_stacked(model: Any) -> None:
    if any(isinstance(module, StackedLinear) for module in model.modules()):
        raise AdapterError("the model has stacked adapters already; load the base again without them")
