"""`ask`, `run` and `languages` as their user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from cli_helpers import Command


def test_ask_prints_one_json_object(polycypher: Command) -> None:
    code, out, _ = polycypher("ask", "¿Qué películas dirigió Clint Eastwood?", "--json")
    value = json.loads(out)
    assert code == 0
    assert list(value) == ["question", "cypher", "weights", "columns", "rows", "truncated", "elapsed_ms"]
    assert ["Unforgiven"] in value["rows"]


def test_ask_shows_query_bars_rows_and_times(polycypher: Command) -> None:
    code, out, _ = polycypher("ask", "Which movies did Clint Eastwood direct?")
    assert code == 0
    for part in ("MATCH", "█", "Unforgiven", "decode", "execute"):
        assert part in out


def test_dry_run_prints_the_query_alone(polycypher: Command) -> None:
    code, out, _ = polycypher("ask", "How many movies are there?", "--dry-run")
    assert code == 0
    assert out.startswith("MATCH")
    assert out.count("\n") == 1


def test_run_executes_a_query(polycypher: Command) -> None:
    code, out, _ = polycypher("run", "MATCH (m:Movie {title: 'Unforgiven'}) RETURN m.released", "--json")
    value = json.loads(out)
    assert code == 0
    assert list(value) == ["cypher", "columns", "rows", "truncated", "elapsed_ms"]
    assert value["rows"] == [[1992]]


def test_an_empty_result_is_an_answer(polycypher: Command) -> None:
    code, out, _ = polycypher("run", "MATCH (m:Movie {title: 'No such film'}) RETURN m", "--json")
    assert code == 0
    assert json.loads(out)["rows"] == []


def test_a_damaged_bundle_is_named(polycypher: Command, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    code, _, err = polycypher("ask", "How many movies?", "--model", str(tmp_path))
    assert code == 5
    assert "manifest" in err


def test_languages_are_listed(polycypher: Command) -> None:
    assert polycypher("languages")[1].split() == ["en", "es", "tr"]
