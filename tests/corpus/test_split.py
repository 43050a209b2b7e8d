"""The parallel split: the paper's counts, groups that never overlap, the same draw everywhere."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.corpus.example import Example
from polycypher.corpus.split import Split, assert_disjoint, distinct_questions, split_parallel
from polycypher.errors import CorpusError

LANGUAGES = ("en", "es", "tr", "de", "pt-BR")


def parallel(count: int, languages: tuple[str, ...] = LANGUAGES) -> list[Example]:
    return [
        Example(f"x{n}", "movies", {code: f"{code} question {n}?" for code in languages}, f"RETURN {n}")
        for n in range(count)
    ]


def ids(examples: Any) -> set[str]:
    return {example.id for example in examples}


def message(*arguments: Any, **counts: Any) -> str:
    """The refusal of `split_parallel`: one line."""
    with pytest.raises(CorpusError) as caught:
        split_parallel(*arguments, **{"shared": 1, "pair": 1, "unique": 1, "seed": 0, **counts})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_papers_counts() -> None:
    split = split_parallel(parallel(20_400), ["en", "es", "tr"], shared=6_750, pair=750, unique=3_800, seed=1)
    assert {code: len(samples) for code, samples in split.train.items()} == {
        "en": 6_750 + 1_500 + 3_800,
        "es": 12_050,
        "tr": 12_050,
    }
    assert len(split.union) == 6_750 + 3 * 750 + 3 * 3_800 == 20_400
    assert len(split.in_language("en")) == 20_400
    assert len(split.joint) == 3 * 12_050
    assert len(split.gate(2_500)) == 2_500
    assert split.counts == {
        "shared": 6_750,
        "pair": 750,
        "unique": 3_800,
        "language": 12_050,
        "union": 20_400,
        "joint": 36_150,
    }


splits = st.tuples(
    st.integers(2, 5), st.integers(0, 6), st.integers(0, 4), st.integers(0, 5), st.integers(0, 10**9)
).filter(lambda drawn: any(drawn[1:4]))


@settings(max_examples=60, deadline=None)
@given(splits, st.integers(0, 9))
def test_counts_groups_and_union(drawn: tuple[int, ...], spare: int) -> None:
    n, shared, pair, unique, seed = drawn
    languages = LANGUAGES[:n]
    total = shared + pair * comb(n, 2) + unique * n
    split = split_parallel(
        parallel(total + spare), languages, shared=shared, pair=pair, unique=unique, seed=seed
    )

    groups = [split.shared, *split.pairs.values(), *split.unique.values()]
    assert [len(group) for group in groups] == [shared] + [pair] * comb(n, 2) + [unique] * n
    assert len(set().union(*map(ids, groups))) == sum(map(len, groups)) == total  # no id in two groups
    assert len(split.union) == total
    assert ids(split.union) == set().union(*map(ids, groups))

    assert set(split.pairs) == set(combinations(languages, 2))
    for code, samples in split.train.items():
        assert len(samples) == shared + pair * (n - 1) + unique
        assert all(set(sample.questions) == {code} for sample in samples)
        expected = ids(split.shared) | ids(split.unique[code])
        expected |= {one for couple in split.pairs if code in couple for one in ids(split.pairs[couple])}
        assert ids(samples) == expected

    # an example is trained on by all languages, by two, or by one, and by no other number
    holders = Counter(Counter(sample.id for sample in split.joint).values())
    expected_holders: Counter[int] = Counter()
    for number, size in ((n, shared), (2, pair * comb(n, 2)), (1, unique * n)):
        expected_holders[number] += size
    assert holders == +expected_holders


@settings(max_examples=30, deadline=None)
@given(splits, st.randoms(use_true_random=False))
def test_the_same_seed_draws_the_same_in_any_order(drawn: tuple[int, ...], shuffle: random.Random) -> None:
    n, shared, pair, unique, seed = drawn
    counts = {"shared": shared, "pair": pair, "unique": unique, "seed": seed}
    examples = parallel(shared + pair * comb(n, 2) + unique * n + 3)
    mixed = list(examples)
    shuffle.shuffle(mixed)
    one = split_parallel(examples, LANGUAGES[:n], **counts)
    other = split_parallel(mixed, LANGUAGES[:n], **counts)
    assert one == other
    assert one.train == other.train
    assert one.joint == other.joint
    assert one.union == other.union


def test_the_draw_is_the_same_on_every_platform_and_version() -> None:
    split = split_parallel(parallel(12), ["en", "es"], shared=2, pair=1, unique=2, seed=7)
    assert split.to_dict() == {
        "languages": ["en", "es"],
        "seed": 7,
        "shared": ["x5", "x2"],
        "pairs": [{"languages": ["en", "es"], "ids": ["x4"]}],
        "unique": {"en": ["x3", "x0"], "es": ["x11", "x8"]},
    }


def test_another_seed_draws_another_split() -> None:
    one, other = (
        split_parallel(parallel(60), ["en", "es"], shared=10, pair=5, unique=10, seed=seed) for seed in (1, 2)
    )
    assert ids(one.shared) != ids(other.shared)


def test_only_the_languages_asked_for_remain() -> None:
    split = split_parallel(parallel(9), ["es", "tr"], shared=2, pair=1, unique=2, seed=0)
    assert all(set(example.questions) == {"es", "tr"} for example in split.union)
    assert all(set(example.questions) == {"es", "tr"} for example in split.gate(2))
    assert all(set(example.questions) == {"tr"} for example in split.in_language("tr"))
    with pytest.raises(CorpusError, match="no 'en'"):
        split.in_language("en")


def test_training_samples_mix_the_groups() -> None:
    split = split_parallel(parallel(500), ["en", "es"], shared=100, pair=100, unique=100, seed=3)
    shared = ids(split.shared)
    first = sum(sample.id in shared for sample in split.train["en"][:100])
    assert 15 < first < 60  # a third of 300, not all of the first hundred
    assert {code for sample in split.joint[:20] for code in sample.questions} == {"en", "es"}


def test_the_gate_takes_shared_examples_and_a_smaller_one_a_part_of_them() -> None:
    split = split_parallel(parallel(20), ["en", "es", "tr"], shared=8, pair=1, unique=2, seed=0)
    assert ids(split.gate(3)) < ids(split.gate(5)) < ids(split.shared)
    for asked in (0, 9, -1):
        with pytest.raises(CorpusError, match="there are 8"):
            split.gate(asked)


# ---------------------------------------------------------------------------- saved and read again


def test_a_saved_split_is_read_again() -> None:
    examples = parallel(40)
    split = split_parallel(examples, ["en", "tr", "pt-BR"], shared=5, pair=3, unique=4, seed=11)
    saved = json.loads(json.dumps(split.to_dict()))
    again = Split.from_dict(saved, reversed(examples))
    assert again == split
    assert again.train == split.train


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shared": None}, "another shape"),
        ({"seed": "seven"}, "another shape"),
        ({"pairs": [{"languages": ["en"], "ids": []}]}, "another shape"),
        ({"pairs": []}, "groups"),
        ({"unique": {"en": []}}, "groups"),
        ({"languages": ["en"]}, "two languages"),
        ({"languages": ["en", "es", "english"]}, "no language code"),
        ({"shared": ["x1", "x1"]}, "'x1' twice"),
        ({"shared": ["gone"]}, "'gone'"),
    ],
)
def test_a_damaged_saved_split(change: dict[str, Any], said: str) -> None:
    examples = parallel(12)
    saved = split_parallel(examples, ["en", "es"], shared=0, pair=1, unique=1, seed=0).to_dict()
    with pytest.raises(CorpusError) as caught:
        Split.from_dict({**saved, **change}, examples)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [{}, [], "split"])
def test_no_saved_split_at_all(value: Any) -> None:
    with pytest.raises(CorpusError, match="another shape"):
        Split.from_dict(value, parallel(3))


# ---------------------------------------------------------------------------- what is refused


def test_too_few_examples_say_how_many() -> None:
    said = message(parallel(9), ["en", "es", "tr"], shared=4, pair=1, unique=1)
    assert "needs 10" in said
    assert "there are 9" in said


def test_one_language_or_one_twice_or_none_at_all() -> None:
    assert "two languages" in message(parallel(9), ["en"])
    assert "two languages" in message(parallel(9), [])
    assert "twice" in message(parallel(9), ["en", "es", "en"])
    assert "no language code" in message(parallel(9), ["en", "Spanish"])


def test_impossible_counts() -> None:
    assert "pair=-1" in message(parallel(9), ["en", "es"], pair=-1)
    assert "no example" in message(parallel(9), ["en", "es"], shared=0, pair=0, unique=0)


def test_an_example_that_is_not_parallel() -> None:
    examples = parallel(9)
    examples[4] = replace(examples[4], questions={"en": "only English", "es": "  "})
    said = message(examples, ["en", "es", "tr"])
    assert "'x4'" in said
    assert "es, tr" in said


def test_an_id_twice() -> None:
    assert "'x0'" in message([*parallel(9), replace(parallel(10)[9], id="x0")], ["en", "es"])


@pytest.mark.parametrize("same", ["ES question 3", "es  question 3 !?", "¿es question 3"])
def test_a_question_twice_by_its_normalised_form(same: str) -> None:
    examples = parallel(9)
    examples[7] = replace(examples[7], questions={**examples[7].questions, "es": same})
    said = message(examples, ["en", "es"])
    assert "'x3'" in said
    assert "'x7'" in said
    assert "in es" in said
    split_parallel(examples, ["en", "tr"], shared=1, pair=1, unique=1, seed=0)  # other languages differ


def test_a_question_that_is_anothers_in_another_language() -> None:
    examples = parallel(9)
    examples[7] = replace(examples[7], questions={**examples[7].questions, "es": "en question 3"})
    assert "'x3'" in message(examples, ["en", "es"])


def test_distinct_questions_mend_such_a_corpus() -> None:
    examples = parallel(9)
    examples[7] = replace(examples[7], questions={**examples[7].questions, "es": "ES question 3"})
    kept = distinct_questions(examples)
    assert ids(kept) == ids(examples) - {"x7"}
    assert kept == distinct_questions(reversed(examples))
    split_parallel(kept, ["en", "es"], shared=1, pair=1, unique=1, seed=0)


# ---------------------------------------------------------------------------- train against test


def test_disjoint_corpora_pass() -> None:
    assert_disjoint(parallel(6)[:3], parallel(6)[3:])
    assert_disjoint([], parallel(2))
    assert_disjoint(parallel(2), [])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 5), st.sampled_from(LANGUAGES), st.sampled_from(LANGUAGES), st.booleans())
def test_a_leak_is_found_in_any_language(where: int, one: str, other: str, shout: bool) -> None:
    train, test = parallel(12)[:6], parallel(12)[6:]
    asked = test[2].questions[other]
    leak = asked.upper() if shout else f" {asked} …"
    train[where] = replace(train[where], questions={**train[where].questions, one: leak})
    with pytest.raises(CorpusError) as caught:
        assert_disjoint(train, test)
    assert f"'x{where}'" in str(caught.value)
    assert f"'{test[2].id}'" in str(caught.value)


def test_the_first_leak_is_the_one_named() -> None:
    with pytest.raises(CorpusError, match="'x3'"):
        assert_disjoint(parallel(6), parallel(6)[3:])
