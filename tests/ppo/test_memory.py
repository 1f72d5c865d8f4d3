"""Peaks of memory: those of a phase are its own, and the process's is forgotten by nobody."""

import json
import os
import subprocess
import sys

import torch

from ppo.memory import PhasePeaks, process_peak
from ppo.model.cpu.allocator import CACHES

CPU = torch.device("cpu")
LARGE = 64 * 2**20  # bytes: above what an allocator keeps when it is freed


def test_a_phase_knows_what_it_held_and_the_next_does_not():
    peaks = PhasePeaks(CPU)
    with peaks.phase("before"):
        pass
    with peaks.phase("large"):
        torch.ones(LARGE // 4).sum()
    highest = process_peak()
    with peaks.phase("after"):
        pass
    assert peaks.found["large"] - peaks.found["before"] > 0.9 * LARGE
    assert peaks.found["large"] - peaks.found["after"] > 0.9 * LARGE
    assert process_peak() >= highest, "a mark that is put back takes nothing from the process's own"


def test_a_phase_that_comes_again_keeps_its_highest():
    peaks = PhasePeaks(CPU)
    for size in (LARGE, 4):
        with peaks.phase("work"):
            torch.ones(size // 4).sum()
    with peaks.phase("nothing"):
        pass
    assert peaks.found["work"] - peaks.found["nothing"] > 0.9 * LARGE


def test_shapes_that_were_seen_once_are_forgotten():
    """oneDNN keeps a compiled product of every shape, unless it is told to keep few: by `main`, before the first."""
    code = """if True:
        import json, sys
        import ppo.cli.main
        from ppo.memory import _resident_peak, begin_peak
        sys.argv = ["ppo", "--help"]
        try:
            ppo.cli.main.main()
        except SystemExit:
            pass
        import torch
        from ppo.model.cpu.onednn_linear import OneDNNLinear
        linear = OneDNNLinear(torch.randn(64, 64))  # in fp32 oneDNN multiplies on every chip
        def read(rows):
            linear(torch.randn(rows, 64))
        read(1)
        begin_peak(torch.device("cpu"))
        before = _resident_peak()
        for rows in range(2, 402):
            read(rows)
        print(json.dumps(_resident_peak() - before))
    """
    quiet = {k: v for k, v in os.environ.items() if k not in CACHES}
    found = {}
    for kept in (None, "1024"):
        env = quiet if kept is None else quiet | dict.fromkeys(CACHES, kept)
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        found[kept] = json.loads(run.stdout.splitlines()[-1])
    assert found[None] < found["1024"] / 2
