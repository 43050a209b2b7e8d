"""polycypher in LangChain: a tool for agents, and a runnable for chains.

Needs `langchain-core` alone, so both work in LangGraph and with every chat model. Knows nothing of them.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from polycypher.ask import ask
from polycypher.errors import PolycypherError
from polycypher.graph.store import GraphStore, Limits
from polycypher.integrations.rows import DESCRIPTION, cells_of, facts_of, missing
from polycypher.translator.translator import Translator

try:
    from langchain_core.runnables import Runnable, RunnableLambda
    from langchain_core.tools import BaseTool, ToolException
except ImportError as error:
    raise missing(error, "langchain") from None


class GraphQuestion(BaseModel):
    """What an agent gives the tool."""

    question: str = Field(description="One question about the graph, in any language.")


class PolycypherTool(BaseTool):
    """A tool that answers questions from a graph: `PolycypherTool(translator=…, store=…)`.

    Its content is JSON for the agent's model, `{"cypher": …, "columns": […], "rows": […], …}`; its artifact
    is the same as a dictionary. A question that cannot be answered gives a message of status `error` that
    says why; with `handle_tool_error=False` it raises `ToolException`.
    """

    name: str = "ask_graph"
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = GraphQuestion
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    translator: Translator = Field(exclude=True)
    """The loaded model."""
    store: GraphStore = Field(exclude=True)
    """The open graph."""
    language: str | None = None
    """This language's adapter alone; None asks the gate."""
    limits: Limits = Limits(rows=50, bytes=200_000)
    """Rows, seconds and bytes of a query: what an agent reads costs it."""

    def _run(self, question: str) -> tuple[str, dict[str, Any]]:
        try:
            value = _answered(question, self.translator, self.store, self.language, self.limits)
        except PolycypherError as error:
            raise ToolException(str(error)) from error
        return json.dumps(value, ensure_ascii=False), value


def graph_runnable(
    translator: Translator,
    store: GraphStore,
    *,
    language: str | None = None,
    limits: Limits | None = None,
) -> Runnable[str, dict[str, Any]]:
    """A runnable from a question to its answer, `{"cypher", "weights", "columns", "rows", …}`, for a chain.

    Args:
        translator: the loaded model.
        store: the open graph.
        language: this language's adapter alone; None asks the gate.
        limits: rows, seconds and bytes of a query.

    Raises:
        PolycypherError: when it is invoked, as `polycypher.ask.ask`.
    """

    def answered(question: str) -> dict[str, Any]:
        return _answered(question, translator, store, language, limits)

    return RunnableLambda(answered, name="polycypher")


def _answered(
    question: str, translator: Translator, store: GraphStore, language: str | None, limits: Limits | None
) -> dict[str, Any]:
    answer = ask(question, translator, store, language=language, limits=limits)
    return {
        **facts_of(answer),
        "columns": list(answer.columns),
        "rows": [[value for _, value in cells] for cells in cells_of(answer)],
    }
