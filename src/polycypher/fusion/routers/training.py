"""Training a router: base and adapters frozen, cross-entropy of the answer tokens.

    loss = mean −log p(answer token) + penalty + identification · mean −log p_own

`penalty` is the router's (MixLoRA's load balance). p_own, where asked for, is the probability that the router
gives the adapter of the question's own language, at every layer and token of the question, answer included
(MeteoRA's loss of the gating networks; the gate's identification loss, token by token). Rows are packed as
for an adapter (`adapters.train.packing`). A gate is trained from its previews (`gate_training`); what has
nothing to train costs nothing. Knows nothing of languages by name, or of corpora.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from polycypher.adapters.train.loop import AnswerLoss
from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import PackedBatch, TrainingRow, pack
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import TrainingError
from polycypher.fusion.gate_training import GateItem, collect, train_gate
from polycypher.fusion.routers.gated import GateRouter
from polycypher.fusion.routers.router import Router, TokenRouter
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter


class RouterSettings(BaseModel):
    """How a router is trained. Of these a gate takes `epochs`, `rate` and `identification` alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=1, gt=0)
    rate: float = Field(default=1e-3, gt=0)
    warm_up: int = Field(default=5, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    identification: float = Field(default=0.0, ge=0)
    rows_a_pack: int = Field(default=8, gt=0)
    packs_a_step: int = Field(default=2, gt=0)
    packs_at_once: int = Field(default=1, gt=0)
    longest: int = Field(default=2048, gt=0)
    """Tokens of one question with its schema and answer; longer ones are cut on the left."""
    precision: Literal["bf16", "no"] = "bf16"


@dataclass(frozen=True, slots=True)
class RouterCost:
    """What a training cost: samples and minutes, trained parameters, and the mean loss of each epoch."""

    samples: int
    minutes: float
    parameters: int
    losses: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)


class RoutedModel(nn.Module):
    """A causal language model under a token router, for whole sequences; calls as the model's own."""

    def __init__(self, model: Any, stacked: StackedAdapter, router: TokenRouter) -> None:
        super().__init__()
        self.model, self.router = model, router
        self._stacked = stacked
        self.seen: Tensor | None = None
        """Which tokens of the next call are no padding, [rows, tokens]; see `TokenRouter.begin`."""

    def forward(self, **call: Any) -> Any:
        """The model's output."""
        states = None
        if self.router.base_states:
            inner = {name: value for name, value in call.items() if name != "logits_to_keep"}
            with torch.no_grad(), self._stacked.routed(None):
                states = self.model.model(**inner).last_hidden_state
        self.router.begin(states, self.seen)
        with self._stacked.routed(self.router):
            return self.model(**call)


def train_router(
    router: Router,
    model: Any,
    stacked: StackedAdapter,
    items: Sequence[GateItem],
    settings: RouterSettings,
    *,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> RouterCost:
    """Train a router in place.

    Args:
        router: made for these adapters; its first weights are the caller's to seed.
        model: a causal language model of `transformers` in which `stacked` is installed.
        stacked: the adapters.
        items: what to learn: prompt, answer with its end token, and the adapter of the question's language.
        settings: of the run.
        seed: of the order.
        progress: told how many items were learned from since the last time (once an item and epoch).

    Raises:
        AdapterError: the router is for other adapters.
        TrainingError: no items, an item of an adapter that is not there, or a loss that is no number.
    """
    router.attach(stacked)
    began = time.monotonic()
    losses: Sequence[float] = ()
    samples = 0
    if router.parameters_count:
        if not items:
            raise TrainingError("no example to train the router on")
        if not all(0 <= item.adapter < stacked.count for item in items):
            raise TrainingError(f"an example is for an adapter that is not among the {stacked.count} stacked")
        samples = len(items)
        router.to(next(model.parameters()).device)
        with _learning(router, model):
            if isinstance(router, GateRouter):
                losses = _train_gate(router, model, stacked, items, settings, seed, progress)
            elif isinstance(router, TokenRouter):
                losses = _Run(router, model, stacked, items, settings, seed).epochs(progress)
    minutes = (time.monotonic() - began) / 60
    return RouterCost(samples, round(minutes, 3), router.parameters_count, tuple(losses))


@contextmanager
def _learning(router: Router, model: Any) -> Iterator[None]:
    """The router's weights alone take gradients, for so long."""
    frozen = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(False)
    router.requires_grad_(True).train()
    try:
        yield
    finally:
        router.requires_grad_(False).eval()
        for weight in frozen:
            weight.requires_grad_(True)


def _train_gate(
    router: GateRouter,
    model: Any,
    stacked: StackedAdapter,
    items: Sequence[GateItem],
    settings: RouterSettings,
    seed: int,
    progress: Callable[[int], None],
) -> list[float]:
    runner = Runner(model, stacked, end=-1)  # nothing is generated
    ordered = sorted(items, key=lambda item: item.prompt.prefix)  # those of one schema run together
    (features,) = collect(runner, ordered, [router.gate.config], progress=progress)
    return train_gate(
        router.gate,
        model.lm_head,
        features,
        epochs=settings.epochs,
        rate=settings.rate,
        identification=settings.identification,
        seed=seed,
    )


class _Run:
    """A token router's steps."""

    def __init__(
        self,
        router: TokenRouter,
        model: Any,
        stacked: StackedAdapter,
        items: Sequence[GateItem],
        settings: RouterSettings,
        seed: int,
    ) -> None:
        rows = [
            TrainingRow(tuple(item.prompt.prefix), tuple(item.prompt.suffix), tuple(item.answer)).cut_to(
                settings.longest
            )
            for item in items
        ]
        # A row does not say whose question it is; the objects themselves come back from the order.
        self._adapters = {id(row): item.adapter for row, item in zip(rows, items, strict=True)}
        self._orders = [
            Order(
                rows,
                rows_a_pack=settings.rows_a_pack,
                packs_a_step=settings.packs_a_step,
                epochs=1,
                seed=seed + epoch,
                tokens_a_pack=settings.longest,
            )
            for epoch in range(settings.epochs)
        ]
        self._router, self._settings = router, settings
        self._routed = RoutedModel(model, stacked, router)
        self._loss = AnswerLoss(self._routed, settings.precision)
        self._device = next(model.parameters()).device

    def epochs(self, progress: Callable[[int], None]) -> list[float]:
        """Take all steps; the mean loss an epoch."""
        settings = self._settings
        rates = AdapterSettings(rate=settings.rate, warm_up=settings.warm_up)
        weights = list(self._router.parameters())
        optimizer = torch.optim.AdamW(weights, lr=settings.rate, weight_decay=settings.weight_decay)
        steps = sum(order.steps for order in self._orders)
        done = 0
        losses = []
        for order in self._orders:
            total = 0.0
            for number in range(order.steps):
                packs = order.step(number)
                optimizer.param_groups[0]["lr"] = rates.rate_at(done, steps)
                optimizer.zero_grad()
                value = self._step(packs)
                if not math.isfinite(value):
                    raise TrainingError(f"the router's loss is no number; lower `rate` ({settings.rate:g})")
                nn.utils.clip_grad_norm_(weights, 1.0)
                optimizer.step()
                done += 1
                total += value / order.steps
                progress(sum(len(rows) for rows in packs))
            losses.append(total)
        return losses

    def _step(self, packs: Sequence[Sequence[TrainingRow]]) -> float:
        """Gradients of one step; its loss."""
        tokens = sum(len(row.answer) for rows in packs for row in rows)
        size = self._settings.packs_at_once
        value = 0.0
        for at in range(0, len(packs), size):
            group = packs[at : at + size]
            batch = pack(group).to(self._device)
            self._routed.seen = batch.owners >= 0
            identified = self._settings.identification > 0
            self._router.noted = [] if identified else None
            mask = batch.mask(
                torch.bfloat16
                if self._settings.precision == "bf16"
                else next(self._router.parameters()).dtype
            )
            loss = self._loss(batch.ids, mask, batch.positions, batch.labels) / tokens
            share = batch.count / tokens
            loss = loss + share * self._router.penalty().to(loss)
            if self._router.noted:
                loss = loss + share * self._settings.identification * self._identify(group, batch)
            loss.backward()
            value += float(loss.detach())
        self._router.noted = None
        return value

    def _identify(self, packs: Sequence[Sequence[TrainingRow]], batch: PackedBatch) -> Tensor:
        """The mean of −log p_own over layers and the questions' tokens."""
        longest = max(len(rows) for rows in packs)
        table = torch.tensor(
            [[self._adapters[id(row)] for row in rows] + [0] * (longest - len(rows)) for rows in packs],
            device=self._device,
        )
        asked = batch.owners > 0
        own = table.gather(1, (batch.owners - 1).clamp_min(0))[..., None]
        noted = self._router.noted or []
        each = [p.gather(-1, own)[..., 0][asked].clamp_min(1e-9).log().mean() for p in noted]
        return -torch.stack(each).mean()
