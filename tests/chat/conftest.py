"""A conversation with the shipped model and the real demo graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from polycypher import GraphStore, Translator
from polycypher.chat import Conversation

Talk = Callable[..., Conversation]


@pytest.fixture(scope="session")
def translator() -> Iterator[Translator]:
    with Translator.load("nano") as loaded:
        yield loaded


@pytest.fixture
def talk(translator: Translator, demo_store: GraphStore) -> Talk:
    """Makes a conversation; takes the options of `Conversation`."""

    def make(**options: object) -> Conversation:
        return Conversation(translator, demo_store, **options)  # type: ignore[arg-type]

    return make
