"""Progress of a study's stages as bars, whoever draws them. Knows no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""A progress bar: title and total to a context manager that yields `advance(count)`."""

_PARTS = 1000  # of a training whose steps are known only when it has begun


def quiet(title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
    """A bar that shows nothing."""
    return nullcontext(lambda count: None)


@contextmanager
def steps_on(bar: Bar, title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for a training: yields `step(done, steps)`, which may begin anywhere, as a resumed run does."""
    with bar(title, _PARTS) as advance:
        shown = 0

        def step(done: int, steps: int) -> None:
            nonlocal shown
            reached = _PARTS * done // steps
            advance(reached - shown)
            shown = reached

        yield step
