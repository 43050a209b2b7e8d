"""How one adapter is trained. The defaults are those of arXiv 2601.16097, Appendix B."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class AdapterSettings(BaseModel):
    """A LoRA and its training run.

    A step is `packs_a_step` packs of up to `rows_a_pack` questions about one schema, run
    `packs_at_once` at a time (gradient accumulation). The paper's batch of 2 x 4 is 8 packs of one row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=8, gt=0)
    alpha: float = Field(default=16, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    epochs: int = Field(default=1, gt=0)
    rate: float = Field(default=2e-4, gt=0)
    warm_up: int = Field(default=5, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    rows_a_pack: int = Field(default=1, gt=0)
    packs_a_step: int = Field(default=8, gt=0)
    packs_at_once: int = Field(default=2, gt=0)
    longest: int = Field(default=2048, gt=0)
    """Tokens of one question with its schema and answer; longer ones are cut on the left."""
    optimizer: Literal["adamw", "adamw-8bit"] = "adamw-8bit"
    precision: Literal["bf16", "no"] = "bf16"
    checkpoint_seconds: float = Field(default=120.0, gt=0)
    """Seconds between checkpoints."""

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (0-based): linear rise over the warm-up, then linear fall to zero."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        return self.rate * max(0.0, (steps - step) / max(1, steps - self.warm_up))
