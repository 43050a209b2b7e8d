"""Bars: a training fills one exactly, wherever it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.study.progress import Bar, quiet, steps_on


def recording(told: list[tuple[str, int]]) -> Bar:
    @contextmanager
    def bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
        told.append((title, total))
        yield lambda count: told.append(("", count))

    return bar


@given(st.integers(1, 5000), st.data())
def test_a_training_fills_its_bar(steps: int, chosen: st.DataObject) -> None:
    start = chosen.draw(st.integers(0, steps - 1))
    told: list[tuple[str, int]] = []
    with steps_on(recording(told), "adapter en") as step:
        for done in range(start + 1, steps + 1, max(1, steps // 50)):
            step(done, steps)
        step(steps, steps)
    (title, total), *advances = told
    assert title == "adapter en"
    assert all(count >= 0 for _, count in advances)
    assert sum(count for _, count in advances) == total


@pytest.mark.parametrize("total", [0, 7])
def test_a_quiet_bar_says_nothing(total: int, capsys: pytest.CaptureFixture[str]) -> None:
    with quiet("answers", total) as advance:
        advance(total)
    assert capsys.readouterr() == ("", "")
