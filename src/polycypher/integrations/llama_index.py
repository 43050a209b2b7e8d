"""A retriever of LlamaIndex: a question's rows as nodes, for a query engine, a chat engine or an agent.

Needs `llama-index-core` alone. Knows nothing of the language model that phrases an answer from them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from polycypher.ask import ask
from polycypher.graph.store import GraphStore, Limits
from polycypher.integrations.rows import cells_of, facts_of, missing, text_of
from polycypher.translator.translator import Translator

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise missing(error, "llama-index") from None


class PolycypherRetriever(BaseRetriever):
    """Retrieves the rows that answer a question, one node a row.

    A node's text is the row, `m.title: Unforgiven`; its metadata, which no model is shown, has `cypher`,
    `weights`, `truncated` and `notices`. Rows keep their order and have all the score 1.

    Args:
        translator: the loaded model.
        store: the open graph.
        language: this language's adapter alone; None asks the gate.
        limits: rows, seconds and bytes of a query.
        base: what `BaseRetriever` takes.

    Raises:
        PolycypherError: when it retrieves, as `polycypher.ask.ask`.
    """

    def __init__(
        self,
        translator: Translator,
        store: GraphStore,
        *,
        language: str | None = None,
        limits: Limits | None = None,
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.translator = translator
        self.store = store
        self.language = language
        self.limits = limits

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        answer = ask(
            query_bundle.query_str, self.translator, self.store, language=self.language, limits=self.limits
        )
        facts = facts_of(answer)
        return [
            NodeWithScore(
                node=TextNode(
                    text=text_of(cells),
                    metadata=facts,
                    excluded_llm_metadata_keys=list(facts),
                    excluded_embed_metadata_keys=list(facts),
                ),
                score=1.0,
            )
            for cells in cells_of(answer)
        ]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
