"""Names of countries, languages and months in many languages, from the Unicode CLDR by way of Babel.

`Almanya`, `Alemania` and `Germany` mean the same. Knows nothing of graphs; an optional part of the package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from polycypher.graph.folding import fold

if TYPE_CHECKING:
    from babel import Locale

LANGUAGES = ("en", "es", "tr", "de", "fr", "it", "pt", "nl")
"""The languages looked into beside those of the model: in one of these a graph's own names are likely."""

Meaning = tuple[str, str]
"""What a name means: its kind (`territory`, `language`, `month`) and its code."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names by meaning and meanings by name; names are folded, see `polycypher.graph.folding`."""

    meanings: Mapping[str, frozenset[Meaning]]
    names: Mapping[Meaning, frozenset[str]]


def known_names(languages: Sequence[str] = ()) -> Names:
    """The names in `languages` and `LANGUAGES`; of codes without data, and without Babel, there are none."""
    return _names(tuple(dict.fromkeys((*languages, *LANGUAGES))))


@lru_cache(maxsize=8)
def _names(languages: tuple[str, ...]) -> Names:
    try:
        from babel import Locale, UnknownLocaleError
    except ImportError:
        return Names({}, {})
    meanings: dict[str, set[Meaning]] = {}
    names: dict[Meaning, set[str]] = {}
    for language in languages:
        try:
            locale = Locale.parse(language)
        except (UnknownLocaleError, ValueError):
            continue
        for meaning, name in _of(locale):
            if folded := fold(name):
                meanings.setdefault(folded, set()).add(meaning)
                names.setdefault(meaning, set()).add(folded)
    return Names(
        {name: frozenset(found) for name, found in meanings.items()},
        {meaning: frozenset(found) for meaning, found in names.items()},
    )


def _of(locale: Locale) -> list[tuple[Meaning, str]]:
    territories = [
        (("territory", code), name)
        for code, name in locale.territories.items()
        if len(code) == 2 and code.isalpha()
    ]
    spoken = [(("language", code), name) for code, name in locale.languages.items() if code.isalpha()]
    months = [
        (("month", str(number)), name)
        for context in ("format", "stand-alone")
        for number, name in locale.months[context]["wide"].items()
    ]
    return [*territories, *spoken, *months]
