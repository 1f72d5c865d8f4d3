"""Shared by the tests of the engine."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def two_threads():
    """As many threads as the smallest machine has: timings and float sums are then the same everywhere."""
    torch.set_num_threads(2)
