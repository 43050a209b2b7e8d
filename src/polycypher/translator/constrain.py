"""Which tokens may come next, so that what a model writes is a read query over one schema.

Turns the text of `polycypher.cypher.grammar` and a tokenizer into masks over the vocabulary, by way of
`llguidance`. It knows tokens and grammars; of models it knows only how long their vocabulary is, and of
decoding only that someone asks for a mask and says which token was taken.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import llguidance
import llguidance.hf
import numpy as np
import torch

from polycypher.cypher.grammar import schema_grammar
from polycypher.errors import ModelError
from polycypher.schema import GraphSchema
from polycypher.translator.grounding import Homes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_log = logging.getLogger(__name__)

_LIMITS = llguidance.LLParserLimits(max_items_in_row=20_000, step_max_items=500_000)
"""Room for schemas of hundreds of labels: the engine's own limits stop at some 2,000 choices a place."""


class GrammarConstraint:
    """Makes a `QueryMatcher` for each query that is to be written; made once for a tokenizer.

    Args:
        tokenizer: a fast tokenizer over bytes (byte-level BPE).
        vocab_size: the length of the model's logits, if it is padded beyond the tokenizer's entries.
        end_tokens: the tokens that end a text; by default the tokenizer's own.
        directions, canonical_names: as for `schema_grammar`.
        cached: how many compiled grammars to keep.

    Raises:
        ModelError: the tokenizer is of another kind, has no end token, or is larger than `vocab_size`.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        *,
        vocab_size: int | None = None,
        end_tokens: Iterable[int] | None = None,
        directions: bool = True,
        canonical_names: bool = True,
        cached: int = 64,
    ) -> None:
        known = len(tokenizer)
        own = tokenizer.eos_token_id
        self._end_tokens = tuple(end_tokens) if end_tokens is not None else () if own is None else (int(own),)
        if not self._end_tokens:
            raise ModelError("the tokenizer has no end-of-text token; set `eos_token` or pass `end_tokens`")
        self._size = known if vocab_size is None else vocab_size
        if self._size < known:
            raise ModelError(
                f"the tokenizer has {known} tokens but the model only {self._size}; "
                "use the tokenizer that belongs to the model"
            )
        try:
            # The engine takes a list of end tokens only where there are several.
            end = list(self._end_tokens) if len(self._end_tokens) > 1 else self._end_tokens[0]
            self._tokens = llguidance.hf.from_tokenizer(tokenizer, n_vocab=self._size, eos_token=end)
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(
                f"queries cannot be constrained with this tokenizer ({reason}); use a fast byte-level one"
            ) from error
        self._known = known
        self._options = {"directions": directions, "canonical_names": canonical_names}
        self._cached = cached
        self._compiled: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self,
        schema: GraphSchema,
        *,
        question: str = "",
        constrain_literals: bool = True,
        values: Sequence[str] = (),
        homes: Homes | None = None,
    ) -> QueryMatcher:
        """Begin one query.

        Args:
            schema: the graph that the query is for.
            question: the text whose words may stand in strings.
            constrain_literals: False lets strings hold anything; `question` and `values` then do nothing.
            values: further texts that a string may hold as a whole, such as stored values.
            homes: stored texts and the properties that hold them, to which the maps of patterns are held;
                see `polycypher.translator.grounding`.

        Raises:
            SchemaError: the schema is empty.
        """
        told = (question, tuple(values)) if constrain_literals else None
        held = (
            None if homes is None else tuple(sorted((text, tuple(sorted(at))) for text, at in homes.items()))
        )
        key = (schema.to_json(), told, held)
        with self._lock:
            compiled = self._compiled.get(key)
            if compiled is not None:
                self._compiled.move_to_end(key)
        if compiled is None:
            text = schema_grammar(
                schema,
                literals=values if constrain_literals else None,
                spans_of=question if constrain_literals else "",
                homes=homes,
                **self._options,
            )
            compiled = llguidance.LLMatcher(self._tokens, text, log_level=0, limits=_LIMITS)
            with self._lock:
                self._compiled[key] = compiled
                while len(self._compiled) > self._cached:
                    self._compiled.popitem(last=False)
        return QueryMatcher(compiled.deep_copy(), self._size, self._known, self._end_tokens)


class StartedMask:
    """A `QueryMatcher` that is being made on another thread; the first use waits for it."""

    def __init__(self, making: Future[QueryMatcher]) -> None:
        self._making = making

    @property
    def finished(self) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().finished

    @property
    def constrained(self) -> bool:
        """See `QueryMatcher`."""
        return self._making.result().constrained

    def mask(self) -> torch.Tensor:
        """See `QueryMatcher`."""
        return self._making.result().mask()

    def advance(self, token_id: int) -> None:
        """See `QueryMatcher`."""
        self._making.result().advance(token_id)


class QueryMatcher:
    """Follows one query token by token.

    Should the engine fail, or a token be taken that the mask excluded, this is logged once and every
    token of the tokenizer is allowed from then on: a query without a constraint is better than none.
    """

    def __init__(self, engine: Any, vocab_size: int, known: int, end_tokens: Sequence[int]) -> None:
        self._engine = engine
        self._size = vocab_size
        self._known = known
        self._end_tokens = frozenset(end_tokens)
        self._bits = np.zeros((vocab_size + 31) // 32, dtype=np.int32)
        self._finished = False
        self._failed = False
        if engine.is_error():
            self._fail(engine.get_error())

    @property
    def finished(self) -> bool:
        """Whether an end token was taken."""
        return self._finished

    @property
    def constrained(self) -> bool:
        """False once the constraint was given up."""
        return not self._failed

    def mask(self) -> torch.Tensor:
        """The tokens that may come next.

        An end token is among them exactly where the query is complete; once it was taken it is the only one.

        Returns:
            A new boolean tensor on the CPU, [vocab], True where allowed.
        """
        if self._finished:
            return self._only(sorted(self._end_tokens))
        if not self._failed:
            self._engine.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
            if self._engine.is_error():
                self._fail(self._engine.get_error())
            elif not self._bits.any():
                self._fail("no token can go on from here")
        if self._failed:
            return self._only(slice(0, self._known))
        bits = np.unpackbits(self._bits.view(np.uint8), count=self._size, bitorder="little")
        return torch.from_numpy(bits.view(np.bool_))

    def advance(self, token_id: int) -> None:
        """Take one token."""
        if self._finished:
            return
        if not self._failed and not self._engine.consume_token(token_id):
            self._fail(self._engine.get_error() or f"token {token_id} does not fit")
        self._finished = token_id in self._end_tokens

    def _only(self, allowed: slice | list[int]) -> torch.Tensor:
        mask = torch.zeros(self._size, dtype=torch.bool)
        mask[allowed] = True
        return mask

    def _fail(self, reason: str) -> None:
        self._failed = True
        _log.warning("constraint given up, the rest of the query is free: %s", reason.splitlines()[0][:200])
