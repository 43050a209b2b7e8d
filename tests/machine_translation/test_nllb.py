"""NLLB through the true code path, on random weights: what goes in and out, not how well."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
from translation_helpers import save_tiny_nllb

from polycypher.errors import ModelError, UsageError
from polycypher.machine_translation.languages import flores_code
from polycypher.machine_translation.nllb import NllbTranslator

TEXTS = ["Which films?", "Who directed the film that everybody saw?", "One", "¿Qué?"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_nllb(tmp_path_factory.mktemp("nllb"))


def test_a_translation_is_the_models_own_beam_search_from_the_target_language(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder, src_lang="spa_Latn")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    german = tokenizer.convert_tokens_to_ids("deu_Latn")
    expected = []
    for text in TEXTS:
        said = model.generate(
            **tokenizer(text, return_tensors="pt"), forced_bos_token_id=german, num_beams=4, max_new_tokens=50
        )
        assert said[0, 1] == german
        expected.append(tokenizer.decode(said[0], skip_special_tokens=True).strip())

    assert len(set(expected)) >= 3
    assert NllbTranslator(folder, longest=50, batch_size=2).translate(TEXTS, "es", "de") == expected


def test_the_batch_does_not_matter(folder: Path) -> None:
    alone = NllbTranslator(folder, longest=50, beams=2, batch_size=1).translate(TEXTS, "en", "tr")
    assert NllbTranslator(folder, longest=50, beams=2, batch_size=4).translate(TEXTS, "en", "tr") == alone


def test_both_languages_matter(folder: Path) -> None:
    translator = NllbTranslator(folder, longest=50, beams=2)
    said = translator.translate(TEXTS, "en", "de")
    assert translator.translate(TEXTS, "en", "tr") != said
    assert translator.translate(TEXTS, "es", "de") != said
    assert translator.translate(TEXTS, "en", "de") == said


def test_lines_are_translated_apart_and_nothing_but_signs_stays(folder: Path) -> None:
    translator = NllbTranslator(folder, longest=50, beams=2)
    first, second = translator.translate(["Which films?", "One"], "en", "de")
    assert translator.translate(["Which films?\n\n… ?\nOne", ""], "en", "de") == [
        f"{first}\n\n… ?\n{second}", "",
    ]  # fmt: skip
    assert translator.translate([], "en", "de") == []


def test_a_line_that_is_too_long_is_cut_at_its_sentences_and_loses_no_word(folder: Path) -> None:
    translator = NllbTranslator(folder, longest=20)
    line = "One film. Two films? A film that has no end at all and goes on. Three"
    pieces = translator._pieces(line)
    assert pieces[:2] == ["One film.", "Two films?"]
    assert " ".join(pieces).split() == line.split()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert all(len(tokenizer(piece)["input_ids"]) <= 20 for piece in pieces)
    parts = translator.translate(pieces, "en", "de")
    assert translator.translate([line], "en", "de") == [" ".join(parts)]


def test_nothing_is_loaded_before_the_first_text(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    translator = NllbTranslator(tmp_path / "empty")
    assert translator.name
    with pytest.raises(ModelError, match=r"cannot load the translation model .*empty .*file:PATH"):
        translator.translate(["One"], "en", "de")


def test_without_a_network_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelError, match=r"cannot load the translation model nobody/nothing .*file:PATH"
    ) as told:
        NllbTranslator("nobody/nothing").translate(["One"], "en", "de")
    assert "\n" not in str(told.value)


def test_a_path_without_a_folder_is_no_name_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model folder"):
        NllbTranslator(tmp_path / "missing")


def test_the_name_tells_folders_and_searches_apart(tmp_path: Path, folder: Path) -> None:
    name = NllbTranslator(folder).name
    assert NllbTranslator(str(folder)).name == name
    assert NllbTranslator(folder, beams=1).name != name
    other = tmp_path / "other"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    before = NllbTranslator(other).name
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    assert len({name, before, NllbTranslator(other).name}) == 3


def test_a_language_that_the_model_does_not_know(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"does not know the language 'de-Thai' \(deu_Thai\)"):
        NllbTranslator(folder).translate(["One"], "en", "de-Thai")


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "eng_Latn"),
        ("tr", "tur_Latn"),
        ("pt-BR", "por_Latn"),
        ("zh", "zho_Hans"),
        ("zh-Hant", "zho_Hant"),
        ("zh-TW", "zho_Hant"),
        ("ace", "ace_Latn"),
        ("ace-Arab", "ace_Arab"),
    ],
)
def test_codes(tag: str, code: str) -> None:
    assert flores_code(tag) == code


def test_every_code_of_the_table_is_one_of_the_tokenizers() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    from polycypher.machine_translation.languages import _table

    assert set(_table().values()) <= set(FAIRSEQ_LANGUAGE_CODES)
    bases = {code.split("_")[0] for code in _table().values()}
    assert {code.split("_")[0] for code in FAIRSEQ_LANGUAGE_CODES} == bases


@pytest.mark.parametrize(
    ("tag", "said"), [("german", "no language code"), ("tlh", "NLLB has no language 'tlh'")]
)
def test_codes_that_are_refused(tag: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        flores_code(tag)
