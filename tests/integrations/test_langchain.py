"""The tool and the runnable inside the real `langchain-core`, on the real demo graph."""

from __future__ import annotations

import asyncio
import json

import pytest
from integration_helpers import COUNTED, DIRECTED, EMPTY, UNFORGIVEN, run_example
from langchain_core.messages import ToolMessage
from langchain_core.tools import ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool

from polycypher import GraphStore, Limits, Translator
from polycypher.errors import UsageError
from polycypher.integrations.langchain import PolycypherTool, graph_runnable


def called(tool: PolycypherTool, question: str) -> ToolMessage:
    """What an agent gets for a call of the tool."""
    message = tool.invoke({"name": tool.name, "args": {"question": question}, "id": "1", "type": "tool_call"})
    assert isinstance(message, ToolMessage)
    return message


@pytest.fixture
def tool(translator: Translator, demo_store: GraphStore) -> PolycypherTool:
    return PolycypherTool(translator=translator, store=demo_store)


def test_an_agent_gets_rows(tool: PolycypherTool) -> None:
    message = called(tool, DIRECTED)
    assert message.status == "success"
    assert [UNFORGIVEN] in message.artifact["rows"]
    assert json.loads(str(message.content)) == message.artifact


def test_an_agent_is_told_what_failed(tool: PolycypherTool) -> None:
    message = called(tool, EMPTY)
    assert message.status == "error"
    assert "ask in words" in str(message.content)


def test_a_failure_is_raised_where_that_is_wanted(translator: Translator, demo_store: GraphStore) -> None:
    tool = PolycypherTool(translator=translator, store=demo_store, handle_tool_error=False)
    with pytest.raises(ToolException, match="ask in words"):
        called(tool, EMPTY)


def test_a_model_is_told_of_one_question(tool: PolycypherTool) -> None:
    told = convert_to_openai_tool(tool)["function"]
    assert told["name"] == "ask_graph"
    assert list(told["parameters"]["properties"]) == ["question"]
    assert "read-only" in told["description"]


def test_rows_are_limited(translator: Translator, demo_store: GraphStore) -> None:
    tool = PolycypherTool(translator=translator, store=demo_store, limits=Limits(rows=2))
    artifact = called(tool, DIRECTED).artifact
    assert len(artifact["rows"]) == 2
    assert artifact["truncated"] is True


def test_the_runnable_answers_alone_in_batches_and_async(
    translator: Translator, demo_store: GraphStore
) -> None:
    runnable = graph_runnable(translator, demo_store)
    first, second = runnable.batch([COUNTED, DIRECTED])
    assert first["rows"] == [[88]]
    assert second["columns"] == ["m.title"]
    assert asyncio.run(runnable.ainvoke(COUNTED))["rows"] == [[88]]
    with pytest.raises(UsageError, match="ask in words"):
        runnable.invoke(EMPTY)


def test_the_example_runs(demo_store: GraphStore, capsys: pytest.CaptureFixture[str]) -> None:
    run_example("langchain_tool.py")
    shown = capsys.readouterr().out
    assert '"rows": [[88]]' in shown
    assert UNFORGIVEN in shown
