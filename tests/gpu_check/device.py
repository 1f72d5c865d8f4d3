"""Which machine this is, with which versions, and what it can do at best."""

import importlib.metadata
import platform
import subprocess

import torch

from ppo.benchmark.machine import measure
from tests.gpu_check.outcome import Outcome, Table

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "numpy")


def check(device: torch.device) -> Outcome:
    """Versions, card, driver, free memory; rate of products and speed of memory."""
    table = Table("Machine", ["what", "found"])
    facts = {"Python": platform.python_version()} | {n: importlib.metadata.version(n) for n in PACKAGES}
    facts |= {"CUDA of torch": str(torch.version.cuda), "driver": _driver()}
    numbers: dict[str, float] = {}
    card = "CPU"
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        free, total = torch.cuda.mem_get_info(device)
        card = properties.name
        facts |= {
            "card": card,
            "compute capability": f"{properties.major}.{properties.minor}",
            "multiprocessors": str(properties.multi_processor_count),
            "memory, GiB": f"{total / 2**30:.1f}, {free / 2**30:.1f} free",
            "TF32 in products": str(torch.backends.cuda.matmul.allow_tf32),
        }
    for precision in ("fp32", "bf16"):
        found = measure(device, precision)
        numbers |= {f"flops {precision}": found.flops, "bandwidth": found.bandwidth}
        facts[f"products in {precision}, TFLOP/s"] = f"{found.flops / 1e12:.2f}"
        facts["memory, read and write, GB/s"] = f"{found.bandwidth / 1e9:.0f}"
    table.rows = [[name, value] for name, value in facts.items()]
    return Outcome(True, f"{card}, torch {facts['torch']}", [table], {**facts, **numbers})


def _driver() -> str:
    try:
        ran = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "no nvidia-smi"
    return ran.stdout.strip().splitlines()[0] if ran.stdout.strip() else "unknown"
