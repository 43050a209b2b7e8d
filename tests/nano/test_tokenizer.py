"""nano's tokenizer: nothing is lost, and a name is the same tokens wherever it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.nano.tokenizer import END, PAD, train_tokenizer
from tiny_models import TEXTS, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
FULL = train_tokenizer([*TEXTS, "a WHERE b", "a LIMIT 1", "a ORDER BY b", "1999 x12"] * 3, vocabulary=1000)
"""With room for every piece of its texts as one token."""


def encode(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False))


def pieces(text: str) -> list[str]:
    """The text of each token; for texts of ASCII."""
    return [FULL.decode([token]) for token in FULL.encode(text)]


def holds(whole: list[int], part: list[int]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


@given(st.text(max_size=60).filter(lambda text: PAD not in text and END not in text))
def test_any_text_is_given_back(text: str) -> None:
    assert TOKENIZER.decode(encode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "有多少部电影？",
        "शहर कितने हैं?",
        "كم عدد الأفلام؟",
        "emoji 👩‍👩‍👧 and e\u0301",
        "a  b\n\n\tc ",
        "İıŞşĞğ",
        " ' s 't",
        "`odd name`.x",
    ],
)
def test_texts_of_many_scripts(text: str) -> None:
    assert TOKENIZER.decode(encode(text)) == text


@pytest.mark.parametrize(
    "name", ["Movie", "title", "ACTED_IN", "categoryName", "Zebra", "XMLFile", "şehir", "p2"]
)
@pytest.mark.parametrize(
    "around",
    [
        "{}(released int,title)",
        "MATCH (p:{})-[:X]->()",
        "m.{} = 1",
        "x {{{}: 'a'}}",
        "which {} is it?",
        "'{}'",
        "¿{}?",
        "{}",
    ],
)
def test_a_name_is_the_same_tokens_wherever_it_stands(name: str, around: str) -> None:
    assert holds(encode(around.format(name)), encode(name))


@given(
    name=st.from_regex(r"[A-Za-z]{1,8}([A-Z][a-z]{1,5})?", fullmatch=True).filter(
        lambda n: n.lower() == n or n.istitle()
    ),
    before=st.sampled_from([" ", "(", ".", ":", "'", "\n", "-[:", "{", ","]),
    after=st.sampled_from(["", " ", ")", ".", "'", "\n", "?", "(", ",", ": "]),
)
def test_any_word_is_the_same_tokens_between_any_marks(name: str, before: str, after: str) -> None:
    assert holds(encode(before + name + after), encode(name))


def test_parts_of_a_compound_are_the_words_themselves() -> None:
    assert holds(encode("categoryName"), encode("category"))
    assert holds(encode("categoryName"), encode("Name"))


def test_digits_stand_alone() -> None:
    assert pieces("1999") == ["1", "9", "9", "9"]
    assert pieces("x12") == ["x", "1", "2"]


@pytest.mark.parametrize("keyword", [" WHERE ", " RETURN ", " ORDER BY ", " LIMIT "])
def test_a_clause_keyword_between_spaces_is_one_token(keyword: str) -> None:
    assert keyword in pieces(f"x{keyword}y")


def test_a_query_s_first_keyword_is_one_token() -> None:
    assert pieces("MATCH (p:Person)")[0] == "MATCH "


def test_words_that_only_begin_like_a_keyword_are_words() -> None:
    for text in ("x ORDERS y", "(:AND_MORE)", "n.IN", "'NOT'"):
        assert not any(
            piece.strip() in ("ORDER", "AND", "IN", "NOT") and " " in piece for piece in pieces(text)
        )


def test_special_tokens() -> None:
    assert (TOKENIZER.pad_token_id, TOKENIZER.eos_token_id) == (0, 1)
    assert TOKENIZER.encode("Movie") == encode("Movie")  # none is added
    assert (TOKENIZER.padding_side, TOKENIZER.truncation_side) == ("left", "left")
    assert TOKENIZER.decode([*encode("Movie"), 1], skip_special_tokens=True) == "Movie"


def test_every_byte_is_in_the_vocabulary() -> None:
    small = train_tokenizer(["a"], vocabulary=258)
    assert len(small) == 258
    text = "Ж猫 \x00é"
    assert small.decode(small.encode(text)) == text


def test_training_is_repeatable_and_bounded() -> None:
    one, again = (train_tokenizer(TEXTS, vocabulary=300) for _ in range(2))
    assert one.get_vocab() == again.get_vocab()
    assert len(one) <= 300
