"""Which tokens may come next, so that what a model writes is a read query over one schema.

Turns the texts of `polycypher.cypher.grammar` and `polycypher.cypher.grammar_literals` and a tokenizer into
masks over the vocabulary, by way of `llguidance`: one compiled grammar for a schema, kept, and a small one
for a question; a token is allowed where both allow it. It knows tokens and grammars; of models it knows only
how long their vocabulary is, and of decoding only that someone asks for a mask and says which token was
taken.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import llguidance
import llguidance.hf
import numpy as np
import numpy.typing as npt
import torch

from polycypher.cypher.grammar import schema_grammar
from polycypher.cypher.grammar_literals import literal_grammar
from polycypher.errors import ModelError
from polycypher.schema import GraphSchema
from polycypher.translator.grounding import Homes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_log = logging.getLogger(__name__)

LIMITS = llguidance.LLParserLimits(max_items_in_row=20_000, step_max_items=500_000)
"""Room for schemas of hundreds of labels: the engine's own limits stop at some 2,000 choices a place."""
_ONCE = llguidance.LLParserLimits(precompute_large_lexemes=False)
"""A grammar used for one query is not worth preparing for the whole vocabulary."""
_WORTH = 512
"""How many tokens of a mask cost as much as asking for one token by itself."""
_CLOSED = re.compile(rb"'(?:[^'\\]|\\.)*'|`(?:[^`]|``)*`", re.DOTALL)
"""Strings and names in backticks that are complete."""
_MARKS = frozenset(b"'\\{}")
_SAMPLE = "MATCH (n:A {b: 'c'})-[:D*1..2]->(m) WHERE n.`e f` >= 1 RETURN m, count(n) LIMIT 3"


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What matchers need to know of the tokens.

    `size` is the length of a mask, `known` how many tokens the tokenizer has, `ends` those that end a text,
    `marked` those with a quote, a backslash or a brace, in order, `bytes_of` the text of some.
    """

    size: int
    known: int
    ends: frozenset[int]
    marked: npt.NDArray[np.intp]
    bytes_of: Callable[[list[int]], bytes]


class GrammarConstraint:
    """Makes a `QueryMatcher` for each query that is to be written; made once for a tokenizer.

    Args:
        tokenizer: a fast tokenizer that keeps every character of a query: byte-level BPE, or BPE or unigram
            in the manner of sentencepiece, with or without byte fallback.
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
        ends = tuple(end_tokens) if end_tokens is not None else () if own is None else (int(own),)
        if not ends:
            raise ModelError("the tokenizer has no end-of-text token; set `eos_token` or pass `end_tokens`")
        size = known if vocab_size is None else vocab_size
        if size < known:
            raise ModelError(
                f"the tokenizer has {known} tokens but the model only {size}; "
                "use the tokenizer that belongs to the model"
            )
        try:
            self._tokens = _engine_tokens(tokenizer, size, ends)
            written = self._tokens.decode_bytes(tokenizer.encode(_SAMPLE, add_special_tokens=False))
        except Exception as error:
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise _unfit(reason) from error
        if written.removeprefix(b" ") != _SAMPLE.encode():
            raise _unfit("a query's text does not come back from its tokens")
        marked = [
            token for token in range(known) if not _MARKS.isdisjoint(self._tokens.decode_bytes([token]))
        ]
        self._vocabulary = _Vocabulary(
            size, known, frozenset(ends), np.array(marked, dtype=np.intp), self._tokens.decode_bytes
        )
        self._options = {
            "directions": directions,
            "canonical_names": canonical_names,
            "leading_space": written.startswith(b" "),
        }
        self._cached = cached
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self,
        schema: GraphSchema,
        *,
        question: str = "",
        constrain_literals: bool = True,
        values: Sequence[str] = (),
        homes: Homes | None = None,
        without: Collection[str] = (),
    ) -> QueryMatcher:
        """Begin one query.

        Args:
            schema: the graph that the query is for.
            question: the text whose words may stand in strings.
            constrain_literals: False lets strings hold anything; the other arguments then do nothing.
            values: further texts that a string may hold as a whole, such as stored values.
            homes: stored texts and the properties that hold them, to which the maps of patterns are held;
                see `polycypher.translator.grounding`.
            without: constructs that the graph's server lacks; see `schema_grammar`.

        Raises:
            SchemaError: the schema is empty.
        """
        about = schema.to_json()
        lacked = frozenset(without)
        engines = [
            self._compiled(
                (about, lacked), lambda: schema_grammar(schema, without=lacked, **self._options), LIMITS
            )
        ]
        if constrain_literals:
            held = None if homes is None else tuple(sorted((k, tuple(sorted(v))) for k, v in homes.items()))
            engines.append(
                self._compiled(
                    (question, tuple(values), held, about if held is not None else ""),
                    lambda: literal_grammar(schema, literals=values, spans_of=question, homes=homes),
                    _ONCE,
                )
            )
        return QueryMatcher([engine.deep_copy() for engine in engines], self._vocabulary)

    def _compiled(self, key: tuple[object, ...], text: Callable[[], str], limits: Any) -> Any:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = llguidance.LLMatcher(self._tokens, text(), log_level=0, limits=limits)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._cached:
                self._kept.popitem(last=False)
        return found


def _engine_tokens(tokenizer: PreTrainedTokenizerFast, size: int, ends: Sequence[int]) -> Any:
    """The tokenizer as the engine knows it. Raises whatever the engine raises for one it cannot use."""
    from tokenizers import Tokenizer, decoders

    # The engine takes a list of end tokens only where there are several.
    end = list(ends) if len(ends) > 1 else ends[0]
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not isinstance(backend.decoder, decoders.Metaspace):
        return llguidance.hf.from_tokenizer(tokenizer, n_vocab=size, eos_token=end)
    # The engine reads from the decoder how tokens are spelt, and knows this one by its parts only.
    spelt = Tokenizer.from_str(backend.to_str())
    spelt.no_padding()
    spelt.no_truncation()
    spelt.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return llguidance.LLTokenizer(spelt.to_str(), n_vocab=size, eos_token=end)


def _unfit(reason: str) -> ModelError:
    return ModelError(
        f"queries cannot be constrained with this tokenizer ({reason}); use a fast one that keeps every "
        "character, byte-level or in the manner of sentencepiece"
    )


class QueryMatcher:
    """Follows one query token by token.

    Should the engine fail on the schema's grammar, or a token be taken that it excludes, this is logged once
    and every token of the tokenizer is allowed from then on: a query without a constraint is better than
    none. What strings hold is given up by itself, and the schema still followed; so also where a token that
    ends within ` {` has led to a map that may hold nothing.
    """

    def __init__(self, engines: Sequence[Any], vocabulary: _Vocabulary) -> None:
        self._schema, *literals = engines
        self._literals = literals[0] if literals else None
        self._vocabulary = vocabulary
        self._bits = np.zeros((vocabulary.size + 31) // 32, dtype=np.int32)
        self._open = b""
        self._finished = False
        self._failed = False
        if self._schema.is_error():
            self._fail(self._schema.get_error())
        elif self._literals is not None and self._literals.is_error():
            self._free_literals(self._literals.get_error())

    @property
    def finished(self) -> bool:
        """Whether an end token was taken."""
        return self._finished

    @property
    def constrained(self) -> bool:
        """False once the schema's constraint was given up."""
        return not self._failed

    def allows(self, token_id: int) -> bool:
        """Whether `mask` has this token, at a small part of its price; False may also mean that only `mask`
        can tell."""
        if self._finished or self._failed:
            return bool(self.mask()[token_id])
        engines = (self._schema,) if self._literals is None else (self._schema, self._literals)
        return all(engine.validate_tokens([token_id]) == 1 for engine in engines)

    def mask(self) -> torch.Tensor:
        """The tokens that may come next.

        An end token is among them exactly where the query is complete; once it was taken it is the only one.

        Returns:
            A new boolean tensor on the CPU, [vocab], True where allowed.
        """
        if self._finished:
            return self._only(sorted(self._vocabulary.ends))
        allowed = None if self._literals is None else self._held(self._literals)
        if allowed is None and not self._failed:
            allowed = self._mask_of(self._schema)
            if allowed is None or not allowed.any():
                self._fail(self._schema.get_error() or "no token can go on from here")
        if allowed is None or self._failed:
            return self._only(slice(0, self._vocabulary.known))
        return torch.from_numpy(allowed)

    def advance(self, token_id: int) -> None:
        """Take one token."""
        if self._finished:
            return
        if not self._failed and not self._schema.consume_token(token_id):
            self._fail(self._schema.get_error() or f"token {token_id} does not fit")
        self._finished = token_id in self._vocabulary.ends
        if self._literals is not None and not self._finished:
            if self._literals.consume_token(token_id):
                self._open = _CLOSED.sub(b"", self._open + self._vocabulary.bytes_of([token_id]))
            else:
                self._free_literals(self._literals.get_error() or f"token {token_id} does not fit")

    def _held(self, literals: Any) -> npt.NDArray[np.bool_] | None:
        """The tokens that both grammars allow, [vocab]; None where what strings hold is given up."""
        # The engine that knows better what comes next is asked for a mask, the other for tokens in it: in a
        # string the schema, and outside strings and maps the literals, can exclude only tokens with a mark.
        quoted = b"'" in self._open
        first, second = (literals, self._schema) if quoted else (self._schema, literals)
        allowed = self._mask_of(first)
        if allowed is not None:
            marked = self._vocabulary.marked
            mapped = not quoted and self._open.count(b"{") > self._open.count(b"}")
            doubtful = np.flatnonzero(allowed) if mapped else marked[allowed[marked]]
            if len(doubtful) * _WORTH > self._vocabulary.size:
                mask = self._mask_of(second)
                allowed = None if mask is None else allowed & mask
            else:
                allowed[doubtful] = [second.validate_tokens([token]) == 1 for token in doubtful.tolist()]
        if allowed is None or not allowed.any():
            self._free_literals(literals.get_error() or "no token can go on from here")
            return None
        return allowed

    def _mask_of(self, engine: Any) -> npt.NDArray[np.bool_] | None:
        """What one engine allows, [vocab]; None where it fails."""
        engine.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        if engine.is_error():
            return None
        bits = np.unpackbits(self._bits.view(np.uint8), count=self._vocabulary.size, bitorder="little")
        return bits.view(np.bool_)

    def _only(self, allowed: slice | list[int]) -> torch.Tensor:
        mask = torch.zeros(self._vocabulary.size, dtype=torch.bool)
        mask[allowed] = True
        return mask

    def _fail(self, reason: str) -> None:
        self._failed = True
        self._literals = None
        _log.warning("constraint given up, the rest of the query is free: %s", reason.splitlines()[0][:200])

    def _free_literals(self, reason: str) -> None:
        self._literals = None
        _log.warning("strings are free for the rest of the query: %s", reason.splitlines()[0][:200])
