"""`LoraAdapter`: one adapter as plain tensors, read from and written to a PEFT folder.

The folder is what `peft.PeftModel.from_pretrained` reads: `adapter_config.json` and
`adapter_model.safetensors`. A third file, `polycypher.json`, holds language, prompt hash and base
fingerprint, so that an adapter is never used with another prompt or base. Knows
nothing of gates or models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from polycypher.errors import AdapterError

_PREFIX = "base_model.model."
CONFIG, WEIGHTS, RECORD = "adapter_config.json", "adapter_model.safetensors", "polycypher.json"


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """ΔW = scale · B·A a matrix; scale = alpha / r.

    `factors` maps a module name (`model.layers.0.self_attn.q_proj`) to A [r, in] and B [out, r].
    """

    factors: Mapping[str, tuple[Tensor, Tensor]]
    rank: int
    alpha: float
    base: str = ""
    language: str = ""
    prompt_hash: str = ""
    base_fingerprint: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """alpha / r."""
        return self.alpha / self.rank

    @property
    def parameters(self) -> int:
        """How many numbers the adapter holds."""
        return sum(a.numel() + b.numel() for a, b in self.factors.values())

    def save(self, folder: Path) -> None:
        """Write the PEFT folder; files are written to temporary names, then renamed.

        Raises:
            AdapterError: the folder cannot be written.
        """
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "use_rslora": False,
            "use_dora": False,
            "target_modules": sorted({name.rsplit(".", 1)[1] for name in self.factors}),
        }
        own = {
            "language": self.language,
            "prompt_hash": self.prompt_hash,
            "base_fingerprint": self.base_fingerprint,
            **self.record,
        }
        tensors = {}
        for name, (a, b) in self.factors.items():
            tensors[f"{_PREFIX}{name}.lora_A.weight"] = a.detach().contiguous()
            tensors[f"{_PREFIX}{name}.lora_B.weight"] = b.detach().contiguous()
        write_folder(folder, tensors, config, own)

    @classmethod
    def load(cls, folder: Path) -> LoraAdapter:
        """Read a PEFT folder.

        Raises:
            AdapterError: files are missing or damaged, or the kind cannot be stacked (rsLoRA, DoRA, a
                bias, ranks that differ by module); the message says which.
        """
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            own = json.loads(text) if (text := _read_if_there(folder / RECORD)) else {}
            tensors = load_file(folder / WEIGHTS)
        except FileNotFoundError as error:
            raise AdapterError(
                f"the adapter folder {folder} has no {Path(error.filename or WEIGHTS).name}"
            ) from None
        except Exception as error:  # safetensors raises its own type for a damaged file
            raise AdapterError(
                f"the adapter in {folder} is damaged: {' '.join(str(error).split())}"
            ) from None
        if not isinstance(config, dict) or not isinstance(own, dict):
            raise AdapterError(f"the adapter in {folder} is damaged: {CONFIG} or {RECORD} is no JSON object")
        _check_kind(config, folder)
        for key in tensors:
            if not key.endswith((".lora_A.weight", ".lora_B.weight")):
                name = key.removeprefix(_PREFIX)
                raise AdapterError(
                    f"the adapter in {folder} also trains {name}; train it as plain LoRA, matrices only"
                )
        factors: dict[str, tuple[Tensor, Tensor]] = {}
        for key, a in tensors.items():
            if key.endswith(".lora_A.weight"):
                name = key.removeprefix(_PREFIX).removesuffix(".lora_A.weight")
                b = tensors.get(key.replace(".lora_A.", ".lora_B."))
                if b is None or a.shape[0] != b.shape[1]:
                    raise AdapterError(f"the adapter in {folder} has no fitting lora_B for {name}")
                factors[name] = (a, b)
        if not factors:
            raise AdapterError(f"the adapter in {folder} holds no LoRA weights")
        return cls(
            factors=factors,
            rank=int(config["r"]),
            alpha=float(config["lora_alpha"]),
            base=str(config.get("base_model_name_or_path") or ""),
            language=str(own.get("language", "")),
            prompt_hash=str(own.get("prompt_hash", "")),
            base_fingerprint=str(own.get("base_fingerprint", "")),
            record={k: v for k, v in own.items() if k not in ("language", "prompt_hash", "base_fingerprint")},
        )


def write_folder(
    folder: Path, tensors: dict[str, Tensor], config: Mapping[str, Any], own: Mapping[str, Any]
) -> None:
    """Write a PEFT folder and our record in it, each file under a temporary name first, the weights last.

    Raises:
        AdapterError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / f"{WEIGHTS}.tmp")
        for name, value in ((CONFIG, config), (RECORD, own)):
            (folder / f"{name}.tmp").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
            os.replace(folder / f"{name}.tmp", folder / name)
        os.replace(folder / f"{WEIGHTS}.tmp", folder / WEIGHTS)
    except OSError as error:
        raise AdapterError(f"cannot write the adapter folder {folder}: {error}") from None


def _read_if_there(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _check_kind(config: Mapping[str, Any], folder: Path) -> None:
    if config.get("peft_type") != "LORA":
        raise AdapterError(
            f"the adapter in {folder} is {config.get('peft_type')}; only LoRA adapters can be stacked"
        )
    for key, name in (("use_rslora", "rsLoRA"), ("use_dora", "DoRA")):
        if config.get(key):
            raise AdapterError(
                f"the adapter in {folder} is {name}, whose updates do not add up; train it as plain LoRA"
            )
    start = str(config.get("init_lora_weights", True)).lower()
    if start.startswith(("pissa", "olora", "corda")):
        raise AdapterError(
            f"the adapter in {folder} belongs to a base that {start} changed; save it with PEFT's "
            "`path_initial_model_for_weight_conversion`"
        )
    if config.get("bias", "none") != "none":
        raise AdapterError(f"the adapter in {folder} trains biases; train it with bias='none'")
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        raise AdapterError(
            f"the adapter in {folder} has ranks or alphas that differ by module; train it without"
        )
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, (int, float)):
        raise AdapterError(f"the adapter in {folder} has no usable `r` and `lora_alpha` in {CONFIG}")
