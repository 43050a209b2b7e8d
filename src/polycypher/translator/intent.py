"""Whether a question asks for a change, which polycypher never makes. Words are data, one list a language.

A hint for the user, not a safeguard: what protects a database is the grammar, the guard and the reader user.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml


def asks_for_change(question: str) -> bool:
    """Whether the first (or, where the verb stands last, the last) word is an imperative of change."""
    words = re.findall(r"\w+", _fold(question))
    return bool(words) and (words[0] in _words()["first"] or words[-1] in _words()["last"])


def _fold(text: str) -> str:
    """Case folded, with the Turkish pairs I-ı and İ-i made one: upper case does not tell them apart."""
    return text.casefold().replace("i̇", "i").replace("ı", "i")


@cache
def _words() -> dict[str, frozenset[str]]:
    text = files("polycypher").joinpath("data/write_words.yaml").read_text(encoding="utf-8")
    lists = yaml.safe_load(text).values()
    return {
        place: frozenset(_fold(word) for entry in lists for word in entry.get(place, ()))
        for place in ("first", "last")
    }
