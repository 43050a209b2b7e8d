"""What every morphology engine offers: nouns with forms by feature, and suffixed values.

A feature is a dotted path such as `pl`, `sg.acc` or `pl.poss.gen`; an engine ignores what its
language does not mark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Noun:
    """A noun of one language. `gender` is an index into the language's genders."""

    __slots__ = ("_forms", "_inflect", "gender", "person", "text")

    def __init__(self, text: str, gender: int, person: bool, inflect: Callable[[str], str]) -> None:
        self.text = text
        self.gender = gender
        self.person = person
        self._inflect = inflect
        self._forms: dict[str, str] = {}

    def form(self, feature: str) -> str:
        """The form for a feature, computed once."""
        found = self._forms.get(feature)
        if found is None:
            found = self._forms[feature] = self._inflect(feature)
        return found

    def __repr__(self) -> str:
        return f"Noun({self.text!r})"


class Morphology(Protocol):
    """An engine. `genders` are the letters that a dictionary entry may end with."""

    genders: tuple[str, ...]

    def noun(self, entry: str, *, person: bool = False) -> Noun:
        """The noun that a dictionary entry describes."""

    def value(self, text: str, feature: str) -> str:
        """A proper name, code or number written in a sentence with the suffixes of `feature`."""

    def word(self, text: str, feature: str) -> str:
        """A common word, such as a number word, with the suffixes of `feature`."""

    def verb(self, stem: str, feature: str) -> str:
        """A verb stem with the suffixes of `feature`."""
