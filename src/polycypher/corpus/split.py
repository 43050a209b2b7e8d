"""The parallel split: which language trains on which question (arXiv 2601.16097, data section).

From parallel examples it draws, with a seed, three kinds of group for n languages: `shared` examples that
every language gets, `pair` examples for each of the n(n-1)/2 pairs of languages and no third, and `unique`
examples for each language alone. The paper's counts for three languages are 6,750, 750 and 3,800: 12,050
samples a language from 20,400 distinct questions. Every draw is by a hash of seed and id, so that neither
the order of the input nor the platform changes it. Knows nothing of files, prompts or models.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from polycypher.corpus.example import Example, check_language, normalise_question
from polycypher.errors import CorpusError

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Split:
    """The drawn groups, whole, and each language's training samples.

    `shared`, `pairs[one, other]` and `unique[language]` hold examples with every language's question;
    `train[language]` holds the samples that this language trains on, each with its question alone. Groups
    are in the order drawn, training samples in another seeded order that mixes the groups.
    """

    languages: tuple[str, ...]
    seed: int
    shared: tuple[Example, ...]
    pairs: Mapping[Pair, tuple[Example, ...]]
    unique: Mapping[str, tuple[Example, ...]]
    train: Mapping[str, tuple[Example, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        train = {}
        for code in self.languages:
            held = [*self.shared, *self.unique[code]]
            held += [example for pair, drawn in self.pairs.items() if code in pair for example in drawn]
            train[code] = tuple(_only(code, example) for example in _order(held, self.seed, "train", code))
        object.__setattr__(self, "train", train)  # frozen: derived once, here

    @property
    def union(self) -> tuple[Example, ...]:
        """Every distinct example once, with the questions of all languages of the split."""
        groups = (self.shared, *self.pairs.values(), *self.unique.values())
        return tuple(_order([example for group in groups for example in group], self.seed, "union"))

    @property
    def joint(self) -> tuple[Example, ...]:
        """All languages' training samples together (joint fine-tuning; 36K samples in the paper).

        A shared example stands in it once a language, so an id may occur several times.
        """
        samples = [sample for code in self.languages for sample in self.train[code]]
        return tuple(_order(samples, self.seed, "joint"))

    @property
    def counts(self) -> dict[str, int]:
        """Sizes: `shared`, `pair` and `unique` a group; `language`, `union` and `joint` in samples."""
        return {
            "shared": len(self.shared),
            "pair": max(map(len, self.pairs.values())),
            "unique": max(map(len, self.unique.values())),
            "language": max(map(len, self.train.values())),
            "union": len(self.union),
            "joint": len(self.joint),
        }

    def in_language(self, code: str) -> tuple[Example, ...]:
        """Every distinct question in one language: with `en`, the paper's EN-only baseline.

        Raises:
            CorpusError: the split has no such language.
        """
        if code not in self.languages:
            raise CorpusError(f"the split has no '{code}'; it has {', '.join(self.languages)}")
        return tuple(_only(code, example) for example in self.union)

    def gate(self, n: int) -> tuple[Example, ...]:
        """`n` of the shared examples with all languages' questions, to train the gate (paper: 2,500).

        A smaller `n` gives a part of what a larger one gives.

        Raises:
            CorpusError: `n` is below one or above the number of shared examples.
        """
        if not 1 <= n <= len(self.shared):
            raise CorpusError(
                f"{n} shared examples were asked for and there are {len(self.shared)}; "
                "ask for fewer, at least one, or split with a larger `shared`"
            )
        return self.shared[:n]

    def to_dict(self) -> dict[str, Any]:
        """The ids by group, JSON-able; `from_dict` reads it."""
        return {
            "languages": list(self.languages),
            "seed": self.seed,
            "shared": [example.id for example in self.shared],
            "pairs": [
                {"languages": list(pair), "ids": [example.id for example in drawn]}
                for pair, drawn in self.pairs.items()
            ],
            "unique": {code: [example.id for example in drawn] for code, drawn in self.unique.items()},
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], examples: Iterable[Example]) -> Split:
        """The split that `to_dict` wrote, over the same corpus.

        Raises:
            CorpusError: the value has another shape, an id is not among the examples or stands in two
                groups, or the examples themselves do not fit (see `split_parallel`).
        """
        try:
            languages = _checked_languages(value["languages"])
            seed = int(value["seed"])
            shared = [str(identifier) for identifier in value["shared"]]
            pairs = {_pair(row["languages"]): [str(one) for one in row["ids"]] for row in value["pairs"]}
            unique = {str(code): [str(one) for one in ids] for code, ids in value["unique"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CorpusError("the saved split has another shape than `Split.to_dict` writes") from None
        if set(pairs) != set(combinations(languages, 2)) or set(unique) != set(languages):
            raise CorpusError("the saved split's groups are not those of its languages; split again")
        seen = Counter(one for ids in (shared, *pairs.values(), *unique.values()) for one in ids)
        if twice := [one for one, times in seen.items() if times > 1]:
            raise CorpusError(f"the saved split holds the example '{twice[0]}' twice; split again")
        known = {example.id: example for example in examples if example.id in seen}
        if missing := [one for one in seen if one not in known]:
            raise CorpusError(
                f"the saved split names {len(missing)} examples that the corpus lacks, '{missing[0]}' first; "
                "give the corpus it was made from"
            )
        whole = {example.id: example for example in _checked(known.values(), languages)}
        return cls(
            languages,
            seed,
            tuple(whole[one] for one in shared),
            {pair: tuple(whole[one] for one in pairs[pair]) for pair in combinations(languages, 2)},
            {code: tuple(whole[one] for one in unique[code]) for code in languages},
        )


def split_parallel(
    examples: Iterable[Example],
    languages: Sequence[str],
    *,
    shared: int,
    pair: int,
    unique: int,
    seed: int,
) -> Split:
    """Draw the groups of a parallel split; shared + pair · n(n-1)/2 + unique · n examples are used.

    Args:
        examples: parallel examples, each with a question in every one of `languages`.
        languages: at least two language codes; questions in other languages are left out.
        shared: how many examples all languages get.
        pair: how many examples each pair of languages gets besides.
        unique: how many examples each language alone gets besides.
        seed: another seed draws other examples.

    Raises:
        CorpusError: fewer than two languages or one twice, a negative count or no example asked for, an
            example without a question in one of the languages, two of one id or one question, or too few.
    """
    codes = _checked_languages(languages)
    wanted = {"shared": shared, "pair": pair, "unique": unique}
    for name, count in wanted.items():
        if count < 0:
            raise CorpusError(f"a split cannot have {name}={count}; give a count of zero or more")
    couples = list(combinations(codes, 2))
    needed = shared + pair * len(couples) + unique * len(codes)
    if shared + pair + unique == 0:
        raise CorpusError("the split asks for no example; give `shared`, `pair` or `unique` a count")
    drawn = _order(_checked(examples, codes), seed, "draw")
    if len(drawn) < needed:
        raise CorpusError(
            f"the split needs {needed} parallel examples ({shared} shared, {pair} for each of "
            f"{len(couples)} pairs, {unique} for each of {len(codes)} languages) and there are "
            f"{len(drawn)}; give more, or smaller counts"
        )
    pool = iter(drawn)

    def take(count: int) -> tuple[Example, ...]:
        return tuple(next(pool) for _ in range(count))

    return Split(
        codes,
        seed,
        take(shared),
        {couple: take(pair) for couple in couples},
        {code: take(unique) for code in codes},
    )


def distinct_questions(examples: Iterable[Example]) -> list[Example]:
    """The examples without those that repeat a question, in any language, of one kept before.

    Taken in the order of their ids, so that the order of the input does not matter. Translations often
    coincide where the originals differ by a word, and `split_parallel` refuses such a corpus.
    """
    seen: set[str] = set()
    kept = []
    for example in sorted(examples, key=lambda one: one.id):
        questions = {normalise_question(text) for text in example.questions.values()}
        if not questions & seen:
            kept.append(example)
            seen |= questions
    return kept


def assert_disjoint(train: Iterable[Example], test: Iterable[Example]) -> None:
    """Check that no question of `train`, in whatever language, is one of `test` by `normalise_question`.

    Raises:
        CorpusError: one is; the message names the first such example of `train` and its double.
    """
    barred = {normalise_question(text): example.id for example in test for text in example.questions.values()}
    for example in train:
        for code, text in example.questions.items():
            double = barred.get(normalise_question(text))
            if double is not None:
                raise CorpusError(
                    f"the training example '{example.id}' asks in {code} what the test example '{double}' "
                    "asks; leave it out of training (`corpus.readers.without_questions`)"
                )


def _checked_languages(languages: Iterable[str]) -> tuple[str, ...]:
    codes = tuple(check_language(str(code)) for code in languages)
    if len(set(codes)) != len(codes):
        raise CorpusError(f"a language stands twice in {', '.join(codes)}; name each once")
    if len(codes) < 2:
        raise CorpusError("a parallel split needs at least two languages; name another")
    return codes


def _pair(codes: Iterable[str]) -> Pair:
    one, other = codes
    return str(one), str(other)


def _checked(examples: Iterable[Example], languages: Sequence[str]) -> list[Example]:
    """The examples reduced to `languages`, with all of them, no id twice and no question twice."""
    reduced: list[Example] = []
    ids: set[str] = set()
    asked: dict[str, str] = {}
    for example in examples:
        lacking = [code for code in languages if not example.questions.get(code, "").strip()]
        if lacking:
            raise CorpusError(
                f"the example '{example.id}' has no question in {', '.join(lacking)}; "
                "translate it or leave it out of the split"
            )
        if example.id in ids:
            raise CorpusError(f"two examples have the id '{example.id}'; give each its own")
        ids.add(example.id)
        for code in languages:
            double = asked.setdefault(normalise_question(example.questions[code]), example.id)
            if double != example.id:
                raise CorpusError(
                    f"the examples '{double}' and '{example.id}' ask the same question in {code}; keep one "
                    "of them (`corpus.split.distinct_questions`)"
                )
        reduced.append(replace(example, questions={code: example.questions[code] for code in languages}))
    return reduced


def _order(examples: Iterable[Example], seed: int, *purpose: str) -> list[Example]:
    """The examples by a hash of seed, purpose, id and languages: the same whatever their order was."""

    def rank(example: Example) -> bytes:
        parts = (str(seed), *purpose, *sorted(example.questions), example.id)
        return hashlib.sha256("\x00".join(parts).encode()).digest()

    return sorted(examples, key=rank)


def _only(code: str, example: Example) -> Example:
    return replace(example, questions={code: example.questions[code]})
