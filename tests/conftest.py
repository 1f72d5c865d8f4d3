"""Shared by all tests: one thread for the engine, no deadlines."""

import hypothesis
import pytest
import torch

# How long an example takes is the machine's affair: a shared one may be busy
hypothesis.settings.register_profile("rateloop", deadline=None)
hypothesis.settings.load_profile("rateloop")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tiny model is too small for two: on a busy machine they wait for each other."""
    torch.set_num_threads(1)
