"""`FlareModel`: a frozen task model and a FLARE adapter beside its q and v.

Two passes make one forward: the task model alone runs the source text, without gradient, while every target
layer's input is kept (`recording`); then the target text runs, and each layer fuses what was kept with what
it reads (`fusing`). As both are read where the layer reads, after the norm before it, source and target are
normalised alike. `down` brings kept states into the bottleneck, [rows, S, r] a layer: this is all that
decoding has to keep of a source. Knows nothing of batches, prompts or languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.errors import AdapterError
from polycypher.flare.alignment import Alignment
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.fusions import FUSIONS, fusion_named
from polycypher.flare.layer import FlareLayer, Flow
from polycypher.flare.storage import FlareAdapter, FlareIdentity
from polycypher.flare.task import TaskModel
from polycypher.fusion.stacked import StackedLinear

TARGETS = ("q_proj", "v_proj")
"""Layers that are fused: queries and values (arXiv 2501.06892, §3)."""


class FlareModel:
    """Installed by hooks, which change nothing but in `recording` and `fusing`; `remove` takes them away."""

    def __init__(
        self,
        task: TaskModel,
        *,
        fusion: str,
        rank: int = 8,
        alpha: float = 16.0,
        targets: Sequence[str] = TARGETS,
        encoder: LatentEncoder | None = None,
    ) -> None:
        """A fresh adapter, which changes nothing yet (B = 0).

        Args:
            task: what it starts from; its weights are never changed.
            fusion: a name of `FUSIONS`.
            rank, alpha: of the bottleneck.
            targets: last names of the layers to fuse.
            encoder: of FLARE-MT; None takes the task model's own states.

        Raises:
            UsageError: no such fusion.
            AdapterError: the model has none of the targets.
        """
        fusion_named(fusion, rank)
        self.task = task
        self.encoder = encoder
        self.fusion, self.rank, self.alpha, self.targets = fusion, rank, alpha, tuple(targets)
        self.attends = FUSIONS[fusion].attends
        self._flow = Flow()
        self.layers = nn.ModuleList()
        self._hooks: list[Any] = []
        found = [
            (name, module)
            for name, module in task.model.named_modules()
            if name.rpartition(".")[2] in self.targets
        ]
        if not found:
            raise AdapterError(
                f"the model has no layer named {' or '.join(self.targets)} to fuse; name its own `targets`"
            )
        for name, module in found:
            base: Any = module.base if isinstance(module, StackedLinear) else module
            layer = FlareLayer(
                name,
                base.in_features,
                base.out_features,
                alpha=alpha,
                fusion=fusion_named(fusion, rank),
                flow=self._flow,
                device=task.device,
            )
            self.layers.append(layer)
            self._hooks.append(module.register_forward_hook(layer.hook))
        self.bridge: nn.Linear | None = None
        if encoder is not None:
            sizes = {layer.a.shape[1] for layer in self._each()}
            if len(sizes) > 1:
                raise AdapterError(
                    f"layers named {', '.join(self.targets)} read states of sizes {sorted(sizes)}; FLARE-MT "
                    "gives all the same, so name `targets` of one size"
                )
            self.bridge = nn.Linear(encoder.size, sizes.pop(), device=task.device)

    @classmethod
    def of(
        cls, task: TaskModel, adapter: FlareAdapter, *, encoder: LatentEncoder | None = None
    ) -> FlareModel:
        """The model with a trained adapter.

        Raises:
            AdapterError: it was trained on another task model or for layers of other names or sizes, or it is
                one of FLARE-MT and no encoder of its size is given.
        """
        if adapter.identity.task != task.fingerprint:
            raise AdapterError(
                f"the FLARE adapter for '{adapter.identity.target}' was trained on another task adapter; "
                "load the one it was trained on"
            )
        wanted = None if adapter.encoder is None else int(adapter.encoder["size"])
        given = None if encoder is None else encoder.size
        if wanted != given:
            needs = "none" if wanted is None else f"one of size {wanted} ({adapter.encoder or {}})"
            raise AdapterError(
                f"the FLARE adapter for '{adapter.identity.target}' takes another encoder: {needs}"
            )
        model = cls(
            task,
            fusion=adapter.fusion,
            rank=adapter.rank,
            alpha=adapter.alpha,
            targets=adapter.targets,
            encoder=encoder,
        )
        own = model.weights()
        if own.keys() != adapter.tensors.keys() or any(
            own[name].shape != one.shape for name, one in adapter.tensors.items()
        ):
            model.remove()
            raise AdapterError(
                f"the FLARE adapter for '{adapter.identity.target}' does not fit the model: its layers have "
                "other names or sizes"
            )
        with torch.no_grad():
            for name, weight in own.items():
                weight.copy_(adapter.tensors[name])
                weight.requires_grad_(False)
        return model

    def adapter(self, identity: FlareIdentity, record: Mapping[str, Any] | None = None) -> FlareAdapter:
        """The adapter as plain tensors; `identity.task` is that of the task model."""
        return FlareAdapter(
            tensors={name: weight.detach().float().cpu().clone() for name, weight in self.weights().items()},
            fusion=self.fusion,
            rank=self.rank,
            alpha=self.alpha,
            targets=self.targets,
            identity=identity,
            encoder=None if self.encoder is None else {"name": self.encoder.name, "size": self.encoder.size},
            record=dict(record or {}),
        )

    def weights(self) -> dict[str, nn.Parameter]:
        """The adapter's own weights by name."""
        found = {
            f"{layer.name}.{name}": weight
            for layer in self._each()
            for name, weight in layer.named_parameters()
        }
        if self.bridge is not None:
            found.update((f"bridge.{name}", weight) for name, weight in self.bridge.named_parameters())
        return found

    def remove(self) -> None:
        """Take the hooks away: the model is the task model again."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    @contextmanager
    def recording(self) -> Iterator[dict[str, Tensor]]:
        """In here, the model runs as the task model, without gradient; by a layer's name, what it read last:
        [rows, tokens, in]."""
        self._flow.recorded = {}
        try:
            with torch.no_grad():
                yield self._flow.recorded
        finally:
            self._flow.recorded = None

    @contextmanager
    def fusing(self, sources: Mapping[str, Tensor] | None, alignment: Alignment | None) -> Iterator[None]:
        """In here, the model fuses what it runs with `sources`, as `down` gives them; with None, every layer
        is a plain LoRA."""
        flow = self._flow
        flow.fusing, flow.sources, flow.alignment = True, sources, alignment
        try:
            yield
        finally:
            flow.fusing, flow.sources, flow.alignment = False, None, None

    def down(self, states: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A s of every layer: recorded states [rows, S, in] by name to [rows, S, r]."""
        return {layer.name: layer.down(states[layer.name]) for layer in self._each()}

    def down_latent(self, states: Tensor) -> dict[str, Tensor]:
        """A s of every layer for FLARE-MT: the encoder's states [rows, S, d_mt] to [rows, S, r]."""
        assert self.bridge is not None
        bridged = self.bridge(states.to(self.bridge.weight.dtype))
        return {layer.name: layer.down(bridged) for layer in self._each()}

    def _each(self) -> Iterator[FlareLayer]:
        for layer in self.layers:
            assert isinstance(layer, FlareLayer)
            yield layer
