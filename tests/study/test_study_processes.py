"""One process is first and only; a study that could not be finished is not begun."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from polycypher.errors import UsageError
from polycypher.study import processes


def test_one_process_is_the_first_and_the_only() -> None:
    assert processes.is_first()
    assert processes.is_only()
    with processes.first_alone():
        pass


def test_one_process_has_all_cores_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert processes.cores() == 8
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processes.cores() == processes.cores(alone=True) == 3


def test_several_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as a launcher of several sets it
    monkeypatch.setattr(processes, "_state", lambda: SimpleNamespace(num_processes=3))
    assert processes.cores() == 2


@pytest.mark.parametrize("name", ["pyarrow", "accelerate", "matplotlib", "jinja2"])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    processes.check_packages()
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"{name}: pip install 'polycypher\[study\]'"):
        processes.check_packages()
