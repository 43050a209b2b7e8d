"""An integration whose library is not installed says which extra to install, in one line."""

from __future__ import annotations

import importlib
import sys

import pytest

from polycypher.errors import UsageError


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [
        ("polycypher.integrations.neo4j_graphrag", "neo4j_graphrag.types", "graphrag"),
        ("polycypher.integrations.langchain", "langchain_core.tools", "langchain"),
        ("polycypher.integrations.llama_index", "llama_index.core.schema", "llama-index"),
        ("polycypher.serving.mcp", "mcp.types", "mcp"),
    ],
)
def test_a_missing_library_names_its_extra(
    module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError) as refused:
        importlib.import_module(module)
    assert f"pip install 'polycypher[{extra}]'" in str(refused.value)
    assert "\n" not in str(refused.value)
