"""`PromptMaker`: questions and schemas to prompt tokens, gold queries to answer tokens.

The one place where a schema is fitted, the template filled and text becomes tokens, for asking, training
and measuring alike. Only the template's own text may stand for special tokens: in a question, a schema or
a query, `<end>` is five characters and ends nothing. Knows nothing of models beyond their tokenizer.
"""

from __future__ import annotations

from typing import Any

from polycypher.corpus.prompt import PromptTemplate, PromptTokens
from polycypher.schema import GraphSchema
from polycypher.translator.fit import fit_schema

_SCHEMAS = 64
"""Schemas whose tokens are kept."""


class PromptMaker:
    """A tokenizer, a template and how many tokens of schema the model reads. Not for several threads at once.

    Args:
        tokenizer: of `transformers`; a fast one keeps whether it splits special tokens as a state, which is
            why threads must not share it.
        template: the frame around schema and question.
        schema_tokens: the longest schema.
    """

    def __init__(self, tokenizer: Any, template: PromptTemplate, schema_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.schema_tokens = schema_tokens
        self._counts: dict[str, int] = {}
        self._prefixes: dict[str, list[int]] = {}

    def fit(self, schema: GraphSchema, question: str) -> tuple[GraphSchema, str | None]:
        """The part of a schema that the model reads for a question, and what to tell the user of it.

        Raises:
            SchemaError: the schema is empty, or not even one label fits.
        """
        return fit_schema(schema, question, self.schema_tokens, self._count)

    def prompt(self, schema: GraphSchema, question: str) -> PromptTokens:
        """The prompt's tokens for a question about a schema, which is fitted first.

        Raises:
            SchemaError: as for `fit`.
        """
        fitted, _ = self.fit(schema, question)
        return self.prompt_of_text(fitted.to_prompt(), question)

    def prompt_of_text(
        self, schema: str, question: str, failed: tuple[str, str] | None = None
    ) -> PromptTokens:
        """The prompt's tokens for a schema that is text already.

        The same as `PromptTemplate.encode` gives, unless schema or question hold the text of a special
        token. `failed` holds a query that was tried before and what the database said of it; both follow the
        question.
        """
        frame, asked = self.template, self._plain(question)
        prefix = self._prefix(schema)
        tried = self._plain("".join(f"\n{text}" for text in failed)) if failed else []
        return PromptTokens(prefix, asked + tried + self._framing(frame.tail), (0, len(asked)))

    def answer(self, cypher: str) -> list[int]:
        """The tokens of a gold query and the end token."""
        return [*self._plain(cypher), self.tokenizer.eos_token_id]

    def _prefix(self, schema: str) -> list[int]:
        """The prompt before the question, kept because the next one is mostly about the same schema."""
        if schema not in self._prefixes:
            if len(self._prefixes) >= _SCHEMAS:
                self._prefixes.clear()
            head, middle = self._framing(self.template.head), self._framing(self.template.middle)
            self._prefixes[schema] = [*head, *self._plain(schema), *middle]
        return list(self._prefixes[schema])

    def _plain(self, text: str) -> list[int]:
        """Tokens of text that others wrote, without special ones."""
        return list(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def _framing(self, text: str) -> list[int]:
        """Tokens of the template's text, which may hold special ones, such as those of a chat's turns."""
        return list(self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=False))

    def _count(self, schema: GraphSchema) -> int:
        text = schema.to_prompt()
        if text not in self._counts:
            if len(self._counts) > 10_000:
                self._counts.clear()
            self._counts[text] = len(self._plain(text))
        return self._counts[text]
