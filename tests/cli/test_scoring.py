"""`evaluate` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Command

ROW = {
    "database": "demo",
    "en": "How many movies are there?",
    "tr": "Kaç film var?",
    "cypher": "MATCH (m:Movie) RETURN count(m)",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    other = {**ROW, "database": "elsewhere", "en": "How many?", "id": "other"}
    path.write_text("".join(json.dumps(row) + "\n" for row in (ROW, other)), encoding="utf-8")
    return path


def test_evaluate_prints_the_documented_form(polycypher: Command, corpus: Path) -> None:
    code, out, err = polycypher("evaluate", "--corpus", str(corpus), "--graph", "demo", "--json")
    value = json.loads(out)
    assert code == 0
    assert err == "note: 1 examples of other databases than 'demo' are left out\n"
    assert set(value) == {"languages", "routing"}
    assert set(value["languages"]) == {"en", "tr"}
    wanted = {"count", "rouge_l", "exact_match", "execution_accuracy", "executable", "empty_gold", "timeouts"}
    assert wanted <= set(value["languages"]["en"])
    assert sum(value["routing"]["en"].values()) == pytest.approx(1.0)


def test_evaluate_prints_tables(polycypher: Command, corpus: Path) -> None:
    code, out, _ = polycypher("evaluate", "--corpus", str(corpus), "--graph", "demo", "--language", "en")
    assert code == 0
    assert "ROUGE-L" in out
    assert "largest weight" in out


@pytest.mark.parametrize("words", [(), ("--graph", "demo", "--schemas", "schemas.jsonl")])
def test_evaluate_wants_either_a_graph_or_schemas(
    polycypher: Command, corpus: Path, words: tuple[str, ...]
) -> None:
    code, _, err = polycypher("evaluate", "--corpus", str(corpus), *words)
    assert code == 2
    assert "--graph, or schemas with --schemas" in err
