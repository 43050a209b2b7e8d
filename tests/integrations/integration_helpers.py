"""What the tests of the integrations share."""

from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

DIRECTED = "¿Qué películas dirigió Clint Eastwood?"
"""A question whose answer holds `UNFORGIVEN`."""
UNFORGIVEN = "Unforgiven"
COUNTED = "How many movies are there?"
EMPTY = "🎬"
"""A question that is refused."""


def run_example(name: str) -> None:
    """Run an example as its reader would; what it prints is the test's to look at."""
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
