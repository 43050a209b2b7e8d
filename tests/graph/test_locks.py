"""Locks between open files, as between processes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from polycypher.graph.locks import lock_until, try_lock


def test_one_holds_it_alone(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "ab") as first, open(tmp_path / "lock", "ab") as second:
        assert try_lock(first)
        assert not try_lock(second)
        assert not try_lock(second, shared=True)


def test_several_share_it_and_keep_others_out(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "ab") as first, open(tmp_path / "lock", "ab") as second:
        assert try_lock(first, shared=True)
        assert try_lock(second, shared=True)
        assert not try_lock(first)


def test_waiting_ends_in_time(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "ab") as first, open(tmp_path / "lock", "ab") as second:
        assert try_lock(first)
        began = time.monotonic()
        assert not lock_until(second, began + 0.2)
        assert 0.2 <= time.monotonic() - began < 5


def test_waiting_ends_when_it_is_free(tmp_path: Path) -> None:
    first = open(tmp_path / "lock", "ab")  # noqa: SIM115 - closed by the timer
    assert try_lock(first)
    threading.Timer(0.2, first.close).start()
    with open(tmp_path / "lock", "ab") as second:
        assert lock_until(second, time.monotonic() + 60)
        assert first.closed
