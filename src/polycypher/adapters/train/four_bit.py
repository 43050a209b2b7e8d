"""Base models in 4 bits, to train an adapter on: QLoRA (arXiv 2305.14314, §3).

Weights are NormalFloat-4 with doubly quantised constants, arithmetic is in bfloat16. `bitsandbytes` does it,
where it is installed and runs. Knows nothing of adapters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from polycypher.errors import TrainingError


def load_four_bit(folder: Path, *, device: str | None = None) -> Any:
    """The model of a Hugging Face folder in 4 bits, frozen.

    Args:
        folder: with `config.json` and safetensors.
        device: None takes the accelerator where there is one.

    Raises:
        TrainingError: bitsandbytes is missing or cannot run here, or the files cannot be read.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401 - is it there?
    except ImportError:
        raise TrainingError(
            "`four_bit` needs bitsandbytes: pip install bitsandbytes, or leave `four_bit` out"
        ) from None
    except Exception as error:  # its own libraries fail to load in many ways
        raise _cannot_run(error) from None
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16,
            device_map={"": place},
            local_files_only=True,
            use_safetensors=True,
            quantization_config=BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=torch.bfloat16,
            ),
        )
    except OSError as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(f"cannot load the base model in {folder}: {reason}") from None
    except Exception as error:  # where bitsandbytes has no kernel, it and transformers raise many types
        raise _cannot_run(error) from None
    for module in model.modules():
        # On a processor with AVX-512 a layer that has run outside of training packs its weights for a kernel
        # without a gradient, and stays that way: what is below it would silently learn nothing.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model.requires_grad_(False).eval()


def check_four_bit(model: Any) -> None:
    """Refuse a model that is not in 4 bits.

    Raises:
        TrainingError: it is not.
    """
    if not getattr(model, "is_loaded_in_4bit", False):
        raise TrainingError(
            "`four_bit` is set and the base is not in 4 bits; load it with `load_four_bit`, or leave it out"
        )


def _cannot_run(error: Exception) -> TrainingError:
    reason = " ".join(str(error).split())[:200]
    return TrainingError(f"bitsandbytes cannot run here ({reason}); leave `four_bit` out")
