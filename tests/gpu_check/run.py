"""The checks in turn, each in a process of its own with a time limit, and the page that they make."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.gpu_check import page
from tests.gpu_check.outcome import Outcome
from tests.paths import ROOT

# Modules of this folder with a `check`, and whether it is one of exactness
HERE = {"device": True, "exactness": True, "families": True, "decoding": True, "spread": True, "head": False}
SHAPES = ("smollm2-135m", "qwen2.5-0.5b", "qwen2.5-1.5b", "llama-3.1-8b")
TOTAL = 470  # seconds after which no further check is begun
LIMITS = {
    "device": 60,
    "exactness": 90,
    "families": 120,
    "decoding": 120,
    "spread": 60,
    "head": 60,
    "ring": 120,
    "bench": 110,
}
BENCH = {
    "cuda": ["--batch", "64", "--per-prompt", "4", "--tokens", "128", "--minibatch", "16", "--epochs", "1"],
    "cpu": ["--batch", "8", "--per-prompt", "4", "--tokens", "8", "--minibatch", "4", "--epochs", "1"],
}


@dataclass(frozen=True)
class Check:
    """A command that writes what it found to a file; `exact`: one that fails fails the whole."""

    name: str
    command: list[str]
    limit: float
    exact: bool
    read: Callable[[Path], Outcome]


@dataclass
class Ran:
    """A check and what became of it."""

    name: str
    exact: bool
    seconds: float
    outcome: Outcome


def main() -> None:
    """`python -m tests.gpu_check`."""
    args = _arguments()
    if args.one:
        return _run_here(args.one, args.device, args.json)
    args.out.mkdir(parents=True, exist_ok=True)
    began, ran = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="rateloop-gpu-check-") as folder:
        for check in checks(args.device, args.shapes, Path(folder)):
            if args.only and check.name.split()[0] not in args.only:
                continue
            left = args.seconds - (time.monotonic() - began)
            ran.append(run(check, Path(folder), min(check.limit * args.patience, left)))
            print(page.line(ran[-1]), flush=True)
            write(ran, args.out)
    print(f"{time.monotonic() - began:.0f} s; {args.out / 'gpu_check.md'}")
    sys.exit(int(any(one.exact and not one.outcome.ok for one in ran)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu_check", description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu for a rehearsal")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "build/gpu_check")))
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), help="what the bench makes")
    parser.add_argument("--only", nargs="*", default=[], help=f"some of {', '.join(LIMITS)}")
    parser.add_argument("--seconds", type=float, default=TOTAL, help="no check is begun after them")
    parser.add_argument("--patience", type=float, default=1.0, help="times each check's own limit")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def checks(device: str, shapes: Sequence[str], folder: Path) -> list[Check]:
    """All of them, the ones that everything stands on first."""
    python = [sys.executable, "-m"]
    found = []
    for name, exact in HERE.items():
        command = [*python, "tests.gpu_check", "--one", name, "--device", device, "--json", "FILE"]
        found.append(Check(name, command, LIMITS[name], exact, Outcome.read))
    ring = ["ppo", "demo", "--model", "tiny", "--rater", "brevity", "--rounds", "1", "--ratings", "16"]
    ring += ["--device", device, "--home", str(folder / "home"), "--json", "FILE"]
    found.append(Check("ring", [*python, *ring], LIMITS["ring"], True, _read_ring))
    size = BENCH["cpu" if device == "cpu" else "cuda"]
    for shape in shapes:
        bench = [
            "ppo",
            "bench",
            "--shape",
            shape,
            "--device",
            device,
            "--steps",
            "2",
            *size,
            "--json",
            "FILE",
        ]
        found.append(Check(f"bench {shape}", [*python, *bench], LIMITS["bench"], False, _read_bench))
    return found


def run(check: Check, folder: Path, limit: float) -> Ran:
    """One check; whatever goes wrong is its outcome."""
    file, began = folder / f"{check.name.replace(' ', '-')}.json", time.monotonic()
    if limit <= 1:
        return Ran(check.name, check.exact, 0.0, Outcome(False, "not begun: the time was up"))
    file.unlink(missing_ok=True)
    command = [str(file) if word == "FILE" else word for word in check.command]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=limit)
        ended = f"exit {process.returncode}" if process.returncode else ""
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
        said, _ = process.communicate()
        ended = f"no end after {limit:.0f} s"
    seconds = time.monotonic() - began
    if not ended and file.exists():
        return Ran(check.name, check.exact, seconds, check.read(file))
    last = [line for line in said.strip().splitlines() if line.strip()][-1:] or ["it said nothing"]
    outcome = Outcome(False, f"{ended or 'it wrote nothing'}: {last[0][:300]}", [], {"said": said[-4000:]})
    return Ran(check.name, check.exact, seconds, outcome)


def write(ran: Sequence[Ran], out: Path) -> None:
    """Everything so far: what comes after may be killed."""
    (out / "gpu_check.json").write_text(json.dumps([asdict(one) for one in ran], indent=1), encoding="utf-8")
    (out / "gpu_check.md").write_text(page.markdown(ran), encoding="utf-8")


def _run_here(name: str, device: str, file: Path) -> None:
    """A check of this folder in this process."""
    import importlib

    from ppo.cli.common import quiet
    from ppo.model.loading.base_models import pick_device

    quiet()
    where: Any = pick_device(device)
    if where.type == "cuda" and where.index is None:
        where = type(where)("cuda", 0)  # some questions to torch want the number
    importlib.import_module(f"tests.gpu_check.{name}").check(where).write(file)


def _read_ring(file: Path) -> Outcome:
    found = json.loads(file.read_text(encoding="utf-8"))
    return Outcome(
        True, "one round of rating and training on the tiny model, from prompts to a version", [], found
    )


def _read_bench(file: Path) -> Outcome:
    found = json.loads(file.read_text(encoding="utf-8"))
    says = (
        f"{found['seconds_per_step']:.2f} s a step, {found['generated_tokens_per_s']:.0f} tokens/s written, "
        f"{found['share_of_bandwidth']:.0%} of the memory's speed, updating at {found['share_of_flops']['update']:.0%} "
        f"of the rate of products, ratio gap {found['ratio_gap']:.0e}"
    )
    return Outcome(bool(found["ratio_green"]), says, [], found)
