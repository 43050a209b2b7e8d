"""`Translating`: requests in the translation, which come and go. Made by `Translator.start`.

What waits for an answer is decoded together, and each has its own as soon as it is finished. Knows nothing of
databases or HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from polycypher.errors import PolycypherError

if TYPE_CHECKING:
    from polycypher.translator.translator import Prepared, Request, Translation

Outcome: TypeAlias = "Translation | PolycypherError"
"""What a request gives: its translation, or why it cannot be used."""


class Translating:
    """Requests in the translation; `close` it when done, for until then no one else can use the model, nor
    can the thread that began it in another way.

    Args:
        decoding: of the model (`polycypher.fusion.decoding.Decoding`).
        prepare: makes a request ready to be decoded.
        read: makes a translation of a decoded answer.
        ended: called once by `close`.
    """

    def __init__(
        self,
        decoding: Any,
        prepare: Callable[[Request], Prepared],
        read: Callable[[Request, Prepared, Any], Translation],
        ended: Callable[[], None],
    ) -> None:
        self._decoding = decoding
        self._prepare = prepare
        self._read = read
        self._ended: Callable[[], None] | None = ended
        self._requests: dict[int, tuple[Request, Prepared]] = {}
        self._numbers: dict[int, int] = {}  # the decoding's number of a question → the request's
        self._count = 0

    @property
    def requests(self) -> int:
        """How many are in the translation."""
        return len(self._requests)

    def add(self, requests: Sequence[Request]) -> tuple[list[int], list[tuple[int, Outcome]]]:
        """Let requests join.

        Returns:
            Their numbers, counted from 0 over all that ever joined, and what is finished already, by number:
            the error of a request that cannot be used, or a translation.
        """
        numbers = list(range(self._count, self._count + len(requests)))
        self._count += len(requests)
        finished: list[tuple[int, Outcome]] = []
        usable: list[tuple[int, Request, Prepared]] = []
        for number, request in zip(numbers, requests, strict=True):
            try:
                prepared = self._prepare(request)
            except PolycypherError as error:
                finished.append((number, error))
            else:
                usable.append((number, request, prepared))
        if usable:
            joined, decoded = self._decoding.add([prepared.question for _, _, prepared in usable])
            for place, (number, request, prepared) in zip(joined, usable, strict=True):
                self._numbers[place] = number
                self._requests[number] = request, prepared
            finished += self._finished(decoded)
        return numbers, finished

    def step(self) -> list[tuple[int, Outcome]]:
        """Write one more token of every query; returns what is finished, by number."""
        return self._finished(self._decoding.step())

    def drop(self, numbers: Collection[int]) -> None:
        """Give up requests that nobody waits for any more."""
        gone = {place for place, number in self._numbers.items() if number in numbers}
        self._decoding.drop(gone)
        for place in gone:
            del self._requests[self._numbers.pop(place)]

    def close(self) -> None:
        """Give up what is in the translation, and let others use the model."""
        if (ended := self._ended) is not None:
            self._ended = None
            try:
                self._decoding.close()
            finally:
                ended()

    def __enter__(self) -> Translating:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _finished(self, decoded: Sequence[tuple[int, Any]]) -> list[tuple[int, Outcome]]:
        made: list[tuple[int, Outcome]] = []
        for place, answer in decoded:
            number = self._numbers.pop(place)
            made.append((number, self._read(*self._requests.pop(number), answer)))
        return made
