"""The registry: every router by name, with its options and its row in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from routing import PROMPT_ROUTERS, TOKEN_ROUTERS, prompts, random_router, stacked_llama
from torch import Tensor, nn

from polycypher.errors import UsageError
from polycypher.fusion.routers import ROUTERS, RouterDecoder, Shape, TokenRouter, make_router
from polycypher.fusion.routers.registry import RouterKind
from polycypher.fusion.routers.router import Granularity
from polycypher.fusion.stacked import StackedLinear
from tiny_models import END

DOCUMENT = Path(__file__).parents[3] / "docs" / "routers.md"


def test_every_router_is_tested_and_documented() -> None:
    assert set(ROUTERS) == {*TOKEN_ROUTERS, *PROMPT_ROUTERS}
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    table = {line.split("`")[1]: line for line in rows if line.count("|") >= 8}
    assert list(table) == list(ROUTERS)
    for name, kind in ROUTERS.items():
        for number in (
            word.strip(",;") for word in kind.paper.split() if word[:2] in ("20", "24", "25", "26")
        ):
            if "." in number and name != "gate-shared-scorer":
                assert number in table[name]


def test_options_are_those_of_the_constructor() -> None:
    assert ROUTERS["arrow"].options == {"top_k", "temperature"}
    assert ROUTERS["gate-mlp"].options >= {"mode", "width", "window"}
    assert "kind" not in ROUTERS["gate-mlp"].options
    with pytest.raises(UsageError, match="takes no width; it takes temperature, top_k"):
        make_router("arrow", *stacked_llama(), width=3)


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no router is named 'oracle'; there are language-id, "):
        make_router("oracle", *stacked_llama())


class FirstTokens(TokenRouter):
    """The example of the documentation."""

    granularity = Granularity.TOKEN_AND_LAYER

    def __init__(self, shape: Shape, *, temperature: float = 1.0) -> None:
        super().__init__(shape, temperature=temperature)
        self.gate = nn.Linear(shape.hidden, shape.adapters)

    def weights(self, layer: StackedLinear, x: Tensor, low: Tensor) -> Tensor:
        return torch.softmax(self.gate(x) / self.options["temperature"], -1)


def test_a_new_router_is_one_class_and_one_line() -> None:
    model, stacked = stacked_llama()
    router = RouterKind("first-tokens", FirstTokens, "none")(Shape.of(model, stacked), temperature=0.5)
    found = RouterDecoder(router, model, stacked, end=END).decode(prompts(), most=4)
    assert [len(one.ids) for one in found] == [4] * len(found)
    assert router.name == "first-tokens"


def test_what_each_router_decides_for() -> None:
    model, stacked = stacked_llama()
    for name in ROUTERS:
        kind = random_router(name, model, stacked).granularity
        assert (kind is Granularity.PROMPT) == (name in PROMPT_ROUTERS)


def test_a_shape_is_read_from_what_it_writes() -> None:
    shape = Shape.of(*stacked_llama())
    assert shape.ranks == (4, 2, 8)
    assert [site.block for site in shape.feed_forward] == [0, 0, 0, 1, 1, 1]
    assert Shape.from_dict(shape.to_dict()) == shape
