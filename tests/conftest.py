"""Shared by the tests of the engine."""

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tiny model is too small for two: on a busy machine they wait for each other."""
    torch.set_num_threads(1)
