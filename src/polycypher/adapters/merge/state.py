"""An adapter that is not LoRA, as PEFT stores it: a configuration and named tensors.

(IA)³ vectors and prefixes, read from and written to the same folders as `LoraAdapter`, with the same record
beside them. Knows nothing of what the tensors do in a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file
from torch import Tensor

from polycypher.adapters.lora import CONFIG, RECORD, WEIGHTS, write_folder
from polycypher.errors import AdapterError

LORA: Final = "LORA"
IA3: Final = "IA3"
PREFIX: Final = "PREFIX_TUNING"

_OWN = ("language", "prompt_hash", "base_fingerprint")


@dataclass(frozen=True, slots=True)
class AdapterState:
    """`kind` is PEFT's (`IA3`, `PREFIX_TUNING`); `tensors` are named as in its file; `config` is its own."""

    kind: str
    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    language: str = ""
    prompt_hash: str = ""
    base_fingerprint: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """What tells the base: its fingerprint, or its name where an adapter from elsewhere has none."""
        return self.base_fingerprint or str(self.config.get("base_model_name_or_path") or "")

    @property
    def parameters(self) -> int:
        """How many numbers the adapter holds."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    def save(self, folder: Path) -> None:
        """Write the PEFT folder; files are written to temporary names, then renamed.

        Raises:
            AdapterError: the folder cannot be written.
        """
        config = {**self.config, "peft_type": self.kind, "inference_mode": True}
        own = {**{name: getattr(self, name) for name in _OWN}, **self.record}
        tensors = {name: one.detach().contiguous() for name, one in self.tensors.items()}
        write_folder(folder, tensors, config, own)

    @classmethod
    def load(cls, folder: Path) -> AdapterState:
        """Read a PEFT folder of any kind, as it is.

        Raises:
            AdapterError: files are missing or damaged.
        """
        kind, config = read_config(folder)
        try:
            own = json.loads(path.read_text(encoding="utf-8")) if (path := folder / RECORD).exists() else {}
            tensors = load_file(folder / WEIGHTS)
        except FileNotFoundError:
            raise AdapterError(f"the adapter folder {folder} has no {WEIGHTS}") from None
        except Exception as error:  # safetensors raises its own type for a damaged file
            raise AdapterError(
                f"the adapter in {folder} is damaged: {' '.join(str(error).split())}"
            ) from None
        if not isinstance(own, dict) or not tensors:
            raise AdapterError(f"the adapter in {folder} is damaged: no weights, or {RECORD} is no object")
        return cls(
            kind,
            tensors,
            config,
            record={name: value for name, value in own.items() if name not in _OWN},
            **{name: str(own.get(name, "")) for name in _OWN},
        )


def read_config(folder: Path) -> tuple[str, dict[str, Any]]:
    """(PEFT's name of the adapter's kind, its configuration).

    Raises:
        AdapterError: the folder has no readable configuration.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return str(config["peft_type"]), dict(config)
    except FileNotFoundError:
        raise AdapterError(f"the adapter folder {folder} has no {CONFIG}") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise AdapterError(f"the adapter in {folder} is damaged: {CONFIG}: {error}") from None
