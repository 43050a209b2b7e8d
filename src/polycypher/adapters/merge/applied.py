"""Run a model with an adapter for the length of a `with`: y = W₀ x + s · B (A x).

The adapter's factors may carry gradients, so that a loss of the model's output reaches them; `lora_soups` and
`lorahub` learn their weights through losses made this way. The model is not changed. Knows nothing of
languages, corpora or how factors were made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import AdapterError


@contextmanager
def applied(model: nn.Module, adapter: LoraAdapter) -> Iterator[None]:
    """Add the adapter's updates to `model`'s linear layers until the `with` ends.

    Raises:
        AdapterError: the adapter names a module the model lacks, or one of another size.
    """
    with ExitStack() as hooks:
        for name, (a, b) in adapter.factors.items():
            try:
                module = model.get_submodule(name)
            except AttributeError:
                raise AdapterError(f"an adapter changes {name}, which the base model does not have") from None
            if tuple(getattr(module, "weight", a).shape) != (b.shape[0], a.shape[1]):
                raise AdapterError(
                    f"the adapter '{adapter.language}' does not fit {name}: it is for another base"
                )
            hooks.callback(module.register_forward_hook(_adding(a, b, adapter.scale)).remove)
        yield


def _adding(a: Tensor, b: Tensor, scale: float) -> Callable[[nn.Module, Any, Any], Tensor]:
    def add(module: nn.Module, inputs: Any, output: Any) -> Tensor:
        x: Tensor = inputs[0]
        low = nn.functional.linear(x, a.to(x.device, x.dtype))
        result: Tensor = output + scale * nn.functional.linear(low, b.to(x.device, x.dtype))
        return result

    return add
