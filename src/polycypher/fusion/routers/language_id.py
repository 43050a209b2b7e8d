"""Hard routing by detected language: the question's language names its adapter.

Phi-4-Mini (arXiv 2503.01743, §2.2) keeps its language model frozen and turns a LoRA on by the kind of input,
so that adapters do not disturb each other. Here the kind is the question's language, which a detector tells
from its text:

    w = e_l  for the detected language l;  w = fallback  where l has no adapter, or nothing is certain

The detector is `py3langid` (offline, 97 languages, 4 MB; naive Bayes over byte n-grams: Lui and Baldwin,
langid.py, ACL 2012). It chooses between the adapters' languages and those of `COMMON`, so that a question in
a language without an adapter is noticed. Nothing is trained. Knows nothing of models.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from polycypher.errors import UsageError
from polycypher.fusion.routers.router import PromptRouter, RouterPrompt, Shape
from polycypher.fusion.runner import Runner

COMMON = ("ar", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "ru", "tr", "zh")
"""Languages that a question may be in although no adapter is for them."""

Detector = Callable[[str], tuple[str, float]]
"""From a text to its language (ISO 639-1) and the probability of that."""


def langid_detector(candidates: Sequence[str]) -> Detector:
    """`py3langid` over `candidates`.

    Raises:
        UsageError: the package is missing, or does not know a language.
    """
    identifier = copy.copy(_identifier())  # shares the tables, and is restricted by itself
    if unknown := set(candidates) - set(identifier.labels):
        raise UsageError(f"the language detector does not know '{min(unknown)}'; give ISO 639-1 codes")
    identifier.set_languages(list(candidates))

    def detect(text: str) -> tuple[str, float]:
        code, probability = identifier.classify(text)
        return str(code), float(probability)

    return detect


@cache
def _identifier() -> Any:
    """All languages; its tables take half a second to unpack."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise UsageError(
            "hard routing by language needs a detector: pip install 'polycypher[study]'"
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


class LanguageIdRouter(PromptRouter):
    """One-hot weights by the language of the question."""

    def __init__(
        self,
        shape: Shape,
        *,
        languages: Sequence[str],
        fallback: Sequence[float] | None = None,
        least: float = 0.25,
        candidates: Sequence[str] = COMMON,
        detector: Detector | None = None,
    ) -> None:
        """
        Args:
            shape: of the stacked adapters.
            languages: of the adapters, in their order.
            fallback: the gate vector where no adapter is for the detected language; each counts alike
                (`exact`, the uniform merge) if None.
            least: probability below which nothing is certain, as for a bare number.
            candidates: languages between which to decide, beside the adapters'.
            detector: of your own, in place of `langid_detector`; it is not saved with the router.

        Raises:
            UsageError: as many languages or fallback weights as adapters are needed, or the detector is
                missing or does not know a language.
        """
        super().__init__(
            shape,
            languages=list(languages),
            fallback=None if fallback is None else [float(value) for value in fallback],
            least=least,
            candidates=list(candidates),
        )
        count = shape.adapters
        for name, given in (("languages", languages), ("fallback weights", fallback)):
            if given is not None and len(given) != count:
                raise UsageError(f"{len(given)} {name} for {count} adapters; give one for each")
        self._places = {code: place for place, code in enumerate(languages)}
        self._least = least
        self._fallback = torch.tensor([1 / count] * count if fallback is None else list(map(float, fallback)))
        self._detect = detector or langid_detector(sorted({*languages, *candidates}))

    def weigh(self, texts: Sequence[str]) -> Tensor:
        """Gate vectors of questions [Q, K]."""
        return torch.stack([self._weights_of(text) for text in texts])

    def rows(self, runner: Runner, prompts: Sequence[RouterPrompt]) -> Tensor:
        """See `PromptRouter`; the questions' texts are needed.

        Raises:
            UsageError: a prompt without its question.
        """
        if not all(prompt.question for prompt in prompts):
            raise UsageError("routing by language reads the questions; give each prompt its text")
        return self.weigh([prompt.question for prompt in prompts])

    def _weights_of(self, text: str) -> Tensor:
        code, probability = self._detect(text)
        if probability < self._least or code not in self._places:
            return self._fallback
        return torch.eye(self.shape.adapters)[self._places[code]]
