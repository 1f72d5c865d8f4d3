"""Shared by all tests: one thread for the engine, no deadlines."""

import hypothesis
import pytest
import torch

# How long an example takes is the machine's affair: a shared one may be busy
# The same examples in every run: a machine that gates changes must not fail for one that no change made. pyarrow
# ends the process on some damaged Parquet files (a byte turned in about one of 3,000); searching finds them.
hypothesis.settings.register_profile("rateloop", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)  # --hypothesis-profile=search
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
