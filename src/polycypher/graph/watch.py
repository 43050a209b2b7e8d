"""How long work says how far it is, to whoever shows it. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Says that some more of the work is done."""

    def __call__(self, count: int = 1) -> None:
        """`count` further pieces are done."""


Watch = Callable[[str, int], AbstractContextManager[Advance]]
"""Made with a title and the number of pieces when the work begins; its block lasts as long as the work."""


def ignore(count: int = 1) -> None:
    """The `Advance` of work that nobody looks at."""


@contextmanager
def unwatched(title: str, total: int) -> Iterator[Advance]:
    """The `Watch` of work that nobody looks at."""
    yield ignore
