"""Every router by its name: what makes it, and the paper it comes from.

A new router is one file with a `PromptRouter` or a `TokenRouter`, and one line here (`docs/routers.md` shows
it). Knows nothing of data or training.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from polycypher.errors import UsageError
from polycypher.fusion.gate import GateConfig, GateKind
from polycypher.fusion.routers.adapter_fusion import AdapterFusionRouter
from polycypher.fusion.routers.arrow import ArrowRouter
from polycypher.fusion.routers.gated import GateRouter
from polycypher.fusion.routers.language_id import LanguageIdRouter
from polycypher.fusion.routers.meteora import MeteoraRouter
from polycypher.fusion.routers.mixlora import MixLoraRouter
from polycypher.fusion.routers.router import Router, Shape
from polycypher.fusion.routers.x_lora import XLoraRouter
from polycypher.fusion.stacked import StackedAdapter


@dataclass(frozen=True, slots=True)
class RouterKind:
    """A kind of router: `make(shape, **options)` and the paper; `more` are options that `make`'s signature
    does not show."""

    name: str
    make: Callable[..., Router]
    paper: str
    more: frozenset[str] = frozenset()

    @property
    def options(self) -> frozenset[str]:
        """What it can be told."""
        parameters = inspect.signature(self.make).parameters.values()
        named = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
        fixed = self.make.keywords.keys() if isinstance(self.make, partial) else ()
        return frozenset(named - set(fixed)) | self.more

    def __call__(self, shape: Shape, **options: Any) -> Router:
        """A router with fresh weights.

        Raises:
            UsageError: an option that it does not take, lacks, or cannot use.
            AdapterError: the model or adapters do not suit it.
        """
        if unknown := options.keys() - self.options:
            takes = ", ".join(sorted(self.options)) or "no options"
            raise UsageError(f"the router `{self.name}` takes no {min(unknown)}; it takes {takes}")
        try:
            router = self.make(shape, **options)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the router `{self.name}` cannot be made so: {error}") from None
        router.name = self.name
        return router.eval()


_GATE = "arXiv 2601.16097, §3"
_FIELDS = frozenset(GateConfig.__dataclass_fields__) - {"kind", "adapters", "preview", "embedding_size"}

ROUTERS: Mapping[str, RouterKind] = {
    kind.name: kind
    for kind in (
        RouterKind("language-id", LanguageIdRouter, "arXiv 2503.01743, §2.2 (Phi-4-Mini), by language"),
        RouterKind("gate-mlp", partial(GateRouter, kind=GateKind.MLP), _GATE, _FIELDS),
        RouterKind(
            "gate-shared-scorer",
            partial(GateRouter, kind=GateKind.SHARED_SCORER),
            f"this project, after {_GATE}",
            _FIELDS,
        ),
        RouterKind("x-lora", XLoraRouter, "arXiv 2402.07148"),
        RouterKind("arrow", ArrowRouter, "arXiv 2405.11157, §3.2"),
        RouterKind("meteora", MeteoraRouter, "arXiv 2405.13053, §3"),
        RouterKind("mixlora", MixLoraRouter, "arXiv 2404.15159, §3, in its style"),
        RouterKind("adapter-fusion", AdapterFusionRouter, "arXiv 2005.00247, §3.2 (EACL 2021)"),
    )
}
"""Routers by the names that recipes and reports use."""


def router_kind(name: str) -> RouterKind:
    """The kind of a name. Raises `UsageError` for another name."""
    if name not in ROUTERS:
        raise UsageError(f"no router is named '{name}'; there are {', '.join(ROUTERS)}")
    return ROUTERS[name]


def make_router(name: str, model: Any, stacked: StackedAdapter, **options: Any) -> Router:
    """A router with fresh weights for a causal language model in which `stacked` is installed, attached.

    Raises:
        UsageError: an unknown name, or an option that the router does not take or cannot use.
        AdapterError: the model or adapters do not suit it.
    """
    router = router_kind(name)(Shape.of(model, stacked), **options)
    router.attach(stacked)
    return router
