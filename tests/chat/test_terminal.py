"""Typing lines: the prompt, its history and completion, and pipes."""

from __future__ import annotations

import io
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from polycypher import ask as rooms
from polycypher.chat import Conversation, converse
from polycypher.chat.terminal import HISTORY, _completer, prompt_for_lines
from polycypher.errors import UsageError
from polycypher.graph.store import GraphStore, Limits

Talk = Callable[..., Conversation]
Capture = pytest.CaptureFixture[str]

ENDLESS = (
    "MATCH (a), (b), (c), (d), (e) WHERE a.name < b.name AND b.name < c.name "
    "AND c.name < d.name AND d.name < e.name RETURN count(*)"
)
"""A query that the demo graph works on for longer than any test waits."""

CTRL_C, CTRL_D, UP, ENTER = "\x03", "\x04", "\x1b[A", "\r"


@pytest.fixture
def own_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_store: GraphStore) -> Path:
    """The history's file, in a data folder of the test's own."""
    monkeypatch.setenv("POLYCYPHER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / HISTORY


def typed(conversation: Conversation, keys: str) -> int:
    """Converse on a terminal where these keys are pressed."""
    with create_pipe_input() as keyboard:
        keyboard.send_text(keys)
        return prompt_for_lines(conversation, input=keyboard, output=DummyOutput())


# ---------------------------------------------------------------------- a terminal


def test_lines_are_taken_until_ctrl_d(talk: Talk, own_history: Path, capsys: Capture) -> None:
    assert typed(talk(), f":cypher RETURN 41 + 1{ENTER}:nonsense{ENTER}:lang es{ENTER}{CTRL_D}") == 0
    shown = capsys.readouterr()
    assert "42" in shown.out
    assert "error: there is no command ':nonsense'" in shown.err
    assert "language es" in shown.err


def test_quit_leaves(talk: Talk, own_history: Path, capsys: Capture) -> None:
    assert typed(talk(), f":quit{ENTER}:cypher RETURN 42{ENTER}{CTRL_D}") == 0
    assert "42" not in capsys.readouterr().out


def test_ctrl_c_throws_the_line_away(talk: Talk, own_history: Path, capsys: Capture) -> None:
    typed(talk(), f":cypher RETURN 41 + 1{CTRL_C}:cypher RETURN 20 + 1{ENTER}{CTRL_D}")
    shown = capsys.readouterr()
    assert "21" in shown.out
    assert "42" not in shown.out
    assert "cancelled" not in shown.err


def test_ctrl_c_cancels_what_runs_and_the_session_goes_on(
    talk: Talk, own_history: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = rooms.run
    pressing = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))

    def interrupted(*words: object, **options: object) -> object:
        if words[0] == ENDLESS:
            pressing.start()
        try:
            return run(*words, **options)  # type: ignore[arg-type]
        finally:
            pressing.cancel()

    monkeypatch.setattr(rooms, "run", interrupted)
    conversation = talk(limits=Limits(seconds=60))
    assert typed(conversation, f":cypher {ENDLESS}{ENTER}:cypher RETURN 41 + 1{ENTER}{CTRL_D}") == 0
    shown = capsys.readouterr()
    assert "cancelled" in shown.err
    assert "42" in shown.out


def test_sigterm_ends_the_session(talk: Talk, own_history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def terminated(*_: object, **__: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return pytest.fail("the session went on")

    monkeypatch.setattr(rooms, "run", terminated)
    with pytest.raises(SystemExit) as stop:
        typed(talk(), f":cypher RETURN 1{ENTER}{CTRL_D}")
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


# ---------------------------------------------------------------------- the history


def test_the_history_is_private_and_found_again(talk: Talk, own_history: Path, capsys: Capture) -> None:
    typed(talk(), f":cypher RETURN 41 + 1{ENTER}{CTRL_D}")
    capsys.readouterr()
    assert stat.S_IMODE(own_history.stat().st_mode) == 0o600
    own_history.chmod(0o644)
    typed(talk(), f"{UP}{ENTER}{CTRL_D}")
    assert "42" in capsys.readouterr().out
    assert stat.S_IMODE(own_history.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_kept_is_told(talk: Talk, own_history: Path, capsys: Capture) -> None:
    own_history.mkdir(parents=True)
    assert typed(talk(), f":cypher RETURN 41 + 1{ENTER}{CTRL_D}") == 0
    shown = capsys.readouterr()
    assert "the history is not kept" in shown.err
    assert "42" in shown.out


# ---------------------------------------------------------------------- completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (":", {":schema", ":cypher", ":lang", ":help", ":quit"}),
        (":sch", {":schema"}),
        (":lang ", {"auto", "en", "es", "tr"}),
        (":lang e", {"en", "es"}),
        (":cypher MATCH (m:Mov", {"Movie"}),
        (":cypher mat", {"MATCH"}),
        (":cypher MATCH (p)-[:ACT", {"ACTED_IN"}),
        (":cypher ", set()),
        (":help ", set()),
        ("mat", set()),
    ],
)
def test_completion(talk: Talk, line: str, expected: set[str]) -> None:
    found = _completer(talk()).get_completions(Document(line), CompleteEvent())
    assert {completion.text for completion in found} == expected


# ---------------------------------------------------------------------- pipes and missing libraries


def test_a_pipe_is_answered_without_a_prompt(
    talk: Talk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ":cypher RETURN 41 + 1\n\n:cypher RETURN 'caf\xe9'\n".encode("latin-1")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines), encoding="utf-8"))
    assert converse(talk()) == 0
    shown = capsys.readouterr()
    assert "42" in shown.out
    assert "caf" in shown.out
    assert shown.err == ""


def test_a_terminal_needs_the_extra(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    with pytest.raises(UsageError, match=r"pip install 'polycypher\[chat\]'"):
        prompt_for_lines(talk())
