"""`transfer` as its user meets it, on the shipped nano base and a few rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import Command, command

NANO = Path(__file__).parents[2] / "src/polycypher/data/models/nano"
LABELS = ("negative", "neutral", "positive")
TEXTS = {
    "en": ("a good film", "a film", "a bad film"),
    "de": ("ein guter Film", "ein Film", "ein schlechter Film"),
}


@pytest.fixture
def polycypher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; no graph is needed."""

    def call(*words: str) -> tuple[int, str, str]:
        return command(*words, monkeypatch=monkeypatch, capsys=capsys)

    return call


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sentiments(path: Path, *languages: str) -> Path:
    return write(path, [
        {"id": str(number), "text": TEXTS[code][number], "lang": code, "label": 2 - number}
        for code in languages
        for number in range(3)
    ])  # fmt: skip


def ready(path: Path, source: str, target: str) -> str:
    rows = [
        {"source": source, "target": target, "text": text, "translation": translation}
        for text, translation in zip(TEXTS[source], TEXTS[target], strict=True)
    ]
    return f"file:{write(path, rows)}"


def words(tmp_path: Path, *modes: str) -> list[str]:
    shared = [
        "--model",
        str(NANO / "base"),
        "--target",
        "de",
        "--out",
        str(tmp_path / "out"),
        "--epochs",
        "1",
    ]
    return ["transfer", *shared, *(word for mode in modes for word in ("--mode", mode))]


@pytest.mark.slow
def test_ways_side_by_side_on_sentiments(polycypher: Command, tmp_path: Path) -> None:
    both = sentiments(tmp_path / "both.jsonl", "en", "de")
    modes = ("zero-shot", "translate-test", "translate-train", "input-fusion", "flare-add-relu")
    code, out, err = polycypher(
        *words(tmp_path, *modes), "--task", "nusax", "--train", str(both), "--test", str(both),
        "--translator", ready(tmp_path / "ready.jsonl", "de", "en"), "--json",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert [row["method"] for row in told["rows"]] == list(modes)
    assert [row["samples"] for row in told["rows"]] == [0, 0, 3, 3, 3]
    assert [row["parameters"] > 0 for row in told["rows"]] == [False, False, True, True, True]
    assert all(set(row["scores"]) == {"macro_f1", "accuracy"} for row in told["rows"])
    assert told["examples"] == 3


def test_training_texts_by_a_translator(polycypher: Command, tmp_path: Path) -> None:
    english, german = sentiments(tmp_path / "en.jsonl", "en"), sentiments(tmp_path / "de.jsonl", "de")
    asked = [*words(tmp_path, "translate-train"), "--task", "nusax", "--test", str(german)]
    code, out, err = polycypher(
        *asked, "--source-train", str(english), "--translator", ready(tmp_path / "r.jsonl", "en", "de")
    )
    assert code == 0, err
    assert "translate-train: macro_f1 " in out
    code, _, err = polycypher(*asked, "--source-train", str(english))
    assert code == 2
    assert "there are no texts in de; give a file with them, or --translator" in err


def test_text2cypher_with_nanos_adapter(polycypher: Command, tmp_path: Path) -> None:
    (tmp_path / "schemas.jsonl").write_text(
        json.dumps({"database": "zoo", "node_properties": {"Animal": {"name": "STRING"}}})
    )
    row = {"id": "1", "database": "zoo", "en": "How many animals are there?"}
    path = write(tmp_path / "test.jsonl", [row | {"cypher": "MATCH (a:Animal) RETURN count(a)"}])
    code, out, err = polycypher(
        *words(tmp_path, "zero-shot"), "--task", "text2cypher", "--test", str(path), "--adapter",
        str(NANO / "adapters" / "en"), "--source", "de", "--target", "en", "--json",
    )  # fmt: skip
    assert code == 0, err
    (told,) = json.loads(out)["rows"]
    assert told["scores"] == {"cypher_rouge_l": 1.0, "rouge_l": 1.0}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--mode", "magic"], "--mode: no transfer method is named 'magic'"),
        (["--mode", "flare-mt"], "--mode flare-mt needs --translator nllb:FOLDER_OR_ID"),
        (["--mode", "flare-add"], "--mode flare-add needs --train or --source-train"),
        (["--mode", "translate-test"], "translate-test needs the texts in en as translated from de"),
        (["--mode", "zero-shot", "--translator", "magic"], "'magic' names no translator"),
    ],
)
def test_what_is_refused_before_a_model_is_loaded(
    polycypher: Command, tmp_path: Path, more: list[str], said: str
) -> None:
    test = sentiments(tmp_path / "de.jsonl", "de")
    code, out, err = polycypher(*words(tmp_path), "--task", "nusax", "--test", str(test), *more)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
