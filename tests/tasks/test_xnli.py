"""XNLI's formats, all giving the same examples."""

from __future__ import annotations

from pathlib import Path

import pytest
from task_files import XNLI_ROWS, write_lines, write_official_xnli

from polycypher.errors import CorpusError
from polycypher.tasks.task import TaskExample, parallel
from polycypher.tasks.xnli import LABELS, XNLI

GERMAN = [
    TaskExample(pair, code, f"{premise}\n{hypothesis}", (gold,), LABELS)
    for code, gold, premise, hypothesis, pair in XNLI_ROWS
    if code == "de"
]


def test_the_official_tsv(tmp_path: Path) -> None:
    path = write_official_xnli(tmp_path / "xnli.dev.tsv")
    assert XNLI.read(path, "de") == GERMAN
    assert [example.language for example in XNLI.read(path)] == ["en", "en", "de", "de"]
    assert [source.lines[0] for _, source in parallel(GERMAN, XNLI.read(path, "en"))] == [
        XNLI_ROWS[0][2], XNLI_ROWS[1][2],
    ]  # fmt: skip


def test_the_official_jsonl_without_the_rows_that_nobody_agreed_on(tmp_path: Path) -> None:
    rows = [
        {"language": a, "gold_label": b, "sentence1": c, "sentence2": d, "pairID": e}
        for a, b, c, d, e in XNLI_ROWS
    ]
    rows.insert(1, rows[0] | {"gold_label": "-", "pairID": "9"})
    assert XNLI.read(write_lines(tmp_path / "xnli.test.jsonl", rows), "de") == GERMAN


def test_the_columns_of_the_hub(tmp_path: Path) -> None:
    rows = [
        {"premise": c, "hypothesis": d, "label": LABELS.index(b)} for a, b, c, d, _ in XNLI_ROWS if a == "de"
    ]
    found = XNLI.read(write_lines(tmp_path / "de.jsonl", rows), "de")
    assert [(example.text, example.answers) for example in found] == [
        (example.text, example.answers) for example in GERMAN
    ]
    assert [example.id for example in found] == ["1", "2"]


def test_the_hubs_form_of_all_languages(tmp_path: Path) -> None:
    by_pair = {e: {a: (b, c, d) for a, b, c, d, other in XNLI_ROWS if other == e} for e in ("7", "8")}
    rows = [
        {
            "premise": {code: row[1] for code, row in languages.items()},
            "hypothesis": {
                "language": list(languages),
                "translation": [row[2] for row in languages.values()],
            },
            "label": LABELS.index(languages["en"][0]),
        }
        for languages in by_pair.values()
    ]
    path = write_lines(tmp_path / "all.jsonl", rows)
    assert [example.text for example in XNLI.read(path, "de")] == [example.text for example in GERMAN]
    assert [(example.id, example.language) for example in XNLI.read(path)] == [
        ("1", "en"), ("1", "de"), ("2", "en"), ("2", "de"),
    ]  # fmt: skip
    del rows[1]["premise"]["de"]  # type: ignore[attr-defined]
    with pytest.raises(CorpusError, match=r"row 2: premise and hypothesis are not in the same languages"):
        XNLI.read(write_lines(path, rows))


def test_multinlis_and_xtremes_training_files(tmp_path: Path) -> None:
    multi = tmp_path / "multinli.train.de.tsv"
    multi.write_text("premise\thypo\tlabel\nEs regnet\tEs ist trocken\tcontradictory\n", encoding="utf-8")
    xtreme = tmp_path / "train-de.tsv"
    xtreme.write_text("Es regnet\tEs ist trocken\tcontradiction\r\n", encoding="utf-8")
    (first,), (second,) = XNLI.read(multi, "de"), XNLI.read(xtreme, "de")
    assert first.text == second.text == "Es regnet\nEs ist trocken"
    assert first.answers == second.answers == ("contradiction",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n", r"row 1: 2 cells, not 3"),
        ("premise\thypothesis\tlabel\na\tb\tmaybe\n", "row 2: 'maybe' is no label; there are entailment"),
        ("premise\thypothesis\tlabel\na\t\tneutral\n", "row 2: no `hypothesis`"),
        ("premise\thypothesis\tlabel\na\tb\tneutral\nc\td\n", "row 3: 2 cells, not 3"),
        ("premise\thypothesis\tlabel\n", "holds no example in de of the task xnli"),
    ],
)
def test_errors_name_file_and_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=rf"x\.tsv.*{said}"):
        XNLI.read(path, "de")


def test_a_file_that_does_not_tell_its_language(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"premise": "a", "hypothesis": "b", "label": 0}])
    with pytest.raises(CorpusError, match=r"x.jsonl, row 1: nothing tells the language"):
        XNLI.read(path)
    with pytest.raises(CorpusError, match=r"x.jsonl, row 1: 'german' is no language code"):
        XNLI.read(path, "german")
    with pytest.raises(CorpusError, match="cannot read the task file"):
        XNLI.read(tmp_path / "missing.tsv", "en")


def test_the_prompt_holds_both_sentences_and_the_labels() -> None:
    assert XNLI.prompt(GERMAN[1]) == (
        "Premise: Niemand kam zum Fest\nHypothesis: Das Fest war voll\n"
        "Is the hypothesis an entailment, neutral or a contradiction?\nLabel: "
    )
