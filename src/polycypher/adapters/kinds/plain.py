"""The plain LoRA that an adapter equals, where there is one; where there is none, why.

rsLoRA (arXiv 2312.03732) is LoRA whose scale is alpha / √r, so that alpha' = alpha · √r makes it plain LoRA,
number by number. DoRA, (IA)³ and prefixes add no update to a weight, or not that alone, and stay what they
are. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge.state import IA3, LORA, PREFIX, AdapterState
from polycypher.errors import AdapterError

DORA: Final = "DORA"
"""Not a kind of PEFT's own: there it is LoRA with `use_dora`."""

WHY_NOT: Final[Mapping[str, str]] = {
    DORA: "DoRA scales each row of W + ΔW to a norm of its own, so that two updates do not add up",
    IA3: "(IA)³ multiplies activations and has no update to add",
    PREFIX: "a prefix is keys and values before the prompt and has no update to add",
}
"""Kind → why it can be neither stacked nor merged as LoRA can."""

_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def check_base(state: AdapterState) -> None:
    """Refuse an adapter for another base than the one it names.

    Raises:
        AdapterError: PiSSA, OLoRA or CorDA changed the base's weights, and PEFT saved what goes with those.
    """
    start = str(state.config.get("init_lora_weights", True)).lower()
    if state.kind == LORA and start.startswith(("pissa", "olora", "corda")):
        raise AdapterError(
            f"the adapter '{state.language}' belongs to a base that {start} changed; save it with PEFT's "
            "`path_initial_model_for_weight_conversion`"
        )


def as_plain_lora(state: AdapterState) -> LoraAdapter:
    """The plain LoRA that `state` equals: itself if it is one, or rsLoRA at another alpha.

    Raises:
        AdapterError: it equals none (DoRA, (IA)³, a prefix), or trains more than matrices, or its base's
            weights were changed when it began (PiSSA, OLoRA, CorDA as PEFT saves them unconverted).
    """
    config = state.config
    kind = DORA if state.kind == LORA and config.get("use_dora") else state.kind
    if kind != LORA:
        reason = WHY_NOT.get(kind, f"an adapter of the kind {kind} has no update that is known here")
        raise AdapterError(f"the adapter '{state.language}' is no plain LoRA: {reason}; train `kind: lora`")
    check_base(state)
    odd = next((name for name in state.tensors if not name.endswith((_A, _B))), None)
    if odd is not None or config.get("rank_pattern") or config.get("alpha_pattern"):
        what = odd.removeprefix(_PREFIX) if odd else "ranks or alphas that differ by module"
        raise AdapterError(f"the adapter '{state.language}' has {what}; train matrices only, of one rank")
    factors = {}
    for name, a in state.tensors.items():
        if name.endswith(_A):
            module = name.removesuffix(_A)
            b = state.tensors.get(module + _B)
            if b is None or a.shape[0] != b.shape[1]:
                raise AdapterError(f"the adapter '{state.language}' has no fitting lora_B for {module}")
            factors[module.removeprefix(_PREFIX)] = (a, b)
    if not factors:
        raise AdapterError(f"the adapter '{state.language}' holds no LoRA weights")
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    return LoraAdapter(
        factors=factors,
        rank=rank,
        alpha=alpha * math.sqrt(rank) if config.get("use_rslora") else alpha,
        base=str(config.get("base_model_name_or_path") or ""),
        language=state.language,
        prompt_hash=state.prompt_hash,
        base_fingerprint=state.base_fingerprint,
        record=state.record,
    )
