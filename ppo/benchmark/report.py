"""What `python -m ppo bench --json` writes: the steps, beside what the machine could do at best."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ppo.algorithm.rules import RATIO_LIMIT
from ppo.benchmark.machine import Machine
from ppo.benchmark.work import BenchmarkSize

if TYPE_CHECKING:  # it imports this
    from ppo.benchmark.bench import Bench, Step

PHASES = ("generate", "score", "update")
MIB = 2**20


def report(
    bench: "Bench", work: BenchmarkSize, steps: Sequence["Step"], machine: Machine, peak: int
) -> dict[str, Any]:
    """Medians over the steps; `peak` are the bytes that the process held at most.

    `bound_seconds`: the operations at the machine's measured rate, and beside them generation: on a GPU its own bound
    (`generate_bound_seconds`, the bytes it must read at the measured bandwidth), on a CPU as measured.
    """
    phases = {name: statistics.median(getattr(s, name) for s in steps) for name in PHASES}
    seconds = statistics.median(s.seconds for s in steps)
    operations = bench.operations(work)
    total = sum(operations.values())
    written = bench.generated_bytes(work) / machine.bandwidth
    gpu = bench.device.type == "cuda"
    bound = total / machine.flops + (written if gpu else phases["generate"])
    prompt_tokens = sum(len(p) for p in bench.prompts(work)) * work.per_prompt
    gap = max(s.ratio_gap for s in steps)
    return {
        "model": bench.base.name,
        "precision": bench.precision,
        "path": bench.self_check.says,
        "work": asdict(work),
        "steps": len(steps),
        "seconds_per_step": seconds,
        "samples_per_s": work.batch / seconds,
        "tokens_per_s": (prompt_tokens + work.batch * work.tokens) / seconds,
        "generated_tokens_per_s": work.batch * work.tokens / phases["generate"],
        "phases": phases,
        "peak_rss_mib": peak / MIB,
        "rss_mib": [round(s.rss_mib) for s in steps],
        "peak_gpu_mib": max(bench.peaks.found.values()) / MIB if gpu else None,
        "weights_mib": bench.weight_bytes / MIB,
        "peak_mib_by_phase": {name: found / MIB for name, found in bench.peaks.found.items()},
        "peak_over_weights": {n: found / bench.weight_bytes for n, found in bench.peaks.found.items()},
        "microbatch_tokens": bench.policy.microbatch_tokens,
        "recompute": bench.policy.recompute,
        "operations": total,
        "share_of_flops": {n: count / machine.flops / phases[n] for n, count in operations.items()},
        "machine": asdict(machine),
        "generate_bound_seconds": written,
        "times_generate_bound": phases["generate"] / written,
        "share_of_bandwidth": written / phases["generate"],
        "bound_seconds": bound,
        "times_bound": seconds / bound,
        "ratio_gap": gap,
        "ratio_green": gap <= RATIO_LIMIT,
    }
