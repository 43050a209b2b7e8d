"""What is drawn: text of a database never commands the terminal, and numbers are what they are."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from polycypher import console
from polycypher.ask import Answer
from polycypher.graph.registry import GraphInfo
from polycypher.graph.values import Node, Path, Relationship


@given(st.text())
def test_nothing_printable_hides_a_control_character(text: str) -> None:
    shown = console.printable(text)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
    assert not any(0x7F <= ord(c) <= 0x9F for c in shown)
    shown.encode("utf-8")


def test_plain_text_is_left_alone() -> None:
    assert console.printable("Çağan Irmak\tÑandú\n🎬") == "Çağan Irmak\tÑandú\n🎬"


def test_an_escape_sequence_is_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_answer(Answer("RETURN 1", columns=("\x1b[31mred",), rows=(("\x1b]0;title\x07",),)))
    assert "\x1b]" not in capsys.readouterr().out


@pytest.mark.parametrize(("weight", "full"), [(0.0, 0), (0.5, 10), (1.0, 20)])
def test_a_bar_is_as_long_as_its_weight(weight: float, full: int) -> None:
    assert console.weight_bars({"en": weight}).plain.count("█") == full


def test_graph_values_read_like_cypher() -> None:
    ana, yol = Node("1", ("Person",), {"name": "Ana"}), Node("2", ("Movie",), {"title": "Yol"})
    acted = Relationship("3", "ACTED_IN", "1", "2", {"roles": ["Self"]})
    assert console.show(ana) == "(:Person {name: Ana})"
    assert console.show(acted) == "[:ACTED_IN {roles: [Self]}]"
    assert console.show(Path((ana, yol), (acted,))) == "(:Person {name: Ana}) → (:Movie {title: Yol})"
    assert console.show(None) == "—"


def test_graphs_are_listed_with_their_sizes() -> None:
    info = GraphInfo("shop", 1234, 5, FilePath("shop"), "shop.cypher and more")
    plain = Console(file=(shown := io.StringIO()), width=80)
    plain.print(console.graph_table([info]))
    assert re.search(r"shop +│ +1,234 +│ +5 +│ +shop.cypher\b", shown.getvalue())


def test_a_long_cell_is_cut() -> None:
    assert len(console.show("x" * 1000)) == console.LONGEST_CELL


def test_json_is_one_object_with_every_letter(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"question": "Kaç film var?"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"question": "Kaç film var?"}
    assert "ç" in out


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress_bar("working", 3) as advance, console.waiting("loading"):
        advance()
        advance(2)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_what_is_done_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Console(file=(shown := io.StringIO()), force_terminal=True, color_system=None, width=80)
    monkeypatch.setattr(console, "err", lambda: terminal)
    with console.progress_bar("working", 7) as advance:
        advance()
        advance(4)
    assert re.search(r"working ━+.* 5/7 0:00:\d\d (-:--:--|0:\d\d:\d\d)", shown.getvalue())
