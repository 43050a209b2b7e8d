"""`Router`: what decides how much each frozen adapter counts, by prompt, by layer or by token.

One interface for all. A `PromptRouter` gives a prompt one gate vector, w = `rows(…)` [prompts, K], kept for
the whole answer. A `TokenRouter` is asked at every stacked layer for the weights of every token,

    y = W₀ x + Σ_i w_i(layer, token) s_i B_i A_i x        w = `weights(layer, x, A x)` [rows, tokens or 1, K]

after it was told of the new tokens (`begin`): their states with all adapters off, where it asks for them.
What it answers for a token depends on that token and on tokens before it alone, so that decoding with kept
keys and values gives what a pass over the whole text gives. Knows nothing of languages by name, or of
training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import AdapterError
from polycypher.fusion.modes import Mode
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import Site, StackedAdapter, StackedLinear

FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
"""The linear layers of a gated feed-forward block, in the order in which they run."""


class Granularity(StrEnum):
    """What a gate vector is for: a whole prompt, a token in all layers, or a token in a layer."""

    PROMPT = "prompt"
    TOKEN_AND_BLOCK = "token x block"
    TOKEN_AND_LAYER = "token x layer"


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that a router is made for.

    `ranks` are the adapters'; `sites` the stacked layers; `feed_forward` the linear layers of the model's
    gated feed-forward blocks, stacked or not; `hidden` and `vocabulary` the model's sizes.
    """

    ranks: tuple[int, ...]
    sites: tuple[Site, ...]
    feed_forward: tuple[Site, ...]
    hidden: int
    vocabulary: int

    @property
    def adapters(self) -> int:
        """K."""
        return len(self.ranks)

    @classmethod
    def of(cls, model: Any, stacked: StackedAdapter) -> Shape:
        """The shape of a causal language model in which `stacked` is installed."""
        known = {site.name: site for site in stacked.sites}
        feed_forward = []
        for name, module in model.named_modules():
            leaf = name.rpartition(".")[2]
            if name in known and leaf in FEED_FORWARD:
                feed_forward.append(known[name])
            elif leaf in FEED_FORWARD and isinstance(module, nn.Linear):
                block = next((int(part) for part in name.split(".") if part.isdigit()), -1)
                feed_forward.append(Site(name, -1, block, module.in_features, module.out_features))
        ranks = torch.bincount(stacked.layers[0].owner, minlength=stacked.count).tolist()
        config = model.config
        return cls(tuple(ranks), stacked.sites, tuple(feed_forward), config.hidden_size, config.vocab_size)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Shape:
        """Read `to_dict`'s form. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        sites, feed_forward = (
            tuple(Site(**site) for site in value[name]) for name in ("sites", "feed_forward")
        )
        ranks = tuple(int(rank) for rank in value["ranks"])
        return cls(ranks, sites, feed_forward, int(value["hidden"]), int(value["vocabulary"]))


@dataclass(frozen=True, slots=True)
class RouterPrompt:
    """A prompt to be routed: its tokens, and the question's text for who reads text."""

    tokens: PromptTokens
    question: str = ""


class Router(nn.Module, ABC):
    """What all routers share; `options` are what its constructor was told, JSON-able."""

    granularity: ClassVar[Granularity]

    def __init__(self, shape: Shape, **options: Any) -> None:
        super().__init__()
        self.shape = shape
        self.options = options
        self.name = ""
        """The name in `registry.ROUTERS` that it was made by."""

    def attach(self, stacked: StackedAdapter) -> None:
        """Prepare for these adapters, before anything is routed.

        Raises:
            AdapterError: the router was made for another number of adapters, or other layers.
        """
        if stacked.count != self.shape.adapters:
            raise AdapterError(
                f"the router is for {self.shape.adapters} adapters, and {stacked.count} are stacked; "
                "train one for these"
            )
        if stacked.sites != self.shape.sites:
            raise AdapterError(
                "the router was made for adapters of other layers than those stacked; train one for these"
            )

    @property
    def parameters_count(self) -> int:
        """Numbers that are trained."""
        return sum(weight.numel() for weight in self.parameters())

    @property
    def extra_rows(self) -> int:
        """Rows that answer one prompt beside the first."""
        return 0

    @property
    def extra_passes(self) -> int:
        """Passes through the bare base for every token beside that with adapters."""
        return 0

    def multiply_adds(self) -> int:
        """The router's own multiply-adds a token, without the stacked adapters."""
        return 0


class PromptRouter(Router):
    """A router with one gate vector for a prompt; `mode` says how its adapters are then combined."""

    granularity = Granularity.PROMPT
    mode: Mode = Mode.MERGED

    @abstractmethod
    def rows(self, runner: Runner, prompts: Sequence[RouterPrompt]) -> Tensor:
        """The prompts' gate vectors [Q, K]; `runner` runs prompts for who needs their states."""


class TokenRouter(Router):
    """A router with gate vectors for every token; a `stacked.LayerRouter`."""

    base_states: ClassVar[bool] = False
    """Whether `begin` needs the states of the adapters-off pass."""

    def __init__(self, shape: Shape, **options: Any) -> None:
        super().__init__(shape, **options)
        self.noted: list[Tensor] | None = None
        """A list here collects the probabilities before any choice of the largest, [rows, tokens, K] each."""
        self.seen: Tensor | None = None

    @property
    def opens(self) -> Sequence[str]:
        """Linear layers without adapters that the router changes too."""
        return ()

    @property
    def extra_passes(self) -> int:
        """See `Router`."""
        return int(self.base_states)

    def begin(self, states: Tensor | None, seen: Tensor | None = None) -> None:
        """New tokens come.

        Args:
            states: their last hidden states after the final norm with all adapters off,
                [rows, tokens, hidden]; None where `base_states` is False.
            seen: which of them are no padding, [rows, tokens]; None for all. Only `penalty` asks.
        """
        self.seen = seen

    @abstractmethod
    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """Weights at a layer [rows, tokens or 1, K].

        Args:
            layer: with its site, factors, owners and scales of the ranks.
            x: its input [rows, tokens, in], float32.
            low: A x [rows, tokens, Σr], float32.
        """

    def update(self, layer: StackedLinear, x: Tensor) -> Tensor:
        """What the adapters add to the layer's output [rows, tokens, out]."""
        low = nn.functional.linear(x, layer.a)
        # Choices between adapters are made in float32, so that training and decoding choose alike.
        with torch.autocast(x.device.type, enabled=False):
            weights = self.weights(layer, x.float(), low.float())
        return layer.mixed(low, weights)

    def penalty(self) -> Tensor:
        """What training adds to the loss of the tokens since `begin`; a number."""
        return torch.zeros(())

    def note(self, probabilities: Tensor) -> None:
        """Keep probabilities for who asked for them (`noted`)."""
        if self.noted is not None:
            self.noted.append(probabilities)


def largest(probabilities: Tensor, count: int) -> Tensor:
    """The `count` largest of each [..., K], the others zero, scaled to the sum one."""
    values, places = probabilities.topk(min(count, probabilities.shape[-1]), -1)
    kept = torch.zeros_like(probabilities).scatter(-1, places, values)
    return kept / kept.sum(-1, keepdim=True)
