"""Reading and writing a gate: `gate.json` and `gate.safetensors`. Knows nothing of bundles."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import load_file, save_file

from polycypher.errors import BundleError
from polycypher.fusion.gate import Gate, GateConfig

_CONFIG, _WEIGHTS = "gate.json", "gate.safetensors"


def save_gate(gate: Gate, folder: Path) -> None:
    """Write a gate; each file is written to a temporary name, then renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in gate.state_dict().items()}, folder / f"{_WEIGHTS}.tmp")
    text = json.dumps(gate.config.to_dict(), indent=2) + "\n"
    (folder / f"{_CONFIG}.tmp").write_text(text, encoding="utf-8")
    os.replace(folder / f"{_WEIGHTS}.tmp", folder / _WEIGHTS)
    os.replace(folder / f"{_CONFIG}.tmp", folder / _CONFIG)


def load_gate(folder: Path) -> Gate:
    """Read a gate, ready for use.

    Raises:
        BundleError: a file is missing or damaged.
    """
    try:
        config = GateConfig.from_dict(json.loads((folder / _CONFIG).read_text(encoding="utf-8")))
        gate = Gate(config)
        gate.load_state_dict(load_file(folder / _WEIGHTS))
    except BundleError:
        raise
    except Exception as error:  # safetensors raises its own type for a damaged file
        reason = " ".join(str(error).split())[:200]
        raise BundleError(
            f"the gate in {folder} is missing or damaged: {reason}; copy the bundle again"
        ) from None
    gate.requires_grad_(False)
    return gate.eval()
