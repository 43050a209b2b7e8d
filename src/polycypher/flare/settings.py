"""How a FLARE adapter is trained. The defaults are those of arXiv 2501.06892."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from polycypher.adapters.train.order import Order
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.flare.model import TARGETS


class FlareSettings(BaseModel):
    """A FLARE adapter and its training run.

    A step is `batch` rows. Rows of one prefix may share a pack, `rows_a_pack` of them, of which
    `packs_at_once` run together: neither changes what is computed, but a pack runs a schema once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fusion: str = "add-relu"
    rank: int = Field(default=8, gt=0)
    alpha: float = Field(default=16, gt=0)
    targets: tuple[str, ...] = TARGETS
    epochs: int = Field(default=3, gt=0)
    rate: float = Field(default=2e-5, gt=0)
    warm_up: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    batch: int = Field(default=32, gt=0)
    rows_a_pack: int = Field(default=1, gt=0)
    packs_at_once: int = Field(default=4, gt=0)
    longest: int = Field(default=2048, gt=0)
    """Tokens of a prompt with its answer; longer ones are cut on the left."""
    precision: Literal["bf16", "no"] = "no"
    checkpoint_seconds: float = Field(default=120.0, gt=0)

    @property
    def packs_a_step(self) -> int:
        """Packs that make a batch."""
        return max(1, -(-self.batch // self.rows_a_pack))

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (0-based): linear rise over the warm-up, then linear fall to zero."""
        rising = int(self.warm_up * steps)
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * max(0.0, (steps - step) / max(1, steps - rising))


def lora_beside(flare: FlareSettings, rows: Sequence[TrainingRow]) -> AdapterSettings:
    """The settings that train a LoRA as FLARE is trained: size, modules, steps, rates and optimizer alike.

    Args:
        flare: how FLARE is trained.
        rows: what the LoRA will be trained on, from which the number of steps follows.
    """
    order = Order(
        rows,
        rows_a_pack=flare.rows_a_pack,
        packs_a_step=flare.packs_a_step,
        epochs=flare.epochs,
        seed=0,
        tokens_a_pack=flare.longest,
    )
    return AdapterSettings(
        rank=flare.rank,
        alpha=flare.alpha,
        targets=flare.targets,
        epochs=flare.epochs,
        rate=flare.rate,
        warm_up=int(flare.warm_up * order.steps),
        weight_decay=flare.weight_decay,
        rows_a_pack=flare.rows_a_pack,
        packs_a_step=flare.packs_a_step,
        packs_at_once=flare.packs_at_once,
        longest=flare.longest,
        optimizer="adamw",
        precision=flare.precision,
    )
