"""The arithmetic of capacity: against sums done step by step, and the page against the command."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from app.benchmark import capacity
from app.benchmark.capacity import Demand, Gpu, disk_after_a_year, gpu_seconds, limits, version_bytes
from app.cli import app as cli
from tests.paths import DOCS

PAGE = (DOCS / "capacity.md").read_text(encoding="utf-8")


def test_snapshots_are_what_round_after_round_adds_up_to() -> None:
    demand = Demand(raters=10, ratings_a_day=10, quota=50)
    rounds = int(demand.rounds * 365)
    stepwise = sum(50 * number * capacity.SNAPSHOT_BYTES for number in range(1, rounds + 1))
    assert disk_after_a_year(demand).snapshots == pytest.approx(stepwise)


def test_the_disk_is_full_when_a_day_by_day_count_says_so() -> None:
    demand, disk = Demand(), 2e12
    year = disk_after_a_year(demand)
    steady = (year.ratings + year.responses + year.versions) / 365
    days, used, rounds = 0, 0.0, 0
    while used < disk:
        days += 1
        for _ in range(int(demand.rounds)):
            rounds += 1
            used += rounds * demand.quota * capacity.SNAPSHOT_BYTES
        used += steady
    found = next(limit for limit in limits(demand, Gpu(), disk=disk) if limit.part == "the disk")
    assert found.days == pytest.approx(days, rel=0.02)


def test_an_adapter_of_llama_3_8b() -> None:
    """Rank 16 on all seven linear layers: 41.9 million parameters, as PEFT counts them."""
    widths = [
        (4096, 4096),
        (4096, 1024),
        (4096, 1024),
        (4096, 4096),
        (4096, 14336),
        (4096, 14336),
        (14336, 4096),
    ]
    parameters = sum((a + b) * 16 for a, b in widths) * 32
    assert parameters == 41_943_040
    assert version_bytes(Demand()) == parameters * 4


def test_writing_is_bound_by_memory_in_small_batches_and_by_operations_in_large_ones() -> None:
    demand = Demand()
    one, many = (gpu_seconds(demand, Gpu(batch=n)).writing for n in (16, 32))
    assert one == pytest.approx(2 * many)
    full, fuller = (gpu_seconds(demand, Gpu(batch=n)).writing for n in (4096, 8192))
    tokens = (demand.quota * 0.8 + capacity.ROLLOUTS) * demand.tokens
    assert full == pytest.approx(fuller) == pytest.approx(tokens * 2 * 8e9 / (990e12 * 0.4))


def test_more_people_fill_it_sooner() -> None:
    days = {limit.part: limit.days for limit in limits(Demand(), Gpu())}
    sooner = {limit.part: limit.days for limit in limits(replace(Demand(), raters=2000), Gpu())}
    for part in ("the seal", "the trainer's memory"):
        assert sooner[part] == pytest.approx(days[part] / 2)
    crowd = {limit.part: limit.days for limit in limits(replace(Demand(), raters=100_000), Gpu())}
    assert crowd["one server"] == crowd["one GPU"] == 0


def test_the_page_shows_what_the_command_prints() -> None:
    ran = CliRunner().invoke(cli, ["capacity"])
    assert ran.exit_code == 0
    assert f"```\n{ran.output}```" in PAGE


def test_the_page_names_the_measured_costs() -> None:
    for cost in (
        capacity.RATING_BYTES,
        capacity.SNAPSHOT_BYTES,
        capacity.RESPONSE_BYTES,
        capacity.TOKEN_BYTES,
    ):
        assert f"| {cost:,} bytes |" in PAGE, cost
    assert f"| {capacity.RATINGS_PER_SECOND:.0f} |" in PAGE
