"""Ratios of interleaved runs."""

from __future__ import annotations

import sys

import pytest

from polycypher.benchmark.timing import Sample, Spread, interleave, peak_memory, ratios


def sample(total: float, first: float = 0.0, tokens: int = 1) -> Sample:
    return Sample(0.0, first, total, tokens)


def test_a_round_that_is_slow_as_a_whole_changes_no_ratio() -> None:
    samples = {
        "plain": [sample(1.0), sample(5.0), sample(2.0)],
        "double": [sample(2.0), sample(10.0), sample(4.0)],
    }
    found = ratios(samples, "plain")
    assert found["double"] == Spread(2.0, 2.0, 2.0)
    assert found["plain"].median == 1.0


def test_the_spread_is_that_of_the_quartiles() -> None:
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)
    assert Spread.of([1.0, 2.0, 3.0]).to_list(1) == [2.0, 1.5, 2.5]


def test_contenders_take_turns_and_the_first_changes() -> None:
    runs: list[str] = []

    def contender(name: str) -> Sample:
        runs.append(name)
        return sample(1.0)

    told: list[int] = []
    samples = interleave(
        {name: (lambda name=name: contender(name)) for name in "abc"},  # type: ignore[misc]
        3,
        progress=lambda: told.append(1),
    )
    assert "".join(runs) == "cab" + "abc" + "bca" + "cab"
    assert {name: len(own) for name, own in samples.items()} == {"a": 3, "b": 3, "c": 3}
    assert len(told) == 12


def test_seconds_a_token_leave_the_first_out() -> None:
    assert sample(1.0, first=0.4, tokens=4).token == pytest.approx(0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's account of the process")
def test_memory_that_is_held_for_a_moment_is_seen() -> None:
    def holds(size: int) -> Sample:
        held = bytearray(size)
        held[::4096] = b"x" * len(held[::4096])
        return sample(float(len(held)))

    small, large = (peak_memory(lambda size=size: holds(size), "cpu") for size in (1 << 20, 1 << 27))  # type: ignore[misc]
    assert small is not None
    assert large is not None
    assert 0.9 * (1 << 27) < large < 1.5 * (1 << 27)
    assert small < large / 4
