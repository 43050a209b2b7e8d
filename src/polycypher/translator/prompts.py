"""`PromptMaker`: questions and schemas to prompt tokens, gold queries to answer tokens.

The one place where a schema is fitted, the template filled and text becomes tokens, for asking, training
and measuring alike. Knows nothing of models beyond their tokenizer.
"""

from __future__ import annotations

from typing import Any

from polycypher.corpus.prompt import PromptTemplate, PromptTokens
from polycypher.schema import GraphSchema
from polycypher.translator.fit import fit_schema


class PromptMaker:
    """A tokenizer, a template and how many tokens of schema the model reads."""

    def __init__(self, tokenizer: Any, template: PromptTemplate, schema_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.template = template
        self.schema_tokens = schema_tokens
        self._counts: dict[str, int] = {}

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

    def prompt_of_text(self, schema: str, question: str) -> PromptTokens:
        """The prompt's tokens for a schema that is text already."""
        return self.template.encode(self.tokenizer, schema, question)

    def answer(self, cypher: str) -> list[int]:
        """The tokens of a gold query and the end token."""
        return [*self.tokenizer.encode(cypher, add_special_tokens=False), self.tokenizer.eos_token_id]

    def _count(self, schema: GraphSchema) -> int:
        text = schema.to_prompt()
        if text not in self._counts:
            if len(self._counts) > 10_000:
                self._counts.clear()
            self._counts[text] = len(self.tokenizer.encode(text, add_special_tokens=False))
        return self._counts[text]
