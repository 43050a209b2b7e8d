"""A retriever of `neo4j-graphrag` that makes its Cypher with polycypher instead of a general model.

It stands where `Text2CypherRetriever` would: in `GraphRAG`, in `ToolsRetriever`, or alone. Knows nothing of
the language model that phrases an answer from what it retrieves.
"""

from __future__ import annotations

from collections.abc import Callable

from polycypher.ask import ask
from polycypher.errors import PolycypherError
from polycypher.graph.store import GraphStore, Limits
from polycypher.integrations.rows import cells_of, facts_of, missing
from polycypher.translator.translator import Translator

try:
    import neo4j
    from neo4j_graphrag.exceptions import Text2CypherRetrievalError
    from neo4j_graphrag.retrievers.base import Retriever
    from neo4j_graphrag.types import RawSearchResult, RetrieverResultItem
except ImportError as error:
    raise missing(error, "graphrag") from None


class PolycypherRetriever(Retriever):
    """Retrieves the rows that answer a question.

    Unlike the library's own retrievers it takes a `GraphStore` and not a driver, because every query passes
    the store's guard and limits. Cells are JSON-able values: a node is
    `{"id": …, "labels": […], "properties": {…}}`.

    Args:
        translator: the loaded model.
        store: the open graph.
        language: this language's adapter alone; None asks the gate.
        limits: rows, seconds and bytes of a query.
        result_formatter: makes an item of a record, as for `Text2CypherRetriever`.
    """

    VERIFY_NEO4J_VERSION = False

    def __init__(
        self,
        translator: Translator,
        store: GraphStore,
        *,
        language: str | None = None,
        limits: Limits | None = None,
        result_formatter: Callable[[neo4j.Record], RetrieverResultItem] | None = None,
    ) -> None:
        # Not the base class's: it wants a driver, and what it reads of the server is about vector indexes.
        self.translator = translator
        self.store = store
        self.language = language
        self.limits = limits
        self.result_formatter = result_formatter

    def get_search_results(self, query_text: str) -> RawSearchResult:
        """Retrieve the rows that answer a question.

        Args:
            query_text: the question, in any language.

        Returns:
            One record a row; the metadata has `cypher`, `weights`, `truncated` and `notices`.

        Raises:
            Text2CypherRetrievalError: the question cannot be answered; the message says why, and the cause
                is the `PolycypherError`.
        """
        try:
            answer = ask(query_text, self.translator, self.store, language=self.language, limits=self.limits)
        except PolycypherError as error:
            raise Text2CypherRetrievalError(str(error)) from error
        records = [neo4j.Record(cells) for cells in cells_of(answer)]  # type: ignore[no-untyped-call]  # untyped in neo4j
        return RawSearchResult(records=records, metadata=facts_of(answer))
