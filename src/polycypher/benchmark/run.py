"""The whole bench, workload by workload, as one JSON-able result. Knows nothing of terminals."""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from polycypher.benchmark import peft_ways
from polycypher.benchmark.constrained import constrained_cost
from polycypher.benchmark.models import Parts, bundle_parts, decoder_of, random_parts
from polycypher.benchmark.ours import ALONE, mode_contender, one_run
from polycypher.benchmark.peft_ways import PeftWays, prompt_rows
from polycypher.benchmark.timing import Contender, Sample, Spread, interleave, peak_memory, ratios
from polycypher.benchmark.workloads import prompts, whole
from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import UsageError
from polycypher.fusion.fused import FusedDecoder, Question
from polycypher.fusion.modes import Mode
from polycypher.graph.watch import Watch, unwatched

LANGUAGES = "ours, languages mixed"
"""A batch whose questions name their language in turn: hard routing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        model: a bundle.
        random_weights: sizes to fill with random weights instead (see `models.ARCHITECTURES`).
        device, dtype: as for `Translator.load`.
        counts: how many adapters, K.
        lengths: tokens of a prompt; with more adapters than the first of `counts`, the first alone.
        tokens: of an answer.
        rounds: of each workload.
        batch: questions decoded together.
        repeated: questions on one schema.
        quick: only one question on the shortest prompt, with the fewest adapters.
    """

    model: str = "nano"
    random_weights: str | None = None
    device: str = "cpu"
    dtype: str | None = None
    counts: tuple[int, ...] = (3, 8, 16)
    lengths: tuple[int, ...] = (256, 1024)
    tokens: int = 64
    rounds: int = 7
    batch: int = 32
    repeated: int = 64
    quick: bool = False

    def quickened(self) -> Plan:
        """What `--quick` runs: under 50 seconds with nano on two cores."""
        return replace(
            self, counts=self.counts[:1], lengths=self.lengths[:1], tokens=48, rounds=5, quick=True
        )

    def parts(self, count: int) -> Parts:
        """The base and `count` adapters."""
        if self.random_weights is not None:
            return random_parts(self.random_weights, count, device=self.device, dtype=self.dtype)
        return bundle_parts(self.model, count, device=self.device, dtype=self.dtype)


def run_bench(plan: Plan, *, watch: Watch = unwatched) -> dict[str, Any]:
    """Run a plan.

    Raises:
        UsageError: a device that is not here.
        ModelError, BundleError, AdapterError: the model cannot be loaded.
    """
    if plan.device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"this machine has no {plan.device}; leave out --device, or run where a GPU is")
    rows: list[dict[str, Any]] = []
    result: dict[str, Any] = {}
    for count in plan.counts:
        parts = plan.parts(count)
        decoder = decoder_of(parts)
        with tempfile.TemporaryDirectory(prefix="polycypher-bench-") as folder:
            ways = PeftWays(parts, Path(folder))
            if not result:
                result = _setting(plan, parts, decoder)
            # More adapters are a question of their number, not of the prompt's length.
            for length in plan.lengths if count == plan.counts[0] else plan.lengths[:1]:
                rows += _single(plan, parts, decoder, ways, length, watch)
            if count == plan.counts[0] and not plan.quick:
                rows += _batched(plan, parts, decoder, ways, watch)
                result["repeated_schema"] = [
                    _repeated(plan, parts, decoder, length, watch) for length in plan.lengths
                ]
    if plan.random_weights is None and not plan.quick:
        result["constrained"] = constrained_cost(plan.model, plan.rounds, watch=watch)
    result["rows"] = rows
    first = {row["contender"]: row for row in rows if _is_first(plan, row)}
    result["ratios"] = {mode.value: first[_name(mode)]["ratio"][0] for mode in Mode if _name(mode) in first}
    result["spread"] = {mode.value: first[_name(mode)]["ratio"] for mode in Mode if _name(mode) in first}
    return result


def _single(
    plan: Plan, parts: Parts, decoder: FusedDecoder, ways: PeftWays, length: int, watch: Watch
) -> list[dict[str, Any]]:
    """One question: every way and every mode."""
    made = prompts(1, length, parts.base.config.vocab_size, seed=length)
    contenders: dict[str, Contender] = {
        **ways.ways(prompt_rows(whole(made), parts.device), plan.tokens, fused=not plan.quick, xlora=False),
        **_modes(decoder, made, plan.tokens),
    }
    rows = _rows(plan, "one question", parts, length, contenders, plan.rounds, watch)
    if length == plan.lengths[0] and len(parts.adapters) == plan.counts[0] and not plan.quick:
        slow = ways.ways(prompt_rows(whole(made), parts.device), plan.tokens, fused=False)
        del slow[peft_ways.BASE]
        again = _rows(plan, "one question", parts, length, slow, 2, watch)
        rows += [row for row in again if row["contender"] == peft_ways.XLORA]
    return rows


def _batched(
    plan: Plan, parts: Parts, decoder: FusedDecoder, ways: PeftWays, watch: Watch
) -> list[dict[str, Any]]:
    """Many questions on one schema at once."""
    made = prompts(plan.batch, plan.lengths[0], parts.base.config.vocab_size, seed=1)
    contenders = ways.ways(prompt_rows(whole(made), parts.device), plan.tokens, fused=False, xlora=False)
    contenders |= _modes(decoder, made, plan.tokens)

    def mixed() -> Sample:
        decoder.runner.prefixes.clear()
        count = decoder.stacked.count
        began = time.perf_counter()
        decoder.decode_batch(
            [
                Question(prompt, Mode.TOP1, [float(number % count == k) for k in range(count)])
                for number, prompt in enumerate(made)
            ],
            most=plan.tokens,
        )
        return Sample(0.0, float("nan"), time.perf_counter() - began, plan.tokens, len(made))

    contenders[LANGUAGES] = mixed
    name = f"batch of {plan.batch}"
    return _rows(plan, name, parts, plan.lengths[0], contenders, max(3, plan.rounds // 2), watch)


def _repeated(plan: Plan, parts: Parts, decoder: FusedDecoder, length: int, watch: Watch) -> dict[str, Any]:
    """Questions on one schema one after another: the first against the others, in time until the first token
    and in all."""
    made = prompts(plan.repeated, length, parts.base.config.vocab_size, seed=2)
    firsts: list[Sample] = []
    others: list[list[Sample]] = []
    with watch(f"{plan.repeated} questions on one schema", 3 * len(made)) as advance:
        for _ in range(3):
            decoder.runner.prefixes.clear()
            samples = []
            for prompt in made:
                samples.append(one_run(decoder, [prompt], Mode.PRUNED, plan.tokens))
                advance()
            firsts.append(samples[0])
            others.append(samples[1:])

    def faster(kind: str) -> list[float]:
        return Spread.of(
            [
                getattr(first, kind) / statistics.median(getattr(one, kind) for one in rest)
                for first, rest in zip(firsts, others, strict=True)
            ]
        ).to_list()

    return {
        "prompt": length,
        "questions": plan.repeated,
        "first_ms": round(1000 * statistics.median(one.total for one in firsts), 2),
        "later_ms": round(1000 * statistics.median(one.total for rest in others for one in rest), 2),
        "faster": faster("total"),
        "faster_to_first_token": faster("first"),
    }


def _modes(decoder: FusedDecoder, made: Sequence[PromptTokens], tokens: int) -> dict[str, Contender]:
    found = {_name(mode): mode_contender(decoder, made, mode, tokens) for mode in Mode}
    found[ALONE] = mode_contender(decoder, made, None, tokens)
    return found


def _rows(
    plan: Plan,
    workload: str,
    parts: Parts,
    length: int,
    contenders: Mapping[str, Contender],
    rounds: int,
    watch: Watch,
) -> list[dict[str, Any]]:
    title = f"{workload}, {length} tokens, {len(parts.adapters)} adapters"
    with watch(title, (rounds + 1) * len(contenders)) as advance:
        samples = interleave(contenders, rounds, progress=advance)
    memory = {
        name: None if plan.quick else peak_memory(contender, parts.device)
        for name, contender in contenders.items()
    }
    against = ratios(samples, peft_ways.ONE)
    return [
        {
            "workload": workload,
            "adapters": len(parts.adapters),
            "prompt": length,
            "tokens": plan.tokens,
            "contender": name,
            "ratio": against[name].to_list(),
            **_summary(own),
            "memory_mb": None if (held := memory[name]) is None else round(held / 1e6, 1),
        }
        for name, own in samples.items()
    ]


def _summary(own: Sequence[Sample]) -> dict[str, Any]:
    def middle(values: Sequence[float]) -> float | None:
        value = statistics.median(values)
        return None if value != value else round(1000 * value, 3)

    total = statistics.median(sample.total for sample in own)
    return {
        "gate_ms": middle([sample.gate for sample in own]),
        "first_ms": middle([sample.first for sample in own]),
        "token_ms": middle([sample.token for sample in own]),
        "total_ms": middle([sample.total for sample in own]),
        "questions_a_second": round(own[0].questions / total, 3),
    }


def _setting(plan: Plan, parts: Parts, decoder: FusedDecoder) -> dict[str, Any]:
    """What the numbers depend on, and the floor: a token cannot take less time than reading the weights."""
    bandwidth = _bandwidth(parts.device)
    return {
        "model": parts.name,
        "device": torch.cuda.get_device_name() if parts.device.startswith("cuda") else _processor(),
        "threads": torch.get_num_threads(),
        "dtype": str(parts.base.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "backbone": type(decoder.runner.backbone).__name__,
        "rounds": plan.rounds,
        "weight_mb": round(parts.weight_bytes / 1e6, 1),
        "bandwidth_gb_s": round(bandwidth / 1e9, 1),
        "floor_token_ms": round(1000 * parts.weight_bytes / bandwidth, 3),
    }


def _bandwidth(device: str) -> float:
    """Bytes a second that a large copy reads and writes here."""
    size = 2**30 if device.startswith("cuda") else 2**27
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        target.copy_(source)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return 2 * size / min(times)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _name(mode: Mode) -> str:
    return f"ours, {mode.value}"


def _is_first(plan: Plan, row: Mapping[str, Any]) -> bool:
    return (row["workload"], row["adapters"], row["prompt"]) == (
        "one question",
        plan.counts[0],
        plan.lengths[0],
    )
