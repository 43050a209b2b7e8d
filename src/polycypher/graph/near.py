"""Which stored value a question means by a text that is stored nowhere: a misspelt name, or a translated one.

`Tom Hankes` is one letter from the stored `Tom Hanks`; `Almanya` is what Turkish calls the stored `Germany`.
Where two stored values are as near, neither is taken. Knows indexes and texts, no models and no servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from polycypher.graph.folding import fold
from polycypher.graph.names import known_names
from polycypher.graph.value_index import Place, ValueIndex

_QUOTES = "'\"“”«»„‘’"
_DIGITS = re.compile(r"\d+")
_BEFORE, _AFTER = re.compile(r"\w+ $"), re.compile(r" (\w+)")
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
    def sentence(self) -> str:
        """What was done, for the user."""
        where = ", ".join(f"{owner}.{name}" for owner, name in sorted(self.places))
        why = "means" if self.translated else "is not stored; the nearest stored value is"
        return f"'{self.said}' {why} '{self.stored}' ({where}); the question was read so"


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
    def notices(self) -> tuple[str, ...]:
        """A sentence for the user about each."""
        return tuple(found.sentence for found in self.substitutions)


@dataclass(frozen=True, slots=True)
class _Said:
    """A text of the question, where it stands, and its folded form.

    `name` says that it looks like a name, `alone` that no capital beside it makes it part of a longer one.
    """

    text: str
    start: int
    end: int
    name: bool
    alone: bool
    folded: str


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
    exact = {text.casefold() for text in stored}
    schema_names = {fold(name) for name in known}
    asked = [said for said in _said(question, texts) if not _is_stored(said.text, question, exact)]
    # Of a question that writes names with capitals, words in small letters are no names.
    phrases = len(index.folded) <= _MOST_FOR_PHRASES and not any(said.name for said in asked)
    found: list[tuple[int, int, _Said, Substitution]] = []
    for said in asked:
        if said.folded not in schema_names:
            ranked = _taken(said, index, schema_names, languages, phrases)
            found += ((rank, -len(said.text), said, taken) for rank, taken in ranked)
    found.sort(key=lambda entry: (*entry[:2], entry[2].start))
    chosen: list[tuple[_Said, Substitution]] = []
    for _, _, said, taken in found:
        if all(said.end <= other.start or other.end <= said.start for other, _ in chosen):
            chosen.append((said, taken))
    chosen.sort(key=lambda entry: entry[0].start)
    for said, taken in reversed(chosen):
        question = question[: said.start] + taken.stored + question[said.end :]
    return Near(question, tuple(taken for _, taken in chosen))


def unknown_names(question: str, texts: Sequence[str], stored: Mapping[str, frozenset[Place]]) -> list[str]:
    """Those of `texts` that are written like names in the question, and are not stored as they are."""
    exact = {text.casefold() for text in stored}
    said = (one.text for one in _said(question, texts) if one.name)
    return [text for text in dict.fromkeys(said) if not _is_stored(text, question, exact)]


def _is_stored(text: str, question: str, exact: set[str]) -> bool:
    """Whether a text is a stored one, a part of one that is asked for, or one with an ending.

    What is left beside the stored text counts for more than an ending if it holds a capital: `Tom` may be
    stored, and `Tom Hankes` still a misspelt name.
    """
    folded, asked = text.casefold(), question.casefold()
    for other in exact:
        if folded in other and other in asked:
            return True
        if other in folded:
            at = folded.index(other)
            rest = text[:at] + text[at + len(other) :] if len(folded) == len(text) else ""
            if rest == rest.lower():
                return True
    return False


# ---------------------------------------------------------------------- texts of the question


def _said(question: str, texts: Sequence[str]) -> Iterator[_Said]:
    begin = len(question) - len(question.lstrip("¿¡ \t" + _QUOTES))
    for text in dict.fromkeys(texts):
        if fold(text):
            for found in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", question):
                yield _said_at(question, begin, text, *found.span())


def _said_at(question: str, begin: int, text: str, start: int, end: int) -> _Said:
    quoted = question[max(0, start - 1)] in _QUOTES and question[end : end + 1] in tuple(_QUOTES)
    words = text.split()
    big = [word[0].isupper() or word[0].isdigit() for word in words]
    small = all(large or len(word) < 4 for large, word in zip(big, words, strict=True))  # `of`, `de la`
    capital = words[0][0].isupper() and big[-1] and small
    before, after = _BEFORE.search(question[:start]), _AFTER.match(question[end:])
    longer = (before and before.start() > begin and before[0][0].isupper()) or (
        after and after[1][0].isupper()
    )
    # A question begins with a capital anyhow: `List the top 5` is no name, `Apollo 13` may be.
    proper = len(words) > 1 and (all(big) or any(word[0].isupper() for word in words[1:]))
    name = quoted or (capital and (proper or start > begin))
    return _Said(text, start, end, name, quoted or not longer, fold(text))


# ---------------------------------------------------------------------- what it may be


def _taken(
    said: _Said, index: ValueIndex, schema_names: set[str], languages: Sequence[str], phrases: bool
) -> Iterator[tuple[int, Substitution]]:
    """The substitution for a text with its rank (less is nearer), if there is one."""
    same = index.folded.get(said.folded, ())
    if same:
        other = same[0]
        if len(same) == 1 and other.casefold() != said.text.casefold() and (said.name or " " in said.text):
            yield 0, Substitution(said.text, other, index.places[other])
    elif said.alone and (meant := _translated(said, index, languages)):
        yield 1, Substitution(said.text, meant, index.places[meant], translated=True)
    elif (said.name or phrases) and (nearest := _misspelt(said, index, schema_names)):
        wrong, text = nearest
        yield 1 + wrong, Substitution(said.text, text, index.places[text])


def _translated(said: _Said, index: ValueIndex, languages: Sequence[str]) -> str | None:
    names = known_names(languages)
    meanings = names.meanings.get(said.folded, frozenset())
    if not said.name:  # a word in small letters is more likely a word than a language or a month
        meanings = frozenset(meaning for meaning in meanings if meaning[0] == "territory")
    stored = {
        text for meaning in meanings for name in names.names[meaning] for text in index.folded.get(name, ())
    }
    return stored.pop() if len(stored) == 1 else None


def _misspelt(said: _Said, index: ValueIndex, schema_names: set[str]) -> tuple[int, str] | None:
    """(letters wrong, stored text) of the one nearest stored text, if it is near enough.

    A text that is as near to a name of the schema is that name, misspelt.
    """
    try:
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract
    except ImportError:
        return None
    letters = len(said.folded)
    most = next((wrong for least, wrong in _LIMITS if letters >= least), 0)
    if not said.name:
        most = most - 1 if " " in said.text and letters >= _LETTERS_OF_A_PHRASE else 0
    if most < 1:
        return None
    nearest = extract(said.folded, index.folded.keys(), scorer=OSA.distance, score_cutoff=most, limit=2)
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
