"""Timing of contenders, interleaved, and ratios with their spread.

Machines are shared and noisy: all contenders run in turn, round after round, and a ratio is the median of
the rounds' own ratios, so that what slows a whole round cancels. Knows nothing of models.
"""

from __future__ import annotations

import ctypes
import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. Seconds from the start: `gate` until the weights are known (0 without a gate), `first` until
    the first token (not a number where that is not seen), `total` until the end; `tokens` that each question
    was given, `questions` in the run."""

    gate: float
    first: float
    total: float
    tokens: int
    questions: int = 1

    @property
    def token(self) -> float:
        """Seconds a token after the first."""
        return (self.total - self.first) / max(1, self.tokens - 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def to_list(self, digits: int = 4) -> list[float]:
        """[median, lower quartile, upper quartile]."""
        return [round(value, digits) for value in (self.median, self.low, self.high)]


Contender = Callable[[], Sample]


def interleave(
    contenders: Mapping[str, Contender],
    rounds: int,
    *,
    warm_up: int = 1,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, list[Sample]]:
    """Run every contender once a round; the order turns by one each round.

    Args:
        contenders: by name.
        rounds: that count.
        warm_up: rounds before those.
        progress: told of every run.
    """
    names = list(contenders)
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            sample = contenders[name]()
            if number >= 0:
                samples[name].append(sample)
            progress()
    return samples


def ratios(samples: Mapping[str, Sequence[Sample]], reference: str) -> dict[str, Spread]:
    """Each contender's total over the reference's, round by round."""
    base = [sample.total for sample in samples[reference]]
    return {
        name: Spread.of([sample.total / one for sample, one in zip(own, base, strict=True)])
        for name, own in samples.items()
    }


def peak_memory(contender: Contender, device: str) -> int | None:
    """Run once more: the most bytes held beyond what was held before.

    On a GPU PyTorch counts them; on Linux the kernel's high-water mark of the process is read, after freed
    memory is given back; elsewhere None. Not to be timed: memory that was given back must be fetched again.
    """
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        contender()
        torch.cuda.synchronize()
        return int(torch.cuda.max_memory_allocated()) - before
    try:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
        contender()
        return max(0, _status("VmHWM") - before)
    except (OSError, AttributeError):
        return None


def _status(name: str) -> int:
    """Bytes of an entry of this process's status."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"no {name}")
