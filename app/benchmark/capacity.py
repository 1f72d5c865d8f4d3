"""What so many raters and such a model need: arithmetic on unit costs, and which part is full first.

Costs of the server and the store are measured (the constants say by which command, on two shared cores). Costs of a GPU
are not: they are counted in floating-point operations and bytes, at the shares of a card's data sheet that PyTorch
commonly reaches. Whoever has measured better gives their own.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY, YEAR_DAYS = 86_400.0, 365
SHIFT = 8 * 3600.0  # seconds of a day in which people rate
PEAK = 3.0  # times the mean of the shift

# `python -m app bench --raters 10 --think 0 --seconds 10`: one server, SQLite, the clients on the same two cores
RATINGS_PER_SECOND = 72.0
# `python -m rater_data bench --ratings 20000 --no-files`: bytes a row, indexes included, SQLite
RATING_BYTES, SNAPSHOT_BYTES, RESPONSE_BYTES, RESPONSE_TOKENS = 274, 37, 2103, 48
TOKEN_BYTES = 32  # of a response: its id and log-probability as JSON, and its text
# `python -m rater_data bench --ratings 1000000`: raters wait while a round is sealed
SEAL_SECONDS_PER_RATING = 3e-6
RESPONSES_PER_RATING = 0.8  # every eighth response has three raters
# What the trainer keeps of a response for the reward head: five layers in float64, in a table and again as a matrix
FEATURE_LAYERS, FEATURE_BYTES = 5, 2 * 8
ROLLOUTS = 6 * 16 * 4  # fresh responses a round, as the settings are by default
LORA_RANK, LORA_BYTES, LINEAR_WIDTHS = (
    16,
    4,
    20,
)  # in and out of a block's linear layers together, in hidden sizes
PROMPT_TOKENS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked: people, what each gives a day, ratings a round, tokens a response; and the model."""

    raters: int = 1000
    ratings_a_day: float = 100.0
    quota: int = 10_000
    tokens: int = 256
    billions: float = 8.0
    hidden: int = 4096
    blocks: int = 32

    @property
    def ratings(self) -> float:
        """A day, of all."""
        return self.raters * self.ratings_a_day

    @property
    def rounds(self) -> float:
        """A day."""
        return self.ratings / self.quota


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A card by its data sheet (an H100 SXM: bf16 without sparsity), and the shares of it that are reached."""

    flops: float = 990e12
    bandwidth: float = 3.35e12
    flops_share: float = 0.4
    bandwidth_share: float = 0.5
    batch: int = 16  # responses that the trainer writes at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSeconds:
    """Of one round on one card, counted."""

    writing: float
    reading: float
    updating: float

    @property
    def total(self) -> float:
        return self.writing + self.reading + self.updating


def gpu_seconds(demand: Demand, gpu: Gpu) -> GpuSeconds:
    """A forward costs 2 operations a parameter and token; the frozen base costs as much again on the way back.

    A token that is written costs a pass over the weights (2 bytes each), which the batch shares: bandwidth.
    """
    weights = demand.billions * 1e9
    responses = demand.quota * RESPONSES_PER_RATING
    length = PROMPT_TOKENS + demand.tokens
    forward = 2 * weights / (gpu.flops * gpu.flops_share)  # seconds a token
    step = max(2 * weights / (gpu.bandwidth * gpu.bandwidth_share), gpu.batch * forward)
    reads = responses + 2 * (
        responses + ROLLOUTS
    )  # the head's features; then policy and reference before PPO
    passes = 2 * responses + ROLLOUTS  # two over people's ratings, one over rollouts
    return GpuSeconds(
        writing=(responses + ROLLOUTS) * demand.tokens / gpu.batch * step,
        reading=reads * length * forward,
        updating=passes * length * 2 * forward,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Bytes after a year."""

    ratings: float
    responses: float
    snapshots: float
    versions: float


def disk_after_a_year(demand: Demand) -> Disk:
    """Each round keeps a row for every rating so far, so snapshots grow with the square of the time."""
    ratings, rounds = demand.ratings * YEAR_DAYS, demand.rounds * YEAR_DAYS
    response_bytes = RESPONSE_BYTES + (demand.tokens - RESPONSE_TOKENS) * TOKEN_BYTES
    return Disk(
        ratings=ratings * RATING_BYTES,
        responses=ratings * RESPONSES_PER_RATING * response_bytes,
        snapshots=demand.quota * rounds * (rounds + 1) / 2 * SNAPSHOT_BYTES,
        versions=rounds * version_bytes(demand),
    )


def version_bytes(demand: Demand) -> float:
    """Of an adapter on all linear layers; the heads are small beside it."""
    return LINEAR_WIDTHS * demand.hidden * demand.blocks * LORA_RANK * LORA_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A part, what it is full of, and after how many days: 0 where it is too small from the start, None for never."""

    part: str
    why: str
    days: float | None


def limits(demand: Demand, gpu: Gpu, *, memory: float = 128e9, disk: float = 2e12) -> list[Limit]:
    """When each part is full, the first of them first. `memory` of the trainer's machine and `disk` in bytes."""
    peak = demand.ratings / SHIFT * PEAK
    features = FEATURE_LAYERS * demand.hidden * FEATURE_BYTES
    kept = memory / features / RESPONSES_PER_RATING / demand.ratings
    seal = 10.0 / SEAL_SECONDS_PER_RATING / demand.ratings
    busy = gpu_seconds(demand, gpu).total * demand.rounds
    year = disk_after_a_year(demand)
    steady = (year.ratings + year.responses + year.versions) / YEAR_DAYS
    growing = year.snapshots / YEAR_DAYS**2  # bytes a day², from the second term on
    full = ((steady**2 + 4 * growing * disk) ** 0.5 - steady) / (2 * growing)
    found = [
        Limit(
            part="one server",
            why=f"{peak:.0f} ratings a second at the peak, of {RATINGS_PER_SECOND:.0f} that it saves",
            days=0 if peak > RATINGS_PER_SECOND else None,
        ),
        Limit(
            part="one GPU",
            why=f"{busy / 3600:.1f} hours a day ({busy / demand.rounds / 60:.0f} minutes a round)",
            days=0 if busy > DAY else None,
        ),
        Limit(
            part="the trainer's memory",
            why=f"{features / 1e3:.0f} kB of features for every response ever rated, in {memory / 1e9:.0f} GB",
            days=kept,
        ),
        Limit(part="the seal", why="raters wait 10 s while all ratings so far are sealed", days=seal),
        Limit(
            part="the disk",
            why=f"{disk / 1e12:.1f} TB; a day without snapshots is {steady / 1e9:.1f} GB of it",
            days=full,
        ),
    ]
    return sorted(found, key=lambda limit: float("inf") if limit.days is None else limit.days)
