"""The retriever inside the real `neo4j-graphrag`, on the real demo graph."""

from __future__ import annotations

from typing import Any

import neo4j
import pytest
from integration_helpers import COUNTED, DIRECTED, EMPTY, UNFORGIVEN, run_example
from neo4j_graphrag.exceptions import Neo4jGraphRagError
from neo4j_graphrag.generation import GraphRAG
from neo4j_graphrag.llm import LLMInterface, LLMResponse
from neo4j_graphrag.types import RetrieverResultItem

from polycypher import GraphStore, Limits, Translator
from polycypher.errors import UsageError
from polycypher.integrations.neo4j_graphrag import PolycypherRetriever


class Repeating(LLMInterface):
    """A language model that answers with its prompt, so that a test sees what it was given."""

    def __init__(self) -> None:
        super().__init__("repeating")

    def invoke(self, input: str, *_: Any, **__: Any) -> LLMResponse:
        return LLMResponse(content=input)

    async def ainvoke(self, input: str, *_: Any, **__: Any) -> LLMResponse:
        return self.invoke(input)


@pytest.fixture
def retriever(translator: Translator, demo_store: GraphStore) -> PolycypherRetriever:
    return PolycypherRetriever(translator, demo_store)


def test_it_retrieves_rows_and_tells_the_query(retriever: PolycypherRetriever) -> None:
    found = retriever.search(query_text=DIRECTED)
    assert any(UNFORGIVEN in item.content for item in found.items)
    assert found.metadata is not None
    assert found.metadata["cypher"].startswith("MATCH")
    assert max(found.metadata["weights"], key=found.metadata["weights"].get) == "es"
    assert found.metadata["truncated"] is False


def test_rag_gives_the_rows_to_its_language_model(retriever: PolycypherRetriever) -> None:
    answered = GraphRAG(retriever, Repeating()).search(query_text=DIRECTED, return_context=True)
    assert UNFORGIVEN in answered.answer
    assert answered.retriever_result is not None
    assert len(answered.retriever_result.items) >= 3


def test_it_is_a_tool(retriever: PolycypherRetriever) -> None:
    tool = retriever.convert_to_tool("ask_graph", "Answers questions about movies.")
    assert list(tool.get_parameters()["properties"]) == ["query_text"]
    assert "88" in tool.execute(query_text=COUNTED).items[0].content


def test_a_formatter_and_limits_are_heeded(translator: Translator, demo_store: GraphStore) -> None:
    def title(record: neo4j.Record) -> RetrieverResultItem:
        return RetrieverResultItem(content=record["m.title"])

    retriever = PolycypherRetriever(
        translator, demo_store, language="es", limits=Limits(rows=2), result_formatter=title
    )
    found = retriever.search(query_text=DIRECTED)
    assert len(found.items) == 2
    assert all("<" not in item.content for item in found.items)
    assert found.metadata is not None
    assert found.metadata["truncated"] is True


def test_a_refusal_is_the_librarys_error(retriever: PolycypherRetriever) -> None:
    with pytest.raises(Neo4jGraphRagError, match="empty") as refused:
        retriever.search(query_text=EMPTY)
    assert isinstance(refused.value.__cause__, UsageError)


def test_the_example_runs(demo_store: GraphStore, capsys: pytest.CaptureFixture[str]) -> None:
    run_example("neo4j_graphrag_retriever.py")
    assert capsys.readouterr().out.count("88") == 3
