"""Measuring predictions needs no model library."""

from __future__ import annotations

import subprocess
import sys


def test_the_room_is_imported_without_torch_and_transformers() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'peft'): sys.modules[name] = None\n"
        "import polycypher.evaluation, polycypher.evaluation.table\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
