"""Peaks of memory: those of a phase are its own, and the process's is forgotten by nobody."""

import torch

from ppo.memory import PhasePeaks, process_peak

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
