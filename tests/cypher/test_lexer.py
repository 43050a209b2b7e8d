"""The lexer: every character in one token, each token of the right kind, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher.lexer import (
    Kind,
    name_value,
    quote_name,
    quote_string,
    scan,
    string_value,
    tokenize,
)
from polycypher.errors import QueryError

PIECES = st.sampled_from(
    [
        "MATCH",
        " ",
        "\n",
        "(n:Person)",
        "'it\\'s'",
        '"a"',
        "`x``y`",
        "// c\n",
        "/* * / **/",
        "1..3",
        ".5",
        "<-",
        "$p",
    ]
)


def pairs(text: str) -> list[tuple[Kind, str]]:
    return [(token.kind, token.text) for token in tokenize(text)]


@given(st.text(max_size=80) | st.lists(PIECES, max_size=30).map("".join))
@settings(deadline=None)
def test_tokens_join_to_the_source(text: str) -> None:
    assert "".join(token.text for token in scan(text)) == text
    try:
        tokens = tokenize(text, keep_blank=True)
    except QueryError:
        return
    assert "".join(token.text for token in tokens) == text
    assert all(text.startswith(token.text, token.start) and token.text for token in tokens)


@given(st.text(max_size=80))
@settings(deadline=None)
def test_blank_tokens_are_the_only_difference(text: str) -> None:
    try:
        everything = tokenize(text, keep_blank=True)
    except QueryError:
        return
    assert [t for t in everything if t.kind not in (Kind.SPACE, Kind.COMMENT)] == tokenize(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("*1..3", ["1", "3"]),
        ("*..3", ["3"]),
        ("[0..5]", ["0", "5"]),
        (".5 + 1.5e-3 + 1e9 + 0xFF + 0o17", [".5", "1.5e-3", "1e9", "0xFF", "0o17"]),
        ("1_000", ["1_000"]),
    ],
)
def test_numbers_and_ranges(text: str, numbers: list[str]) -> None:
    assert [t.text for t in tokenize(text) if t.kind is Kind.NUMBER] == numbers


def test_symbols_of_several_characters() -> None:
    symbols = "<> <= >= != =~ += -> <- || :: .. | ="
    assert [text for kind, text in pairs(symbols) if kind is Kind.SYMBOL] == symbols.split()


def test_strings_hold_comments_quotes_and_keywords() -> None:
    text = """'a // b' "it's /* x */" 'it\\'s; DELETE n'"""
    assert [kind for kind, _ in pairs(text)] == [Kind.STRING] * 3


def test_comments_hold_quotes() -> None:
    assert pairs("RETURN 1 // it's\n + 2 /* don't * / ** */") == [
        (Kind.NAME, "RETURN"),
        (Kind.NUMBER, "1"),
        (Kind.SYMBOL, "+"),
        (Kind.NUMBER, "2"),
    ]


def test_names_of_any_script_and_parameters() -> None:
    assert pairs("şehir नमस्ते $größe $0 $`a b` `x``y`") == [
        (Kind.NAME, "şehir"),
        (Kind.NAME, "नमस्ते"),
        (Kind.PARAMETER, "$größe"),
        (Kind.PARAMETER, "$0"),
        (Kind.PARAMETER, "$`a b`"),
        (Kind.QUOTED_NAME, "`x``y`"),
    ]


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "“", "–", "\0", "@", "\\"])
def test_characters_without_a_meaning_are_unknown(char: str) -> None:
    assert (Kind.UNKNOWN, char) in pairs(f"RETURN {char} 1")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("RETURN 'a", "string"),
        ('"a\\"', "string"),
        ("`a``", "backticks"),
        ("1 /* a * /", "comment"),
        ("/*/", "comment"),
    ],
)
def test_what_is_not_closed_is_an_error_that_says_where(text: str, what: str) -> None:
    with pytest.raises(QueryError, match=what) as raised:
        tokenize(text)
    assert "character" in str(raised.value)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_names_survive_quoting(name: str) -> None:
    quoted = quote_name(name)
    assert name_value(quoted) == name
    if name:
        (token,) = tokenize(quoted)
        assert token.kind in (Kind.NAME, Kind.QUOTED_NAME)


@pytest.mark.parametrize(
    ("name", "written"), [("a b", "`a b`"), ("title", "title"), ("a`b", "`a``b`"), ("ﬁ", "`ﬁ`")]
)
def test_backticks_stand_only_where_needed(name: str, written: str) -> None:
    assert quote_name(name) == written


@given(st.text(max_size=40))
@settings(deadline=None)
def test_strings_survive_quoting(value: str) -> None:
    quoted = quote_string(value)
    (token,) = tokenize(quoted)
    assert token.kind is Kind.STRING
    assert string_value(quoted) == value


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r"'a\tb\n\\'", "a\tb\n\\"),
        (r"'\u00e9'", "é"),
        (r"'\ud83d\ude00'", "😀"),
        (r"'\U0001F600'", "😀"),
        (r"'\d+'", r"\d+"),
        (r'"it\"s"', 'it"s'),
    ],
)
def test_escapes(literal: str, value: str) -> None:
    assert string_value(literal) == value
    assert string_value(quote_string(value)) == value


@pytest.mark.parametrize("unit", ["'", "/*", "`", "a..", "1_", "\\", "'\\'", "$`", "*/", '"\\', "/**"])
def test_time_is_linear(unit: str) -> None:
    def seconds(count: int) -> float:
        begun = time.process_time()
        for _ in scan(unit * count):
            pass
        return time.process_time() - begun

    seconds(1000)
    small, large = min(seconds(2000) for _ in range(3)), min(seconds(20000) for _ in range(2))
    assert large < 60 * small + 0.05  # ten times the text; a quadratic lexer takes a hundred times as long
