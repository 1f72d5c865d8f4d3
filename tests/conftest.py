"""Shared by all tests: one thread for the engine, no deadlines."""

import hypothesis
import pytest
import torch

# How long an example takes is the machine's affair: a shared one may be busy
hypothesis.settings.register_profile("rateloop", deadline=None)
hypothesis.settings.load_profile("rateloop")


# Files that take longest, half a minute and more each. Two files run at a time: one of these that began last would be
# waited for alone
LONGEST_FIRST = (
    "tests/ppo/training/test_ring.py",
    "tests/ppo/training/test_processes.py",
    "tests/ppo/training/test_elsewhere.py",
    "tests/browser/test_console.py",
    "tests/ppo/model/test_every_family.py",
    "tests/app/benchmark/test_bench.py",
    "tests/app/benchmark/test_classifier_process.py",
    "tests/browser/test_keeping.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tiny model is too small for two: on a busy machine they wait for each other."""
    torch.set_num_threads(1)
