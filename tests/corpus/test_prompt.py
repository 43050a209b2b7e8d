"""The prompt: its two templates, and tokens whose places are known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.corpus.prompt import (
    COMPACT,
    PAPER_SYSTEM,
    PromptTemplate,
    paper_template,
    template_named,
)
from polycypher.errors import UsageError
from tiny_models import tiny_tokenizer

SCHEMA, QUESTION = "Movie(title)\nPerson(name)", "Which films did Clint direct?"


class Characters:
    """A tokenizer that gives a character a token, and special tokens if it is asked for them."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + [ord(c) for c in text]


class Chat:
    """A tokenizer with a chat template, as an instruction-tuned base has it."""

    chat_template = "…"

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert not tokenize
        assert add_generation_prompt
        return "".join(f"<{m['role']}>{m['content'].strip()}</{m['role']}>" for m in messages) + "<assistant>"


def text_of(ids: list[int]) -> str:
    return "".join(map(chr, ids))


TEMPLATES = [COMPACT, PromptTemplate("full", "head ", " middle ", " tail")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_tokens_are_those_of_the_text_without_special_ones(template: PromptTemplate) -> None:
    tokens = template.encode(Characters(), SCHEMA, QUESTION)
    assert text_of(tokens.ids) == template.text(SCHEMA, QUESTION)
    assert tokens.ids == tokens.prefix + tokens.suffix


@given(schema=st.text(max_size=30), question=st.text(max_size=30))
def test_the_span_is_the_question_and_the_prefix_does_not_depend_on_it(schema: str, question: str) -> None:
    for template in TEMPLATES:
        tokens = template.encode(Characters(), schema, question)
        start, stop = tokens.question
        assert text_of(tokens.suffix[start:stop]) == question
        assert tokens.prefix == template.encode(Characters(), schema, "another").prefix
        assert tokens.suffix == template.encode(Characters(), "another", question).suffix


def test_the_same_with_nano_s_tokenizer() -> None:
    tokenizer = tiny_tokenizer()
    tokens = COMPACT.encode(tokenizer, SCHEMA, QUESTION)
    assert tokenizer.decode(tokens.ids) == COMPACT.text(SCHEMA, QUESTION)
    start, stop = tokens.question
    assert tokenizer.decode(tokens.suffix[start:stop]) == QUESTION


def test_the_compact_frame() -> None:
    assert COMPACT.text("A(x)", "how many?") == "A(x)\n? how many?\n> "


def test_the_hash_changes_with_every_part_of_the_frame() -> None:
    frame = PromptTemplate("n", "h", "m", "t")
    others = [
        PromptTemplate("x", "h", "m", "t"),
        PromptTemplate("n", "x", "m", "t"),
        PromptTemplate("n", "h", "x", "t"),
        PromptTemplate("n", "h", "m", "x"),
        PromptTemplate("n", "hm", "", "t"),
    ]
    assert len({frame.hash, *(other.hash for other in others)}) == 6
    assert frame.hash == PromptTemplate("n", "h", "m", "t").hash
    assert len(frame.hash) == 16


def test_the_hash_of_the_compact_frame_stands() -> None:
    """Every adapter trained with it carries this hash: another one makes them unusable."""
    assert COMPACT.hash == "b0cd030e60117520"


def test_the_paper_s_messages() -> None:
    template = paper_template(Chat())
    text = template.text("MY SCHEMA", "MY QUESTION")
    assert text.startswith(f"<system>{PAPER_SYSTEM}</system><user>")
    assert "Schema: MY SCHEMA\nQuestion: MY QUESTION\nCypher output:</user><assistant>" in text
    assert text.index("Generate a Cypher statement for") < text.index("MY SCHEMA")


def test_templates_by_name() -> None:
    assert template_named("compact", object()) is COMPACT
    assert template_named("paper", Chat()) == paper_template(Chat())
    with pytest.raises(UsageError, match="'chat'"):
        template_named("chat", Chat())


@pytest.mark.parametrize("tokenizer", [object(), tiny_tokenizer])
def test_no_chat_template(tokenizer: Any) -> None:
    with pytest.raises(UsageError, match="chat template"):
        paper_template(tokenizer() if callable(tokenizer) else tokenizer)
