"""MixLoRA-style: a router in every block sends each token to LoRA experts of the feed-forward layers.

Li et al., MixLoRA, arXiv 2404.15159, §3. In each block, with the feed-forward's input x,

    p = softmax(G x)    w = the k largest of p (k = 2), scaled to the sum one
    ΔW = Σ_i w_i s B_i A_i   in gate_proj, up_proj and down_proj

Training adds c · mean over blocks of K Σ_i f_i P_i: f_i is how many tokens choose expert i, as a share of all
tokens (the f_i sum to k), and P_i the mean of p_i (Fedus et al., arXiv 2101.03961, §2.2, for k choices), so
that no expert is left without tokens.

**Experts.** Where the stacked adapters change feed-forward layers, their factors there are the experts, and
stay frozen. Where they change attention alone, as in arXiv 2601.16097, K fresh experts of rank `rank` are
trained with the router, on the same data; they are part of its saved parameters and counted.

**Attention.** The adapters' attention factors count 1/K each (their exact linear merge). In the paper one
attention LoRA is always on, and the router reads the feed-forward's input, which is not there yet when the
block's attention runs. So this router shows what routed experts add to the linear merge.

What differs from the paper besides: it adds up the outputs of k whole feed-forward passes, and here the
experts' updates are mixed in each of the three layers (the same for one expert, or equal ones), which costs
one pass. Knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from polycypher.errors import AdapterError, UsageError
from polycypher.fusion.routers.router import FEED_FORWARD, Granularity, Shape, TokenRouter, largest
from polycypher.fusion.stacked import StackedLinear


class MixLoraRouter(TokenRouter):
    """Token × block weights of feed-forward experts."""

    granularity = Granularity.TOKEN_AND_BLOCK

    def __init__(
        self, shape: Shape, *, top_k: int = 2, rank: int = 8, alpha: float = 16.0, balance: float = 0.01
    ) -> None:
        """
        Args:
            shape: of the stacked adapters.
            top_k: experts that a token uses, at most all of them.
            rank, alpha: of fresh experts.
            balance: c, the share of the load-balance loss.

        Raises:
            UsageError: `top_k`, `rank` or `alpha` is not positive, or `balance` negative.
            AdapterError: the model's blocks have no gated feed-forward layers.
        """
        super().__init__(shape, top_k=top_k, rank=rank, alpha=alpha, balance=balance)
        if top_k < 1 or rank < 1 or alpha <= 0 or balance < 0:
            raise UsageError("MixLoRA's top_k, rank and alpha are positive, and its balance is not negative")
        blocks = sorted({site.block for site in shape.feed_forward})
        if len(shape.feed_forward) != len(FEED_FORWARD) * len(blocks) or not blocks:
            raise AdapterError(
                f"MixLoRA's experts change {', '.join(FEED_FORWARD)}, which the model's blocks do not have"
            )
        self._top_k = top_k
        self._scale = alpha / rank
        self._balance = balance
        self._places = {block: place for place, block in enumerate(blocks)}
        inputs = {site.block: site.size_in for site in shape.feed_forward if site.leaf == FEED_FORWARD[0]}
        self.gates = nn.ModuleList(nn.Linear(inputs[block], shape.adapters, bias=False) for block in blocks)
        self.fresh = all(site.number < 0 for site in shape.feed_forward)
        self._experts = {site.name: place for place, site in enumerate(shape.feed_forward)}
        count = shape.adapters * rank
        self.a, self.b = nn.ParameterList(), nn.ParameterList()
        if self.fresh:
            for site in shape.feed_forward:
                bound = site.size_in**-0.5  # of `nn.Linear`, as PEFT starts A; B starts at zero
                self.a.append(nn.Parameter(torch.empty(count, site.size_in).uniform_(-bound, bound)))
                self.b.append(nn.Parameter(torch.zeros(site.size_out, count)))
        self._rank = rank
        self._now: dict[int, Tensor] = {}
        self._losses: list[Tensor] = []

    @property
    def opens(self) -> Sequence[str]:
        """See `TokenRouter`."""
        return tuple(self._experts)

    def begin(self, states: Tensor | None, seen: Tensor | None = None) -> None:
        """See `TokenRouter`."""
        super().begin(states, seen)
        self._now.clear()
        self._losses.clear()

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        """See `TokenRouter`: the block's choice in feed-forward layers, 1/K elsewhere."""
        if layer.site.name in self._experts:
            return self._now[layer.site.block]
        return x.new_full((1, 1, self.shape.adapters), 1 / self.shape.adapters)

    def update(self, layer: StackedLinear, x: Tensor) -> Tensor:
        """See `TokenRouter`."""
        place = self._experts.get(layer.site.name)
        if place is not None and layer.site.leaf == FEED_FORWARD[0]:
            with torch.autocast(x.device.type, enabled=False):
                self._now[layer.site.block] = self._choose(layer.site.block, x.float())
        if place is None or not self.fresh:
            return super().update(layer, x)
        low = nn.functional.linear(x, self.a[place].to(x.dtype))
        each = self._now[layer.site.block].repeat_interleave(self._rank, -1) * self._scale
        return nn.functional.linear(low * each.to(low.dtype), self.b[place].to(low.dtype))

    def penalty(self) -> Tensor:
        """The load-balance loss of the tokens since `begin`."""
        if not self._losses:
            return super().penalty()
        return self._balance * torch.stack(self._losses).mean()

    def multiply_adds(self) -> int:
        """See `Router`: the routers, and fresh experts."""
        return self.parameters_count

    def _choose(self, block: int, x: Tensor) -> Tensor:
        probabilities = torch.softmax(self.gates[self._places[block]](x), -1)
        self.note(probabilities)
        chosen = largest(probabilities, self._top_k)
        if self.training:
            seen = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
            self._losses.append(load_balance(probabilities, chosen, seen if self.seen is None else self.seen))
        return chosen


def load_balance(probabilities: Tensor, chosen: Tensor, seen: Tensor) -> Tensor:
    """K Σ_i f_i P_i over the tokens that are `seen` [rows, tokens].

    Args:
        probabilities: p [rows, tokens, K].
        chosen: w, zero where an expert is not chosen.
        seen: False for padding.
    """
    share = (chosen[seen] > 0).float().mean(0)
    mean = probabilities[seen].mean(0)
    return probabilities.shape[-1] * (share * mean).sum()
