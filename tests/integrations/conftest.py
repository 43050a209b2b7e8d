"""The shipped model, loaded once for the integrations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from polycypher import Translator


@pytest.fixture(scope="session")
def translator() -> Iterator[Translator]:
    with Translator.load("nano") as loaded:
        yield loaded
