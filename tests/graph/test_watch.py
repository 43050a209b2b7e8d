"""Work that nobody looks at is told to nobody."""

from __future__ import annotations

from polycypher.graph.watch import unwatched


def test_an_unwatched_work_takes_every_piece() -> None:
    with unwatched("loading", 3) as advance:
        advance()
        advance(2)
