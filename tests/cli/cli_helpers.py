"""Running a command in this process, as its user would."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from polycypher import cli

Command = Callable[..., tuple[int, str, str]]
"""Called with the words of a command; gives exit code, stdout and stderr."""


def command(
    *words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Run a command: (exit code, stdout, stderr)."""
    monkeypatch.setattr(sys, "argv", ["polycypher", *words])
    code = 0
    try:
        cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out, shown.err
