"""A mask that is being made on another thread. Knows nothing of grammars."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from polycypher.translator.constrain import QueryMatcher


class StartedMask:
    """A `QueryMatcher` to be; whoever uses it first waits for it."""

    def __init__(self, making: Future[QueryMatcher]) -> None:
        self._making = making

    @property
    def finished(self) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().finished

    @property
    def constrained(self) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().constrained

    def mask(self) -> torch.Tensor:
        """See `QueryMatcher`."""
        return self._making.result().mask()

    def advance(self, token_id: int) -> None:
        """See `QueryMatcher`."""
        self._making.result().advance(token_id)
