"""The study's commands as their user runs them: in a process of their own, on one core."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as its user would."""
    own = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "polycypher", *words],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=1100,
    )
