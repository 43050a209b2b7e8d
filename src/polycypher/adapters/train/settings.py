"""How one adapter is trained. The defaults are those of arXiv 2601.16097, Appendix B."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["lora", "rslora", "dora", "ia3", "prefix"]

LORA_KINDS: Final = ("lora", "rslora", "dora")
IA3_TARGETS: Final = ("k_proj", "v_proj", "down_proj")
"""What (IA)³ scales: keys, values, and what the feed-forward layer holds between its two matrices
(arXiv 2205.05638, §3.3)."""

_KINDS_WITH: Final[Mapping[str, tuple[str, ...]]] = {
    "rank": LORA_KINDS,
    "alpha": LORA_KINDS,
    "dropout": LORA_KINDS,
    "loraplus_ratio": LORA_KINDS,
    "targets": (*LORA_KINDS, "ia3"),
    "feedforward": ("ia3",),
    "prefix_tokens": ("prefix",),
}
"""Key → kinds it says something of."""
_ADDED: Final = frozenset(
    {
        "kind",
        "initialisation",
        "initialisation_rows",
        "loraplus_ratio",
        "feedforward",
        "prefix_tokens",
        "four_bit",
    }
)
"""Keys that tell runs apart only where they differ from their default: plain LoRA runs are told apart by
the others alone, so that a folder keeps its run when a kind or an option is added."""


class AdapterSettings(BaseModel):
    """An adapter and its training run.

    A step is `packs_a_step` packs of up to `rows_a_pack` questions about one schema, run
    `packs_at_once` at a time (gradient accumulation). The paper's batch of 2 x 4 is 8 packs of one row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(default=8, gt=0)
    alpha: float = Field(default=16, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Modules by the last part of their name; for `kind: ia3`, left out, `IA3_TARGETS`."""
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
    kind: Kind = "lora"
    initialisation: str = Field(
        default="default",
        pattern=r"^(default|zero|gaussian|orthogonal|pissa(_niter_[1-9][0-9]*)?|olora|corda|eva)$",
    )
    """PEFT's `init_lora_weights`; `zero` is of prefixes, all others but `default` of LoRA."""
    initialisation_rows: int = Field(default=64, gt=0)
    """Rows that CorDA and EVA look at."""
    loraplus_ratio: float | None = Field(default=None, ge=1)
    """LoRA+ (arXiv 2402.12354): the rate of B over the rate of A, which is `rate`."""
    feedforward: tuple[str, ...] = ("down_proj",)
    """Those of (IA)³'s targets whose input is scaled, not their output."""
    prefix_tokens: int = Field(default=16, gt=0)
    """Keys and values that a prefix puts before the prompt, in every layer."""
    four_bit: bool = False
    """The base is in 4 bits (QLoRA, arXiv 2305.14314), as `four_bit.load_four_bit` loads it."""

    @model_validator(mode="before")
    @classmethod
    def _targets_of_ia3(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("kind") == "ia3" and "targets" not in given:
            return {**given, "targets": IA3_TARGETS}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> AdapterSettings:
        self.check()
        return self

    def check(self) -> None:
        """Refuse keys that contradict one another; a copy made with `model_copy` is not checked by itself.

        Raises:
            ValueError: names the keys.
        """
        kind, start = self.kind, self.initialisation
        for key, kinds in _KINDS_WITH.items():
            if kind not in kinds and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"`{key}` says nothing of `kind: {kind}`; leave it out")
        if kind == "prefix" and start not in ("default", "zero"):
            raise ValueError(f"`initialisation: {start}` is of LoRA; `kind: prefix` takes default or zero")
        if kind == "ia3" and start != "default":
            raise ValueError(f"`initialisation: {start}` is not of `kind: ia3`, which starts at ones")
        if kind in LORA_KINDS and start == "zero":
            raise ValueError(f"`initialisation: zero` is of `kind: prefix`, not of `kind: {kind}`")
        if start == "orthogonal" and self.rank % 2:
            raise ValueError(f"`initialisation: orthogonal` needs an even `rank`, not {self.rank}")
        if self.four_bit and kind == "ia3":
            raise ValueError(
                "`kind: ia3` cannot be taken out of a base in 4 bits again (PEFT); leave `four_bit` out"
            )
        if self.changes_base and kind == "dora":
            raise ValueError(
                f"`initialisation: {start}` takes a part out of the base's weights, whose norms `kind: dora` "
                "trains; take `kind: lora`"
            )
        if self.changes_base and self.four_bit:
            raise ValueError(
                f"`initialisation: {start}` changes the base's weights, which `four_bit` cannot hold "
                "exactly; leave one of them out"
            )

    @property
    def changes_base(self) -> bool:
        """Whether the initialisation moves a part of the base's weights into the adapter."""
        return self.initialisation.startswith(("pissa", "olora", "corda"))

    @property
    def looks_at_rows(self) -> bool:
        """Whether the initialisation depends on training rows."""
        return self.initialisation in ("corda", "eva")

    def identity(self) -> dict[str, Any]:
        """Everything that a run's numbers depend on."""
        fields = type(self).model_fields
        return {
            key: value
            for key, value in self.model_dump(exclude={"checkpoint_seconds"}).items()
            if key not in _ADDED or value != fields[key].default
        }

    def rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step (0-based): linear rise over the warm-up, then linear fall to zero."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        return self.rate * max(0.0, (steps - step) / max(1, steps - self.warm_up))
