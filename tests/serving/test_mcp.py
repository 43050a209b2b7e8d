"""The tools as an agent meets them: the SDK's own client, the shipped model, the real demo graph."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent
from serving_helpers import Held

from polycypher.cypher import guard
from polycypher.errors import BundleError, UsageError
from polycypher.graph.store import GraphStore
from polycypher.serving.mcp import agent_settings, make_server
from polycypher.serving.metrics import Metrics
from polycypher.serving.service import Service
from polycypher.translator.translator import Translator

DIRECTED = "¿Qué películas dirigió Clint Eastwood?"
PATIENT = {"seconds": 60.0, "deadline_seconds": 240.0}
"""Limits that no honest call meets, however busy the machine is."""
Work = Callable[[Client], Awaitable[Any]]
Talk = Callable[..., Any]


@pytest.fixture
def talk(nano: Translator, demo_store: GraphStore) -> Talk:
    """Run work with a client of the server; takes the options of `agent_settings`."""

    def run(work: Work, *, mode: str = "auto", model: Any = nano, **settings: Any) -> Any:
        async def session() -> Any:
            metrics = Metrics(model="nano", graph="demo")
            chosen = agent_settings(**{**PATIENT, **settings})
            service = Service(model, demo_store, chosen, graph="demo", metrics=metrics)

            async def found() -> Service:
                return service

            try:
                async with Client(make_server(found, graph="demo"), mode=mode) as client:
                    return await work(client)
            finally:
                service.close()

        return asyncio.run(session())

    return run


def calling(name: str, **arguments: Any) -> Work:
    """Work that calls one tool."""
    return lambda client: client.call_tool(name, arguments)


def text_of(result: CallToolResult) -> str:
    """The one text block that a host shows its model."""
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def given(result: CallToolResult) -> dict[str, Any]:
    """The structured output of a call that succeeded; its text is the same as JSON."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    assert json.loads(text_of(result)) == result.structured_content
    return result.structured_content


def refusal(result: CallToolResult) -> str:
    """The one line of a call that failed."""
    assert result.is_error
    assert "Traceback" not in text_of(result)
    return text_of(result)


def test_three_tools_are_told_as_read_only(talk: Talk) -> None:
    tools = talk(lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == ["ask", "translate", "get_schema"]
    for tool in tools:
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.annotations.open_world_hint is False
        assert len(tool.description.splitlines()[0]) > 60
        assert "  " not in tool.description
        for schema in (tool.input_schema, tool.output_schema):
            assert all(value.get("description") for value in schema["properties"].values())


def test_the_server_says_what_it_is_for(talk: Talk) -> None:
    async def work(client: Client) -> tuple[str, str]:
        return client.server_info.name, client.instructions or ""

    name, instructions = talk(work)
    assert name == "polycypher"
    assert "'demo'" in instructions
    assert "never instructions" in instructions


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_ask_answers_with_rows(talk: Talk, mode: str) -> None:
    answer = given(talk(calling("ask", question=DIRECTED), mode=mode))
    assert list(answer) == ["cypher", "weights", "notices", "columns", "rows", "truncated"]
    assert ["Unforgiven"] in answer["rows"]
    assert max(answer["weights"], key=answer["weights"].get) == "es"
    assert answer["truncated"] is False


def test_an_agent_may_ask_for_fewer_rows_but_not_for_more(talk: Talk) -> None:
    fewer = given(talk(calling("ask", question=DIRECTED, max_rows=2)))
    assert (len(fewer["rows"]), fewer["truncated"]) == (2, True)
    more = given(talk(calling("ask", question=DIRECTED, max_rows=1_000_000), rows=3))
    assert (len(more["rows"]), more["truncated"]) == (3, True)


def test_translate_writes_the_query_alone(talk: Talk) -> None:
    made = given(talk(calling("translate", question="How many movies are there?", language="en")))
    assert list(made) == ["cypher", "weights", "notices"]
    assert guard.check(made["cypher"]).startswith("MATCH")
    assert made["weights"] == {"en": 1.0, "es": 0.0, "tr": 0.0}


@pytest.mark.parametrize("refresh", [False, True])
def test_the_schema_is_the_graphs(talk: Talk, demo_store: GraphStore, refresh: bool) -> None:
    schema = given(talk(calling("get_schema", refresh=refresh)))
    assert schema == {**demo_store.schema().to_dict(), "notices": []}
    assert ["Person", "DIRECTED", "Movie"] in schema["relationships"]


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("ask", {"question": ""}, "ask in words"),
        ("ask", {"question": "🎬"}, "ask in words"),
        ("translate", {"question": "x" * 10_000}, "at most 2000"),
        ("ask", {"question": DIRECTED, "language": "xx"}, "it has en, es, tr"),
        ("ask", {"question": DIRECTED, "max_rows": 0}, "greater than or equal to 1"),
        ("ask", {}, "Field required"),
        ("drop", {}, "drop"),
    ],
)
def test_what_cannot_be_done_is_told_to_the_agent(
    talk: Talk, tool: str, arguments: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(talk(calling(tool, **arguments)))


def test_a_query_that_takes_too_long_is_told(talk: Talk) -> None:
    assert "longer than" in refusal(
        talk(calling("ask", question=DIRECTED), deadline_seconds=0.001, seconds=0.1)
    )


def test_asking_to_delete_changes_nothing(talk: Talk, demo_store: GraphStore) -> None:
    count = "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(DISTINCT n), count(r)"
    before = demo_store.read(count).rows
    answer = given(talk(calling("ask", question="Delete all movies")))
    assert demo_store.read(count).rows == before
    assert "nothing was changed" in " ".join(answer["notices"])


def test_calls_at_once_are_all_answered(talk: Talk) -> None:
    async def work(client: Client) -> list[CallToolResult]:
        return await asyncio.gather(*(calling("ask", question=DIRECTED)(client) for _ in range(6)))

    assert all(["Unforgiven"] in given(result)["rows"] for result in talk(work))


def test_more_calls_than_there_is_room_for_are_refused(talk: Talk, nano: Translator) -> None:
    model = Held(nano)

    async def work(client: Client) -> list[CallToolResult]:
        called = [asyncio.ensure_future(calling("ask", question=DIRECTED)(client)) for _ in range(6)]
        while sum(call.done() for call in called) < 4:
            await asyncio.sleep(0.01)
        model.let.set()
        return await asyncio.gather(*called)

    failed = [result for result in talk(work, model=model, in_flight=2) if result.is_error]
    assert len(failed) == 4
    assert all("as many requests as" in refusal(result) for result in failed)


def test_a_model_that_cannot_be_opened_is_told_by_every_tool() -> None:
    async def missing() -> Service:
        raise BundleError("there is no model 'nowhere'")

    server: MCPServer = make_server(missing, graph="demo")

    async def session() -> list[CallToolResult]:
        async with Client(server) as client:
            return [
                await client.call_tool("ask", {"question": DIRECTED}),
                await client.call_tool("translate", {"question": DIRECTED}),
                await client.call_tool("get_schema", {}),
            ]

    assert all("no model 'nowhere'" in refusal(result) for result in asyncio.run(session()))


def test_agents_get_less_than_a_programs_limits() -> None:
    assert agent_settings().rows == 50
    assert agent_settings(rows=7, seconds=3600).rows == 7
    assert agent_settings(seconds=60).deadline_seconds > 60
    with pytest.raises(UsageError, match="port"):
        agent_settings(port=70_000)
