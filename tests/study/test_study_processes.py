"""One process is first and only; a study that could not be finished is not begun."""

from __future__ import annotations

import sys

import pytest

from polycypher.errors import UsageError
from polycypher.study import processes


def test_one_process_is_the_first_and_the_only() -> None:
    assert processes.is_first()
    assert processes.is_only()
    with processes.first_alone():
        pass


@pytest.mark.parametrize("name", ["pyarrow", "accelerate", "matplotlib", "jinja2"])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    processes.check_packages()
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"{name}: pip install 'polycypher\[study\]'"):
        processes.check_packages()
