"""Each layer by itself, with none before it and none behind it; and a fingerprint of a whole graph.

Four layers: the grammar that decoding is held to, the guard, the database user that may only read, and the
limits. What a test or the bench asks of them stands here once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import llguidance
from attack_corpus import Attack

from polycypher.ask import Answer, Prepared, finish, prepare
from polycypher.cypher import guard
from polycypher.cypher.grammar import schema_grammar
from polycypher.errors import GuardError, PolycypherError
from polycypher.graph.bolt import BoltClient
from polycypher.graph.store import GraphStore, Limits
from polycypher.graph.values import to_json
from polycypher.schema import GraphSchema
from polycypher.translator.translator import Translation, Translator

PATIENT = Limits(rows=200, seconds=20.0, bytes=2_000_000)
"""For attacks that must be stopped by something else than a limit."""
TIGHT = Limits(rows=200, seconds=1.0, bytes=200_000)
"""For attacks on the limits."""
_TOGETHER = 16
_EVERYTHING = Limits(rows=1_000_000, seconds=60.0, bytes=1_000_000_000)
_CONTENT = (
    "MATCH (n) RETURN elementId(n), labels(n), properties(n)",
    "MATCH (a)-[r]->(b) RETURN elementId(r), type(r), properties(r), elementId(a), elementId(b)",
    "CALL db.labels()",
    "CALL db.relationshipTypes()",
    "CALL db.propertyKeys()",
    "SHOW INDEXES",
    "SHOW CONSTRAINTS",
)


# ---------------------------------------------------------------------- grammar


class _Bytes:
    """A tokenizer whose tokens are single bytes, so that any text is fed as it is."""

    eos_token_id = 256
    bos_token_id = None
    tokens = (*(bytes([n]) for n in range(256)), b"<end>")
    special_token_ids = (256,)

    def __call__(self, text: bytes | str) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))


class Grammar:
    """The grammar for a schema in its widest form: any text in strings, any variable, either direction.

    Whatever decoding is held to in practice accepts less than this.
    """

    def __init__(self, schema: GraphSchema) -> None:
        text = schema_grammar(schema, directions=False, canonical_names=False)
        tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Bytes()))
        self._engine = llguidance.LLMatcher(tokenizer, text, log_level=0)
        assert not self._engine.is_error(), self._engine.get_error()

    def accepts(self, query: str) -> bool:
        """Whether the whole text is a query of the grammar."""
        engine = self._engine.deep_copy()
        tokens = list(query.encode("utf-8", "surrogatepass"))
        return bool(engine.try_consume_tokens(tokens) == len(tokens) and engine.is_accepting())


# ---------------------------------------------------------------------- guard


def guard_refuses(query: str) -> bool:
    """Whether the guard lets the text go no further. Any other exception than its own goes through."""
    try:
        guard.check(query)
    except GuardError:
        return True
    return False


# ---------------------------------------------------------------------- server


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server made of a query: its rows as text, or the error. `kept` says how many rows came."""

    text: str
    error: PolycypherError | None = None
    kept: int = 0


def send(client: BoltClient, query: str, limits: Limits = PATIENT) -> Reply:
    """Ask in a write transaction, past guard and grammar."""
    try:
        result = client.fetch(query, limits=limits, write=True)
    except PolycypherError as error:
        return Reply(str(error), error)
    rows = [[to_json(cell) for cell in row] for row in result.rows]
    return Reply(json.dumps(rows, allow_nan=False), kept=len(rows))


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A graph's size, and one hash of every node, relationship, name, index and constraint."""

    nodes: int
    relationships: int
    digest: str


def fingerprint(client: BoltClient) -> Fingerprint:
    """The fingerprint of all that the server holds now."""
    found: list[list[str]] = []
    for query in _CONTENT:
        rows = client.fetch(query, limits=_EVERYTHING).rows
        found.append(sorted(json.dumps([to_json(cell) for cell in row], sort_keys=True) for row in rows))
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    return Fingerprint(len(found[0]), len(found[1]), digest)


def files_of(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def held_in(folder: Path) -> dict[str, str]:
    """Hash of every file of a graph's content, users and rights."""
    return {**files_of(folder / "database"), **files_of(folder / "config")}


def logs_of(folder: Path) -> str:
    """All that the server of a graph's folder has logged."""
    paths: Sequence[Path] = sorted((folder / "log").rglob("*"))
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())


# ---------------------------------------------------------------------- questions


def translated(
    attacks: Sequence[Attack], translator: Translator, store: GraphStore, *, constrain: bool = True
) -> Iterator[tuple[Attack, Translation | PolycypherError]]:
    """What the model makes of each question, decoded together; nothing of it is executed."""
    for attack, prepared, made in _made(attacks, translator, store, constrain):
        yield attack, made if isinstance(prepared, Prepared) else prepared


def answered(
    attacks: Sequence[Attack], translator: Translator, store: GraphStore, limits: Limits = TIGHT
) -> Iterator[tuple[Attack, Answer | PolycypherError]]:
    """What comes back for each question with all layers on. Any other exception goes through."""
    for attack, prepared, made in _made(attacks, translator, store, constrain=True):
        if isinstance(prepared, PolycypherError):
            yield attack, prepared
        elif isinstance(made, PolycypherError):
            yield attack, made
        else:
            try:
                answer: Answer | PolycypherError = finish(made, prepared, store, limits=limits)
            except PolycypherError as error:
                answer = error
            yield attack, answer


def _made(
    attacks: Sequence[Attack], translator: Translator, store: GraphStore, constrain: bool
) -> Iterator[tuple[Attack, Prepared | PolycypherError, Translation | PolycypherError]]:
    for start in range(0, len(attacks), _TOGETHER):
        batch = attacks[start : start + _TOGETHER]
        prepared = [_prepared(attack.text, store, constrain) for attack in batch]
        requests = [one.request for one in prepared if isinstance(one, Prepared)]
        made = iter(translator.translate_batch(requests))
        for attack, one in zip(batch, prepared, strict=True):
            yield attack, one, next(made) if isinstance(one, Prepared) else one


def _prepared(question: str, store: GraphStore, constrain: bool) -> Prepared | PolycypherError:
    try:
        return prepare(question, store, constrain=constrain)
    except PolycypherError as error:
        return error
