"""Which stored value a question means by a text that is stored nowhere: a misspelt name, or a translated one.

`Tom Hankes` is one letter from the stored `Tom Hanks`; `Almanya` is what Turkish calls the stored `Germany`.
Where two stored values are as near, neither is taken. Knows indexes and texts, no models and no servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from polycypher.graph.folding import fold
from polycypher.graph.names import Names, known_names
from polycypher.graph.said import Said, said_in
from polycypher.graph.value_index import Place, ValueIndex
from polycypher.notices import Notice

_DIGITS = re.compile(r"\d+")
_LIMITS = ((16, 3), (9, 2), (5, 1))
"""Letters of a name, and how many of them may be wrong."""
_LETTERS_OF_A_PHRASE = 8
"""Letters that words without a capital need to be taken for a name."""
_SHORT_WORD = 5
"""Letters up to which one wrong letter makes another word rather than a misspelt one."""
_MOST_FOR_PHRASES = 20_000
"""Stored texts beyond which words without a capital are not looked for: there are many such words."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """A text of the question, the stored value it was taken for, and where that is stored.

    `translated` says that the two are names of one thing in two languages; else one is spelt differently.
    """

    said: str
    stored: str
    places: frozenset[Place]
    translated: bool = False

    @property
    def sentence(self) -> Notice:
        """What was done, for the user."""
        where = ", ".join(f"{owner}.{name}" for owner, name in sorted(self.places))
        code = "value_means" if self.translated else "value_nearest"
        return Notice(code, said=self.said, stored=self.stored, where=where)


@dataclass(frozen=True, slots=True)
class Near:
    """A question as it is to be read: with each substitution made."""

    question: str
    substitutions: tuple[Substitution, ...] = ()

    @property
    def homes(self) -> dict[str, frozenset[Place]]:
        """The stored values that came in, in the shape of `polycypher.graph.stored.find_stored`."""
        return {found.stored: found.places for found in self.substitutions}

    @property
    def notices(self) -> tuple[Notice, ...]:
        """A sentence for the user about each."""
        return tuple(found.sentence for found in self.substitutions)


def find_near(
    question: str,
    texts: Sequence[str],
    index: ValueIndex,
    stored: Mapping[str, frozenset[Place]],
    *,
    known: Iterable[str] = (),
    languages: Sequence[str] = (),
) -> Near:
    """Substitute stored values for texts that are nearly, or in another language, what is stored.

    Without the optional parts `rapidfuzz` and `babel` only case, accents and punctuation are forgiven.

    Args:
        question: as asked.
        texts: parts of it that may be values; those that are stored as they are count for nothing here.
        index: the stored values.
        stored: which texts are stored as they are, and where.
        known: names of the schema; they are no values.
        languages: whose names of countries, languages and months are looked into, beside a few others.
    """
    exact = _exact(question, stored)
    schema_names = _folded(tuple(known))
    names = known_names(languages)
    asked = [said for said in said_in(question, texts) if not _is_stored(said.text, exact)]
    # Of a question that writes names with capitals, words in small letters are no names.
    phrases = len(index.folded) <= _MOST_FOR_PHRASES and not any(said.name for said in asked)
    found: list[tuple[int, int, Said, Substitution]] = []
    for said in asked:
        if said.folded not in schema_names:
            ranked = _taken(said, index, schema_names, names, phrases)
            found += ((rank, -len(said.text), said, taken) for rank, taken in ranked)
    found.sort(key=lambda entry: (*entry[:2], entry[2].start))
    chosen: list[tuple[Said, Substitution]] = []
    for _, _, said, taken in found:
        if all(said.end <= other.start or other.end <= said.start for other, _ in chosen):
            chosen.append((said, taken))
    chosen.sort(key=lambda entry: entry[0].start)
    for said, taken in reversed(chosen):
        question = question[: said.start] + taken.stored + question[said.end :]
    return Near(question, tuple(taken for _, taken in chosen))


def unknown_names(question: str, texts: Sequence[str], stored: Mapping[str, frozenset[Place]]) -> list[str]:
    """Those of `texts` that are written like names in the question, and are not stored as they are."""
    exact = _exact(question, stored)
    said = (one.text for one in said_in(question, texts) if one.name)
    return [text for text in dict.fromkeys(said) if not _is_stored(text, exact)]


@lru_cache(maxsize=8)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    """Names of a schema, folded: the same for every question."""
    return frozenset(map(fold, names))


def _exact(question: str, stored: Iterable[str]) -> dict[str, bool]:
    """The stored texts without case, and whether the question holds them so."""
    asked = question.casefold()
    return {text: text in asked for text in (text.casefold() for text in stored)}


def _is_stored(text: str, exact: Mapping[str, bool]) -> bool:
    """Whether a text is a stored one, a part of one that is asked for, or one with an ending.

    What is left beside the stored text counts for more than an ending if it holds a capital: `Tom` may be
    stored, and `Tom Hankes` still a misspelt name.
    """
    folded = text.casefold()
    for other, asked in exact.items():
        if asked and folded in other:
            return True
        if other in folded:
            at = folded.index(other)
            rest = text[:at] + text[at + len(other) :] if len(folded) == len(text) else ""
            if rest == rest.lower():
                return True
    return False


# ---------------------------------------------------------------------- what it may be


def _taken(
    said: Said, index: ValueIndex, schema_names: frozenset[str], names: Names, phrases: bool
) -> Iterator[tuple[int, Substitution]]:
    """The substitution for a text with its rank (less is nearer), if there is one."""
    same = index.folded.get(said.folded, ())
    if same:
        other = same[0]
        if len(same) == 1 and other.casefold() != said.text.casefold() and (said.name or " " in said.text):
            yield 0, Substitution(said.text, other, index.places[other])
    elif said.alone and (meant := _translated(said, index, names)):
        yield 1, Substitution(said.text, meant, index.places[meant], translated=True)
    elif (said.name or phrases) and (nearest := _misspelt(said, index, schema_names)):
        wrong, text = nearest
        yield 1 + wrong, Substitution(said.text, text, index.places[text])


def _translated(said: Said, index: ValueIndex, names: Names) -> str | None:
    meanings = names.meanings.get(said.folded)
    if meanings is None:
        return None
    if not said.name:  # a word in small letters is more likely a word than a language or a month
        meanings = frozenset(meaning for meaning in meanings if meaning[0] == "territory")
    stored = {
        text for meaning in meanings for name in names.names[meaning] for text in index.folded.get(name, ())
    }
    return stored.pop() if len(stored) == 1 else None


def _misspelt(said: Said, index: ValueIndex, schema_names: frozenset[str]) -> tuple[int, str] | None:
    """(letters wrong, stored text) of the one nearest stored text, if it is near enough.

    A text that is as near to a name of the schema is that name, misspelt.
    """
    letters = len(said.folded)
    most = next((wrong for least, wrong in _LIMITS if letters >= least), 0)
    if not said.name:
        most = most - 1 if " " in said.text and letters >= _LETTERS_OF_A_PHRASE else 0
    if most < 1:
        return None
    try:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract
    except ImportError:
        return None
    # A wrong letter changes the length by one at most, so that the others need not be compared.
    lengths = range(letters - most, letters + most + 1)
    near = [key for length in lengths for key in index.by_length.get(length, ())]
    nearest = extract(said.folded, near, scorer=OSA.distance, score_cutoff=most, limit=2)
    if not nearest or (len(nearest) > 1 and nearest[0][1] == nearest[1][1]):
        return None
    key, wrong, _ = nearest[0]
    texts = index.folded[key]
    numbers_differ = _DIGITS.findall(key) != _DIGITS.findall(said.folded)
    other_name = letters < _LIMITS[-2][0] and key[0] != said.folded[0]
    if len(texts) > 1 or numbers_differ or other_name:
        return None
    if _another_word(said.folded, key):
        return None
    if any(OSA.distance(said.folded, name, score_cutoff=int(wrong)) <= wrong for name in schema_names):
        return None
    return int(wrong), texts[0]


def _another_word(said: str, stored: str) -> bool:
    """Whether a short word of one is another word of the same length in the other: John is not Joan."""
    one, other = said.split(), stored.split()
    if len(one) != len(other):
        return False
    return any(
        a != b and len(a) == len(b) <= _SHORT_WORD and sorted(a) != sorted(b)
        for a, b in zip(one, other, strict=True)
    )
