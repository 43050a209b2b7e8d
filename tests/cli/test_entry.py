"""Errors as one line and an exit code, interrupts, and an import that costs nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_helpers import Command

from processes import eventually, java_of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("ask", ""), 2),
        (("ask", "🎬"), 2),
        (("ask", "x" * 10_000), 2),
        (("ask", "How many movies?", "--language", "xx"), 2),
        (("ask", "How many movies?", "--top", "0"), 2),
        (("ask", "How many movies?", "--nonsense"), 2),
        (("ask", "How many movies?", "--graph", "nowhere"), 2),
        (("run",), 2),
        (("nonsense",), 2),
        (("load", "--graph", "x"), 2),
        (("load", "nowhere.cypher", "--graph", "x"), 2),
        (("evaluate", "--corpus", "nowhere.jsonl", "--graph", "demo"), 2),
        (("run", "MATCH (n) DETACH DELETE n"), 3),
        (("run", "MATCH (n) RETURN nonsense(n)"), 3),
        (("run", "MATCH (n RETURN n"), 3),
        (("run", "MATCH (n) RETURN n", "--graph", "bolt://127.0.0.1:9"), 4),
        (("ask", "How many movies?", "--model", "nowhere"), 5),
        (("languages", "--model", "nowhere"), 5),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    polycypher: Command, words: tuple[str, ...], expected: int
) -> None:
    code, out, err = polycypher(*words)
    assert code == expected
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("error: ")


def test_the_command_line_is_imported_without_heavy_libraries() -> None:
    code = "import sys, polycypher.cli; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ("torch", "transformers", "neo4j", "peft", "llguidance", "numpy")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("start", [("-m", "polycypher"), ("-c", "from polycypher.cli import main; main()")])
def test_the_program_starts(start: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *start, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("polycypher ")


def started(home: Path, *words: str) -> subprocess.Popen[str]:
    """A command in a process of its own, with its own graphs."""
    return subprocess.Popen(
        [sys.executable, "-m", "polycypher", *words],
        env={**os.environ, "POLYCYPHER_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "pause"),
    [
        pytest.param(
            ("run", "MATCH (a),(b),(c),(d),(e),(f) RETURN count(*)", "--timeout", "60"), 1, id="run"
        ),
        pytest.param(("ask", "How many movies are there?"), 0, id="while-both-open"),
    ],
)
def test_interrupting_leaves_no_java_behind(tmp_path: Path, words: tuple[str, ...], pause: float) -> None:
    process = started(tmp_path, *words)
    assert eventually(lambda: bool(java_of(tmp_path)), 60)
    time.sleep(pause)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "error: interrupted"
    assert eventually(lambda: not java_of(tmp_path), 20)
