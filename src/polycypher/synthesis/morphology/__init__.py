"""Word forms: engines (`agreement`, `suffixing`) that a language's data file chooses and feeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycypher.errors import UsageError
from polycypher.synthesis.morphology.agreement import AgreementMorphology
from polycypher.synthesis.morphology.base import Morphology, Noun
from polycypher.synthesis.morphology.suffixing import SuffixingMorphology

__all__ = ["AgreementMorphology", "Morphology", "Noun", "SuffixingMorphology", "make_morphology"]

_ENGINES: dict[str, type[AgreementMorphology] | type[SuffixingMorphology]] = {
    "agreement": AgreementMorphology,
    "suffixing": SuffixingMorphology,
}


def make_morphology(data: Mapping[str, Any]) -> Morphology:
    """The engine that `data["engine"]` names, fed with the rest of `data`.

    Raises:
        UsageError: no engine has that name.
    """
    name = str(data.get("engine", "agreement"))
    if name not in _ENGINES:
        raise UsageError(f"morphology engine '{name}' is unknown; use one of {', '.join(sorted(_ENGINES))}")
    return _ENGINES[name](data)
