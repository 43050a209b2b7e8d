"""Morphology of languages with number and gender but without case suffixes on names.

The data file gives the genders and, for each feature (`pl`, …), regular-expression rules with the
part of a phrase that they apply to; a dictionary entry may override the plural:

    entry := singular ["/" plural] [" " gender]        película f · person/people p · club/clubes m

Words agree with a noun by the notation `<el|la>` of templates, and contractions (`de el` → `del`)
are the language's `sandhi` rules, so neither is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from polycypher.synthesis.morphology.base import Noun


class AgreementMorphology:
    """Number and gender by rules of the data file (keys `genders`, `features`)."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.genders: tuple[str, ...] = tuple(data.get("genders", ()))
        self._features = {
            name: (
                re.compile(rule.get("scope", r"^.*$")),
                rule.get("words", "last"),
                [(re.compile(pattern), replacement) for pattern, replacement in rule["rules"]],
            )
            for name, rule in data.get("features", {}).items()
        }

    def noun(self, entry: str, *, person: bool = False) -> Noun:
        """The noun of an entry; without a gender letter it has the first gender."""
        text, gender = entry, 0
        head, _, last = entry.rpartition(" ")
        if head and last in self.genders:
            text, gender = head, self.genders.index(last)
        singular, _, plural = text.partition("/")
        explicit = {"pl": plural} if plural else {}

        def inflect(feature: str) -> str:
            word = singular
            for name in feature.split("."):
                word = explicit[name] if name in explicit and word == singular else self._apply(word, name)
            return word

        return Noun(singular, gender, person, inflect)

    def value(self, text: str, feature: str) -> str:
        """Names and numbers do not change."""
        return text

    def word(self, text: str, feature: str) -> str:
        """Number words do not change."""
        return text

    def verb(self, stem: str, feature: str) -> str:
        """Verb forms are written out in the dictionary."""
        return stem

    def _apply(self, phrase: str, feature: str) -> str:
        if feature not in self._features:
            return phrase
        scope, which, rules = self._features[feature]
        found = scope.match(phrase)
        if found is None:
            return phrase
        inside, rest = phrase[: found.end()], phrase[found.end() :]
        words = inside.split(" ")
        chosen = range(len(words)) if which == "all" else [len(words) - 1]
        for index in chosen:
            for pattern, replacement in rules:
                changed, count = pattern.subn(replacement, words[index], count=1)
                if count:
                    words[index] = changed
                    break
        return " ".join(words) + rest
