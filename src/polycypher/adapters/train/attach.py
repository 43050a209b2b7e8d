"""An untrained adapter in a model, by PEFT, and what it is once trained, for the base as it was given.

PiSSA (arXiv 2404.02948), OLoRA (arXiv 2406.01775) and CorDA (arXiv 2406.05223) begin with a part of the
base's weights, W = W' + s·B₀A₀, and train on W'. What comes out is told for W, by

    W' + s·BA = W + s·(BA − B₀A₀) = W + s · [B −B₀] [A; A₀],

a plain LoRA of twice the rank, and the base gets its weights back. Knows nothing of steps or folders.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.adapters.kinds.running import NAME, detach
from polycypher.adapters.merge.state import IA3, LORA, PREFIX
from polycypher.adapters.train.initial import explained_variance, previewed
from polycypher.adapters.train.packing import TrainingRow
from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import AdapterError

_A, _B = ".lora_A.weight", ".lora_B.weight"


class Attached:
    """A model with a fresh adapter in it, from `attach` until `detach`.

    `tuned` is the PEFT model; parameters to be trained are those that want a gradient.
    """

    def __init__(
        self,
        model: nn.Module,
        settings: AdapterSettings,
        rows: Sequence[TrainingRow],
        *,
        seed: int,
        fresh: bool,
    ) -> None:
        """Put the adapter in.

        Args:
            model: a Hugging Face causal language model.
            settings: the adapter.
            rows: what it will be trained on; CorDA and EVA look at some, drawn by `seed`.
            seed: of the draw; tensors are drawn from torch's own generator.
            fresh: whether its tensors count, and are not about to be replaced by a checkpoint's.

        Raises:
            AdapterError: the model has none of the modules, or one smaller than the rank.
            TrainingError: the rows are too few to begin with.
        """
        from peft import get_peft_model

        self.settings = settings
        if settings.changes_base or settings.looks_at_rows:
            _check_rank(model, settings)
        self._originals = _weights(model, settings) if settings.changes_base else {}
        config = _config(settings)
        some = random.Random(seed).sample(rows, min(len(rows), settings.initialisation_rows))
        try:
            if settings.initialisation == "corda":
                previewed(model, config, some)
            self.tuned: Any = get_peft_model(model, config)
        except (ValueError, RuntimeError) as error:
            self._restore()
            reason = " ".join(str(error).split())
            raise AdapterError(f"cannot put an adapter on the model: {reason}") from None
        try:
            if settings.initialisation == "eva" and fresh:
                explained_variance(self.tuned, settings.rank, some)
        except BaseException:
            self.detach()
            raise
        self._initial = self._tensors(None) if settings.changes_base else {}

    def detach(self) -> None:
        """Take the adapter out; the model is as it was."""
        detach(self.tuned)
        self._restore()

    def state(
        self, whole: Mapping[str, Tensor] | None = None
    ) -> tuple[str, dict[str, Tensor], dict[str, Any]]:
        """(PEFT's kind, tensors, configuration) of the adapter for the base as it was given, in float32.

        Args:
            whole: the PEFT model's state dict where it is spread over processes.
        """
        settings, tensors = self.settings, self._tensors(whole)
        told: dict[str, Any] = {"task_type": "CAUSAL_LM"}
        if settings.kind == "prefix":
            own = self.tuned.peft_config[NAME]
            sizes = ("num_virtual_tokens", "token_dim", "num_attention_heads", "num_layers")
            told |= {name: int(getattr(own, name)) for name in sizes}
            return PREFIX, tensors, {**told, "num_transformer_submodules": 1, "prefix_projection": False}
        modules = {name.split(".lora_")[0].split(".ia3_l")[0].rsplit(".", 1)[1] for name in tensors}
        told |= {"target_modules": sorted(modules), "fan_in_fan_out": False}
        if settings.kind == "ia3":
            return IA3, tensors, {**told, "feedforward_modules": sorted(modules & {*settings.feedforward})}
        rank, alpha = settings.rank, settings.alpha
        if self._initial:
            tensors = {name: _converted(name, one, self._initial[name]) for name, one in tensors.items()}
            # The scale stays: alpha / r of plain LoRA, alpha / √r of rsLoRA.
            rank, alpha = 2 * rank, alpha * (math.sqrt(2) if settings.kind == "rslora" else 2)
        return LORA, tensors, {**told, **_lora(settings), "r": rank, "lora_alpha": alpha, "lora_dropout": 0.0}

    def _tensors(self, whole: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        from peft import get_peft_model_state_dict

        found = get_peft_model_state_dict(self.tuned, state_dict=whole, save_embedding_layers=False)
        return {name: one.detach().float().cpu().clone() for name, one in found.items()}

    def _restore(self) -> None:
        for module, weight in self._originals.items():
            module.weight.data = weight
        self._originals = {}


def _lora(settings: AdapterSettings) -> dict[str, Any]:
    return {
        "r": settings.rank,
        "lora_alpha": settings.alpha,
        "lora_dropout": settings.dropout,
        "use_rslora": settings.kind == "rslora",
        "use_dora": settings.kind == "dora",
        "bias": "none",
    }


def _config(settings: AdapterSettings) -> Any:
    """PEFT's configuration of an adapter to be trained."""
    from peft import IA3Config, LoraConfig, PrefixTuningConfig
    from peft.tuners.lora.config import CordaConfig, EvaConfig

    start = settings.initialisation
    if settings.kind == "prefix":
        return PrefixTuningConfig(
            task_type="CAUSAL_LM",
            num_virtual_tokens=settings.prefix_tokens,
            init_weights="zero" if start == "zero" else None,
        )
    targets = list(settings.targets)
    if settings.kind == "ia3":
        scaled = [name for name in targets if name in settings.feedforward]
        return IA3Config(task_type="CAUSAL_LM", target_modules=targets, feedforward_modules=scaled)
    data: dict[str, Any] = {}
    if start == "corda":
        data["corda_config"] = CordaConfig(corda_method="ipm")
    if start == "eva":
        # No redistribution: ranks that differ by module do not stack.
        data["eva_config"] = EvaConfig(rho=1.0)
    return LoraConfig(
        task_type="CAUSAL_LM",
        target_modules=targets,
        init_lora_weights=True if start == "default" else start,
        **_lora(settings),
        **data,
    )


def _linear(model: nn.Module, settings: AdapterSettings) -> dict[str, nn.Linear]:
    return {
        name: module
        for name, module in model.named_modules()
        if name.rsplit(".", 1)[-1] in settings.targets and isinstance(module, nn.Linear)
    }


def _check_rank(model: nn.Module, settings: AdapterSettings) -> None:
    for name, module in _linear(model, settings).items():
        if settings.rank > (most := min(module.in_features, module.out_features)):
            raise AdapterError(
                f"`initialisation: {settings.initialisation}` takes {settings.rank} of the directions of "
                f"{name}, which has {most}; lower `rank`"
            )


def _weights(model: nn.Module, settings: AdapterSettings) -> dict[nn.Linear, Tensor]:
    """A copy of every weight that the initialisation is about to change."""
    return {module: module.weight.detach().clone() for module in _linear(model, settings).values()}


def _converted(name: str, trained: Tensor, initial: Tensor) -> Tensor:
    if name.endswith(_A):
        return torch.cat([trained, initial], 0)
    return torch.cat([trained, -initial], 1)
