"""`python -m app capacity`: what so many raters and such a model need, and which part is full first."""

from __future__ import annotations

from typing import Annotated

import typer

from app.benchmark.capacity import Demand, Gpu, disk_after_a_year, gpu_seconds, limits, version_bytes


def capacity(
    raters: Annotated[int, typer.Option(min=1, help="People who rate.")] = 1000,
    a_day: Annotated[float, typer.Option(min=0.1, help="Ratings that each gives a day.")] = 100.0,
    quota: Annotated[int, typer.Option(min=1, help="Ratings of a round.")] = 10_000,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens of a response.")] = 256,
    billions: Annotated[float, typer.Option(min=0.001, help="Billions of parameters of the model.")] = 8.0,
    hidden: Annotated[int, typer.Option(min=1, help="Its hidden size.")] = 4096,
    blocks: Annotated[int, typer.Option(min=1, help="Its blocks.")] = 32,
    tflops: Annotated[float, typer.Option(min=0.1, help="The GPU's bf16 TFLOP/s by its data sheet.")] = 990.0,
    gb_per_second: Annotated[float, typer.Option(min=1, help="The speed of its memory.")] = 3350.0,
    batch: Annotated[int, typer.Option(min=1, help="Responses written at a time.")] = 16,
    memory_gb: Annotated[float, typer.Option(min=1, help="Memory of the trainer's machine.")] = 128.0,
    disk_gb: Annotated[float, typer.Option(min=1, help="Disk of the store.")] = 2000.0,
) -> None:
    """Work out what raters and a model need, from measured and counted unit costs (docs/capacity.md)."""
    demand = Demand(
        raters=raters,
        ratings_a_day=a_day,
        quota=quota,
        tokens=tokens,
        billions=billions,
        hidden=hidden,
        blocks=blocks,
    )
    gpu = Gpu(flops=tflops * 1e12, bandwidth=gb_per_second * 1e9, batch=batch)
    for line in report(demand, gpu, memory_gb * 1e9, disk_gb * 1e9):
        typer.echo(line)


def report(demand: Demand, gpu: Gpu, memory: float, disk: float) -> list[str]:
    """The lines that are printed. `memory` and `disk` in bytes."""
    work, year = gpu_seconds(demand, gpu), disk_after_a_year(demand)
    rows = [
        ("ratings a day", f"{demand.ratings:,.0f}"),
        ("rounds a day", f"{demand.rounds:.3g}"),
        ("one GPU, a round: writing", f"{work.writing / 60:.1f} minutes"),
        ("… reading (head, policy, reference)", f"{work.reading / 60:.1f} minutes"),
        ("… updating", f"{work.updating / 60:.1f} minutes"),
        ("a version on the disk", f"{version_bytes(demand) / 1e6:.0f} MB"),
        ("a year on the disk: ratings", gigabytes(year.ratings)),
        ("… responses", gigabytes(year.responses)),
        ("… snapshots", gigabytes(year.snapshots)),
        ("… versions", gigabytes(year.versions)),
    ]
    lines = [f"{what:<38} {needs:>14}" for what, needs in rows]
    lines += ["", "What is full first:"]
    for limit in limits(demand, gpu, memory=memory, disk=disk):
        lines.append(f"{when(limit.days):<14} {limit.part}: {limit.why}")
    return lines


def gigabytes(amount: float) -> str:
    return f"{amount / 1e9:,.1f} GB"


def when(days: float | None) -> str:
    if days is None:
        return "not at all"
    if days == 0:
        return "at once"
    return f"after {days:,.0f} days" if days >= 1.5 else f"after {days * 24:.0f} hours"
