"""The gate as a router: previews of the prompt through every adapter give one gate vector.

arXiv 2601.16097, §3 (`polycypher.fusion.gate`, kinds `mlp` and `shared-scorer`). The mode says what its
weights mix: the adapters' logits (the paper's), or their updates in one row (`merged`). Trained by
`polycypher.fusion.gate_training`. Knows nothing of languages by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.errors import UsageError
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.inputs import GateInputs
from polycypher.fusion.modes import Mode
from polycypher.fusion.previews import Reduction, size_of
from polycypher.fusion.routers.router import PromptRouter, RouterPrompt, Shape
from polycypher.fusion.runner import Runner


class GateRouter(PromptRouter):
    """A gate over all stacked adapters."""

    def __init__(self, shape: Shape, *, kind: str, mode: str = Mode.LOGITS, **config: Any) -> None:
        """
        Args:
            shape: of the stacked adapters.
            kind: `mlp` or `shared-scorer`.
            mode: how the weighted adapters are combined (`polycypher.fusion.modes`).
            config: further fields of `GateConfig`.

        Raises:
            UsageError: a kind that needs no previews, or an unknown mode or field.
        """
        super().__init__(shape, mode=str(mode), **config)  # the kind is the name's
        try:
            self.mode = Mode(mode)
            reduction = Reduction(config.get("reduction", Reduction.PROJECTION))
            sizes = {
                "adapters": shape.adapters,
                "preview": size_of(reduction, shape.vocabulary, shape.hidden),
                "embedding_size": shape.hidden,
            }
            fields = {**GateConfig().to_dict(), **config, **sizes, "kind": kind}
            self.gate = Gate(GateConfig.from_dict(fields))
        except (ValueError, TypeError) as error:
            raise UsageError(f"no gate can be made of these options: {error}") from None
        if self.gate.config.kind is GateKind.EARLY or self.mode is Mode.EARLY:
            raise UsageError("the early gate is distilled from another (`fusion.early`); name mlp instead")

    @property
    def extra_rows(self) -> int:
        """See `Router`: the paper's fusion answers in a row an adapter."""
        return self.shape.adapters - 1 if self.mode in (Mode.LOGITS, Mode.PRUNED) else 0

    @torch.inference_mode()
    def rows(self, runner: Runner, prompts: Sequence[RouterPrompt]) -> Tensor:
        """See `PromptRouter`."""
        inputs = GateInputs(runner.model, self.gate.config)
        units = runner.stacked.one_hot()
        owners = [number for number in range(len(prompts)) for _ in range(len(units))]
        parts = [(prompt.tokens.prefix, prompt.tokens.suffix) for prompt in prompts]
        states = runner.run(parts, units.repeat(len(prompts), 1), owners)
        made = [inputs(prompt.tokens, states.of(number)) for number, prompt in enumerate(prompts)]
        weights: Tensor = self.gate(torch.stack([p for p, _ in made]), torch.stack([e for _, e in made]))
        return weights
