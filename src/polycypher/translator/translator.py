"""`Translator`: a question and a schema become one Cypher query and the weights that made it.

Knows nothing of databases: what it returns has not been executed, nor passed the guard.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.cypher.cleanup import clean
from polycypher.errors import BundleError, ModelError, UsageError
from polycypher.schema import GraphSchema
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.grounding import Homes, grounded
from polycypher.translator.names import complete_names
from polycypher.translator.prompts import PromptMaker

LONGEST_QUESTION = 2000
"""Characters; longer questions are refused."""
LONGEST_QUERY = 256
"""Tokens; a longer query is cut and reported as incomplete."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A query and how it came about.

    `weights` maps a language to its adapter's weight; they sum to one. `complete` is False if the query
    was cut at `LONGEST_QUERY`. `notices` are sentences for the user. Times are in milliseconds.
    """

    question: str
    cypher: str
    weights: Mapping[str, float]
    complete: bool
    notices: tuple[str, ...]
    gate_ms: float
    decode_ms: float


class Translator:
    """A loaded bundle. Use `Translator.load`; safe to share between threads (one question at a time)."""

    def __init__(self, manifest: Manifest, tokenizer: Any, decoder: Any, template: Any) -> None:
        self.manifest = manifest
        self._tokenizer = tokenizer
        self._decoder = decoder
        self._prompts = PromptMaker(tokenizer, template, manifest.schema_tokens)
        self._constraint: Any = None
        self._lock = threading.Lock()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages with an adapter, in the order of the weights."""
        return tuple(self.manifest.languages)

    @classmethod
    def load(cls, model: str | Path = "nano", *, device: str = "cpu") -> Translator:
        """Load a bundle: `nano` (packaged), a folder, or a hub id.

        Raises:
            BundleError: a part is missing, damaged, or belongs to another base or prompt.
            AdapterError: an adapter cannot be used.
            ModelError: a hub id that cannot be fetched, or weights that cannot be read.
        """
        folder = find_bundle(model)
        manifest = Manifest.load(folder)
        from polycypher.translator.loading import load_parts

        tokenizer, decoder, template = load_parts(folder, manifest, device)
        return cls(manifest, tokenizer, decoder, template)

    def translate(
        self,
        question: str,
        schema: GraphSchema,
        *,
        language: str | None = None,
        constrain: bool = True,
        stored: Homes | None = None,
    ) -> Translation:
        """Translate a question.

        Args:
            question: in any language; those of the bundle work best.
            schema: what the graph holds.
            language: use this language's adapter alone (hard routing); None asks the gate.
            constrain: only queries that are valid for the schema; False decodes freely.
            stored: which texts of the question the graph stores, and at which properties; a literal is then
                only asked of a property that holds it (see `translator.grounding`).

        Raises:
            UsageError: an empty or too long question, or an unknown language.
            BundleError: no language is given and the bundle has no gate.
            SchemaError: an empty schema, or one that cannot be made to fit.
        """
        if self._decoder is None:
            raise ModelError("the translator is closed; load it again")
        asked = check_question(question)
        weights = self._hard_weights(language)
        room = self._decoder.model.config.max_position_embeddings - LONGEST_QUERY
        with self._lock:
            fitted, notice = self._prompts.fit(schema, asked)
            prompt = self._prompts.prompt_of_text(fitted.to_prompt(), asked)
            if len(prompt.ids) > room:
                raise UsageError(
                    f"question and schema take {len(prompt.ids)} tokens of {room}; ask in fewer words"
                )
            mask = None
            if constrain:
                names = (*fitted.labels, *fitted.relationship_types, *fitted.properties)
                homes = grounded(asked, stored, names) if stored else None
                mask = self._constraints().start(
                    fitted, question=asked, values=tuple(homes or ()), homes=homes
                )
            decoded = self._decoder.decode(prompt, weights=weights, mask=mask, most=LONGEST_QUERY)
        notices = [notice] if notice else []
        if mask is not None and not mask.constrained:
            notices.append(
                "decoding could not be constrained to the schema; the guard still checks the query"
            )
        if not decoded.complete:
            notices.append(f"the query was cut at {LONGEST_QUERY} tokens; ask a simpler question")
        return Translation(
            question=question,
            cypher=complete_names(
                clean(self._tokenizer.decode(decoded.ids, skip_special_tokens=True)), asked
            ),
            weights=dict(zip(self.languages, decoded.weights, strict=True)),
            complete=decoded.complete,
            notices=tuple(notices),
            gate_ms=1000 * decoded.gate_seconds,
            decode_ms=1000 * decoded.decode_seconds,
        )

    def close(self) -> None:
        """Let go of the model's memory. A closed translator cannot be used again."""
        self._decoder = None

    def __enter__(self) -> Translator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hard_weights(self, language: str | None) -> list[float] | None:
        if language is None:
            if self._decoder.gate is None:
                raise BundleError(f"the model has no gate; name a language: {', '.join(self.languages)}")
            return None
        if language not in self.languages:
            raise UsageError(f"the model has no adapter for '{language}'; it has {', '.join(self.languages)}")
        return [float(code == language) for code in self.languages]

    def _constraints(self) -> Any:
        if self._constraint is None:
            from polycypher.translator.constrain import GrammarConstraint

            self._constraint = GrammarConstraint(
                self._tokenizer, vocab_size=self._decoder.model.config.vocab_size
            )
        return self._constraint


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
