"""Greedy decoding with any router.

`RoutedBackbone` runs tokens of a model through a token router; it stands in `Runner` where the fast backbone
stands otherwise, so that prompts in rows, kept prefixes, padding and finished questions are the same code.
A router that asks for adapters-off states has its own pass for them with its own keys and values.
`RouterDecoder` answers prompts with a router of either kind. Knows nothing of Cypher or databases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polycypher.errors import ModelError
from polycypher.fusion.generation import TokenMask
from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.modes import rows_of
from polycypher.fusion.routers.router import PromptRouter, Router, RouterPrompt, TokenRouter
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter


class RoutedBackbone:
    """A `transformers` decoder under a token router; see `polycypher.fusion.backbone.Backbone`."""

    concurrent = False

    def __init__(self, model: Any, stacked: StackedAdapter, router: TokenRouter) -> None:
        """Raises `ModelError` for weights that `transformers` did not load."""
        from transformers import PreTrainedModel

        from polycypher.fusion.hub import HubBackbone

        if not isinstance(model, PreTrainedModel):
            raise ModelError(
                "a router by token runs the model's own code; load the base by `translator.loading.load_base`"
            )
        self._hub = HubBackbone(model, 1 + router.extra_passes)
        self._stacked, self._router = stacked, router

    def room(self, rows: int, capacity: int) -> KeyValues:
        """See `Backbone`."""
        return self._hub.room(rows, capacity)

    def forward(self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None) -> Tensor:
        """See `Backbone`."""
        states = None
        if self._router.base_states:
            with self._stacked.routed(None):
                states = self._hub.run(ids, places, kept, mask)
        self._router.begin(states)
        with self._stacked.routed(self._router):
            return self._hub.forward(ids, places, kept, mask)


@dataclass(frozen=True, slots=True)
class Routed:
    """An answer: token ids without the end token, and the prompt's gate vector [K] if it has one."""

    ids: list[int]
    weights: tuple[float, ...] | None


class RouterDecoder:
    """A base model, its stacked adapters and a router.

    It keeps the states of prompts' first parts, so a router that is trained further needs a new one.
    """

    def __init__(
        self,
        router: Router,
        model: Any,
        stacked: StackedAdapter,
        *,
        end: int,
        runner: Runner | None = None,
    ) -> None:
        """
        Args:
            router: is moved to the model's device and attached.
            model: a causal language model in which `stacked` is installed.
            stacked: the adapters that the router is for.
            end: the model's end token.
            runner: of the same model, to share kept prefixes between prompt routers; one of its own if None.

        Raises:
            AdapterError: the router is for other adapters.
            ModelError: a token router, and a model that `transformers` did not load.
        """
        self.router = router.to(next(model.parameters()).device).eval()
        self.router.attach(stacked)
        if isinstance(router, TokenRouter):
            runner = Runner(model, stacked, end=end, backbone=RoutedBackbone(model, stacked, router))
        self.runner = runner or Runner(model, stacked, end=end)

    @torch.inference_mode()
    def decode(
        self,
        prompts: Sequence[RouterPrompt],
        *,
        most: int = 256,
        masks: Sequence[TokenMask | None] | None = None,
    ) -> list[Routed]:
        """Answer prompts greedily, all in one batch.

        Args:
            prompts: at least one; lengths and schemas may differ.
            most: tokens that an answer may have.
            masks: which tokens may come next, one a prompt; None for free decoding.
        """
        count = len(prompts)
        weights: Tensor | None = None
        # Where a router weighs every token, the rows' own gate vectors are not asked.
        plans = [(torch.zeros(1, self.router.shape.adapters), torch.ones(1))] * count
        if isinstance(self.router, PromptRouter):
            weights = self.router.rows(self.runner, prompts).float().cpu()
            plans = [rows_of(one, self.router.mode) for one in weights]
        owners = [number for number, (rows, _) in enumerate(plans) for _ in range(len(rows))]
        states = self.runner.run(
            [(prompt.tokens.prefix, prompt.tokens.suffix) for prompt in prompts],
            torch.cat([rows for rows, _ in plans]),
            owners,
        )
        mixes = torch.cat([mix for _, mix in plans])
        answers = self.runner.generate(states, mixes, most=most, masks=masks)
        given: list[tuple[float, ...] | None] = (
            [None] * count if weights is None else [tuple(row) for row in weights.tolist()]
        )
        return [Routed(ids, one) for ids, one in zip(answers, given, strict=True)]
