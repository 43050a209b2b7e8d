"""Chat completions as OpenAI's clients know them, so that those work unchanged.

Two models: `polycypher` answers the last user message with a table and the query, `polycypher-cypher` with
the query alone. Earlier messages are ignored: every question stands alone. Of the many options only `model`,
`messages` and `stream` count. Knows nothing of how a question is answered.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from sse_starlette import ServerSentEvent

from polycypher.errors import UsageError
from polycypher.serving.events import Work, event_of
from polycypher.serving.failures import Refused
from polycypher.serving.schemas import AskRequest, TranslateRequest
from polycypher.serving.service import Notify, Service
from polycypher.translator.translator import LONGEST_QUESTION

ANSWERS, CYPHER = "polycypher", "polycypher-cypher"
MODELS = (ANSWERS, CYPHER)
_SHOWN_ROWS = 50
"""Rows of a table in a chat."""


class ContentPart(BaseModel):
    """A part of a message; only texts count."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The message's text."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class ChatRequest(BaseModel):
    """The body of `/v1/chat/completions`; options that say how a model samples are taken and ignored."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    stream: StrictBool | None = None
    n: Literal[1] | None = None


class ChatReply(BaseModel):
    """The assistant's message."""

    role: Literal["assistant"]
    content: str


class ChatChoice(BaseModel):
    """The only choice of a completion."""

    index: int
    message: ChatReply
    finish_reason: Literal["stop"]


class ChatResponse(BaseModel):
    """A completion; `polycypher` is what `/v1/ask` or `/v1/translate` would have answered."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    polycypher: dict[str, Any]


class ModelInfo(BaseModel):
    """A model by its name."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """The models there are."""

    object: Literal["list"]
    data: list[ModelInfo]


def list_models() -> ModelList:
    """The answer of `/v1/models`."""
    return ModelList(
        object="list",
        data=[ModelInfo(id=name, object="model", created=0, owned_by="polycypher") for name in MODELS],
    )


class Chat:
    """One completion in the making.

    Args:
        asked: the request.

    Raises:
        Refused: 404, there is no such model.
        UsageError: the last message is no question of the user's.
    """

    def __init__(self, asked: ChatRequest) -> None:
        if asked.model not in MODELS:
            raise Refused(
                HTTPStatus.NOT_FOUND,
                "ModelNotFound",
                f"there is no model '{asked.model[:100]}'; there are {' and '.join(MODELS)}",
            )
        self._model = asked.model
        self._question = _last_question(asked)
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())

    def work(self, service: Service) -> Work:
        """The work that answers it."""

        async def working(notify: Notify) -> dict[str, Any]:
            if self._model == CYPHER:
                made = await service.translate(TranslateRequest(question=self._question), notify)
            else:
                made = await service.ask(AskRequest(question=self._question), notify)
            return self._completion(made)

        return working

    def chunks(self, event: str, data: dict[str, Any]) -> list[ServerSentEvent]:
        """What a client that streams is sent for one event.

        The query is sent once it is whole: what a client has been sent cannot be taken back, and the end of
        a query may still change how its beginning is written.
        """
        if event == "stage" and data["stage"] == "prepare":
            return [self._chunk({"role": "assistant", "content": ""})]
        if event == "cypher":
            text = data["cypher"] if self._model == CYPHER else fenced(data["cypher"])
            return [self._chunk({"content": text})]
        if event == "answer":
            rest = "" if self._model == CYPHER else f"\n\n{table(data['polycypher'])}"
            said = [self._chunk({"content": rest})] if rest else []
            return [*said, self._chunk({}, "stop"), ServerSentEvent("[DONE]", sep="\n")]
        if event == "error":
            return [event_of(None, data), ServerSentEvent("[DONE]", sep="\n")]
        return []

    def _completion(self, made: dict[str, Any]) -> dict[str, Any]:
        text = made["cypher"] if self._model == CYPHER else f"{fenced(made['cypher'])}\n\n{table(made)}"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {
            "id": self._id,
            "object": "chat.completion",
            "created": self._created,
            "model": self._model,
            "choices": [choice],
            "polycypher": made,
        }

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> ServerSentEvent:
        return event_of(
            None,
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self._model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            },
        )


def fenced(cypher: str) -> str:
    """A query as a block of Markdown; the fence is longer than any run of backticks in the query."""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in cypher).split()), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}cypher\n{cypher}\n{fence}"


def table(made: Mapping[str, Any]) -> str:
    """Rows as a table of Markdown, and a sentence on those that are not shown."""
    rows = made["rows"]
    if not rows:
        return "No rows."
    lines = [_line(made["columns"]), _line(["---"] * len(made["columns"]))]
    lines += [_line([_cell(cell) for cell in row]) for row in rows[:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS or made["truncated"]:
        more = "more than " if made["truncated"] else ""
        lines += ["", f"{min(len(rows), _SHOWN_ROWS)} of {more}{len(rows)} rows."]
    return "\n".join([*lines, *("\n" + notice for notice in made["notices"])])


def _line(cells: list[str]) -> str:
    shown = (" ".join(cell.replace("|", "\\|").split()) for cell in cells)
    return f"| {' | '.join(shown)} |"


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case {"labels": list() as labels, "properties": dict() as properties}:
            return f"({':'.join(labels)} {_pairs(properties)})"
        case {"type": str() as kind, "properties": dict() as properties}:
            return f"[:{kind} {_pairs(properties)}]"
        case dict():
            return _pairs(value)
        case list():
            return ", ".join(map(_cell, value))
    return str(value)


def _pairs(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {_cell(item)}" for key, item in value.items())


def _last_question(asked: ChatRequest) -> str:
    last = asked.messages[-1]
    if last.role != "user" or not last.text.strip():
        raise UsageError("the last message must be the user's question, as text")
    if len(last.text) > LONGEST_QUESTION:
        raise UsageError(f"the question has {len(last.text)} characters; ask in at most {LONGEST_QUESTION}")
    return last.text
