"""What the lines of a session do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from polycypher.chat import Conversation
from polycypher.chat.conversation import COMMANDS
from polycypher.errors import GuardError, UsageError
from polycypher.graph.store import Limits

Talk = Callable[..., Conversation]
Capture = pytest.CaptureFixture[str]


def test_a_question_is_answered(talk: Talk, capsys: Capture) -> None:
    assert talk().take("¿Qué películas dirigió Clint Eastwood?\n")
    shown = capsys.readouterr()
    for part in ("MATCH", "█", "Unforgiven", "execute"):
        assert part in shown.out
    assert shown.err == ""


def test_an_empty_line_says_nothing(talk: Talk, capsys: Capture) -> None:
    assert talk().take("  \n")
    assert capsys.readouterr() == ("", "")


def test_schema_is_shown_as_the_model_sees_it(talk: Talk, capsys: Capture) -> None:
    conversation = talk()
    assert conversation.take(":schema")
    assert capsys.readouterr().out == conversation.store.schema().to_prompt() + "\n"


def test_a_query_of_ones_own_runs_within_the_limits(talk: Talk, capsys: Capture) -> None:
    talk(limits=Limits(rows=2)).take(":cypher MATCH (m:Movie) RETURN m.title ORDER BY m.title")
    assert "2 rows (there are more)" in capsys.readouterr().out


def test_the_guard_stands_before_a_query_of_ones_own(talk: Talk) -> None:
    with pytest.raises(GuardError):
        talk().take(":cypher MATCH (n) DETACH DELETE n")


def test_a_language_is_chosen_and_left_again(talk: Talk, capsys: Capture) -> None:
    conversation = talk(json=True)
    conversation.take(":lang es")
    conversation.take("How many movies are there?")
    assert json.loads(capsys.readouterr().out)["weights"] == {"en": 0.0, "es": 1.0, "tr": 0.0}
    conversation.take(":lang auto")
    conversation.take("How many movies are there?")
    assert json.loads(capsys.readouterr().out)["weights"]["en"] > 0.5


def test_languages_are_told(talk: Talk, capsys: Capture) -> None:
    talk(language="tr").take(":lang")
    assert "language tr; there are auto, en, es, tr" in capsys.readouterr().err


def test_help_lists_every_command(talk: Talk, capsys: Capture) -> None:
    talk().take(":help")
    shown = capsys.readouterr().err
    assert all(written in shown and meaning in shown for written, meaning in COMMANDS.items())


def test_quit_leaves(talk: Talk) -> None:
    assert talk().take(":quit") is False


@pytest.mark.parametrize("line", [":nonsense", ":lang xx", ":cypher", ":", "🎬"])
def test_a_line_that_cannot_be_taken_is_refused_in_one_line(talk: Talk, line: str) -> None:
    with pytest.raises(UsageError) as refused:
        talk().take(line)
    assert "\n" not in str(refused.value)


def test_an_unknown_language_is_refused_at_once(talk: Talk) -> None:
    with pytest.raises(UsageError, match="en, es, tr"):
        talk(language="xx")


def test_an_error_is_told_and_the_next_line_taken(talk: Talk, capsys: Capture) -> None:
    lines = [":nonsense", ":cypher MATCH (n) DELETE n", ":cypher RETURN 42 AS answer", ":quit", ":schema"]
    assert talk().take_all(lines) == UsageError.exit_code
    shown = capsys.readouterr()
    assert shown.err.count("error: ") == 2
    assert "42" in shown.out
    assert "Movie(" not in shown.out


def test_no_error_is_exit_code_zero(talk: Talk) -> None:
    assert talk().take_all([":cypher RETURN 1", ""]) == 0


def test_each_line_gives_one_json_object(talk: Talk, capsys: Capture) -> None:
    code = talk(json=True).take_all(
        ["How many movies are there?", "🎬", ":cypher RETURN 1 AS one", ":schema"]
    )
    first, second, third, fourth = map(json.loads, capsys.readouterr().out.splitlines())
    assert code == UsageError.exit_code
    assert first["rows"] == [[88]]
    assert first["notices"] == []
    assert list(second) == ["line", "error"]
    assert second["line"] == "🎬"
    assert third["columns"] == ["one"]
    assert "Movie" in fourth["node_properties"]
