"""English names for the words of a question in another language, so that a large schema is cut to its point.

Labels and properties are English in most graphs; a question in Spanish or Turkish shares no stem with them.
The synthesiser's dictionaries know many of the nouns; a language added there is known here. Knows nothing of
models or grammar.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_STEM = 5
"""Letters that must agree: endings of case, number and possession come after."""
_WORD = re.compile(r"[^\W\d_]+")


def hints(question: str) -> str:
    """English concepts that words of the question may stand for, separated by blanks."""
    asked = [_plain(word) for word in _WORD.findall(question)]
    found = {
        concept
        for word in asked
        for length in range(3, len(word) + 1)
        for concept in _concepts().get(word[:length], ())
    }
    return " ".join(sorted(found))


@cache
def _concepts() -> dict[str, tuple[str, ...]]:
    """Stem → English concepts, over the nouns and properties of every dictionary but the English one."""
    stems: dict[str, set[str]] = {}
    for file in (files("polycypher") / "data" / "synthesis" / "dictionary").iterdir():
        if not file.name.endswith(".yaml") or file.name == "en.yaml":
            continue
        words: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for kind in ("nouns", "properties"):
            for concept, forms in words.get(kind, {}).items():
                for form in str(forms).split(","):
                    word = _WORD.search(_plain(form))
                    if word is not None and len(word[0]) >= 3:
                        stems.setdefault(word[0][:_STEM], set()).add(str(concept).replace("_", " "))
    return {stem: tuple(sorted(concepts)) for stem, concepts in stems.items()}


def _plain(text: str) -> str:
    """Lower case without accents; the Turkish dotless i counts as i."""
    folded = unicodedata.normalize("NFKD", text.casefold().replace("ı", "i"))
    return "".join(char for char in folded if not unicodedata.combining(char))
