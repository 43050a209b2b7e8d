"""Hard routing by detected language."""

from __future__ import annotations

import sys

import pytest
import torch
from routing import TEXTS, K, prompts, random_router, stacked_llama

from polycypher.errors import UsageError
from polycypher.fusion.routers import RouterPrompt, language_id
from polycypher.fusion.routers.language_id import LanguageIdRouter
from polycypher.fusion.routers.router import Shape

SHAPE = Shape((4, 2, 8), (), (), 32, 96)
GERMAN = "Welche Schauspieler haben in mehr als drei Filmen mitgespielt?"


def router(**options: object) -> LanguageIdRouter:
    return LanguageIdRouter(SHAPE, languages=["en", "es", "tr"], **options)  # type: ignore[arg-type]


def test_the_language_names_the_adapter() -> None:
    assert torch.equal(router().weigh(TEXTS), torch.eye(K))
    assert torch.equal(
        LanguageIdRouter(SHAPE, languages=["tr", "en", "es"]).weigh(TEXTS), torch.eye(K)[[1, 2, 0]]
    )


@pytest.mark.parametrize("text", [GERMAN, "42", "?", "    "])
def test_without_an_adapter_the_fallback_counts(text: str) -> None:
    assert router().weigh([text]).tolist() == [pytest.approx([1 / 3] * 3)]
    assert router(fallback=[1, 0, 0]).weigh([text]).tolist() == [[1.0, 0.0, 0.0]]


def test_languages_that_are_no_candidates_are_taken_for_one_that_is() -> None:
    found = router(candidates=[]).weigh([GERMAN])
    assert found.max() == 1


def test_a_detector_of_ones_own() -> None:
    told = {"a": ("tr", 0.9), "b": ("tr", 0.1), "c": ("de", 1.0)}
    own = router(detector=told.__getitem__, least=0.5, fallback=[0, 1, 0])
    assert own.weigh(["a", "b", "c"]).tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 0]]


def test_the_question_is_needed() -> None:
    made = random_router("language-id", *stacked_llama())
    with pytest.raises(UsageError, match="give each prompt its text"):
        made.rows(None, [RouterPrompt(prompts()[0].tokens)])  # type: ignore[operator]


def test_as_many_fallback_weights_as_adapters() -> None:
    with pytest.raises(UsageError, match="2 fallback weights for 3 adapters"):
        router(fallback=[1, 0])


def test_without_the_package_one_line_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    monkeypatch.setattr(language_id, "_identifier", language_id._identifier.__wrapped__)
    with pytest.raises(UsageError, match="pip install") as caught:
        router()
    assert "\n" not in str(caught.value)
