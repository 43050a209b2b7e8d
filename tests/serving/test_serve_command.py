"""`polycypher serve` as it refuses what cannot be served, before anything loads."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from polycypher.cli import app
from polycypher.errors import UsageError


def _serve(*words: str) -> None:
    app(["serve", "--port", "0", *words], standalone_mode=False)


def test_beyond_loopback_it_wants_a_token() -> None:
    with pytest.raises(UsageError, match="--token-file"):
        _serve("--host", "0.0.0.0")


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-of-the-tests", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        _serve("--host", "0.0.0.0", "--token-file", str(file))


def test_a_setting_that_there_is_not_is_named(tmp_path: Path) -> None:
    file = tmp_path / "serve.yaml"
    file.write_text("bach: 4", encoding="utf-8")
    with pytest.raises(UsageError, match="bach"):
        _serve("--settings", str(file))


def test_an_origin_is_checked() -> None:
    with pytest.raises(UsageError, match="origin"):
        _serve("--allow-origin", "example.org")


@pytest.mark.slow
def test_without_the_extra_it_says_what_to_install() -> None:
    code = """
        import importlib, sys
        from polycypher.errors import UsageError
        for missing in ("fastapi", "uvicorn", "prometheus_client", "sse_starlette", "fastapi_offline"):
            for name in [name for name in sys.modules if name.startswith(("polycypher.serving", missing))]:
                del sys.modules[name]
            sys.modules[missing] = None
            try:
                importlib.import_module("polycypher.serving.run")
            except UsageError as error:
                print(error)
            del sys.modules[missing]
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 5, done.stderr
    assert all("pip install 'polycypher[serve]'" in line for line in lines)
    assert "fastapi_offline" in lines[-1]
