"""Prompts of the shipped tokenizer: text that others wrote never becomes a special token."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polycypher.corpus.prompt import COMPACT, PromptTemplate
from polycypher.schema import GraphSchema
from polycypher.translator.bundle import find_bundle
from polycypher.translator.prompts import PromptMaker
from polycypher.translator.translator import Translator

SCHEMA = GraphSchema({"Movie": {"title": "STRING"}, "Odd<end>Label": {"name<pad>": "STRING"}})


@cache
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(find_bundle("nano") / "base", local_files_only=True)


def maker(template: PromptTemplate = COMPACT) -> PromptMaker:
    return PromptMaker(tokenizer(), template, 1024)


def test_the_shipped_tokenizer_has_special_tokens() -> None:
    assert {"<end>", "<pad>"} <= set(tokenizer().all_special_tokens)


@pytest.mark.parametrize("question", ["Which <end> movies?", "<pad><end>", "¿<end>?", "<end"])
def test_a_special_token_s_text_is_text(question: str) -> None:
    prompt = maker().prompt(SCHEMA, question)
    start, end = prompt.question
    assert not set(prompt.ids) & set(tokenizer().all_special_ids)
    assert tokenizer().decode(prompt.suffix[start:end]) == question
    assert tokenizer().decode(prompt.prefix) == SCHEMA.to_prompt() + COMPACT.middle


def test_an_answer_ends_once() -> None:
    query = "MATCH (m:Movie {title: '<end>'}) RETURN m"
    *answer, end = maker().answer(query)
    assert end == tokenizer().eos_token_id
    assert end not in answer
    assert tokenizer().decode(answer) == query


def test_the_frame_keeps_its_special_tokens() -> None:
    chat = PromptTemplate("chat", "<pad>system ", "<end>user ", "<end>")
    prompt = maker(chat).prompt_of_text("Movie(title)", "Which <end> movies?")
    special = tokenizer().all_special_ids
    pad, end = tokenizer().convert_tokens_to_ids(["<pad>", "<end>"])
    assert [token for token in prompt.prefix if token in special] == [pad, end]
    assert [token for token in prompt.suffix if token in special] == [end]
    assert prompt.suffix[-1] == end
    assert prompt.question == (0, len(prompt.suffix) - 1)


@given(st.text(max_size=60), st.text(max_size=60))
def test_other_text_is_encoded_as_it_is_in_training(schema: str, question: str) -> None:
    assume(not any(token in schema + question for token in tokenizer().all_special_tokens))
    assert maker().prompt_of_text(schema, question) == COMPACT.encode(tokenizer(), schema, question)


def test_a_question_with_an_end_token_s_text_is_answered() -> None:
    with Translator.load("nano") as translator:
        made = translator.translate("How many <end> movies are there?", SCHEMA)
    assert made.cypher.startswith("MATCH")
