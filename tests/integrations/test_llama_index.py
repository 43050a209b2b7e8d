"""The retriever inside the real `llama-index-core`, on the real demo graph."""

from __future__ import annotations

import asyncio

import pytest
from integration_helpers import COUNTED, DIRECTED, EMPTY, UNFORGIVEN, run_example
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode

from polycypher import GraphStore, Limits, Translator
from polycypher.errors import UsageError
from polycypher.integrations.llama_index import PolycypherRetriever


@pytest.fixture
def retriever(translator: Translator, demo_store: GraphStore) -> PolycypherRetriever:
    return PolycypherRetriever(translator, demo_store)


def test_each_row_is_a_node(retriever: PolycypherRetriever) -> None:
    nodes = retriever.retrieve(DIRECTED)
    assert f"m.title: {UNFORGIVEN}" in [node.text for node in nodes]
    assert all(node.metadata["cypher"].startswith("MATCH") for node in nodes)
    assert "MATCH" not in nodes[0].get_content(metadata_mode=MetadataMode.LLM)


def test_it_retrieves_async(retriever: PolycypherRetriever) -> None:
    (node,) = asyncio.run(retriever.aretrieve(COUNTED))
    assert node.text.endswith(": 88")


def test_rows_are_limited(translator: Translator, demo_store: GraphStore) -> None:
    nodes = PolycypherRetriever(translator, demo_store, limits=Limits(rows=2)).retrieve(DIRECTED)
    assert len(nodes) == 2
    assert all(node.metadata["truncated"] for node in nodes)


def test_a_query_engine_reads_the_rows(retriever: PolycypherRetriever) -> None:
    response = RetrieverQueryEngine.from_args(retriever, llm=MockLLM()).query(DIRECTED)
    assert UNFORGIVEN in str(response)
    assert len(response.source_nodes) >= 3


def test_a_refusal_is_raised(retriever: PolycypherRetriever) -> None:
    with pytest.raises(UsageError, match="ask in words"):
        retriever.retrieve(EMPTY)


def test_the_example_runs(demo_store: GraphStore, capsys: pytest.CaptureFixture[str]) -> None:
    run_example("llama_index_retriever.py")
    assert capsys.readouterr().out.count(UNFORGIVEN) >= 2
