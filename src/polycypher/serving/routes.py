"""The API's paths: each takes a body, calls the service, and answers as JSON or as events."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from polycypher.serving import openai, schemas
from polycypher.serving.events import answer, events, shown_in, wants_events
from polycypher.serving.languages import Reader, told_in
from polycypher.serving.limits import client_of
from polycypher.serving.service import Service

_REFUSALS: dict[int | str, str] = {
    400: "The request cannot be used as it is.",
    401: "The token is missing or wrong.",
    403: "A page of another Origin.",
    408: "The body arrived too slowly.",
    413: "The body is too long.",
    421: "Another server's Host.",
    429: "Too many requests; `Retry-After` tells the seconds to wait.",
    500: "The model or the server failed.",
    503: "The graph cannot be reached, or the server is ending.",
    504: "The deadline passed, or the query ran too long.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ErrorResponse, "description": text} for code, text in _REFUSALS.items()
}
_QUERY_ERRORS = {
    **ERRORS,
    422: {
        "model": schemas.ErrorResponse,
        "description": "The guard or the graph refused the query.",
    },
}


def _streaming(text: str) -> dict[int | str, dict[str, Any]]:
    event = {
        "type": "object",
        "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON"}},
        "required": ["data"],
    }
    content = {"text/event-stream": {"itemSchema": event}}
    return {**_QUERY_ERRORS, 200: {"description": f"JSON, or server-sent events: {text}", "content": content}}


_QUESTION_EVENTS = _streaming("`stage`, `token`, `weights`, `cypher`, then `answer` or `error`.")
_CHAT_EVENTS = {
    **_streaming("chunks of a chat completion, then `[DONE]`."),
    404: {"model": schemas.ErrorResponse, "description": "There is no such model."},
}


def api(service: Service) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(prefix="/v1")

    @router.post("/ask", response_model=schemas.AskResponse, responses=_QUESTION_EVENTS, tags=["questions"])
    async def ask(asked: schemas.AskRequest, request: Request, reader: Reader) -> Response:
        """Answer a question: one read-only query is made, checked and run."""
        work = partial(service.ask, asked)
        if wants_events(request, asked.stream):
            return events(service, work, shown_in(reader))
        return await answer(request, service, work, reader)

    @router.post(
        "/translate", response_model=schemas.TranslateResponse, responses=_QUESTION_EVENTS, tags=["questions"]
    )
    async def translate(asked: schemas.TranslateRequest, request: Request, reader: Reader) -> Response:
        """Translate a question into a query and do not run it."""
        work = partial(service.translate, asked)
        if wants_events(request, asked.stream):
            return events(service, work, shown_in(reader))
        return await answer(request, service, work, reader)

    @router.post("/run", response_model=schemas.RunResponse, responses=_QUERY_ERRORS, tags=["questions"])
    async def run(asked: schemas.RunRequest, request: Request, reader: Reader) -> Response:
        """Run a query of your own through the same guard and limits."""
        return await answer(request, service, lambda notify: service.run(asked), reader)

    @router.get("/schema", responses=_QUERY_ERRORS, tags=["what there is"])
    async def schema(
        request: Request,
        reader: Reader,
        refresh: Annotated[bool, Query(description="Read it anew, because the graph has changed.")] = False,
    ) -> schemas.SchemaResponse:
        """Labels, relationship types, properties and patterns of the graph."""
        with service.admission.place(client_of(request.scope)):
            found = await service.schema(refresh=refresh)
        return schemas.SchemaResponse.model_validate(told_in(reader, found))

    @router.get("/languages", responses=ERRORS, tags=["what there is"])
    async def languages() -> schemas.LanguagesResponse:
        """The languages that the model has an adapter for."""
        translator = service.translator
        return schemas.LanguagesResponse(model=translator.manifest.name, languages=list(translator.languages))

    @router.get("/examples", responses=ERRORS, tags=["what there is"])
    async def examples() -> schemas.ExamplesResponse:
        """Questions to begin with."""
        found = [
            schemas.Example(language=language, question=question) for language, question in service.examples
        ]
        return schemas.ExamplesResponse(examples=found)

    @router.get("/models", responses=ERRORS, tags=["OpenAI"])
    async def models() -> openai.ModelList:
        """The models of `/v1/chat/completions`."""
        return openai.list_models()

    @router.post(
        "/chat/completions", response_model=openai.ChatResponse, responses=_CHAT_EVENTS, tags=["OpenAI"]
    )
    async def chat(asked: openai.ChatRequest, request: Request) -> Response:
        """Answer the last user message, as OpenAI's clients expect it."""
        made = openai.Chat(asked)
        if asked.stream:
            return events(service, made.work(service), made.chunks)
        return await answer(request, service, made.work(service))

    return router


def health(service: Service) -> APIRouter:
    """The routes for those who watch the server."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", responses=ERRORS)
    async def healthz(response: Response) -> schemas.Health:
        """Whether the server lives: 503 means that it must be started again."""
        response.status_code = 200 if service.alive else 503
        return schemas.Health(status="ok" if service.alive else "the model has stopped")

    @router.get("/readyz", responses=ERRORS)
    async def readyz() -> schemas.Health:
        """Whether a question could be answered now: 503 while the graph is away or the server is ending."""
        await service.probe()
        return schemas.Health(status="ready")

    @router.get("/metrics", responses={**ERRORS, 200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters in Prometheus' text format."""
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
