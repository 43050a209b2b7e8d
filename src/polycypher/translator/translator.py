"""`Translator`: a question and a schema become one Cypher query and the weights that made it.

Knows nothing of databases: what it returns has not been executed, nor passed the guard.
"""

from __future__ import annotations

import itertools
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.cypher.cleanup import clean
from polycypher.errors import BundleError, ModelError, PolycypherError, UsageError
from polycypher.fusion.modes import Mode
from polycypher.notices import Notice
from polycypher.schema import GraphSchema
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.grounding import Homes, grounded
from polycypher.translator.names import complete_names
from polycypher.translator.prompts import PromptMaker
from polycypher.translator.translating import Translating

LONGEST_QUESTION = 2000
"""Characters; longer questions are refused."""
LONGEST_QUERY = 256
"""Tokens; a longer query is cut and reported as incomplete."""


BATCH = 32
"""Questions decoded together."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question to be translated.

    Attributes:
        question: in any language; those of the bundle work best.
        schema: what the graph holds.
        language: use this language's adapter alone (hard routing); None asks the gate.
        constrain: only queries that are valid for the schema; False decodes freely.
        stored: which texts of the question the graph stores, and at which properties; a literal is then only
            asked of a property that holds it (see `translator.grounding`).
        mode: how adapters are combined (see `fusion.modes`); None takes the translator's own.
        on_text: told of the query's text so far at every token, from the thread that decodes.
        failed: a query that was tried before, and what the database said of it.
        without: constructs that the graph's server lacks (`cypher.dialect.lacking`); no constrained query
            holds them.
    """

    question: str
    schema: GraphSchema
    language: str | None = None
    constrain: bool = True
    stored: Homes | None = None
    mode: Mode | None = None
    on_text: Callable[[str], None] | None = None
    failed: tuple[str, str] | None = None
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Translation:
    """A query and how it came about.

    `weights` maps a language to its adapter's weight; they sum to one. `mode` and `rows` say how the adapters
    were combined and how many rows that took. `complete` is False if the query was cut at
    `LONGEST_QUERY`. `notices` are sentences for the user. Times are in milliseconds and include
    waiting for others that are decoded too; `first_ms` is from the gate's answer to the first token.
    """

    question: str
    cypher: str
    weights: Mapping[str, float]
    mode: Mode
    rows: int
    complete: bool
    notices: tuple[str, ...]
    gate_ms: float
    first_ms: float
    decode_ms: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as the decoder takes it, and what is needed to read its answer."""

    question: Any
    asked: str
    mask: Any
    notices: tuple[str, ...]


class Translator:
    """A loaded bundle. Use `Translator.load`; safe to share between threads, which wait for each other."""

    def __init__(
        self, manifest: Manifest, tokenizer: Any, decoder: Any, template: Any, mode: Mode = Mode.PRUNED
    ) -> None:
        self.manifest = manifest
        self.mode = mode
        self._tokenizer = tokenizer
        self._decoder = decoder
        self._prompts = PromptMaker(tokenizer, template, manifest.schema_tokens)
        self._constraint: Any = None
        self._grammars: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages with an adapter, in the order of the weights."""
        return tuple(self.manifest.languages)

    @classmethod
    def load(
        cls,
        model: str | Path = "nano",
        *,
        device: str = "cpu",
        mode: Mode = Mode.PRUNED,
        dtype: str | None = None,
    ) -> Translator:
        """Load a bundle: `nano` (packaged), a folder, or a hub id.

        Args:
            model: the bundle.
            device: as PyTorch names it.
            mode: how adapters are combined where a request does not say.
            dtype: `float32` or `bfloat16`; None takes float32 on a CPU, bfloat16 elsewhere.

        Raises:
            BundleError: a part is missing, damaged, or belongs to another base or prompt; or the mode needs
                a gate that the bundle does not have.
            AdapterError: an adapter cannot be used.
            ModelError: a hub id that cannot be fetched, or weights that cannot be read.
        """
        folder = find_bundle(model)
        manifest = Manifest.load(folder)
        if mode is Mode.EARLY and manifest.early is None:
            raise BundleError(f"the model in {folder} has no early gate; use the mode `pruned`")
        from polycypher.translator.loading import load_parts

        tokenizer, decoder, template = load_parts(folder, manifest, device, dtype)
        return cls(manifest, tokenizer, decoder, template, mode)

    def translate(
        self,
        question: str,
        schema: GraphSchema,
        *,
        language: str | None = None,
        constrain: bool = True,
        stored: Homes | None = None,
        mode: Mode | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Translation:
        """Translate a question; the arguments are those of `Request`.

        Raises:
            UsageError: an empty or too long question, or an unknown language.
            BundleError: the bundle lacks the gate that is asked for.
            SchemaError: an empty schema, or one that cannot be made to fit.
            ModelError: the translator is closed.
        """
        made = self.translate_batch([Request(question, schema, language, constrain, stored, mode, on_text)])[
            0
        ]
        if isinstance(made, PolycypherError):
            raise made
        return made

    def translate_batch(self, requests: Sequence[Request]) -> list[Translation | PolycypherError]:
        """Translate questions in one fused decode, whatever their languages, modes and schemas.

        A request that cannot be used gives its error in its place, and the others their translations.

        Raises:
            ModelError: the translator is closed.
        """
        with self.start() as translating:
            numbers, finished = translating.add(requests)
            while translating.requests:
                finished += translating.step()
        made = dict(finished)
        return [made[number] for number in numbers]

    def start(self, *, overlap: bool = False) -> Translating:
        """Translate requests that come and go; until it is closed, other threads wait for the model.

        Args:
            overlap: read prompts on a thread of their own while queries are written; see `Decoding`.

        Raises:
            ModelError: the translator is closed.
        """
        self._lock.acquire()
        try:
            if self._decoder is None:
                raise ModelError("the translator is closed; load it again")
            decoding = self._decoder.start(most=LONGEST_QUERY, overlap=overlap)
        except BaseException:
            self._lock.release()
            raise
        return Translating(decoding, self._prepare, self._read, self._lock.release)

    def translate_many(
        self,
        questions: Iterable[str],
        schema: GraphSchema,
        *,
        language: str | None = None,
        constrain: bool = True,
        mode: Mode | None = None,
        batch: int = BATCH,
    ) -> Iterator[Translation | PolycypherError]:
        """Translate any number of questions about one schema; see `translate_requests`."""
        return self.translate_requests(
            (Request(question, schema, language, constrain, mode=mode) for question in questions), batch=batch
        )

    def translate_requests(
        self, requests: Iterable[Request], *, batch: int = BATCH
    ) -> Iterator[Translation | PolycypherError]:
        """Translate any number of requests, in their order, as they become ready.

        Questions of like length are decoded together, `batch` at a time out of four times as many; a question
        that cannot be used gives its error in its place.

        Raises:
            ModelError: the translator is closed.
        """
        waiting = iter(requests)
        while window := list(itertools.islice(waiting, 4 * batch)):
            made: dict[int, Translation | PolycypherError] = {}
            order = sorted(range(len(window)), key=lambda place: len(window[place].question))
            for start in range(0, len(order), batch):
                places = order[start : start + batch]
                made.update(
                    zip(places, self.translate_batch([window[place] for place in places]), strict=True)
                )
            yield from (made[place] for place in range(len(window)))

    def close(self) -> None:
        """Let go of the model's memory. A closed translator cannot be used again."""
        with self._lock:
            self._decoder = None
            if self._grammars is not None:
                self._grammars.shutdown(wait=False, cancel_futures=True)
                self._grammars = None

    def __enter__(self) -> Translator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self, request: Request) -> Prepared:
        from polycypher.fusion.fused import Question

        asked = check_question(request.question)
        mode = request.mode or self.mode
        weights = self._weights(request.language, mode)
        room = self._decoder.model.config.max_position_embeddings - LONGEST_QUERY
        fitted, notice = self._prompts.fit(request.schema, asked)
        prompt = self._prompts.prompt_of_text(fitted.to_prompt(), asked, request.failed)
        if len(prompt.ids) > room:
            raise UsageError(
                f"question and schema take {len(prompt.ids)} tokens of {room}; ask in fewer words"
            )
        mask = None
        if request.constrain:
            mask = self._mask(fitted, asked, request)
        told: Callable[[int], None] | None = None
        if request.on_text is not None:
            ids: list[int] = []
            on_text = request.on_text

            def told(token: int) -> None:
                ids.append(token)
                on_text(self._tokenizer.decode(ids, skip_special_tokens=True))

        return Prepared(Question(prompt, mode, weights, mask, told), asked, mask, (notice,) if notice else ())

    def _read(self, request: Request, one: Prepared, decoded: Any) -> Translation:
        notices = list(one.notices)
        if one.mask is not None and not one.mask.constrained:
            notices.append(Notice("unconstrained"))
        if not decoded.complete:
            notices.append(Notice("query_cut", tokens=LONGEST_QUERY))
        text = clean(self._tokenizer.decode(decoded.ids, skip_special_tokens=True))
        return Translation(
            question=request.question,
            cypher=complete_names(text, one.asked),
            weights=dict(zip(self.languages, decoded.weights, strict=True)),
            mode=one.question.mode,
            rows=decoded.rows,
            complete=decoded.complete,
            notices=tuple(notices),
            gate_ms=1000 * decoded.gate_seconds,
            first_ms=1000 * decoded.first_seconds,
            decode_ms=1000 * decoded.decode_seconds,
        )

    def _weights(self, language: str | None, mode: Mode) -> list[float] | None:
        if language is None:
            if mode is Mode.EARLY and self._decoder.early is None:
                raise BundleError("the model has no early gate; use the mode `pruned`")
            if mode is not Mode.EARLY and self._decoder.gate is None:
                raise BundleError(f"the model has no gate; name a language: {', '.join(self.languages)}")
            return None
        if language not in self.languages:
            raise UsageError(f"the model has no adapter for '{language}'; it has {', '.join(self.languages)}")
        return [float(code == language) for code in self.languages]

    def _mask(self, schema: GraphSchema, asked: str, request: Request) -> Any:
        """The grammar's mask; it is made on a thread beside the model, which reads the prompt meanwhile."""
        from polycypher.translator.constrain import GrammarConstraint
        from polycypher.translator.started import StartedMask

        if self._constraint is None:
            self._constraint = GrammarConstraint(
                self._tokenizer, vocab_size=self._decoder.model.config.vocab_size
            )
        names = (*schema.labels, *schema.relationship_types, *schema.properties)
        homes = grounded(asked, request.stored, names) if request.stored else None
        if self._grammars is None:
            self._grammars = ThreadPoolExecutor(1, "grammar")
        return StartedMask(
            self._grammars.submit(
                self._constraint.start,
                schema,
                question=asked,
                values=tuple(homes or ()),
                homes=homes,
                without=request.without,
            )
        )


def check_question(question: str) -> str:
    """The question in one line, without control characters.

    Raises:
        UsageError: no letter or digit in it, or more than `LONGEST_QUESTION` characters.
    """
    if len(question) > LONGEST_QUESTION:
        raise UsageError(f"the question has {len(question)} characters; ask in at most {LONGEST_QUESTION}")
    spaced = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs") else c for c in question
    )
    asked = " ".join(unicodedata.normalize("NFC", spaced).split())
    if not any(c.isalnum() for c in asked):
        raise UsageError(
            "the question is empty; ask in words, for example: Which films did Clint Eastwood direct?"
        )
    return asked
