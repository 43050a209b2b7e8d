"""Texts that are remembered: how many, how long ones, and for how long."""

from __future__ import annotations

import pytest

from polycypher.graph import recent as module
from polycypher.graph.recent import LONGEST, Recent


def test_the_latest_are_remembered_and_no_more() -> None:
    recent = Recent(2, 60.0)
    for text in ("a", "b", "a", "c"):
        recent.add(text)
    assert [text for text in "abc" if text in recent] == ["a", "c"]
    assert len(recent) == 2


def test_they_are_forgotten_in_time_and_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    recent = Recent(2, 60.0)
    recent.add("a")
    now[0] += 59
    assert "a" in recent
    recent.add("b")
    now[0] += 2
    assert "a" not in recent
    recent.clear()
    assert "b" not in recent


def test_what_is_very_long_is_not_remembered() -> None:
    recent = Recent(2, 60.0)
    recent.add("a" * (LONGEST + 1))
    assert len(recent) == 0
