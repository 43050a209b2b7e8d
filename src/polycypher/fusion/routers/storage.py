"""Reading and writing a router: `router.json` (kind, shape, options) and `router.safetensors`.

What is made from the adapters themselves is not written. Knows nothing of bundles.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors.torch import load_file, save_file

from polycypher.errors import BundleError, PolycypherError
from polycypher.fusion.routers.registry import router_kind
from polycypher.fusion.routers.router import Router, Shape

CONFIG, WEIGHTS = "router.json", "router.safetensors"


def save_router(router: Router, folder: Path) -> None:
    """Write a router; files are written to temporary names, then renamed.

    Raises:
        BundleError: the folder cannot be written.
    """
    value = {"router": router.name, "shape": router.shape.to_dict(), "options": router.options}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: weight.detach().cpu().contiguous() for name, weight in router.state_dict().items()}
        save_file(state, folder / f"{WEIGHTS}.tmp")
        (folder / f"{CONFIG}.tmp").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        for name in (WEIGHTS, CONFIG):
            os.replace(folder / f"{name}.tmp", folder / name)
    except OSError as error:
        raise BundleError(f"cannot write the router to {folder}: {error}") from None


def load_router(folder: Path) -> Router:
    """Read a router, ready for `RouterDecoder`.

    Raises:
        BundleError: a file is missing, damaged, or no router's.
    """
    try:
        value = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        router = router_kind(value["router"])(Shape.from_dict(value["shape"]), **value["options"])
        router.load_state_dict(load_file(folder / WEIGHTS))
    except Exception as error:  # safetensors raises its own type for a damaged file
        said = " ".join(str(error).split())[:200]
        reason = said if isinstance(error, PolycypherError) else f"{type(error).__name__}: {said}"
        raise BundleError(
            f"the router in {folder} is missing or damaged ({reason}); train it again"
        ) from None
    return router.requires_grad_(False).eval()
