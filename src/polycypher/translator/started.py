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
    def constrained(self) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().constrained

    def allows(self, token_id: int) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().allows(token_id)

    def mask(self) -> torch.Tensor:
        """See `QueryMatcher`."""
        return self._making.result().mask()

    def advance(self, token_id: int) -> None:
        """See `QueryMatcher`."""
        self._making.result().advance(token_id)
