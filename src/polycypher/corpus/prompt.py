"""The prompt, written once: `PromptTemplate` turns a schema and a question into model input.

Two templates: `paper`, the chat messages of Table 1 in arXiv 2601.16097, for instruction-tuned bases,
and `compact`, a few characters of frame for the small default model. A prompt always has the order
frame · schema · frame · question · frame, and each part is tokenised by itself, so that the tokens of
a schema do not depend on the question (a cached prefix stays exact) and the question's own tokens are
known by position (the gate's window needs no search). Knows nothing of models beyond a tokenizer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

from polycypher.errors import UsageError

PAPER_SYSTEM = (
    "Task: Generate a Cypher statement to query a graph database. "
    "Use only the provided relationship types and properties in the schema. "
    "Do not use any relationship types or properties that are not provided. "
    "Do not include explanations or apologies. "
    "Do not include any text except the generated Cypher statement."
)
PAPER_INSTRUCTION = "Generate a Cypher statement for the question, using the schema."

_SCHEMA, _QUESTION = "\ue000schema\ue000", "\ue000question\ue000"


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that prompts need."""

    def encode(self, text: str, add_special_tokens: bool = ...) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """A tokenised prompt: `prefix` depends on the schema alone, `suffix` on the question alone.

    `question` is the half-open span of the question's own tokens inside `suffix`.
    """

    prefix: list[int]
    suffix: list[int]
    question: tuple[int, int]

    @property
    def ids(self) -> list[int]:
        """The whole prompt's token ids."""
        return self.prefix + self.suffix


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A named frame: `head` + schema + `middle` + question + `tail`, then the model writes Cypher."""

    name: str
    head: str
    middle: str
    tail: str

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that change whenever the frame does; kept in every adapter."""
        frame = "\x00".join((self.name, self.head, self.middle, self.tail))
        return hashlib.sha256(frame.encode()).hexdigest()[:16]

    def text(self, schema: str, question: str) -> str:
        """The whole prompt as text, for people and for trainers that tokenise by themselves."""
        return f"{self.head}{schema}{self.middle}{question}{self.tail}"

    def encode_prefix(self, tokenizer: Tokenizer, schema: str) -> list[int]:
        """Token ids of everything that depends on the schema alone."""
        return [
            *tokenizer.encode(self.head, add_special_tokens=False),
            *tokenizer.encode(schema, add_special_tokens=False),
            *tokenizer.encode(self.middle, add_special_tokens=False),
        ]

    def encode_suffix(self, tokenizer: Tokenizer, question: str) -> tuple[list[int], tuple[int, int]]:
        """Token ids of question and tail, and the span of the question's own tokens in them."""
        asked = tokenizer.encode(question, add_special_tokens=False)
        return asked + tokenizer.encode(self.tail, add_special_tokens=False), (0, len(asked))

    def encode(self, tokenizer: Tokenizer, schema: str, question: str) -> PromptTokens:
        """The prompt as token ids, with the question's span."""
        suffix, span = self.encode_suffix(tokenizer, question)
        return PromptTokens(self.encode_prefix(tokenizer, schema), suffix, span)


COMPACT = PromptTemplate(name="compact", head="", middle="\n? ", tail="\n> ")
"""The frame of the small default model."""


def paper_template(tokenizer: Any) -> PromptTemplate:
    """The paper's messages (Table 1) through the base model's own chat template.

    Raises:
        UsageError: the tokenizer has no chat template.
    """
    if getattr(tokenizer, "chat_template", None) is None:
        raise UsageError("the base model's tokenizer has no chat template; use the `compact` prompt")
    messages = [
        {"role": "system", "content": PAPER_SYSTEM},
        {
            "role": "user",
            "content": f"{PAPER_INSTRUCTION}\nSchema: {_SCHEMA}\nQuestion: {_QUESTION}\nCypher output:",
        },
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    head, rest = text.split(_SCHEMA)
    middle, tail = rest.split(_QUESTION)
    return PromptTemplate("paper", head, middle, tail)


def template_named(name: str, tokenizer: Any) -> PromptTemplate:
    """The template of a name (`compact` or `paper`). Raises `UsageError` for another name."""
    if name == "compact":
        return COMPACT
    if name == "paper":
        return paper_template(tokenizer)
    raise UsageError(f"no prompt template is named '{name}'; there are compact and paper")
